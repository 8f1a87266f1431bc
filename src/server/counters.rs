//! What was answered, counted without a lock: a padded row for each thread, one writer each.

use crate::answer::{Outcome, Transport};
use crate::dns::Rcode;

/// The rows of every counting thread: UDP threads first, then one for TCP (whose tasks run on one
/// thread or count atomically).
#[derive(Debug)]
pub struct Counters {}

/// One series of the query counter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the metric's labels")]
pub struct QueryCount {
    pub transport: Transport,
    /// A mnemonic of a common type, or `other`.
    pub qtype: &'static str,
    pub rcode: Rcode,
    pub count: u64,
}

impl Counters {
    /// Zeros for this many UDP threads, and a row for TCP behind them.
    #[must_use]
    pub fn new(_udp_threads: usize) -> Self {
        todo!()
    }

    /// How many rows there are: what `PoolCounters::new` wants.
    #[must_use]
    pub fn rows(&self) -> usize {
        todo!()
    }

    /// Counts one outcome in a row.
    pub fn count(&self, _row: usize, _transport: Transport, _outcome: &Outcome) {
        todo!()
    }

    /// Every series that is not zero.
    #[must_use]
    pub fn queries(&self) -> Vec<QueryCount> {
        todo!()
    }

    /// Messages that were dropped in silence.
    #[must_use]
    pub fn silenced(&self) -> u64 {
        todo!()
    }

    /// Replies cut with TC=1.
    #[must_use]
    pub fn truncated(&self) -> u64 {
        todo!()
    }

    /// Datagrams that the kernel dropped because a receive buffer was full (`SO_RXQ_OVFL`).
    #[must_use]
    pub fn receive_drops(&self) -> u64 {
        todo!()
    }
}
