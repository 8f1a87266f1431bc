//! A set of numbers below a fixed bound in which the nearest member before or after a number is
//! found in a few reads: bits, and above them a bit for each word that is not empty, to the top.

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// A set of numbers; one bit for each number below the bound and a sixty-fourth of that more.
#[derive(Clone, Debug, Default)]
pub(super) struct Boundaries {
    /// The numbers themselves, then for each level below a bit for each word that is not 0. The
    /// last level is one word.
    levels: Vec<Box<[u64]>>,
}

impl Boundaries {
    /// The empty set of numbers below `bound`.
    pub(super) fn below(bound: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = bound.div_ceil(WORD).max(1);
        loop {
            levels.push(vec![0; words].into_boxed_slice());
            if words == 1 {
                return Self { levels };
            }
            words = words.div_ceil(WORD);
        }
    }

    /// Adds a number below the bound.
    pub(super) fn insert(&mut self, number: usize) {
        let mut position = number;
        for level in &mut self.levels {
            level[position / WORD] |= 1 << (position % WORD);
            position /= WORD;
        }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.levels.last().is_none_or(|top| top[0] == 0)
    }

    /// The greatest member that is `number` or less.
    pub(super) fn at_or_before(&self, number: usize) -> Option<usize> {
        let mut position = number;
        for (height, level) in self.levels.iter().enumerate() {
            let word = level.get(position / WORD)? << (WORD - 1 - position % WORD);
            if word != 0 {
                let found = position - word.leading_zeros() as usize;
                return Some(self.descend(height, found, |word| word.ilog2()));
            }
            position = (position / WORD).checked_sub(1)?;
        }
        None
    }

    /// The least member that is `number` or more.
    pub(super) fn at_or_after(&self, number: usize) -> Option<usize> {
        let mut position = number;
        for (height, level) in self.levels.iter().enumerate() {
            let word = level.get(position / WORD)? >> (position % WORD);
            if word != 0 {
                let found = position + word.trailing_zeros() as usize;
                return Some(self.descend(height, found, u64::trailing_zeros));
            }
            position = position / WORD + 1;
        }
        None
    }

    /// From a set bit on a level to the member below it that `choose` takes in each word.
    fn descend(&self, height: usize, position: usize, choose: impl Fn(u64) -> u32) -> usize {
        if height == 0 {
            return position;
        }
        self.levels[..height]
            .iter()
            .rev()
            .fold(position, |position, level| position * WORD + choose(level[position]) as usize)
    }

    /// What it takes of memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.levels.iter().map(|level| size_of_val(&**level)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_set_has_no_neighbours() {
        let set = Boundaries::below(100_000);
        assert!(set.is_empty());
        assert_eq!(set.at_or_before(99_999), None);
        assert_eq!(set.at_or_after(0), None);
    }

    #[test]
    fn a_number_past_the_bound_has_none_after_it() {
        let mut set = Boundaries::below(64);
        set.insert(63);
        assert_eq!(set.at_or_after(63), Some(63));
        assert_eq!(set.at_or_after(64), None);
    }

    proptest! {
        #[test]
        fn neighbours_are_those_of_an_ordered_set(
            bound in prop::sample::select(vec![1usize, 63, 64, 65, 4096, 4097, 300_000]),
            members in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
            asked in prop::collection::vec(any::<prop::sample::Index>(), 40),
        ) {
            let mut set = Boundaries::below(bound);
            let members: BTreeSet<_> = members.iter().map(|m| m.index(bound)).collect();
            members.iter().for_each(|m| set.insert(*m));
            let asked = asked.iter().map(|a| a.index(bound));
            for number in asked.chain(members.iter().copied()) {
                let before = members.range(..=number).next_back().copied();
                prop_assert_eq!(set.at_or_before(number), before);
                prop_assert_eq!(set.at_or_after(number), members.range(number..).next().copied());
            }
        }
    }
}
