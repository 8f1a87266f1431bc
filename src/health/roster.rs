//! Every target with its tracker, its turn, and what is published of it; pure.
//!
//! The driver ([`super::schedule`]) probes what [`Roster::poll_due`] hands out, brings each result
//! back to [`Roster::handle_result`], and tells what [`Roster::poll_event`] says. A target handed
//! out is not handed out again before its result is back, so it is never probed twice at once.
//!
//! What is *tracked* follows the results always; what is *published* follows it at once, unless the
//! [`Brake`] holds it back, and then when the brake comes off.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;

use super::brake::{Brake, Change, Key};
use super::timetable::{self, Timetable};
use super::tracker::{Thresholds, Tracker, Verdict};
use super::{State, Target, TargetHealth};

/// The targets that are probed.
#[derive(Debug)]
pub struct Roster {
    keys: HashMap<Arc<Target>, Key>,
    entries: BTreeMap<Key, Entry>,
    next_key: Key,
    timetable: Timetable,
    brake: Brake,
    events: VecDeque<Event>,
    rng: Rng,
}

#[derive(Debug)]
struct Entry {
    target: Arc<Target>,
    tracker: Tracker,
    tracked: TargetHealth,
    published: TargetHealth,
    turn: Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Probed as soon as it was admitted, like all those admitted with it.
    First,
    /// At a time of its own.
    Later,
}

/// What a probe brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The target answered as it should.
    Success {
        /// What is amiss all the same.
        warning: Option<Arc<str>>,
    },
    /// It did not.
    Failure {
        /// Why, for people.
        reason: Arc<str>,
    },
    /// Nothing about the target: the probe could not be made here.
    Inconclusive,
}

/// What the world must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A target's published health is no longer what it was.
    Changed {
        /// The target.
        target: Arc<Target>,
        /// Its health until now.
        before: TargetHealth,
        /// Its health from now on.
        after: TargetHealth,
    },
    /// The brake was put on or taken off.
    Brake {
        /// Which of the two.
        on: bool,
        /// Why, for people.
        reason: String,
    },
}

/// What [`Roster::admit`] made of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It has no result yet; its first probe is due or under way.
    Awaited(Key),
    /// Its health is known.
    Known,
}

impl Roster {
    /// Starts with no targets; `rng` spreads them over time.
    #[must_use]
    pub fn new(rng: Rng) -> Self {
        Self {
            keys: HashMap::new(),
            entries: BTreeMap::new(),
            next_key: 0,
            timetable: Timetable::default(),
            brake: Brake::default(),
            events: VecDeque::new(),
            rng,
        }
    }

    /// Makes a target one of those probed; one that is keeps its health. A new one starts with the
    /// health `carried` over from before, and else is due at once.
    pub fn admit(
        &mut self,
        target: &Arc<Target>,
        carried: Option<&TargetHealth>,
        now: Instant,
    ) -> Admission {
        if let Some(key) = self.keys.get(target) {
            return match self.entries.get(key).map(|e| e.tracked.state) {
                Some(State::Unknown) => Admission::Awaited(*key),
                _ => Admission::Known,
            };
        }
        let key = self.next_key;
        self.next_key += 1;
        let carried = carried.filter(|health| health.state != State::Unknown);
        self.insert(key, Arc::clone(target), carried, now);
        if carried.is_some() { Admission::Known } else { Admission::Awaited(key) }
    }

    fn insert(
        &mut self,
        key: Key,
        target: Arc<Target>,
        carried: Option<&TargetHealth>,
        now: Instant,
    ) {
        let every = target.probe.every;
        let thresholds = Thresholds::of(&target.probe);
        let (tracker, turn, due) = match carried {
            Some(health) => {
                let due = timetable::spread(now, every, &mut self.rng);
                (Tracker::restore(thresholds, health), Turn::Later, due)
            }
            None => (Tracker::new(thresholds), Turn::First, now),
        };
        let health = TargetHealth {
            state: tracker.state(),
            results_to_change: tracker.results_to_change(),
            ..carried.cloned().unwrap_or_default()
        };
        let entry = Entry {
            target: Arc::clone(&target),
            tracker,
            tracked: health.clone(),
            published: health,
            turn,
        };
        let state = entry.tracked.state;
        self.timetable.insert(key, due);
        self.keys.insert(target, key);
        self.entries.insert(key, entry);
        let change = self.brake.handle_state(key, state, every, now);
        self.apply(change);
    }

    /// Forgets every target that is not among `wanted`.
    pub fn retain(&mut self, wanted: &[Arc<Target>]) {
        let wanted: HashSet<&Target> = wanted.iter().map(|target| &**target).collect();
        let gone = |entry: &Entry| !wanted.contains(&*entry.target);
        let gone: Vec<Key> =
            self.entries.iter().filter(|(_, entry)| gone(entry)).map(|(key, _)| *key).collect();
        for key in gone {
            // Its turn stays in the timetable and comes to nothing.
            if let Some(entry) = self.entries.remove(&key) {
                self.keys.remove(&entry.target);
            }
            let change = self.brake.remove(key);
            self.apply(change);
        }
    }

    /// Hands out a target to probe now.
    pub fn poll_due(&mut self, now: Instant) -> Option<(Key, Arc<Target>)> {
        while let Some(key) = self.timetable.poll(now) {
            if let Some(entry) = self.entries.get(&key) {
                return Some((key, Arc::clone(&entry.target)));
            }
        }
        None
    }

    /// When a target is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.timetable.next_deadline()
    }

    /// When [`Self::handle_time`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.brake.deadline()
    }

    /// Takes the brake off when it was on for long enough.
    pub fn handle_time(&mut self, now: Instant) {
        let change = self.brake.handle_time(now);
        self.apply(change);
    }

    /// Takes the result of a probe in that began at `started`, and says when the target's next
    /// turn is; nothing when it is probed no more.
    pub fn handle_result(
        &mut self,
        key: Key,
        finding: Finding,
        started: Instant,
        now: Instant,
    ) -> Option<Instant> {
        let entry = self.entries.get_mut(&key)?;
        let every = entry.target.probe.every;
        let due = match entry.turn {
            Turn::First => timetable::spread(now, every, &mut self.rng),
            Turn::Later => timetable::following(started, every, now, &mut self.rng),
        };
        entry.turn = Turn::Later;
        entry.take(finding);
        let state = entry.tracked.state;
        self.timetable.insert(key, due);
        let change = self.brake.handle_state(key, state, every, now);
        self.apply(change);
        self.publish(key);
        Some(due)
    }

    /// What is to be told, in the order in which it happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The published health of a target.
    #[must_use]
    pub fn health(&self, target: &Target) -> Option<&TargetHealth> {
        let key = self.keys.get(target)?;
        self.entries.get(key).map(|entry| &entry.published)
    }

    /// Whether this is still one of those probed.
    #[must_use]
    pub fn contains(&self, key: Key) -> bool {
        self.entries.contains_key(&key)
    }

    /// Since when the brake is on.
    #[must_use]
    pub fn braked_since(&self) -> Option<Instant> {
        self.brake.since()
    }

    fn apply(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        let released = matches!(change, Change::Off(_));
        self.events.push_back(Event::Brake { on: !released, reason: change.to_string() });
        if released {
            let keys: Vec<Key> = self.entries.keys().copied().collect();
            keys.into_iter().for_each(|key| self.publish(key));
        }
    }

    fn publish(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if entry.published == entry.tracked
            || self.brake.holds(entry.published.state, entry.tracked.state)
        {
            return;
        }
        let before = std::mem::replace(&mut entry.published, entry.tracked.clone());
        self.events.push_back(Event::Changed {
            target: Arc::clone(&entry.target),
            before,
            after: entry.tracked.clone(),
        });
    }
}

impl Entry {
    /// The last failure is remembered for as long as it counts.
    fn take(&mut self, finding: Finding) {
        match finding {
            Finding::Success { warning } => {
                self.tracker.handle(Verdict::Success);
                self.tracked.warning = warning;
                if self.tracker.state() == State::Up {
                    self.tracked.reason = None;
                }
            }
            Finding::Failure { reason } => {
                self.tracker.handle(Verdict::Failure);
                self.tracked.warning = None;
                self.tracked.reason = Some(reason);
            }
            Finding::Inconclusive => {}
        }
        self.tracked.state = self.tracker.state();
        self.tracked.results_to_change = self.tracker.results_to_change();
    }
}

#[cfg(test)]
mod tests;
