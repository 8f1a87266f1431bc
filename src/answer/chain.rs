//! CNAME chains inside a zone, and ALIAS.

use super::{Answering, Decision};
use crate::dns::encode::{NameAt, Section};
use crate::dns::records::{RECORD_HEAD, Records};
use crate::dns::{Name, Rcode, Rtype};
use crate::policy::{Routed, pick};
use crate::zone::{Lookup, Qname, ZoneId, Zones};

/// How many CNAME records one answer follows.
const MAX_LINKS: usize = 8;

/// A CNAME chain as far as it stays in its zone.
struct Chain<'z> {
    /// `links[..len]`, at least one.
    links: [Records<'z>; MAX_LINKS],
    len: usize,
    /// What stands at its end; absent when it leaves the zone.
    end: Option<Lookup<'z>>,
}

/// What stands at the end of an ALIAS.
enum AliasEnd<'z> {
    /// Addresses by policy.
    Routed(&'z Routed),
    /// Addresses.
    Records(Records<'z>),
    /// No addresses of the family.
    NoData,
    /// The server does not serve it.
    Unserved,
}

impl<'z> Chain<'z> {
    fn follow(zones: &'z Zones, zone: ZoneId, first: Records<'z>, rtype: Rtype) -> Self {
        let mut chain = Self { links: [first; MAX_LINKS], len: 1, end: None };
        let mut link = first;
        loop {
            let found = zones.lookup(Qname::new(link.first_rdata()), rtype);
            chain.end = found.filter(|(of, _)| *of == zone).map(|(_, found)| found);
            match (chain.end, chain.links.get_mut(chain.len)) {
                (Some(Lookup::Cname(next)), Some(room)) => *room = next,
                _ => return chain,
            }
            link = chain.links[chain.len];
            chain.len += 1;
        }
    }

    fn links(&self) -> &[Records<'z>] {
        self.links.get(..self.len).unwrap_or_default()
    }
}

/// Follows an ALIAS, over CNAMEs and further ALIASes of any zone of ours, to addresses; with the
/// least TTL of the CNAMEs on the way.
fn alias_end<'z>(zones: &'z Zones, target: &'z Name, rtype: Rtype) -> (AliasEnd<'z>, u32) {
    let mut longest = u32::MAX;
    let mut target = target.as_wire();
    for _ in 0..=MAX_LINKS {
        let found = zones.lookup(Qname::new(target), rtype);
        let end = match found.map(|(_, found)| found) {
            Some(Lookup::Cname(link)) => {
                longest = longest.min(link.ttl());
                target = link.first_rdata();
                continue;
            }
            Some(Lookup::Alias(next)) => {
                target = next.as_wire();
                continue;
            }
            Some(Lookup::Routed(routed)) => AliasEnd::Routed(routed),
            Some(Lookup::Records(records)) => AliasEnd::Records(records),
            Some(Lookup::NoData | Lookup::NxDomain) => AliasEnd::NoData,
            Some(Lookup::Delegation(_) | Lookup::Any) | None => AliasEnd::Unserved,
        };
        return (end, longest);
    }
    (AliasEnd::Unserved, longest)
}

impl<'a> Answering<'a, '_, '_> {
    /// Answers a name that has a CNAME with its chain and what stands at the end, whose code is
    /// the answer's (RFC 6604 §2.1).
    pub(super) fn chain(&mut self, at: NameAt, zone: ZoneId, first: Records<'a>) -> Decision {
        let chain = Chain::follow(self.zones(), zone, first, self.rtype);
        // One scope cannot fit both an alias that is everyone's and an end that is not: the
        // resolver asks for the end by its own name (RFC 7871 §7.2.1).
        let tailored = self.client.subnet.is_some()
            && chain.end.is_some_and(|end| self.depends_on_subnet(end));
        let links =
            if tailored { chain.links().get(..1).unwrap_or_default() } else { chain.links() };
        let mut at = at;
        for link in links {
            let offset = self.reply.position() + RECORD_HEAD;
            self.reply.rrset(Section::Answer, at.owner(), *link);
            at = NameAt { offset, len: link.first_rdata().len() };
        }
        match chain.end {
            Some(end) if !tailored => {
                let mut decision = self.end(at, zone, end);
                // AA is about the first name, and that is ours (RFC 1035 §4.1.1).
                decision.verdict.authoritative = true;
                decision
            }
            _ => Decision::authoritative(zone, Rcode::NoError),
        }
    }

    /// Answers A or AAAA with those of an ALIAS's target, under the name that has the ALIAS.
    pub(super) fn alias(&mut self, at: NameAt, zone: ZoneId, target: &'a Name) -> Decision {
        let (end, longest) = alias_end(self.zones(), target, self.rtype);
        match end {
            AliasEnd::Routed(routed) => self.routed(at, zone, routed, longest),
            AliasEnd::Records(records) => {
                self.reply.rrset_until(Section::Answer, at.owner(), records, longest);
                Decision::authoritative(zone, Rcode::NoError)
            }
            AliasEnd::NoData => self.negative(at, zone, Rcode::NoError),
            AliasEnd::Unserved => Decision { zone: Some(zone), ..Decision::bare(Rcode::ServFail) },
        }
    }

    /// Whether two clients' options could get different answers.
    fn depends_on_subnet(&self, found: Lookup<'_>) -> bool {
        let by = |routed: &Routed| routed.ecs && pick::client_dependent(self.snapshot, routed);
        match found {
            Lookup::Routed(routed) => by(routed),
            Lookup::Alias(target) => match alias_end(self.zones(), target, self.rtype).0 {
                AliasEnd::Routed(routed) => by(routed),
                _ => false,
            },
            _ => false,
        }
    }
}
