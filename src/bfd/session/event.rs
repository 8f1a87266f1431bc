//! What a session tells those who rely on the path.

use std::fmt;
use std::time::Duration;

use crate::bfd::packet::Diagnostic;

/// Something happened. Displayed, it ends a log line that begins with the neighbour's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Both hear each other.
    Up,
    /// The session was Up and failed: the path is not to be relied on.
    Down(Failure),
    /// The session began to come up and did not. Nobody has relied on it; for the log.
    Lapsed(Failure),
    /// An operator ended it, on one side. No failure (RFC 5882 §4.2): whoever relies on the path
    /// goes on without BFD.
    AdminDown(Side),
    /// The neighbour takes part again after its AdminDown.
    Enabled,
    /// The detection time ended while this process did not run, so that nobody knows what has been
    /// missed. The neighbour gets another detection time.
    Stalled {
        /// By so much the time-out came late.
        late: Duration,
        /// So long the neighbour gets.
        detection: Duration,
    },
}

/// Why a session went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was heard (diagnostic 1).
    DetectionTimeExpired {
        /// For how long.
        silent: Duration,
        /// The detection time.
        detection: Duration,
    },
    /// The neighbour said so (diagnostic 3).
    NeighbourSignalledDown {
        /// Its reason.
        theirs: Diagnostic,
    },
}

/// One end of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This node.
    Local,
    /// The other.
    Neighbour,
}

impl Failure {
    /// What the neighbour is told of it.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::DetectionTimeExpired { .. } => Diagnostic::DetectionTimeExpired,
            Self::NeighbourSignalledDown { .. } => Diagnostic::NeighbourSignalledDown,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::Down(failure) => write!(f, "down: {failure}"),
            Self::Lapsed(failure) => write!(f, "did not come up: {failure}"),
            Self::AdminDown(Side::Local) => f.write_str("ended here by its operator"),
            Self::AdminDown(Side::Neighbour) => f.write_str("ended by the neighbour's operator"),
            Self::Enabled => f.write_str("begun again by the neighbour's operator"),
            Self::Stalled { late, detection } => write!(
                f,
                "this process did not run for {late:.0?} when the detection time ended: \
                 the neighbour gets another {detection:.0?}"
            ),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DetectionTimeExpired { silent, detection } => {
                write!(f, "nothing heard for {silent:.0?}, of {detection:.0?} allowed")
            }
            Self::NeighbourSignalledDown { theirs } => {
                write!(f, "the neighbour signalled down ({theirs})")
            }
        }
    }
}
