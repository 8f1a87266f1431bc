//! One query, start to finish.
//!
//! [`answer`] reads the request, finds what its name leads to, writes that, and ends the reply with
//! header and OPT record. The kinds of answer that need more than a copy have files of their own:
//! [`chain`] (CNAME, ALIAS), [`routed`] (by policy), [`referral`], [`negative`], [`identity`] (who
//! answers, class CH).

use std::net::IpAddr;

use crate::dns::decode::{self, CLASS_CH, Question, Request};
use crate::dns::edns::{ClientSubnet, Edns, PLAIN_UDP_SIZE, UDP_SIZE};
use crate::dns::encode::{MAX_MESSAGE, NameAt, Reply, Section, Verdict};
use crate::dns::{Rcode, Rtype};
use crate::policy::PoolId;
use crate::world::Snapshot;
use crate::zone::{Lookup, Qname, ZoneId, Zones};

mod chain;
pub mod identity;
mod negative;
mod referral;
mod routed;

/// What carried the query; it sets how long an answer may be, and is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    /// Every transport, in the order of their discriminants.
    pub const ALL: [Self; 2] = [Self::Udp, Self::Tcp];

    /// The longest reply, in octets.
    fn limit(self, edns: Option<&Edns<'_>>) -> usize {
        let offered = edns.map_or(PLAIN_UDP_SIZE, |edns| edns.udp_size);
        match self {
            Self::Udp => usize::from(offered.clamp(PLAIN_UDP_SIZE, UDP_SIZE)),
            Self::Tcp => MAX_MESSAGE,
        }
    }
}

/// A message as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Query<'p> {
    /// The message, without TCP's length.
    pub bytes: &'p [u8],
    /// Who sent it.
    pub from: IpAddr,
    /// What carried it.
    pub transport: Transport,
}

/// What was done, as the counters need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Absent when there is no reply: the message is to be dropped in silence.
    pub rcode: Option<Rcode>,
    /// The question's type; `Rtype(0)` when there was none to read.
    pub qtype: Rtype,
    /// The zone it was answered from.
    pub zone: Option<ZoneId>,
    /// The pool whose members the answer carries (the first, under `all`).
    pub pool: Option<PoolId>,
    /// Whether the reply was cut with TC=1.
    pub truncated: bool,
}

/// Answers one request. Pure: no clock read, no socket, no lock, no allocation, no log.
///
/// `reply` is empty afterwards when the message deserves silence.
pub fn answer(
    query: &Query<'_>,
    snapshot: &Snapshot,
    rng: &mut fastrand::Rng,
    reply: &mut Reply<'_>,
) -> Outcome {
    let Some(request) = decode::request(query.bytes) else {
        reply.clear();
        return Outcome::SILENCE;
    };
    let edns = request.edns.as_ref();
    let reserved = edns.map_or(0, Edns::reply_len);
    let question = request.question.map_or(&[][..], |question| question.octets);
    reply.begin(question, query.transport.limit(edns), reserved);
    let decision = match (request.fault, &request.question) {
        (None, Some(question)) => {
            let subnet = edns.and_then(|edns| edns.client_subnet.as_ref());
            let client = Client { resolver: query.from, subnet };
            Answering { snapshot, rtype: question.rtype, client, rng, reply }.question(question)
        }
        (fault, _) => Decision::bare(fault.unwrap_or(Rcode::FormErr)),
    };
    reply.finish(&request, decision.verdict);
    Outcome::of(&request, &decision, reply.overflowed())
}

impl Outcome {
    const SILENCE: Self =
        Self { rcode: None, qtype: Rtype(0), zone: None, pool: None, truncated: false };

    fn of(request: &Request<'_>, decision: &Decision, truncated: bool) -> Self {
        Self {
            rcode: Some(decision.verdict.rcode),
            qtype: request.question.map_or(Rtype(0), |question| question.rtype),
            zone: decision.zone,
            pool: decision.pool,
            truncated,
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
struct Client<'p> {
    resolver: IpAddr,
    subnet: Option<&'p ClientSubnet<'p>>,
}

/// What an answer is, besides its records.
#[derive(Clone, Copy, Debug)]
struct Decision {
    verdict: Verdict,
    zone: Option<ZoneId>,
    pool: Option<PoolId>,
}

impl Decision {
    /// A code with nothing to show for it.
    fn bare(rcode: Rcode) -> Self {
        Self { verdict: Verdict { rcode, authoritative: false, scope: 0 }, zone: None, pool: None }
    }

    /// An answer from a zone of ours that is the same for every client.
    fn authoritative(zone: ZoneId, rcode: Rcode) -> Self {
        let verdict = Verdict { rcode, authoritative: true, scope: 0 };
        Self { verdict, zone: Some(zone), pool: None }
    }
}

/// A query on its way to its answer.
struct Answering<'a, 'p, 'b> {
    snapshot: &'a Snapshot,
    rtype: Rtype,
    client: Client<'p>,
    rng: &'a mut fastrand::Rng,
    reply: &'a mut Reply<'b>,
}

/// What ANY is answered with (RFC 8482 §4.2): a HINFO of CPU `RFC8482` and no OS.
const MINIMAL_ANY: &[u8] = b"\x07RFC8482\x00";

impl<'a> Answering<'a, '_, '_> {
    fn zones(&self) -> &'a Zones {
        &self.snapshot.world.zones
    }

    fn question(&mut self, question: &Question<'_>) -> Decision {
        let at = NameAt::question(question.name().len());
        if question.class == CLASS_CH {
            return self.identity(question);
        }
        match self.zones().lookup(Qname::new(question.name()), self.rtype) {
            Some((zone, Lookup::Cname(first))) => self.chain(at, zone, first),
            Some((zone, found)) => self.end(at, zone, found),
            None => Decision::bare(Rcode::Refused),
        }
    }

    /// Writes what stands at the end of the name's chain, for most names the name itself. `at` is
    /// where that name stands in the reply.
    fn end(&mut self, at: NameAt, zone: ZoneId, found: Lookup<'a>) -> Decision {
        match found {
            Lookup::Records(records) => {
                self.reply.rrset(Section::Answer, at.owner(), records);
                Decision::authoritative(zone, Rcode::NoError)
            }
            Lookup::Routed(routed) => self.routed(at, zone, routed, u32::MAX),
            Lookup::Alias(target) => self.alias(at, zone, target),
            Lookup::Any => {
                let ttl = self.zones().soa(zone).negative_ttl();
                self.reply.record(Section::Answer, at.owner(), Rtype::HINFO, ttl, MINIMAL_ANY);
                Decision::authoritative(zone, Rcode::NoError)
            }
            Lookup::Delegation(delegation) => self.referral(at, zone, delegation),
            Lookup::NoData => self.negative(at, zone, Rcode::NoError),
            Lookup::NxDomain => self.negative(at, zone, Rcode::NxDomain),
            // One link more than a chain may have: the resolver takes it from here.
            Lookup::Cname(_) => Decision::authoritative(zone, Rcode::NoError),
        }
    }
}

#[cfg(test)]
mod tests;
