//! The witness: addresses whose silence means that this node, not its peer, is cut off.
//!
//! A [`Watcher`] says when each is to be asked and counts the questions that stayed without an
//! answer. It sends and receives nothing itself. A question that cannot be sent is one without an
//! answer.

use std::net::IpAddr;
use std::time::Instant;

use crate::config::{Need, Witness};

/// What the witness says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WitnessState {
    /// Nothing yet: none has ever answered, and none is required to.
    Unknown,
    /// This node reaches it.
    Seen,
    /// This node is cut off from it.
    Lost,
}

/// Asks the witnesses in turn.
///
/// The questions to the several addresses go out together, every [`Witness::every`]. An address is
/// lost when [`Witness::misses`] questions in a row had no answer by the time of the next.
#[derive(Clone, Debug)]
pub struct Watcher {
    config: Witness,
    subjects: Vec<Subject>,
    next: Instant,
}

/// One address.
#[derive(Clone, Debug)]
struct Subject {
    address: IpAddr,
    /// It is to be asked now.
    due: bool,
    /// It was asked and has not answered.
    asked: bool,
    misses: u32,
    answered_ever: bool,
}

impl Watcher {
    /// Begins; the first questions are due at once.
    #[must_use]
    pub fn new(config: &Witness, now: Instant) -> Self {
        let subjects = config.addresses.iter().copied().map(Subject::new).collect();
        Self { config: config.clone(), subjects, next: now }
    }

    /// An address gave a sign of life; others than the witnesses are ignored.
    pub fn handle_answer(&mut self, address: IpAddr) {
        for subject in self.subjects.iter_mut().filter(|s| s.address == address) {
            subject.asked = false;
            subject.misses = 0;
            subject.answered_ever = true;
        }
    }

    /// Time has passed; answers that have arrived are to be handled before.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now < self.next {
            return;
        }
        for subject in &mut self.subjects {
            subject.count_miss();
            subject.due = true;
        }
        // Late: the next after a whole interval from now, so that an answer has its time.
        self.next = now + self.config.every;
    }

    /// The next address to ask now; absent when all have been.
    pub fn poll_question(&mut self) -> Option<IpAddr> {
        let subject = self.subjects.iter_mut().find(|subject| subject.due)?;
        subject.due = false;
        subject.asked = true;
        Some(subject.address)
    }

    /// When [`Watcher::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.next
    }

    /// What the witness says. An address that never answered is left out, unless it is required.
    #[must_use]
    pub fn state(&self) -> WitnessState {
        let mut counted = self
            .subjects
            .iter()
            .filter(|subject| subject.answered_ever || self.config.required)
            .map(|subject| subject.answered_ever && subject.misses < self.config.misses)
            .peekable();
        if counted.peek().is_none() {
            return WitnessState::Unknown;
        }
        let seen = match self.config.need {
            Need::Any => counted.any(|is_seen| is_seen),
            Need::All => counted.all(|is_seen| is_seen),
        };
        if seen { WitnessState::Seen } else { WitnessState::Lost }
    }

    /// The addresses that are lost, for a message.
    pub fn lost(&self) -> impl Iterator<Item = IpAddr> {
        let limit = self.config.misses;
        self.subjects.iter().filter(move |s| s.misses >= limit).map(|s| s.address)
    }
}

impl Subject {
    fn new(address: IpAddr) -> Self {
        Self { address, due: false, asked: false, misses: 0, answered_ever: false }
    }

    /// The question before the one that is due now.
    fn count_miss(&mut self) {
        if self.asked {
            self.asked = false;
            self.misses = self.misses.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const EVERY: Duration = Duration::from_secs(1);

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn config(addresses: u8, need: Need, required: bool) -> Witness {
        let addresses = (1..=addresses).map(address).collect();
        Witness { addresses, need, every: EVERY, misses: 3, required }
    }

    #[expect(clippy::disallowed_methods, reason = "any beginning will do")]
    fn start(config: &Witness) -> (Watcher, Instant) {
        let now = Instant::now();
        (Watcher::new(config, now), now)
    }

    /// One round: everybody is asked, those in `answering` answer.
    fn round(watcher: &mut Watcher, answering: &[u8]) -> WitnessState {
        watcher.handle_timeout(watcher.next_deadline());
        while let Some(asked) = watcher.poll_question() {
            if answering.iter().any(|&a| address(a) == asked) {
                watcher.handle_answer(asked);
            }
        }
        watcher.state()
    }

    #[test]
    fn every_address_is_asked_once_an_interval() {
        let (mut watcher, now) = start(&config(2, Need::Any, false));
        assert_eq!(watcher.next_deadline(), now);
        assert_eq!(watcher.poll_question(), None, "before the first timeout");
        for round in 0..3 {
            let due = now + EVERY * round;
            watcher.handle_timeout(due);
            assert_eq!(watcher.poll_question(), Some(address(1)));
            assert_eq!(watcher.poll_question(), Some(address(2)));
            assert_eq!(watcher.poll_question(), None);
            watcher.handle_timeout(due + EVERY / 2);
            assert_eq!(watcher.poll_question(), None, "too early");
            assert_eq!(watcher.next_deadline(), due + EVERY);
        }
    }

    #[test]
    fn witness_is_lost_after_so_many_misses_and_seen_at_the_next_answer() {
        let (mut watcher, _) = start(&config(1, Need::Any, false));
        assert_eq!(round(&mut watcher, &[1]), WitnessState::Seen);
        // The first silent question goes out; the third is missed when the fourth does.
        for _ in 0..3 {
            assert_eq!(round(&mut watcher, &[]), WitnessState::Seen);
        }
        assert_eq!(round(&mut watcher, &[]), WitnessState::Lost);
        assert_eq!(watcher.lost().collect::<Vec<_>>(), [address(1)]);
        assert_eq!(round(&mut watcher, &[1]), WitnessState::Seen);
        assert_eq!(watcher.lost().count(), 0);
    }

    #[test]
    fn one_answer_in_between_starts_the_count_again() {
        let (mut watcher, _) = start(&config(1, Need::Any, false));
        for _ in 0..5 {
            assert_eq!(round(&mut watcher, &[1]), WitnessState::Seen);
            for _ in 0..3 {
                assert_eq!(round(&mut watcher, &[]), WitnessState::Seen);
            }
        }
    }

    #[test]
    fn witness_that_never_answered_counts_only_when_required() {
        for (required, expected) in [(false, WitnessState::Unknown), (true, WitnessState::Lost)] {
            let (mut watcher, _) = start(&config(1, Need::Any, required));
            assert_eq!(watcher.state(), expected);
            for _ in 0..10 {
                assert_eq!(round(&mut watcher, &[]), expected, "required: {required}");
            }
            assert_eq!(round(&mut watcher, &[1]), WitnessState::Seen);
        }
    }

    #[test]
    fn any_or_all_of_several_must_answer() {
        for (need, required, answering, expected) in [
            (Need::Any, false, &[1][..], WitnessState::Seen),
            (Need::Any, true, &[1], WitnessState::Seen),
            (Need::All, false, &[1, 2], WitnessState::Seen),
            // The second never answered: it is left out, or it is missed.
            (Need::All, false, &[1], WitnessState::Seen),
            (Need::All, true, &[1], WitnessState::Lost),
        ] {
            let (mut watcher, _) = start(&config(2, need, required));
            let state = round(&mut watcher, answering);
            assert_eq!(state, expected, "{need:?} {required} {answering:?}");
        }
        for (need, expected) in [(Need::Any, WitnessState::Seen), (Need::All, WitnessState::Lost)] {
            let (mut watcher, _) = start(&config(2, need, false));
            round(&mut watcher, &[1, 2]);
            for _ in 0..3 {
                round(&mut watcher, &[1]);
            }
            assert_eq!(round(&mut watcher, &[1]), expected, "{need:?}");
        }
    }

    #[test]
    fn stall_is_one_missed_question_at_most() {
        let (mut watcher, now) = start(&config(1, Need::Any, false));
        assert_eq!(round(&mut watcher, &[1]), WitnessState::Seen);
        assert_eq!(round(&mut watcher, &[]), WitnessState::Seen);
        watcher.handle_timeout(now + EVERY * 100);
        assert_eq!(watcher.poll_question(), Some(address(1)));
        assert_eq!(watcher.next_deadline(), now + EVERY * 101);
        assert_eq!(watcher.state(), WitnessState::Seen);
        assert_eq!(watcher.subjects[0].misses, 1);
    }

    #[test]
    fn strangers_are_no_witnesses() {
        let (mut watcher, _) = start(&config(1, Need::Any, false));
        watcher.handle_answer(address(9));
        assert_eq!(watcher.state(), WitnessState::Unknown);
    }
}
