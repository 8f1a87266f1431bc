//! Not too many updates of weights: each moves flows. At most one a second for each group; members
//! that come and go are never held back. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::kernel::{Change, Id, Tables};

/// From one update of a group's weights to the next.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// When each group's weights were updated last.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    updated: BTreeMap<Id, Instant>,
}

impl Pace {
    /// When a change may be made: absent, now.
    #[must_use]
    pub fn not_before(&self, change: &Change, tables: &Tables, now: Instant) -> Option<Instant> {
        let id = weights_alone(change, tables)?;
        let next = *self.updated.get(&id)? + INTERVAL;
        (next > now).then_some(next)
    }

    /// A change was made.
    pub fn made(&mut self, change: &Change, tables: &Tables, now: Instant) {
        self.updated.retain(|_, updated| *updated + INTERVAL > now);
        if let Some(id) = weights_alone(change, tables) {
            self.updated.insert(id, now);
        }
    }
}

/// The group of which a change updates nothing but weights.
fn weights_alone(change: &Change, tables: &Tables) -> Option<Id> {
    match change {
        Change::ReplaceGroup(id, wanted) => {
            tables.group(*id)?.differs_in_weights_alone(wanted).then_some(*id)
        }
        Change::AddNextHop(..)
        | Change::AddGroup(..)
        | Change::AddRoute(..)
        | Change::ReplaceRoute(..)
        | Change::RemoveRoute(..)
        | Change::RemoveObject(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecmp::kernel::{Group, Object, Shape};

    fn group(members: &[(Id, u16)]) -> Group {
        Group { shape: Shape::Multipath, members: members.iter().copied().collect() }
    }

    #[test]
    fn weights_wait_for_their_second_and_members_do_not() {
        let start = Instant::now();
        let present = group(&[(1, 1), (2, 1)]);
        let tables = Tables { objects: [(9, Object::Group(present))].into(), ..Tables::default() };
        let weights = Change::ReplaceGroup(9, group(&[(1, 1), (2, 7)]));
        let member = Change::ReplaceGroup(9, group(&[(1, 1)]));
        let mut pace = Pace::default();
        assert_eq!(pace.not_before(&weights, &tables, start), None);
        pace.made(&weights, &tables, start);
        let later = start + INTERVAL;
        for (after, change, expected) in [
            (0, &weights, Some(later)),
            (999, &weights, Some(later)),
            (1000, &weights, None),
            (0, &member, None),
        ] {
            let now = start + Duration::from_millis(after);
            assert_eq!(pace.not_before(change, &tables, now), expected, "after {after} ms");
        }
        pace.made(&member, &tables, later);
        assert_eq!(
            pace.not_before(&weights, &tables, later),
            None,
            "a member's leave is no update of weights"
        );
    }
}
