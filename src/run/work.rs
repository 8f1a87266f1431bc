//! The node's own task: it reloads, saves and remembers, one thing at a time.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

use super::loader::Loader;
use super::tier::{Plan, Tier};
use crate::admin::orders::Order;
use crate::admin::{Control, ReloadRefused, Reloaded};
use crate::events::Kind;
use crate::health::schedule::Prober;
use crate::node::{Askers, NodeChange};
use crate::world::publish::Publisher;

/// How often the health of targets is written down for the next start.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// What the task works with.
pub(super) struct Work {
    pub(super) loader: Loader,
    pub(super) prober: Prober,
    pub(super) publisher: Publisher,
    pub(super) askers: Askers,
    pub(super) tier: Tier,
    pub(super) control: Control,
}

impl Work {
    /// Does what is ordered until it is told to stop; then everything is written down once more.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut stop: mpsc::Receiver<oneshot::Sender<()>>,
    ) {
        let mut save = tokio::time::interval(SAVE_EVERY);
        save.reset();
        loop {
            tokio::select! {
                biased;
                done = stop.recv() => {
                    let _ = self.loader.save(&self.prober).await;
                    self.prober.stop().await;
                    if let Some(done) = done {
                        let _ = done.send(());
                    }
                    return;
                }
                Some(order) = orders.recv() => self.obey(order).await,
                _ = save.tick() => {
                    let _ = self.loader.save(&self.prober).await;
                }
            }
        }
    }

    /// Whoever asked may be gone when it is done; it counts all the same.
    async fn obey(&mut self, order: Order) {
        match order {
            Order::Reload(tell) => {
                let result = self.reload().await;
                self.control.metrics.reload(&result);
                let text = match &result {
                    Ok(reloaded) => format!("reloaded: generation {}", reloaded.generation),
                    Err(refused) => format!("reload refused: {} mistakes", refused.errors.len()),
                };
                self.control.events.tell(Kind::Node, &*self.control.node, text);
                let whole = result.as_ref().is_ok_and(|reloaded| reloaded.incomplete.is_empty());
                self.publisher.node(NodeChange::Stale(!whole));
                self.publisher.flush().await;
                let _ = tell.send(result);
            }
            Order::Drained(drained, tell) => {
                info!(
                    drained,
                    "an operator has {}drained the node",
                    if drained { "" } else { "un" }
                );
                let text = if drained { "drained" } else { "undrained" };
                self.control.events.tell(Kind::Node, &*self.control.node, text);
                // The disk may be slow, and who drains is in a hurry.
                self.publisher.node(NodeChange::Drained(drained));
                self.publisher.flush().await;
                let saved = self.loader.remember_drained(drained, &self.prober).await;
                let _ = tell.send(saved);
            }
        }
    }

    /// Swaps the world, then the network tier; what that cannot take is warned of.
    async fn reload(&mut self) -> Result<Reloaded, ReloadRefused> {
        let (mut reloaded, node) = self.loader.reload(&self.prober, &self.publisher).await?;
        let plan = tokio::task::spawn_blocking(move || Plan::of(node)).await;
        let Ok(plan) = plan else { return Ok(reloaded) };
        let services = plan.services();
        // While groups leave, their addresses go: that is nothing to raise an alarm for.
        self.askers.retain(&services);
        let mut complaints = self.tier.set(&plan, &self.control.published.load_full()).await;
        let askers = self.askers.clone();
        let asked = tokio::task::spawn_blocking(move || askers.set(services)).await;
        complaints.extend(asked.into_iter().filter_map(Result::err).map(|e| e.to_string()));
        complaints.iter().for_each(|complaint| error!("{complaint}"));
        reloaded.incomplete = complaints;
        Ok(reloaded)
    }
}
