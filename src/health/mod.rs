//! What is probed, and what is known of it.
//!
//! - [`tracker`]: one target's state from its results; pure, a table of states and events.
//! - [`brake`]: the doubt in the prober itself, when too much falls at once; pure.
//! - [`timetable`]: when each target is probed next; pure.
//! - [`roster`]: every target with its tracker, its place in the timetable and its published
//!   health, under the brake; pure.
//! - [`probe`]: the I/O: HTTP, HTTPS, TCP connect, TLS handshake.
//! - [`schedule`]: the driver: clock, tasks, a bound on how many probes run at once.
//!
//! Health belongs to a *target* ([`Target`]: what is asked, where), however many members and pools
//! share it. A member's health is the worst of its targets', see [`MemberHealth`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub mod brake;
pub mod probe;
pub mod roster;
pub mod schedule;
pub mod timetable;
pub mod tracker;

/// An index into a world's targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u32);

/// One thing to probe. Equal targets are probed once and keep their health over reloads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// What is asked, and how often.
    pub probe: Arc<ProbeSpec>,
    /// Where: the member's address or `probe_address`, and the probe's port.
    pub address: SocketAddr,
}

/// A probe as configured; its name is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeSpec {
    /// What is asked.
    pub kind: ProbeKind,
    /// From start to start.
    pub every: Duration,
    /// At most `every`.
    pub timeout: Duration,
    /// Failures that take a target down, at least 1.
    pub fall: u32,
    /// Successes in a row that bring it up, or clear its failures, at least 1.
    pub rise: u32,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProbeKind {
    /// A TCP connection is accepted.
    Tcp,
    /// A TLS handshake with a valid certificate.
    Tls(TlsSpec),
    /// An HTTP response.
    Http(HttpSpec),
    /// An HTTP response over TLS with a valid certificate.
    Https(HttpSpec, TlsSpec),
}

impl ProbeKind {
    /// The key that configures it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls(_) => "tls",
            Self::Http(_) => "http",
            Self::Https(..) => "https",
        }
    }

    /// How its TLS handshake is made, when it has one.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsSpec> {
        match self {
            Self::Tcp | Self::Http(_) => None,
            Self::Tls(tls) | Self::Https(_, tls) => Some(tls),
        }
    }
}

/// How a TLS handshake is made and judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsSpec {
    /// The name sent as SNI and required of the certificate; absent: the address.
    pub host: Option<Box<str>>,
    /// A PEM file of the certificate authorities to trust; absent: the system's.
    pub ca: Option<Box<std::path::Path>>,
}

/// How an HTTP exchange is made and judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpSpec {
    /// The request target, from the first slash.
    pub path: Box<str>,
    /// The Host header; absent: the address and port.
    pub host: Option<Box<str>>,
    /// Inclusive ranges of status codes that count as success.
    pub status: Box<[(u16, u16)]>,
    /// A text that must stand in the first 64 KiB of the body.
    pub body: Option<Box<str>>,
}

/// A state as probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Every result of late was a success. Also: nothing probes it.
    Up,
    /// Up with failures counted; serves.
    Degraded,
    /// No result yet; serves.
    #[default]
    Unknown,
    /// Does not serve.
    Down,
}

impl State {
    /// Whether a member in this state serves.
    #[must_use]
    pub fn serves(self) -> bool {
        self != Self::Down
    }

    /// The lower-case word of `status` and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Down => "down",
        }
    }
}

/// A state that an operator imposes; it never hides what the probes see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forced {
    /// Serves whatever the probes say.
    Up,
    /// Does not serve, and counts as missing.
    Down,
    /// Does not serve, and does not count at all.
    Drain,
}

impl Forced {
    /// The lower-case word of `status` and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Drain => "drain",
        }
    }
}

/// What is known of one member: the worst of its targets, and the operator's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberHealth {
    /// As probed.
    pub probed: State,
    /// As imposed; wins.
    pub forced: Option<Forced>,
    /// In how many seconds its state could change at the earliest: `every` × results still needed;
    /// absent when nothing is due (up with no failure counted, forced, unprobed).
    pub ttl_hint: Option<u32>,
    /// Whether it served before it went down last (for `last_healthy`).
    pub last_served: bool,
}

impl MemberHealth {
    /// Whether it serves.
    #[must_use]
    pub fn serves(self) -> bool {
        match self.forced {
            Some(Forced::Up) => true,
            Some(Forced::Down | Forced::Drain) => false,
            None => self.probed.serves(),
        }
    }

    /// Whether an operator took it out of the count.
    #[must_use]
    pub fn drained(self) -> bool {
        self.forced == Some(Forced::Drain)
    }
}

/// The health of one target, as its [`tracker`] reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetHealth {
    /// As probed.
    pub state: State,
    /// Results still needed until the state could change whether it serves; 0: none is due.
    pub results_to_change: u32,
    /// The last failure, for people: "connect: connection refused", "status 503".
    pub reason: Option<Arc<str>>,
    /// A warning beside a success: "certificate expires in 6 days".
    pub warning: Option<Arc<str>>,
}
