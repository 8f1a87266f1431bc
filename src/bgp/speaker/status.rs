//! A peer as it is now.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bgp::config::PeerConfig;
use crate::bgp::routes::RouteSet;
use crate::bgp::session::{Negotiated, State, Traffic};
use crate::geo::Asn;

/// A peer as it is now. Times are of the monotonic clock.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// As configured.
    pub name: Arc<str>,
    /// As configured.
    pub address: IpAddr,
    /// The interface of a link-local address, as configured.
    pub interface: Option<Arc<str>>,
    /// The peer's AS, as configured.
    pub asn: Asn,
    /// The state of the session.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// What both ends have agreed on; absent unless Established.
    pub negotiated: Option<Negotiated>,
    /// This end of the session's connection; absent unless Established.
    pub local: Option<SocketAddr>,
    /// What was written to the peer, and it still holds as far as this end knows.
    pub announced: Arc<RouteSet>,
    /// What went wrong last, if anything did.
    pub trouble: Option<Trouble>,
    /// When the next attempt to connect begins, if none is under way and one is wanted.
    pub next_attempt: Option<Instant>,
    /// Since the peer's task began: with the speaker, or with its configuration.
    pub counters: Counters,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In words, for people: `hold timer expired (4/0)`.
    pub text: Arc<str>,
    /// When.
    pub at: Instant,
}

/// What a peer's task has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Messages by kind, both ways.
    pub messages: Traffic,
    /// Bytes that were received.
    pub bytes_received: u64,
    /// Bytes that the kernel took.
    pub bytes_sent: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Connections that the peer opened, whether they were of use or not.
    pub accepted: u64,
    /// Sessions that were Established.
    pub sessions: u64,
    /// Changes of state.
    pub transitions: u64,
}

impl PeerStatus {
    pub(super) fn new(config: &PeerConfig, now: Instant) -> Self {
        Self {
            name: Arc::clone(&config.name),
            address: config.address,
            interface: config.interface.clone(),
            asn: config.session.peer_asn,
            state: State::Idle,
            since: now,
            negotiated: None,
            local: None,
            announced: Arc::default(),
            trouble: None,
            next_attempt: None,
            counters: Counters::default(),
        }
    }

    /// How long the session has been Established; absent unless it is.
    #[must_use]
    pub fn uptime(&self, now: Instant) -> Option<Duration> {
        let up = self.state == State::Established;
        up.then(|| now.saturating_duration_since(self.since))
    }
}
