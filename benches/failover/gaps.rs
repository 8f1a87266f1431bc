//! What a client saw: the arithmetic of outages, without clock or socket.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A query. Times count from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was sent.
    pub sent: Duration,
    /// When its answer came, if one came within [`ANSWER_WITHIN`].
    pub answered: Option<Duration>,
}

/// A resolver has asked another server by then.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A stretch of queries without answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When the first of them was sent.
    pub begin: Duration,
    /// From then to the sending of the next query that was answered; to the last query of all when
    /// none was. Zero: every query was answered.
    pub length: Duration,
    /// Whether a query was answered after them.
    pub ended: bool,
}

/// The longest stretch of queries without answers. They stand in the order in which they were sent.
pub fn longest_outage(samples: &[Sample]) -> Outage {
    let mut longest = Outage { begin: Duration::ZERO, length: Duration::ZERO, ended: true };
    let mut begin = None;
    for sample in samples {
        let (first, ended) = (*begin.get_or_insert(sample.sent), sample.answered.is_some());
        let length = sample.sent - first;
        if length > longest.length {
            longest = Outage { begin: first, length, ended };
        }
        if ended {
            begin = None;
        }
    }
    longest
}

/// How many queries were not answered.
pub fn lost(samples: &[Sample]) -> usize {
    samples.iter().filter(|sample| sample.answered.is_none()).count()
}

/// The longest time between two answers, or between a query and its answer: how far the machine
/// itself, sender, network, server and receiver, was from regular. For the control stream.
pub fn irregularity(samples: &[Sample]) -> Duration {
    let mut answered: Vec<_> = samples.iter().filter_map(|sample| sample.answered).collect();
    answered.sort();
    let between = answered.windows(2).map(|pair| pair[1] - pair[0]);
    let delays = samples.iter().filter_map(|sample| Some(sample.answered? - sample.sent));
    between.chain(delays).chain([longest_outage(samples).length]).max().unwrap_or_default()
}

/// The value below which `percent` of the values lie: the nearest rank, so always one of them.
pub fn percentile<T: Copy + Ord>(values: &[T], percent: usize) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}
