//! The network tier of a node: its parts start, are told, change and end together.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::StartError;
use crate::announce::Announcement;
use crate::anycast::{self, Anycast};
use crate::config::node::vrrp::VrrpEntry;
use crate::config::node::{BgpConfig, NodeConfig};
use crate::ecmp::{Ecmp, EcmpConfig};
use crate::events::{Events, Kind};
use crate::ground::Ground;
use crate::node::{NodeState, Service};
use crate::pair::{self, Pair};
use crate::world::Snapshot;
use crate::world::publish::{Published, Publisher};

/// The parts. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tier {
    pub(super) ground: Ground,
    pub(super) pair: Pair,
    pub(super) anycast: Anycast,
    pub(super) ecmp: Ecmp,
}

/// What the tier is to be, fitted to this host.
#[derive(Clone)]
pub(super) struct Plan {
    vrrp: Vec<VrrpEntry>,
    bgp: Option<BgpConfig>,
    ecmp: Vec<EcmpConfig>,
}

impl Plan {
    /// Blocks for as long as the kernel takes to be asked what it permits.
    pub(super) fn of(node: NodeConfig) -> Self {
        Self { vrrp: pair::fitted(node.vrrp), bgp: node.bgp, ecmp: node.ecmp }
    }

    /// What the node is to ask itself.
    pub(super) fn services(&self) -> Vec<Service> {
        let announcements = self.bgp.iter().flat_map(|bgp| &bgp.announcements);
        let asked = announcements.filter_map(Announcement::service);
        pair::services(&self.vrrp).into_iter().chain(asked).collect()
    }

    /// Addresses that move between hosts.
    fn floating(&self) -> BTreeSet<IpAddr> {
        self.vrrp.iter().flat_map(|entry| entry.group.addresses.iter().copied()).collect()
    }
}

impl Tier {
    /// Undoes what an earlier run left behind and starts every part; each waits for the node's
    /// verdict on itself before it attracts anything.
    ///
    /// # Errors
    /// When the system refuses something; the message says what to do. Nothing is left in the
    /// kernel then.
    pub(super) async fn start(
        node: &NodeConfig,
        plan: &Plan,
        published: &Arc<Published>,
        events: &Events,
    ) -> Result<Self, StartError> {
        let ground = Ground::new(&node.state);
        let started = Self::begin(node, plan, published, &ground, events).await;
        started.inspect_err(|_| ground.undo()).map_err(StartError::System)
    }

    async fn begin(
        node: &NodeConfig,
        plan: &Plan,
        published: &Arc<Published>,
        ground: &Ground,
        events: &Events,
    ) -> Result<Self, String> {
        if Ground::has_leftovers(&node.state) {
            ground.record()?;
            anycast::forget();
        }
        let pair = Pair::start(&plan.vrrp, ground.clone(), events.clone())?;
        let (bgp, floating) = (plan.bgp.clone(), plan.floating());
        let published = Arc::clone(published);
        let anycast =
            Anycast::start(bgp, floating, ground.clone(), published, events.clone()).await;
        let anycast = anycast.inspect_err(|_| {
            pair.stop();
            anycast::forget();
        })?;
        let ecmp = Ecmp::start(&plan.ecmp, &node.state).inspect_err(|_| {
            pair.stop();
            anycast::forget();
        })?;
        let told = events.clone();
        ecmp.on_change(Box::new(move |entry, text| told.tell(Kind::Ecmp, entry, text)));
        Ok(Self { ground: ground.clone(), pair, anycast, ecmp })
    }

    /// Everything can be served: has every part told of every snapshot from now on.
    pub(super) fn follow(&self, publisher: &Publisher) {
        self.anycast.ready();
        let tier = self.clone();
        let mut before: Option<Arc<NodeState>> = None;
        publisher.follow(Box::new(move |snapshot| {
            // Those who are in a hurry first.
            tier.anycast.react(snapshot);
            if before.as_ref() != Some(&snapshot.node) {
                tier.pair.react(&snapshot.node);
                before = Some(Arc::clone(&snapshot.node));
            }
            tier.ecmp.react(snapshot);
        }));
    }

    /// Makes every part as planned; what could not be done, each as a text for people. Takes as long
    /// as addresses are handed over that are no longer wanted.
    pub(super) async fn set(&self, plan: &Plan, snapshot: &Arc<Snapshot>) -> Vec<String> {
        let (tier, wanted, seen) = (self.clone(), plan.clone(), Arc::clone(snapshot));
        let blocking = tokio::task::spawn_blocking(move || {
            let pair = tier.pair.set(&wanted.vrrp).err();
            tier.pair.react(&seen.node);
            let ecmp = tier.ecmp.set(&wanted.ecmp, &seen).err();
            pair.into_iter().chain(ecmp).collect::<Vec<_>>()
        });
        let anycast = self.anycast.set(plan.bgp.clone(), plan.floating()).await.err();
        blocking.await.unwrap_or_default().into_iter().chain(anycast).collect()
    }

    /// Ends every part and undoes what was changed in the kernel; everything answers meanwhile.
    pub(super) async fn stop(&self) {
        let tier = self.clone();
        let floating = tokio::task::spawn_blocking(move || tier.pair.stop());
        self.anycast.stop().await;
        let _ = floating.await;
        let tier = self.clone();
        let _ = tokio::task::spawn_blocking(move || {
            tier.ecmp.stop();
            tier.ground.undo();
        })
        .await;
    }

    /// Ends what is waited for while the tier stops: the operator is in a hurry.
    pub(super) fn hurry(&self) {
        self.anycast.hurry();
        self.pair.stop_at_once();
    }

    /// Undoes what was changed in the kernel, with no word to anybody.
    pub(super) fn undo(&self) {
        self.pair.stop();
        self.ecmp.stop();
        anycast::forget();
        self.ground.undo();
    }
}
