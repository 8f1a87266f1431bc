//! What a session is told to do.

use std::time::Duration;

use super::timers::Intervals;
use crate::bfd::auth::Auth;
use crate::bfd::packet::DetectMult;

/// What a session is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Who begins.
    pub role: Role,
    /// We would like to send that often while Up; more than zero.
    pub desired_min_tx: Duration,
    /// We can receive that often; more than zero, or the neighbour sends nothing.
    pub required_min_rx: Duration,
    /// How many packets in a row the neighbour may lose before we are down for it.
    pub detect_mult: DetectMult,
    /// The same on both systems.
    pub auth: Option<Auth>,
    /// The least TTL or hop limit of what arrives: 255 for a single hop (RFC 5881 §5), 256 less the
    /// number of hops for several.
    pub least_hops: u8,
}

/// Who begins (RFC 5880 §6.1); at least one of two systems must be active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends whether it hears anything or not.
    Active,
    /// Sends once it has heard the neighbour.
    Passive,
}

impl Config {
    pub(super) fn intervals(&self) -> Intervals {
        let &Self { desired_min_tx, required_min_rx, .. } = self;
        Intervals { desired_min_tx, required_min_rx }
    }
}
