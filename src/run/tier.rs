//! The network tier of a node: its parts start, are told, change and end together.

use std::sync::Arc;

use super::StartError;
use crate::config::node::NodeConfig;
use crate::config::node::vrrp::VrrpEntry;
use crate::ground::Ground;
use crate::node::{NodeState, Service};
use crate::pair::{self, Pair};
use crate::world::publish::Publisher;

/// The parts. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tier {
    ground: Ground,
    pub(super) pair: Pair,
}

/// What the tier is to be, fitted to this host.
#[derive(Clone)]
pub(super) struct Plan {
    vrrp: Vec<VrrpEntry>,
}

impl Plan {
    /// Blocks for as long as the kernel takes to be asked what it permits.
    pub(super) fn of(node: NodeConfig) -> Self {
        Self { vrrp: pair::fitted(node.vrrp) }
    }

    /// What the node is to ask itself.
    pub(super) fn services(&self) -> Vec<Service> {
        pair::services(&self.vrrp)
    }
}

impl Tier {
    /// Undoes what an earlier run left behind and starts every part; each waits for the node's
    /// verdict on itself before it attracts anything.
    ///
    /// # Errors
    /// When the system refuses something; the message says what to do. Nothing is left in the
    /// kernel then.
    pub(super) fn start(node: &NodeConfig, plan: &Plan) -> Result<Self, StartError> {
        let ground = Ground::new(&node.state);
        if Ground::has_leftovers(&node.state) {
            ground.record().map_err(StartError::System)?;
        }
        let pair = Pair::start(&plan.vrrp, ground.clone());
        let pair = pair.inspect_err(|_| ground.undo()).map_err(StartError::System)?;
        Ok(Self { ground, pair })
    }

    /// Has every part told of every snapshot from now on.
    pub(super) fn follow(&self, publisher: &Publisher) {
        let pair = self.pair.clone();
        let mut before: Option<Arc<NodeState>> = None;
        publisher.follow(Box::new(move |snapshot| {
            if before.as_ref() != Some(&snapshot.node) {
                pair.react(&snapshot.node);
                before = Some(Arc::clone(&snapshot.node));
            }
        }));
    }

    /// Makes every part as planned; what could not be done, each as a text for people. Blocks for
    /// as long as addresses are handed over that are no longer wanted.
    pub(super) fn set(&self, plan: &Plan) -> Vec<String> {
        self.pair.set(&plan.vrrp).err().into_iter().collect()
    }

    /// Tells every part what the node knows of itself, for those that are new.
    pub(super) fn react(&self, node: &NodeState) {
        self.pair.react(node);
    }

    /// Ends every part and undoes what was changed in the kernel. Blocks until it is done.
    pub(super) fn stop(&self) {
        self.pair.stop();
        self.ground.undo();
    }
}
