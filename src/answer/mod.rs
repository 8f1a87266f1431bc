//! One query, start to finish.

use std::net::IpAddr;

use crate::dns::encode::Reply;
use crate::dns::{Rcode, Rtype};
use crate::policy::PoolId;
use crate::world::Snapshot;
use crate::zone::ZoneId;

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
    _query: &Query<'_>,
    _snapshot: &Snapshot,
    _rng: &mut fastrand::Rng,
    _reply: &mut Reply<'_>,
) -> Outcome {
    todo!()
}
