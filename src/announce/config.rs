//! What is announced, when, and how it leaves.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::bgp::routes::Attributes;
use crate::config::node::HealthQuestion;
use crate::node::Service;

/// Prefixes that are announced together, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// For logs, metrics, status and the peers that it is for.
    pub name: Arc<str>,
    /// What is announced; all of it is in the allow-list.
    pub prefixes: Vec<IpNet>,
    /// What of it this node itself answers on: on `lo` from start to exit.
    pub addresses: Vec<IpAddr>,
    /// Where this node asks itself whether it can answer.
    pub questions: Vec<SocketAddr>,
    /// How it asks; of use with [`When::Dns`] alone, an alarm otherwise.
    pub health: HealthQuestion,
    /// What it depends on.
    pub when: When,
    /// It must have been fine for so long before it is announced again after a failure.
    pub up_hold: Duration,
    /// How the route is announced when all is well.
    pub attributes: Attributes,
    /// How it is announced when another node should be preferred.
    pub deprefer: Deprefer,
    /// No voluntary withdrawal while no sibling answers.
    pub keep_last: bool,
    /// Where other nodes that announce the same answer DNS, by unicast.
    pub siblings: Vec<SocketAddr>,
    /// How flapping delays announcements.
    pub damping: Damping,
    /// Where it stands, `file:line:column`, for messages.
    pub place: String,
}

impl Announcement {
    /// What the node is to ask itself for it; absent when there is nowhere to ask.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        let HealthQuestion { every, timeout, fall, rise } = self.health;
        let (name, addresses) = (self.name.to_string(), self.questions.clone());
        let is_asked = !addresses.is_empty();
        is_asked.then_some(Service { name, addresses, every, timeout, fall, rise })
    }
}

/// What an announcement depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Withdrawn when this node cannot answer.
    Dns,
    /// Announced as long as the process runs and is not drained.
    Always,
    /// On the health of a pool.
    Pool {
        /// `ZONE/POOL`, or the name of a shared pool.
        pool: Arc<str>,
        /// What follows when it is down.
        on_down: OnDown,
    },
}

/// What follows when a pool is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnDown {
    /// Another node should be preferred.
    Deprefer,
    /// Refused at load for a prefix that has an address of `dns.listen` in it.
    Withdraw,
}

/// How a route is announced when another node should be preferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprefer {
    /// Also while the configuration on disk was refused and an older one is in force.
    pub stale_config: bool,
    /// In place of the normal ones, whole.
    pub attributes: Attributes,
}

/// How flapping delays announcements (after RFC 2439, for our own routes): every withdrawal adds
/// 1000 to a penalty that decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damping {
    /// In this time the penalty halves.
    pub half_life: Duration,
    /// At this penalty announcements are held back.
    pub suppress: u32,
    /// Below this one they are held back no longer.
    pub reuse: u32,
    /// No announcement is held back for longer.
    pub max: Duration,
}

/// How a node that is drained or stopped takes its leave (RFC 8326).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// So long the routes carry GRACEFUL_SHUTDOWN before they are withdrawn.
    pub gshut: Duration,
    /// So long it still answers after the withdrawal.
    pub linger: Duration,
    /// What SIGTERM does.
    pub on_stop: OnStop,
}

/// What SIGTERM does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnStop {
    /// As `rhumb drain --node`.
    Drain,
    /// Withdraws at once.
    Withdraw,
}
