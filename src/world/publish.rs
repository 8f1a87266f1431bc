//! The one writer of snapshots.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::policy::PoolId;

/// The snapshot that queries are answered from.
pub type Published = arc_swap::ArcSwap<super::Snapshot>;

/// Answers by pool: one row for each counting thread, each row with a single writer, relaxed.
#[derive(Debug, Default)]
pub struct PoolCounters {
    rows: Box<[Box<[AtomicU64]>]>,
}

impl PoolCounters {
    /// Zeros for `threads` writers and `pools` pools.
    #[must_use]
    pub fn new(threads: usize, pools: usize) -> Self {
        let row = || (0..pools).map(|_| AtomicU64::new(0)).collect();
        Self { rows: (0..threads).map(|_| row()).collect() }
    }

    /// Counts one answer; only `thread`'s own writer may call this for its row.
    pub fn add(&self, thread: usize, pool: PoolId) {
        if let Some(cell) = self.rows.get(thread).and_then(|row| row.get(pool.0 as usize)) {
            cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }

    /// The sum of all threads.
    #[must_use]
    pub fn total(&self, pool: PoolId) -> u64 {
        self.rows.iter().filter_map(|row| row.get(pool.0 as usize)).map(|c| c.load(Relaxed)).sum()
    }
}
