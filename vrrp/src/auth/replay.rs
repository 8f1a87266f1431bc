//! The receiver's memory of senders' sequences, so that nothing counts twice.
//!
//! Kept by source address and key: one peer sends the same advertisement, with the same stamp
//! perhaps, from an address of its own on every path. Only what verified is remembered, and no more
//! than [`SENDERS`] places: a flood can neither fill the memory nor push anybody out of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::Stamp;

/// More than one network holds of nodes with a VRID in common (their priorities are 1 to 255), in
/// the course of a rotation to a second key.
const SENDERS: usize = 512;

/// The last believed stamp of each sender under each key.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    last: HashMap<(IpAddr, u8), Stamp>,
}

impl Replay {
    /// The stamp that the sender's next must exceed.
    pub(crate) fn last(&self, source: IpAddr, key: u8) -> Option<Stamp> {
        self.last.get(&(source, key)).copied()
    }

    /// Keeps the stamp of an advertisement that passed every check. With too many senders, the one
    /// that was stamped the longest ago is forgotten.
    pub(crate) fn remember(&mut self, source: IpAddr, key: u8, stamp: Stamp) {
        self.last.insert((source, key), stamp);
        if self.last.len() > SENDERS
            && let Some((&oldest, _)) = self.last.iter().min_by_key(|&(_, stamp)| stamp)
        {
            self.last.remove(&oldest);
        }
    }

    /// Forgets senders and keys that are no more.
    pub(crate) fn retain(&mut self, keep: impl Fn(IpAddr, u8) -> bool) {
        self.last.retain(|&(source, key), _| keep(source, key));
    }
}

/// How far a stamp is from the wall clock, if farther than the window; a window of zero has no end.
pub(crate) fn staleness(stamp: Stamp, wall: Duration, window: Duration) -> Option<Duration> {
    let distance = stamp.time().abs_diff(wall);
    (!window.is_zero() && distance > window).then_some(distance)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn stamp(seconds: u32) -> Stamp {
        Stamp { seconds, fraction: 0, counter: 0 }
    }

    #[test]
    fn places_are_kept_by_sender_and_key() {
        let mut replay = Replay::default();
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        replay.remember(a, 1, stamp(7));
        assert_eq!(replay.last(a, 1), Some(stamp(7)));
        assert_eq!((replay.last(a, 2), replay.last(b, 1)), (None, None));
        replay.retain(|source, _| source == b);
        assert_eq!(replay.last(a, 1), None);
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut replay = Replay::default();
        for n in 0..2000 {
            replay.remember(Ipv4Addr::from_bits(n).into(), 1, stamp(n));
        }
        assert_eq!(replay.last.len(), SENDERS);
        assert_eq!(replay.last(Ipv4Addr::from_bits(0).into(), 1), None);
        assert_eq!(replay.last(Ipv4Addr::from_bits(1999).into(), 1), Some(stamp(1999)));
    }

    #[test]
    fn a_stamp_is_stale_beyond_the_window_on_either_side() {
        let seconds = Duration::from_secs;
        assert_eq!(staleness(stamp(100), seconds(105), seconds(5)), None);
        assert_eq!(staleness(stamp(100), seconds(95), seconds(5)), None);
        assert_eq!(staleness(stamp(100), seconds(106), seconds(5)), Some(seconds(6)));
        assert_eq!(staleness(stamp(100), seconds(94), seconds(5)), Some(seconds(6)));
        assert_eq!(staleness(stamp(100), seconds(9999), Duration::ZERO), None);
    }
}
