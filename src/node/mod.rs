//! The node itself: can it answer, is it drained, is its configuration the newest?
//!
//! Addresses that move between hosts (a virtual address, an anycast prefix) must leave a node that
//! cannot answer. So every node asks itself, as a client would: for each [`Service`] an [`asker`]
//! sends queries to the service's own addresses through real sockets, and [`question`] makes of the
//! results whether this node can answer. The outcome is a part of every
//! [`Snapshot`](crate::world::Snapshot), its [`NodeState`]; what follows from it is decided in
//! [`reaction`](crate::reaction).
//!
//! - [`query`]: what is asked, and which replies are good (pure).
//! - [`question`]: results in, verdict out (pure).
//! - [`progress`]: which UDP threads are stuck (pure).
//! - [`asker`], [`tcp`]: the sockets and the clock, on threads of their own.
//! - [`askers`]: starts and stops them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

mod asker;
pub mod askers;
pub mod progress;
pub mod query;
pub mod question;
mod tcp;

pub use askers::{Askers, Observer, Transport};

/// Why something is as it is, for people.
pub type Reason = Arc<str>;

/// A set of addresses that this node answers on, and how it is asked there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Unique on the node: of a VRRP entry or of a BGP announcement.
    pub name: String,
    /// Each is asked; all must answer.
    pub addresses: Vec<SocketAddr>,
    /// Between the starts of two rounds of questions.
    pub every: Duration,
    /// How long a round waits for its answers.
    pub timeout: Duration,
    /// So many failed rounds in a row, and this node cannot answer.
    pub fall: u32,
    /// So many answered rounds in a row, and it can again.
    pub rise: u32,
}

/// What a node knows of itself. Immutable, a part of the snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeState {
    /// Every service asked, by name.
    pub services: BTreeMap<Arc<str>, ServiceState>,
    /// An operator wants the node to do without new work.
    pub drained: bool,
    /// The configuration on disk was refused at the last reload: an older one is in force.
    pub stale: bool,
}

/// A change of a node's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeChange {
    /// A service is new or its state is another.
    Service(Arc<str>, ServiceState),
    /// A service is asked no longer.
    Gone(Arc<str>),
    /// See [`NodeState::drained`].
    Drained(bool),
    /// See [`NodeState::stale`].
    Stale(bool),
}

/// What is known of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceState {
    /// Whether this node can answer there.
    pub answering: Answering,
    /// Why it cannot; absent unless `answering` is [`Answering::No`].
    pub failure: Option<Reason>,
    /// Our questions go unanswered while others' are answered. Nothing follows from it: a flood
    /// must not push the addresses to the next host, and then to the next.
    pub overloaded: Option<Reason>,
    /// Questions cannot be asked or judged; `answering` is what it was when they last could.
    pub no_result: Option<Reason>,
    /// Questions over TCP go unanswered; nothing follows from it.
    pub tcp_failing: Option<Reason>,
}

/// Whether this node can answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Answering {
    /// There is no verdict yet.
    #[default]
    Unknown,
    /// It can.
    Yes,
    /// It cannot.
    No,
}

impl Answering {
    /// `unknown`, `yes` or `no`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}

impl NodeState {
    /// Takes a change in; false when it changes nothing.
    pub fn apply(&mut self, change: NodeChange) -> bool {
        match change {
            NodeChange::Service(name, now) => {
                let same = self.services.get(&name) == Some(&now);
                self.services.insert(name, now);
                !same
            }
            NodeChange::Gone(name) => self.services.remove(&name).is_some(),
            NodeChange::Drained(now) => std::mem::replace(&mut self.drained, now) != now,
            NodeChange::Stale(now) => std::mem::replace(&mut self.stale, now) != now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_a_change() {
        let yes = || ServiceState { answering: Answering::Yes, ..ServiceState::default() };
        let mut node = NodeState::default();
        for (change, changes) in [
            (NodeChange::Service("vip".into(), ServiceState::default()), true),
            (NodeChange::Service("vip".into(), yes()), true),
            (NodeChange::Service("vip".into(), yes()), false),
            (NodeChange::Gone("other".into()), false),
            (NodeChange::Drained(false), false),
            (NodeChange::Drained(true), true),
            (NodeChange::Stale(true), true),
            (NodeChange::Stale(true), false),
        ] {
            assert_eq!(node.apply(change.clone()), changes, "{change:?}");
        }
        let services = [("vip".into(), yes())].into();
        assert_eq!(node, NodeState { services, drained: true, stale: true });
        assert!(node.apply(NodeChange::Gone("vip".into())));
        assert!(node.services.is_empty());
    }
}
