//! A and AAAA by policy.

use std::net::IpAddr;

use super::{Answering, Client, Decision};
use crate::dns::encode::NameAt;
use crate::dns::{Rcode, Rtype};
use crate::policy::pick::{self, Asked, Scope, Verdict};
use crate::policy::{Family, Routed};
use crate::zone::ZoneId;

impl Client<'_> {
    /// The address that a policy goes by, and whether its scope is to be told. An option of SOURCE
    /// 0 asks not to be used (RFC 7871 §7.1.2): the resolver is the client, and the scope is 0.
    fn seen(&self, ecs: bool) -> (IpAddr, Scope) {
        match self.subnet {
            Some(subnet) if ecs && subnet.source > 0 => (subnet.address(), Scope::Told),
            _ => (self.resolver, Scope::Untold),
        }
    }
}

impl Answering<'_, '_, '_> {
    /// Answers with what the policy picks for this client, no TTL above `longest`.
    pub(super) fn routed(
        &mut self,
        at: NameAt,
        zone: ZoneId,
        routed: &Routed,
        longest: u32,
    ) -> Decision {
        let family = if self.rtype == Rtype::AAAA { Family::V6 } else { Family::V4 };
        let (client, scope) = self.client.seen(routed.ecs);
        let asked = Asked { family, client, scope };
        let (rng, reply) = (&mut *self.rng, &mut *self.reply);
        let picked = pick::pick(self.snapshot, routed, asked, rng, |ttl, addresses| {
            reply.addresses(at.owner(), ttl.min(longest), addresses);
        });
        let mut decision = match picked.verdict {
            Verdict::Addresses => Decision::authoritative(zone, Rcode::NoError),
            Verdict::NoData => self.negative(at, zone, Rcode::NoError),
            Verdict::ServFail => Decision::bare(Rcode::ServFail),
            Verdict::Refused => Decision::bare(Rcode::Refused),
        };
        // Whatever the verdict, another class of clients may get another: a pool without the family
        // is NODATA for those it serves alone. So every verdict has the scope of the policy, not
        // the 0 of answers that are everyone's.
        let pool = picked.pool.filter(|_| picked.verdict == Verdict::Addresses);
        decision.verdict.scope = picked.scope;
        Decision { zone: Some(zone), pool, ..decision }
    }
}
