//! Answers by pool over all worlds of a process.
//!
//! Threads count answers in the world that they answer from. When a world is retired its numbers
//! are folded in here under the names of its pools, so that a series goes on after a reload. Between
//! the swap of a world and its retirement, its numbers are in neither place: a series then stands
//! still and never goes back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::policy::PoolId;
use crate::world::World;

/// The answers of every pool that any world of this process has had, by name.
#[derive(Debug, Default)]
pub struct PoolAnswers {
    pools: Mutex<BTreeMap<Box<str>, Tally>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// In worlds that are retired.
    folded: u64,
    /// The most ever told.
    told: u64,
}

impl PoolAnswers {
    /// Takes in the numbers of a world that is retired.
    pub fn fold(&self, world: &World) {
        let mut pools = self.lock();
        for (name, count) in counts(world) {
            pools.entry(name.into()).or_default().folded += count;
        }
    }

    /// Every pool's answers, those of `current` included. The caller holds a snapshot of `current`,
    /// so that it cannot be folded meanwhile.
    #[must_use]
    pub fn totals(&self, current: &World) -> Vec<(Box<str>, u64)> {
        let mut pools = self.lock();
        for (name, count) in counts(current) {
            let tally = pools.entry(name.into()).or_default();
            tally.told = tally.told.max(tally.folded + count);
        }
        let mut totals = Vec::with_capacity(pools.len());
        for (name, tally) in pools.iter_mut() {
            tally.told = tally.told.max(tally.folded);
            totals.push((name.clone(), tally.told));
        }
        totals
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Tally>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answers of each pool of one world.
fn counts(world: &World) -> impl Iterator<Item = (&str, u64)> {
    let pools = world.policies.pools.iter().enumerate();
    pools.map(|(id, pool)| (&*pool.name, world.answers.total(PoolId(id as u32))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::tests::world_of_pools;

    fn told(answers: &PoolAnswers, world: &World) -> Vec<(String, u64)> {
        let totals = answers.totals(world).into_iter();
        totals.map(|(name, count)| (name.into(), count)).collect()
    }

    fn pairs(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn a_series_goes_on_over_reloads_and_never_goes_back() {
        let answers = PoolAnswers::default();
        let before = world_of_pools(&["east", "west"]);
        (0..5).for_each(|_| before.answers.add(0, PoolId(0)));
        before.answers.add(0, PoolId(1));
        assert_eq!(told(&answers, &before), pairs(&[("east", 5), ("west", 1)]));

        let after = world_of_pools(&["north", "east"]);
        after.answers.add(0, PoolId(1));
        let between = pairs(&[("east", 5), ("north", 0), ("west", 1)]);
        assert_eq!(told(&answers, &after), between, "swapped, and the old one not yet retired");

        before.answers.add(0, PoolId(0));
        answers.fold(&before);
        assert_eq!(told(&answers, &after), pairs(&[("east", 7), ("north", 0), ("west", 1)]));
    }
}
