//! Which UDP threads are stuck.
//!
//! Each question goes to one of the sockets that share an address, so questions alone can miss a
//! thread that hangs, and with it its share of the clients. Every thread counts the turns of its
//! loop and wakes four times a second at least (`server::udp`): one whose count stands still for
//! [`STUCK_AFTER`] hangs. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// Four turns that did not come: a thread without work makes one each quarter of a second.
pub const STUCK_AFTER: Duration = Duration::from_secs(1);

/// The counts seen, each with when it was first seen.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    seen: Vec<(u64, Instant)>,
}

impl Progress {
    /// Takes in how often each thread has turned; the number of the first thread that is stuck.
    pub fn handle_turns(&mut self, now: Instant, turns: &[u64]) -> Option<usize> {
        self.seen.resize(turns.len(), (0, now));
        let mut stuck = None;
        for (thread, (seen, &count)) in self.seen.iter_mut().zip(turns).enumerate() {
            if seen.0 != count {
                *seen = (count, now);
            } else if now.duration_since(seen.1) >= STUCK_AFTER {
                stuck = stuck.or(Some(thread));
            }
        }
        stuck
    }

    /// Forgets what was seen: whoever watched was asleep, and so may have been everybody else.
    pub fn restart(&mut self) {
        self.seen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_thread_that_stands_still_for_a_second_is_stuck_and_named() {
        let (start, mut progress) = (Instant::now(), Progress::default());
        for (at, turns, stuck) in [
            (0, [5, 0], None),
            (400, [6, 0], None),
            // Thread 1 has never turned; thread 0 stands since 400.
            (999, [6, 0], None),
            (1_000, [6, 0], Some(1)),
            (1_300, [6, 1], None),
            (1_400, [6, 2], Some(0)),
            (1_500, [7, 2], None),
        ] {
            let found = progress.handle_turns(start + milliseconds(at), &turns);
            assert_eq!(found, stuck, "at {at} ms");
        }
    }

    #[test]
    fn a_watcher_that_slept_starts_anew() {
        let (start, mut progress) = (Instant::now(), Progress::default());
        assert_eq!(progress.handle_turns(start, &[5]), None);
        progress.restart();
        assert_eq!(progress.handle_turns(start + milliseconds(5_000), &[5]), None);
        assert_eq!(progress.handle_turns(start + milliseconds(5_999), &[5]), None);
        assert_eq!(progress.handle_turns(start + milliseconds(6_000), &[5]), Some(0));
    }

    #[test]
    fn seldom_looks_find_it_too() {
        let (start, mut progress) = (Instant::now(), Progress::default());
        assert_eq!(progress.handle_turns(start, &[5]), None);
        assert_eq!(progress.handle_turns(start + milliseconds(3_000), &[5]), Some(0));
    }
}
