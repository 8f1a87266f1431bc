//! One query's walk through the tables of a choice.

use std::net::IpAddr;

use super::{Family, PoolId, Routed};
use crate::world::Snapshot;

/// The most members that one answer carries.
pub const MAX_ANSWERS: usize = 16;

/// What a routed name answers to one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// What kind of answer it is.
    pub verdict: Verdict,
    /// In seconds.
    pub ttl: u32,
    /// The pool picked; the first under `all`; absent with `fallback` addresses.
    pub pool: Option<PoolId>,
    /// Distinct addresses of the family asked, in the order to be sent: `addresses[..len]`.
    pub addresses: [IpAddr; MAX_ANSWERS],
    /// How many there are; 0 unless the verdict is [`Verdict::Addresses`].
    pub len: usize,
}

/// The kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Verdict {
    Addresses,
    NoData,
    ServFail,
    Refused,
}

/// Picks the members to answer with. No allocation, no lock.
pub fn pick(
    _snapshot: &Snapshot,
    _routed: &Routed,
    _family: Family,
    _client: IpAddr,
    _rng: &mut fastrand::Rng,
) -> Picked {
    todo!()
}

/// The ECS scope of a routed name's answer to a client (POLICY.md, RFC 7871 §7.2.1): 0 when the
/// policy does not depend on the client.
#[must_use]
pub fn scope(_snapshot: &Snapshot, _routed: &Routed, _client: IpAddr) -> u8 {
    todo!()
}

/// Whether a routed name's answers can depend on the client.
#[must_use]
pub fn client_dependent(_snapshot: &Snapshot, _routed: &Routed) -> bool {
    todo!()
}
