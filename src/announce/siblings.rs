//! Whether the other nodes that announce the same answer.
//!
//! A node that goes because somebody wants it to must know that another is there. So each sibling
//! is asked the SOA of a zone every second, at its own unicast address. [`Sibling`] and [`Company`]
//! are what is made of the answers (pure); [`Siblings`] is the thread that asks.

mod asker;

use std::collections::BTreeMap;
use std::net::SocketAddr;

pub use asker::{Asked, OnChange, Siblings};

use crate::node::Reason;

/// So many questions in a row without a good answer, and a sibling counts as gone: on a path that
/// loses one packet in a hundred, one good sibling in a million.
pub const MISSES: u32 = 3;

/// What is known of a sibling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sibling {
    /// Whether it answers; absent while nobody knows.
    pub answering: Option<bool>,
    /// Why it does not.
    pub failure: Option<Reason>,
    /// Questions in a row without a good answer; more than [`MISSES`] are no more than that.
    misses: u32,
}

impl Sibling {
    /// It gave a good answer.
    pub fn handle_answer(&mut self) {
        *self = Self { answering: Some(true), ..Self::default() };
    }

    /// It did not, and why.
    pub fn handle_miss(&mut self, why: Reason) {
        self.misses = (self.misses + 1).min(MISSES);
        if self.misses >= MISSES {
            self.answering = Some(false);
            self.failure = Some(why);
        }
    }
}

/// Who else there is to announce something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Company {
    /// Siblings that are configured.
    pub configured: usize,
    /// Those that answer.
    pub answering: usize,
}

impl Company {
    /// That of an announcement with these siblings.
    #[must_use]
    pub fn of(configured: &[SocketAddr], known: &BTreeMap<SocketAddr, Sibling>) -> Self {
        let answers = |address: &&SocketAddr| {
            known.get(address).is_some_and(|sibling| sibling.answering == Some(true))
        };
        let answering = configured.iter().filter(answers).count();
        Self { configured: configured.len(), answering }
    }

    /// Whether nobody else is known to answer, although there should be somebody.
    #[must_use]
    pub const fn is_alone(self) -> bool {
        self.configured > 0 && self.answering == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_answers_from_its_first_answer_until_it_misses_three_in_a_row() {
        let mut sibling = Sibling::default();
        // (answers) → what is known then.
        for (answers, known) in [
            (false, None),
            (false, None),
            (true, Some(true)),
            (false, Some(true)),
            (false, Some(true)),
            (true, Some(true)),
            (false, Some(true)),
            (false, Some(true)),
            (false, Some(false)),
            (false, Some(false)),
            (true, Some(true)),
        ] {
            match answers {
                true => sibling.handle_answer(),
                false => sibling.handle_miss("silence".into()),
            }
            assert_eq!(sibling.answering, known);
            assert_eq!(sibling.failure.is_some(), known == Some(false));
        }
    }

    #[test]
    fn a_sibling_that_never_answered_is_known_not_to_after_three() {
        let mut sibling = Sibling::default();
        (0..MISSES).for_each(|_| sibling.handle_miss("silence".into()));
        assert_eq!(sibling.answering, Some(false));
        let before = sibling.clone();
        sibling.handle_miss("silence".into());
        assert_eq!(sibling, before, "one more is no change");
    }

    #[test]
    fn who_has_siblings_of_which_none_is_known_to_answer_is_alone() {
        let [a, b]: [SocketAddr; 2] =
            ["192.0.2.1:53", "192.0.2.2:53"].map(|address| address.parse().expect("an address"));
        let is = |answering| Sibling { answering, ..Sibling::default() };
        for (configured, known, alone) in [
            (vec![], vec![], false),
            (vec![], vec![(a, is(Some(true)))], false),
            (vec![a], vec![], true),
            (vec![a], vec![(a, is(None))], true),
            (vec![a], vec![(a, is(Some(false)))], true),
            (vec![a], vec![(a, is(Some(true)))], false),
            (vec![a, b], vec![(a, is(Some(false))), (b, is(Some(true)))], false),
            (vec![a], vec![(b, is(Some(true)))], true),
        ] {
            let known = known.into_iter().collect();
            assert_eq!(Company::of(&configured, &known).is_alone(), alone, "{known:?}");
        }
    }
}
