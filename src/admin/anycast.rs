//! Anycast addresses in the status: what is announced, why, and to whom.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::announce::board;
use crate::announce::ladder::Departure;
use crate::announce::siblings::Sibling;
use crate::anycast::Anycast;
use crate::bgp::routes::{NextHop, Route};
use crate::bgp::session::State;
use crate::bgp::speaker::PeerStatus as Peer;
use crate::geo::Asn;

/// The announcer at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BgpStatus {
    /// Our AS.
    pub asn: u32,
    /// Our BGP Identifier.
    pub router_id: Ipv4Addr,
    /// How far the node is on its way out.
    pub departure: DepartureStatus,
    /// In the order of the configuration.
    pub announcements: Vec<AnnouncementStatus>,
    /// In the order of their names.
    pub peers: Vec<PeerStatus>,
    /// Connections of strangers that were reset.
    pub strangers: u64,
}

/// How far a node is on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum DepartureStatus {
    /// It is not to go.
    Staying,
    /// It should be withdrawn, and is not while no sibling answers.
    Held,
    /// Its routes carry GRACEFUL_SHUTDOWN.
    Draining {
        /// Until nobody misses its answers.
        seconds: u64,
    },
    /// Withdrawn; it answers what is on its way.
    Lingering {
        /// Until nobody misses its answers.
        seconds: u64,
    },
    /// Nobody misses its answers.
    Finished,
}

/// Prefixes that are announced together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncementStatus {
    /// Its name.
    pub name: String,
    /// The prefixes.
    pub prefixes: Vec<String>,
    /// `announced`, `de-preferred`, `draining` or `withdrawn`.
    pub stage: String,
    /// Why.
    pub why: String,
    /// For how long.
    pub seconds: u64,
    /// In how many seconds that may be otherwise although nothing else happens.
    pub next_seconds: Option<u64>,
    /// For flapping.
    pub penalty: u32,
    /// Other nodes that announce the same, as far as they are known.
    pub siblings: Vec<SiblingStatus>,
}

/// Another node that announces the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiblingStatus {
    /// Where it is asked.
    pub address: SocketAddr,
    /// Whether it answers; absent when that is not known yet.
    pub answering: Option<bool>,
    /// Why it does not.
    pub failure: Option<String>,
}

/// A peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Its name.
    pub name: String,
    /// Its address, with `%INTERFACE` where that matters.
    pub address: String,
    /// Its AS.
    pub asn: u32,
    /// The state of RFC 4271: `Idle` to `Established`.
    pub state: String,
    /// For how long.
    pub seconds: u64,
    /// Our end of the session.
    pub local: Option<SocketAddr>,
    /// The hold time agreed on.
    pub hold_seconds: Option<u64>,
    /// What it was told of.
    pub announced: Vec<RouteStatus>,
    /// What went wrong last.
    pub trouble: Option<String>,
    /// How long ago.
    pub trouble_seconds_ago: Option<u64>,
    /// Until the next attempt to connect.
    pub next_attempt_seconds: Option<u64>,
}

/// A route as a peer was told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// The prefix.
    pub prefix: String,
    /// Where its packets go; absent: to our end of the session.
    pub next_hop: Option<IpAddr>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF, towards iBGP.
    pub local_pref: Option<u32>,
    /// How often our AS is repeated.
    pub prepend: u8,
    /// Both kinds, as written.
    pub communities: Vec<String>,
}

impl BgpStatus {
    /// The announcer as it is now; absent without `bgp:`.
    #[must_use]
    pub fn of(anycast: &Anycast) -> Option<Self> {
        let status = anycast.status()?;
        let now = status.now;
        let announcements = status.announcements.iter();
        Some(Self {
            asn: status.speaker.asn.0,
            router_id: status.speaker.router_id,
            departure: DepartureStatus::of(status.departure, now),
            announcements: announcements.map(|a| AnnouncementStatus::of(a, now)).collect(),
            peers: status
                .peers
                .iter()
                .map(|p| PeerStatus::of(p, status.speaker.asn, now))
                .collect(),
            strangers: status.strangers,
        })
    }
}

impl DepartureStatus {
    /// A departure as it is at `now`.
    #[must_use]
    pub fn of(departure: Departure, now: Instant) -> Self {
        let seconds = |until: Instant| rounded_up(until.saturating_duration_since(now));
        match departure {
            Departure::Staying => Self::Staying,
            Departure::Held => Self::Held,
            Departure::Draining { until } => Self::Draining { seconds: seconds(until) },
            Departure::Lingering { until } => Self::Lingering { seconds: seconds(until) },
            Departure::Finished => Self::Finished,
        }
    }
}

impl AnnouncementStatus {
    fn of(status: &board::Status, now: Instant) -> Self {
        let until = status.until.map(|until| until.saturating_duration_since(now));
        Self {
            name: status.name.to_string(),
            prefixes: status.prefixes.iter().map(ToString::to_string).collect(),
            stage: status.stage.word().to_owned(),
            why: status.why.to_string(),
            seconds: now.saturating_duration_since(status.since).as_secs(),
            next_seconds: until.map(rounded_up),
            penalty: status.penalty,
            siblings: status.siblings.iter().map(SiblingStatus::of).collect(),
        }
    }
}

impl SiblingStatus {
    fn of((address, sibling): &(SocketAddr, Sibling)) -> Self {
        Self {
            address: *address,
            answering: sibling.answering,
            failure: sibling.failure.as_deref().map(str::to_owned),
        }
    }
}

impl PeerStatus {
    fn of(peer: &Peer, ours: Asn, now: Instant) -> Self {
        let since = |at: Instant| now.saturating_duration_since(at).as_secs();
        let address = match &peer.interface {
            Some(interface) => format!("{}%{interface}", peer.address),
            None => peer.address.to_string(),
        };
        let hold = peer.negotiated.as_ref().and_then(|negotiated| negotiated.hold);
        let announced = peer.announced.iter();
        Self {
            name: peer.name.to_string(),
            address,
            asn: peer.asn.0,
            state: peer.state.to_string(),
            seconds: since(peer.since),
            local: peer.local,
            hold_seconds: hold.map(|hold| hold.as_secs()),
            announced: announced
                .map(|(p, r)| RouteStatus::of(p.to_string(), r, peer.asn == ours))
                .collect(),
            trouble: peer.trouble.as_ref().map(|trouble| trouble.text.to_string()),
            trouble_seconds_ago: peer.trouble.as_ref().map(|trouble| since(trouble.at)),
            next_attempt_seconds: peer
                .next_attempt
                .map(|at| rounded_up(at.saturating_duration_since(now))),
        }
    }

    /// Whether routes go to it.
    #[must_use]
    pub fn is_established(&self) -> bool {
        self.state == State::Established.to_string()
    }
}

impl RouteStatus {
    fn of(prefix: String, route: &Route, internal: bool) -> Self {
        let attributes = &route.attributes;
        let small = attributes.communities.iter().map(ToString::to_string);
        let large = attributes.large_communities.iter().map(ToString::to_string);
        Self {
            prefix,
            next_hop: match route.next_hop {
                NextHop::Own => None,
                NextHop::Given(address) => Some(address),
            },
            med: attributes.med,
            local_pref: attributes.local_pref.filter(|_| internal),
            prepend: if internal { 0 } else { attributes.prepend },
            communities: small.chain(large).collect(),
        }
    }
}

/// Whole seconds: what is not over yet has one left at least.
fn rounded_up(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}
