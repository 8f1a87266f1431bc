//! The network between the hosts: what it loses, delays, cuts and so reorders.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::config::{Family, Priority};

/// An advertisement on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) from: usize,
    pub(super) family: Family,
    pub(super) priority: Priority,
    pub(super) interval: Duration,
}

/// A way that may be cut: packets of one family from one host to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) family: Family,
}

/// Its luck is a seed's.
#[derive(Debug)]
pub(super) struct Network {
    seed: u64,
    /// Each as often as it was cut.
    cuts: Vec<Way>,
    /// The longest a packet takes.
    delay: Duration,
    /// Such that each may be lost, in percent.
    losses: Vec<u8>,
    /// The longest that one may take in addition: packets overtake each other.
    detours: Vec<Duration>,
    /// When the last packet of each way arrives: unless there are detours none overtakes it.
    last: HashMap<Way, Instant>,
}

impl Network {
    pub(super) fn new(seed: u64, delay: Duration) -> Self {
        Self {
            seed,
            cuts: Vec::new(),
            delay,
            losses: Vec::new(),
            detours: Vec::new(),
            last: HashMap::new(),
        }
    }

    /// When a packet arrives; absent: never.
    pub(super) fn carry(&mut self, now: Instant, way: Way) -> Option<Instant> {
        let loss = self.losses.iter().copied().max().unwrap_or(0);
        if self.cuts.contains(&way) || self.draw(100) < u64::from(loss) {
            return None;
        }
        let detour = self.detours.iter().copied().max();
        let longest = self.delay + detour.unwrap_or_default();
        let nanos = u64::try_from(longest.as_nanos()).expect("seconds");
        let arrival = now + Duration::from_nanos(self.draw(nanos + 1));
        let last = self.last.entry(way).or_insert(arrival);
        let arrival = if detour.is_some() { arrival } else { arrival.max(*last) };
        *last = arrival.max(*last);
        Some(arrival)
    }

    pub(super) fn cut(&mut self, way: Way) {
        self.cuts.push(way);
    }

    pub(super) fn join(&mut self, way: Way) {
        if let Some(at) = self.cuts.iter().position(|&cut| cut == way) {
            self.cuts.swap_remove(at);
        }
    }

    pub(super) fn lose(&mut self, percent: u8) {
        self.losses.push(percent);
    }

    pub(super) fn lose_less(&mut self, percent: u8) {
        if let Some(at) = self.losses.iter().position(|&p| p == percent) {
            self.losses.swap_remove(at);
        }
    }

    pub(super) fn detour(&mut self, by: Duration) {
        self.detours.push(by);
    }

    pub(super) fn straighten(&mut self, by: Duration) {
        if let Some(at) = self.detours.iter().position(|&d| d == by) {
            self.detours.swap_remove(at);
        }
    }

    /// Nothing is cut, lost or sent astray any more.
    pub(super) fn make_whole(&mut self) {
        self.cuts.clear();
        self.losses.clear();
        self.detours.clear();
    }

    /// SplitMix64, below a bound.
    fn draw(&mut self, bound: u64) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
