//! What the node's own task does when it is asked: one thing at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::{mpsc, oneshot};

use super::{ReloadRefused, Reloaded};

/// Asks the node's own task. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Orders {
    inbox: mpsc::Sender<Order>,
    closed: Arc<AtomicBool>,
}

/// What is asked for, and where its outcome goes.
#[derive(Debug)]
pub enum Order {
    /// Reads every file anew.
    Reload(oneshot::Sender<Result<Reloaded, ReloadRefused>>),
    /// Remembers, over restarts too, whether the node is drained, and publishes it.
    Drained(bool, oneshot::Sender<Result<(), String>>),
}

/// So many wait at most; who asks then waits to be heard.
const WAITING: usize = 16;

/// Orders, and the inbox that they arrive in.
#[must_use]
pub fn orders() -> (Orders, mpsc::Receiver<Order>) {
    let (inbox, orders) = mpsc::channel(WAITING);
    (Orders { inbox, closed: Arc::default() }, orders)
}

impl Orders {
    /// Reads every file anew; absent when the node is ending.
    pub async fn reload(&self) -> Option<Result<Reloaded, ReloadRefused>> {
        self.ask(Order::Reload).await
    }

    /// Remembers whether the node is drained and publishes it. It holds even where it could not be
    /// written down, which is the error; absent when the node is ending.
    pub async fn drained(&self, drained: bool) -> Option<Result<(), String>> {
        self.ask(|tell| Order::Drained(drained, tell)).await
    }

    /// Takes no more of them: the node is ending.
    pub fn close(&self) {
        self.closed.store(true, Relaxed);
    }

    /// Whether the node is ending.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        if self.is_closed() {
            return None;
        }
        let (tell, outcome) = oneshot::channel();
        self.inbox.send(order(tell)).await.ok()?;
        outcome.await.ok()
    }
}
