//! Several members of a pool, or of many: drawn by weight without replacement, each address once.

use std::net::{IpAddr, Ipv4Addr};

use super::choice::{Drawable, MemberTable};
use super::hash;
use super::pick::MAX_ANSWERS;

/// Draws distinct members by weight without replacement, in random order; by the client's hash
/// where there is one, the best first.
#[inline(never)]
pub(super) fn draw_members(
    table: &MemberTable,
    wanted: usize,
    seed: Option<u64>,
    rng: &mut fastrand::Rng,
) -> List {
    let mut best = Best::new(wanted);
    let word = seed.unwrap_or_else(|| rng.u64(..));
    table.members.iter().for_each(|member| best.offer(member, word));
    match seed {
        Some(_) => best.in_order_of_score(),
        None => best.in_any_order().shuffled(rng),
    }
}

/// The members with the best scores out of any number that are offered: a draw by weight without
/// replacement (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006), by
/// the client's hash or by one random word. An address stands once.
pub(super) struct Best<'s> {
    slots: [Option<Slot<'s>>; MAX_ANSWERS],
    len: usize,
    wanted: usize,
    /// Scores are computed when there are more members than wanted, not before.
    scored: bool,
}

#[derive(Clone, Copy)]
struct Slot<'s> {
    member: &'s Drawable,
    seed: u64,
    score: f64,
}

impl Slot<'_> {
    fn scored(self) -> Self {
        let score = hash::score(self.seed, self.member.key, self.member.weight.into());
        Self { score, ..self }
    }
}

impl<'s> Best<'s> {
    /// `wanted` is at most [`MAX_ANSWERS`].
    pub(super) fn new(wanted: usize) -> Self {
        Self { slots: [None; MAX_ANSWERS], len: 0, wanted: wanted.min(MAX_ANSWERS), scored: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn taken(&mut self) -> &mut [Option<Slot<'s>>] {
        self.slots.get_mut(..self.len).unwrap_or_default()
    }

    pub(super) fn offer(&mut self, member: &'s Drawable, seed: u64) {
        let mut offered = Slot { member, seed, score: 0.0 };
        if self.scored {
            offered = offered.scored();
        }
        let same = |slot: &&mut Option<Slot<'_>>| {
            slot.is_some_and(|taken| taken.member.address == member.address)
        };
        if let Some(taken) = self.taken().iter_mut().find(same) {
            // In several pools: its greatest weight counts.
            if taken.is_some_and(|taken| taken.member.weight < member.weight) {
                *taken = Some(offered);
            }
        } else if self.len < self.wanted {
            self.slots[self.len] = Some(offered);
            self.len += 1;
        } else {
            self.score_all();
            self.replace_worst(offered.scored());
        }
    }

    fn score_all(&mut self) {
        if !std::mem::replace(&mut self.scored, true) {
            self.taken().iter_mut().flatten().for_each(|slot| *slot = slot.scored());
        }
    }

    fn replace_worst(&mut self, offered: Slot<'s>) {
        let slots = self.taken().iter_mut().flatten();
        let worst = slots.min_by(|a, b| a.score.total_cmp(&b.score));
        if let Some(worst) = worst
            && worst.score < offered.score
        {
            *worst = offered;
        }
    }

    pub(super) fn in_any_order(&self) -> List {
        let mut list = List::default();
        self.slots.iter().flatten().for_each(|slot| list.push(slot.member.address));
        list
    }

    /// The same client gets the same order, its best member first.
    pub(super) fn in_order_of_score(mut self) -> List {
        self.score_all();
        let score = |slot: &Option<Slot<'_>>| slot.map_or(f64::NEG_INFINITY, |slot| slot.score);
        self.taken().sort_unstable_by(|a, b| score(b).total_cmp(&score(a)));
        self.in_any_order()
    }
}

/// The addresses of an answer that has several. Most answers have one, and go without a list.
pub(super) struct List {
    addresses: [IpAddr; MAX_ANSWERS],
    len: usize,
}

impl Default for List {
    fn default() -> Self {
        Self { addresses: [IpAddr::V4(Ipv4Addr::UNSPECIFIED); MAX_ANSWERS], len: 0 }
    }
}

impl List {
    pub(super) fn as_slice(&self) -> &[IpAddr] {
        self.addresses.get(..self.len).unwrap_or_default()
    }

    /// Takes one more, while there is room.
    pub(super) fn push(&mut self, address: IpAddr) {
        if let Some(free) = self.addresses.get_mut(self.len) {
            *free = address;
            self.len += 1;
        }
    }

    pub(super) fn shuffled(mut self, rng: &mut fastrand::Rng) -> Self {
        rng.shuffle(self.addresses.get_mut(..self.len).unwrap_or_default());
        self
    }
}
