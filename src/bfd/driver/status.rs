//! What the sessions are and have seen, for other threads. The loop's thread only ever stores.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::Discard;
use crate::bfd::session;
use crate::bfd::table::Reach;

/// The driver at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Every session, in the order in which they began.
    pub sessions: Vec<SessionStatus>,
    /// Packets that were for no session, by reason ([`Discard::label`]).
    pub strangers: BTreeMap<&'static str, u64>,
    /// Timers that were handled late, by more than a tenth of the shortest interval and 1 ms.
    pub late_wake_ups: u64,
    /// The latest of them.
    pub latest_wake_up: Duration,
    /// The loop's thread is real-time, or why it is not.
    pub realtime: Result<(), String>,
}

/// A session at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// Who watches the path.
    pub names: Vec<Arc<str>>,
    /// The other end.
    pub neighbour: IpAddr,
    /// On the link, or behind routers.
    pub reach: Reach,
    /// The interface that it is on, where that was said.
    pub interface: Option<Arc<str>>,
    /// Our end, once something could be sent.
    pub source: Option<IpAddr>,
    /// Whether anybody wants the session; else it is AdminDown by our operator.
    pub enabled: bool,
    /// Both states, the diagnostic, the discriminators, and what intervals are in force.
    pub session: session::Status,
    /// Since when our state is what it is.
    pub since: Instant,
    /// How often it came up.
    pub ups: u64,
    /// How often it failed after that.
    pub downs: u64,
    /// How often this process did not run when a detection time ended.
    pub stalls: u64,
    /// Packets.
    pub sent: u64,
    /// Packets that were heeded.
    pub received: u64,
    /// Packets that were not, by reason ([`Discard::label`]).
    pub discarded: BTreeMap<&'static str, u64>,
    /// What is wrong now: nothing can be sent, for example.
    pub problem: Option<String>,
}

/// Where a session's driver writes what it knows.
#[derive(Debug, Default)]
pub(super) struct Board {
    facts: ArcSwapOption<Facts>,
    sent: AtomicU64,
    received: AtomicU64,
    /// What was not heeded.
    pub(super) discarded: Counts,
}

/// What changes more seldom than a packet comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) session: session::Status,
    pub(super) since: Instant,
    pub(super) source: Option<IpAddr>,
    pub(super) ups: u64,
    pub(super) downs: u64,
    pub(super) stalls: u64,
    pub(super) problem: Option<String>,
}

/// Discards by label: as much memory for millions as for none.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; Discard::LABELS.len()]);

impl Board {
    /// Absent before the loop has begun the session.
    pub(super) fn facts(&self) -> Option<Arc<Facts>> {
        self.facts.load_full()
    }

    pub(super) fn publish(&self, facts: Facts) {
        self.facts.store(Some(Arc::new(facts)));
    }

    pub(super) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

impl Counts {
    pub(super) fn count(&self, discard: &Discard) {
        let label = discard.label();
        let place = Discard::LABELS.iter().position(|&known| known == label);
        if let Some(count) = place.and_then(|place| self.0.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Without those that never happened.
    pub(super) fn read(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Discard::LABELS.into_iter().zip(counts).filter(|&(_, count)| count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discards_are_counted_by_label() {
        let counts = Counts::default();
        assert_eq!(counts.read(), BTreeMap::new());
        counts.count(&Discard::NoSession);
        counts.count(&Discard::Hops { hops: 254, least: 255 });
        counts.count(&Discard::Hops { hops: 1, least: 255 });
        assert_eq!(counts.read(), BTreeMap::from([("no_session", 1), ("hops", 2)]));
    }
}
