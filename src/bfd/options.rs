//! What a user of a path chooses.

use std::time::Duration;

use super::auth::Auth;
use super::packet::DetectMult;
use super::session::{Config, Role};

/// No timer of an ordinary host is better than that.
const LEAST_INTERVAL: Duration = Duration::from_millis(1);

/// How BFD watches the path to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdOptions {
    /// Between packets, in both directions.
    pub interval: Duration,
    /// So many missing in a row are a failure.
    pub multiplier: u8,
    /// The same on both systems.
    pub auth: Option<Auth>,
}

impl BfdOptions {
    /// After so long the neighbour counts this node as lost, if it can receive as often.
    #[must_use]
    pub fn detection(&self) -> Duration {
        self.interval * u32::from(self.multiplier)
    }

    /// A session that does this and begins by itself; `least_hops` as in [`Config::least_hops`]. A
    /// multiplier of 0 counts as 1, an interval below 1 ms as 1 ms.
    #[must_use]
    pub fn config(&self, least_hops: u8) -> Config {
        Config {
            role: Role::Active,
            desired_min_tx: self.interval.max(LEAST_INTERVAL),
            required_min_rx: self.interval.max(LEAST_INTERVAL),
            detect_mult: DetectMult::new(self.multiplier.max(1)).expect("1 or more"),
            auth: self.auth.clone(),
            least_hops,
        }
    }
}
