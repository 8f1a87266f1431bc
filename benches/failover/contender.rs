//! Who is measured, and how an operator would run it.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::lab::{self, Daemon, Host, Signal, signal};
use crate::scenario::Scenario;
use crate::{keepalived, rhumb};

/// A program that shares an address with itself on the other node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Contender {
    /// keepalived, with the bench's own responder as DNS server.
    Keepalived,
    /// Rhumb, which is both.
    Rhumb,
}

/// What is the same for both nodes and every contender.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Between two advertisements.
    pub interval: Duration,
    /// Whether they go to 224.0.0.18 instead of the peer.
    pub multicast: bool,
    /// The binary that is measured.
    pub rhumb: PathBuf,
}

/// A node's place: where it runs, beside whom, how much it wants the address.
#[derive(Clone, Copy)]
pub struct Seat<'a> {
    /// Its host.
    pub host: &'a Host,
    /// The other node's.
    pub peer: &'a Host,
    /// Its VRRP priority.
    pub priority: u8,
    /// Its files, which outlive the process.
    pub folder: &'a Path,
}

/// The virtual router's number.
pub const VRID: u8 = 51;
/// The DNS port on every node.
pub const PORT: u16 = 53;

/// A node that runs.
pub struct Node {
    /// What speaks VRRP.
    pub vrrp: Daemon,
    /// What answers, if that is another program.
    pub dns: Option<Daemon>,
}

impl Contender {
    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keepalived => "keepalived",
            Self::Rhumb => "rhumb",
        }
    }

    /// Starts a node and waits until it answers, or says why it does not.
    pub fn start(self, seat: Seat<'_>, settings: &Settings) -> Result<Node, String> {
        match self {
            Self::Keepalived => keepalived::start(seat, settings),
            Self::Rhumb => rhumb::start(seat, settings),
        }
    }

    /// The programs it needs that are not ours, and the Debian package of each.
    fn needs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Keepalived => &[("keepalived", "keepalived"), ("dig", "bind9-dnsutils")],
            Self::Rhumb => &[],
        }
    }

    /// Whether it can be measured here. If not, that is said, and is a failure with
    /// `RHUMB_REQUIRE_PEERS=1`.
    pub fn is_installed(self) -> bool {
        let missing = self.needs().iter().find(|(program, _)| !lab::installed(program));
        let Some((program, package)) = missing else { return true };
        let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|v| v == "1");
        assert!(!required, "{program} (Debian package {package}) is required and not installed");
        eprintln!("skipped: {program} (Debian package {package}) is not installed");
        false
    }

    /// Whether the scenario means something else for it than another one does.
    pub fn takes_part(self, scenario: Scenario) -> bool {
        match self {
            // It has no command that hands over and nothing that runs after a crash.
            Self::Keepalived => !matches!(scenario, Scenario::Stop | Scenario::CrashReleased),
            Self::Rhumb => true,
        }
    }

    /// Gives the address to the peer, as its operator does.
    pub fn hand_over(self, node: &Node, seat: Seat<'_>, settings: &Settings) {
        match self {
            Self::Keepalived => node.vrrp.signal(Signal::Terminate),
            Self::Rhumb => rhumb::failover(seat, settings, &[]),
        }
    }

    /// Ends a hand-over: the node may take the address again.
    pub fn take_back(self, node: &mut Node, seat: Seat<'_>, settings: &Settings) {
        match self {
            Self::Keepalived => node.vrrp = keepalived::start_daemon(seat, settings),
            Self::Rhumb => rhumb::failover(seat, settings, &["--release"]),
        }
    }

    /// What the unit runs after the process has died.
    pub fn release(self, seat: Seat<'_>, settings: &Settings) {
        match self {
            Self::Keepalived => {}
            Self::Rhumb => rhumb::release(seat, settings),
        }
    }
}

impl Node {
    /// Sends a signal to all of it in one instant.
    pub fn signal(&self, what: Signal) {
        let all: Vec<_> = [&self.vrrp].into_iter().chain(&self.dns).collect();
        signal(&all, what);
    }

    /// Ends it in good order, or else.
    pub fn stop(mut self) {
        self.vrrp.stop(Duration::from_secs(5));
    }
}
