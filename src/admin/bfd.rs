//! BFD in the status: the paths that are watched.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::bfd::driver::{self, Driver};
use crate::bfd::table::Reach;

/// A session at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BfdStatus {
    /// Who relies on the path: peers of BGP, entries of `vrrp:`.
    pub names: Vec<String>,
    /// The other end.
    pub neighbour: IpAddr,
    /// The interface that it is on, where that was said.
    pub interface: Option<String>,
    /// Our end, once something could be sent.
    pub source: Option<IpAddr>,
    /// Whether the neighbour may be behind routers.
    pub multihop: bool,
    /// `AdminDown`, `Down`, `Init` or `Up`.
    pub state: String,
    /// For how long.
    pub seconds: u64,
    /// The neighbour's, as it last said.
    pub remote_state: String,
    /// Why the state changed the last time.
    pub diagnostic: String,
    /// Between our packets; absent while there are none.
    pub transmit_milliseconds: Option<f64>,
    /// After so long without a packet the neighbour counts as lost.
    pub detection_milliseconds: f64,
    /// How often it came up.
    pub ups: u64,
    /// How often it failed after that.
    pub downs: u64,
    /// How often this process did not run when a detection time ended.
    pub stalls: u64,
    /// Packets.
    pub sent: u64,
    /// Packets that were heeded.
    pub received: u64,
    /// Packets that were not, by reason.
    pub discarded: BTreeMap<String, u64>,
    /// What is wrong now.
    pub problem: Option<String>,
}

/// Every session; none where nobody needs BFD.
pub(super) fn sessions(driver: Option<&Driver>, now: Instant) -> Vec<BfdStatus> {
    let status = driver.map(Driver::status);
    let sessions = status.iter().flat_map(|status| &status.sessions);
    sessions.map(|session| BfdStatus::of(session, now)).collect()
}

impl BfdStatus {
    fn of(status: &driver::SessionStatus, now: Instant) -> Self {
        let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
        let session = &status.session;
        let discarded = status.discarded.iter().map(|(&label, &n)| (label.to_owned(), n));
        Self {
            names: status.names.iter().map(ToString::to_string).collect(),
            neighbour: status.neighbour,
            interface: status.interface.as_deref().map(str::to_owned),
            source: status.source,
            multihop: match status.reach {
                Reach::SingleHop => false,
                Reach::Multihop => true,
            },
            state: session.state.to_string(),
            seconds: now.saturating_duration_since(status.since).as_secs(),
            remote_state: session.remote_state.to_string(),
            diagnostic: session.diagnostic.to_string(),
            transmit_milliseconds: session.transmit_interval.map(milliseconds),
            detection_milliseconds: milliseconds(session.detection_time),
            ups: status.ups,
            downs: status.downs,
            stalls: status.stalls,
            sent: status.sent,
            received: status.received,
            discarded: discarded.collect(),
            problem: status.problem.clone(),
        }
    }
}
