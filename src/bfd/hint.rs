//! What an election makes of BFD: that the Active is gone is suspected before its advertisements
//! are missed.

use vrrp::machine::BfdHint;

use super::session::{Event, Failure};

/// What an event on the path to the Active says to the election; absent where it says nothing.
///
/// Only silence speaks for a lost Active, and only one that this process watched: when it did not
/// run for a part of it, nobody knows what has been missed. A neighbour that signals down is alive,
/// and one whose operator ended the session is no failure (RFC 5882 §4.2).
#[must_use]
pub fn hint(event: &Event) -> Option<BfdHint> {
    match event {
        Event::Up => Some(BfdHint::Up),
        Event::Down(Failure::DetectionTimeExpired { silent, detection }) => {
            // A session gives a second detection time after a stall, and no third.
            (*silent < 2 * *detection).then_some(BfdHint::Down)
        }
        Event::AdminDown(_) => Some(BfdHint::AdminDown),
        Event::Down(Failure::NeighbourSignalledDown { .. })
        | Event::Lapsed(_)
        | Event::Enabled
        | Event::Stalled { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bfd::packet::Diagnostic;
    use crate::bfd::session::Side;

    fn expired(silent: u64) -> Failure {
        let silent = Duration::from_millis(silent);
        Failure::DetectionTimeExpired { silent, detection: Duration::from_millis(300) }
    }

    #[test]
    fn only_silence_that_was_watched_speaks_for_a_lost_active() {
        let signalled = Failure::NeighbourSignalledDown { theirs: Diagnostic::None };
        let ms = Duration::from_millis;
        let table = [
            (Event::Up, Some(BfdHint::Up)),
            (Event::Down(expired(300)), Some(BfdHint::Down)),
            (Event::Down(expired(399)), Some(BfdHint::Down)),
            (Event::Down(expired(600)), None),
            (Event::Down(expired(9000)), None),
            (Event::Down(signalled), None),
            (Event::Lapsed(expired(300)), None),
            (Event::Lapsed(signalled), None),
            (Event::AdminDown(Side::Local), Some(BfdHint::AdminDown)),
            (Event::AdminDown(Side::Neighbour), Some(BfdHint::AdminDown)),
            (Event::Enabled, None),
            (Event::Stalled { late: ms(200), detection: ms(300) }, None),
        ];
        for (event, expected) in table {
            assert_eq!(hint(&event), expected, "{event}");
        }
    }
}
