//! Who is measured, and how an operator would run it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lab::{Daemon, Host};
use crate::scenario::Scenario;
use crate::{exabgp, rhumb};

/// A program that announces an address while the server behind it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Contender {
    /// `ExaBGP` and its health-check program, with the bench's own responder as DNS server.
    Exabgp,
    /// Rhumb, which is all three.
    Rhumb,
}

/// What is the same for every contender.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Between two questions.
    pub every: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// So many lost questions in a row are a verdict.
    pub fall: u32,
    /// The binary that is measured.
    pub rhumb: PathBuf,
}

/// Where a node runs.
#[derive(Clone, Copy)]
pub struct Seat<'a> {
    /// Its host.
    pub host: &'a Host,
    /// The router that it speaks to.
    pub router: &'a Host,
    /// Its files.
    pub folder: &'a Path,
}

/// The address that is announced (RFC 5737), alone.
pub const SERVICE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 53);
/// The DNS port.
pub const PORT: u16 = 53;
/// The node's AS, and that of the router before it.
pub const ASN: u32 = 64512;
/// The router's.
pub const ROUTER_ASN: u32 = 64500;
/// So many answers in a row and the node is well again.
pub const RISE: u32 = 5;
/// Rhumb's default, far beyond every trial.
pub const HOLD: Duration = Duration::from_secs(9);

/// A node that runs.
pub struct Node {
    /// What announces.
    pub announcer: Daemon,
    /// What answers, if that is another program.
    pub dns: Option<Daemon>,
}

/// Where clients ask.
pub fn service() -> SocketAddr {
    SocketAddr::new(SERVICE.into(), PORT)
}

impl Contender {
    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exabgp => "exabgp",
            Self::Rhumb => "rhumb",
        }
    }

    /// Starts a node; it announces as soon as it finds itself well.
    pub fn start(self, seat: Seat<'_>, settings: &Settings) -> Node {
        match self {
            Self::Exabgp => exabgp::start(seat, settings),
            Self::Rhumb => rhumb::start(seat, settings),
        }
    }

    /// Whether it has such a thing.
    pub fn takes_part(self, scenario: Scenario) -> bool {
        match self {
            // Its health check has no step between "announced" and "withdrawn".
            Self::Exabgp => scenario == Scenario::CannotAnswer,
            Self::Rhumb => true,
        }
    }
}

impl Node {
    /// Ends it at once: what it leaves in its namespace is cleared, what it has announced goes with
    /// its connection.
    pub fn kill(self) {
        let Self { announcer, dns } = self;
        announcer.signal(crate::lab::Signal::Kill);
        drop((announcer, dns));
    }
}
