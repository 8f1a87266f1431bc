//! One family's address space cut into ranges, each with a number.
//!
//! A [`Cover`] is the plain list that maps are made of: every address is in exactly one range, and
//! neighbours differ in number. [`Ranges`] is a finished cover under a root index: an address is
//! found by one read of the root and a binary search of the few ranges below it.

use std::ops::RangeInclusive;

/// An address as a number: `u32` for IPv4, `u128` for IPv6.
pub(super) trait Address: Copy + Ord + Into<u128> + std::fmt::Debug {
    const BITS: u32;

    /// Back from the wide form; bits that do not fit are lost.
    fn narrow(wide: u128) -> Self;

    /// The address before this one; none before 0.
    fn previous(self) -> Option<Self>;

    /// How many leading bits two addresses share.
    fn common_bits(self, other: Self) -> u32;

    /// What is left of its leading bits when it is shifted by this many; at most 16 bits.
    fn leading(self, shift: u32) -> usize;

    /// The last address of the family.
    fn last() -> Self {
        Self::narrow(u128::MAX)
    }

    /// The address after this one; none after the last.
    fn next(self) -> Option<Self> {
        (self != Self::last()).then(|| Self::narrow(self.into() + 1))
    }
}

impl Address for u32 {
    #[expect(clippy::use_self, reason = "a count of bits, no address")]
    const BITS: u32 = Self::BITS;

    fn narrow(wide: u128) -> Self {
        wide as Self
    }

    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }

    fn common_bits(self, other: Self) -> u32 {
        (self ^ other).leading_zeros()
    }

    fn leading(self, shift: u32) -> usize {
        (self >> shift) as usize
    }
}

impl Address for u128 {
    const BITS: u32 = Self::BITS;

    fn narrow(wide: u128) -> Self {
        wide
    }

    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }

    fn common_bits(self, other: Self) -> u32 {
        (self ^ other).leading_zeros()
    }

    fn leading(self, shift: u32) -> usize {
        (self >> shift) as usize
    }
}

/// Numbered ranges that cover the whole address space in order; no two neighbours are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cover<A> {
    /// Sorted; the first is 0.
    starts: Vec<A>,
    numbers: Vec<u32>,
}

impl<A: Address> Cover<A> {
    /// One range with one number.
    pub(super) fn of(number: u32) -> Self {
        Self { starts: vec![A::narrow(0)], numbers: vec![number] }
    }

    /// Gives a range its number. Ranges come in order and do not overlap; what lies between them
    /// keeps the number that the cover was made [`of`](Self::of).
    pub(super) fn push(&mut self, range: RangeInclusive<A>, number: u32) {
        let rest = self.numbers.last().copied().unwrap_or_default();
        self.start(*range.start(), number);
        if let Some(next) = range.end().next() {
            self.start(next, rest);
        }
    }

    /// Starts a range at or after the start of the last one, and ends that before it.
    pub(super) fn start(&mut self, start: A, number: u32) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.numbers.pop();
        }
        if self.numbers.last() != Some(&number) {
            self.starts.push(start);
            self.numbers.push(number);
        }
    }

    /// The same ranges by other numbers.
    pub(super) fn renumber(&self, mut of: impl FnMut(u32) -> u32) -> Self {
        let mut renumbered = Self { starts: Vec::new(), numbers: Vec::new() };
        for (start, number) in self.iter() {
            renumbered.start(start, of(number));
        }
        renumbered
    }

    /// Lays two covers over each other.
    pub(super) fn merge(&self, other: &Self, mut of: impl FnMut(u32, u32) -> u32) -> Self {
        let mut merged = Self { starts: Vec::new(), numbers: Vec::new() };
        let (mut i, mut j) = (0, 0);
        loop {
            let start = self.starts[i].max(other.starts[j]);
            merged.start(start, of(self.numbers[i], other.numbers[j]));
            match (self.starts.get(i + 1), other.starts.get(j + 1)) {
                (None, None) => return merged,
                (Some(a), Some(b)) if a == b => (i, j) = (i + 1, j + 1),
                (Some(a), b) if b.is_none_or(|b| a < b) => i += 1,
                _ => j += 1,
            }
        }
    }

    /// Each range's start and number, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (A, u32)> + '_ {
        self.starts.iter().copied().zip(self.numbers.iter().copied())
    }
}

/// A finished cover that answers quickly.
#[derive(Debug)]
pub(super) struct Ranges<A> {
    starts: Box<[A]>,
    numbers: Box<[u32]>,
    /// For each value of an address's first bits, the index of the range that holds the first such
    /// address; one more entry ends the last bucket.
    root: Box<[u32]>,
    /// How far an address is shifted for its index in the root.
    shift: u32,
}

/// 65,536 buckets: 256 KB. More would only move misses from the ranges to the root.
const MOST_ROOT_BITS: u32 = 16;

impl<A: Address> Ranges<A> {
    pub(super) fn new(cover: Cover<A>) -> Self {
        let bits = (usize::BITS - cover.starts.len().leading_zeros()).clamp(1, MOST_ROOT_BITS);
        let shift = A::BITS - bits;
        let mut root = Vec::with_capacity((1 << bits) + 1);
        let mut index = 0;
        for bucket in 0..1u128 << bits {
            let first = A::narrow(bucket << shift);
            while cover.starts.get(index + 1).is_some_and(|start| *start <= first) {
                index += 1;
            }
            root.push(index as u32);
        }
        root.push(cover.starts.len() as u32 - 1);
        Self {
            starts: cover.starts.into(),
            numbers: cover.numbers.into(),
            root: root.into(),
            shift,
        }
    }

    /// How many ranges there are; at least one.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The index of the range that holds an address.
    pub(super) fn index_of(&self, address: A) -> usize {
        let bucket = address.leading(self.shift);
        let (first, last) = (self.root[bucket] as usize, self.root[bucket + 1] as usize);
        first + self.starts[first + 1..=last].partition_point(|start| *start <= address)
    }

    /// The first address of a range.
    pub(super) fn start(&self, index: usize) -> A {
        self.starts[index]
    }

    /// The number of a range.
    pub(super) fn number(&self, index: usize) -> u32 {
        self.numbers[index]
    }

    /// What it takes of memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.numbers) + size_of_val(&*self.root)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cover(ranges: &[(RangeInclusive<u32>, u32)]) -> Cover<u32> {
        let mut cover = Cover::of(0);
        for (range, number) in ranges {
            cover.push(range.clone(), *number);
        }
        cover
    }

    #[test]
    fn equal_neighbours_are_one_range() {
        let cover = cover(&[(5..=9, 1), (10..=20, 1), (30..=u32::MAX, 2)]);
        let ranges: Vec<_> = cover.iter().collect();
        assert_eq!(ranges, [(0, 0), (5, 1), (21, 0), (30, 2)]);
    }

    #[test]
    fn a_range_may_start_at_the_first_address_and_end_at_the_last() {
        let whole = cover(&[(0..=u32::MAX, 7)]);
        assert_eq!(whole, Cover::of(7));
        assert_eq!(Ranges::new(whole).index_of(u32::MAX), 0);
    }

    #[test]
    fn merging_keeps_every_boundary_that_tells_ranges_apart() {
        let merged =
            cover(&[(10..=19, 1)]).merge(&cover(&[(5..=14, 2), (20..=29, 1)]), |a, b| a.max(b));
        assert_eq!(merged.iter().collect::<Vec<_>>(), [(0, 0), (5, 2), (15, 1), (30, 0)]);
    }

    #[test]
    fn common_bits_are_counted_within_the_family() {
        assert_eq!(0x8000_0000u32.common_bits(0), 0);
        assert_eq!(0x0a00_0000u32.common_bits(0x0a00_0001), 31);
        assert_eq!(1u128.common_bits(1), 128);
    }

    proptest! {
        #[test]
        fn every_address_is_found_in_its_range(
            cuts in prop::collection::btree_set(any::<u32>(), 0..200),
            spread in 0u32..30,
            probes in prop::collection::vec(any::<u32>(), 50),
        ) {
            let mut cover = Cover::of(0);
            let cuts: std::collections::BTreeSet<_> = cuts.iter().map(|c| c >> spread).collect();
            for (number, cut) in cuts.iter().enumerate() {
                cover.start(*cut, number as u32 + 1);
            }
            let ranges = Ranges::new(cover.clone());
            let near = cuts.iter().flat_map(|c| [c.wrapping_sub(1), *c, c.wrapping_add(1)]);
            for address in near.chain(probes) {
                let expected = cover.starts.iter().rposition(|start| *start <= address);
                prop_assert_eq!(Some(ranges.index_of(address)), expected);
            }
        }
    }
}
