//! Which clients one policy cannot tell apart, and the exact ECS scope of each.
//!
//! A policy sees a client's place and those of its own CIDRs that hold the client: its *context*.
//! All that it adds to the shared map of places is the class of each place in each context, and
//! the set of boundaries at which the class changes: one bit for each start of a range of places,
//! and a list for starts of CIDRs in between.
//!
//! The scope of a client's answer follows from the two nearest of those boundaries. Let `[lo, hi]`
//! be the longest run of addresses around client `a` that are of its class. A prefix that holds
//! `a` is within the run when it holds neither `lo − 1` nor `hi + 1`, and it holds an address `x`
//! when it is no longer than the common prefix of `a` and `x`; so the shortest within the run is
//! of length max(common(a, lo − 1), common(a, hi + 1)) + 1, where an end at the edge of the
//! address space drops out. With both dropped it is 0.
//!
//! Each family is a space of its own. In that of IPv6 lie the blocks whose addresses carry an IPv4
//! address and are classed by it ([`canonical`]). While all of IPv4 is
//! one class, so is each block, and it runs together with neighbours of that class. Otherwise a
//! block is unlike anything around it, and inside it the scope is that of the IPv4 address, behind
//! the bits that stand before it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::Facts;
use super::boundaries::Boundaries;
use super::places::{Places, TRANSITION, canonical};
use super::ranges::{Address, Cover, Ranges};
use super::transition::Transition;

/// A class of clients that a policy treats alike: a dense index from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub u32);

/// A client as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// What the databases know of its place.
    pub facts: &'a Facts,
    /// Those of the policy's CIDRs that hold it, longest first.
    pub cidrs: &'a [IpNet],
}

/// The clients of one policy, by class.
#[derive(Debug)]
pub struct Partition {
    places: Arc<Places>,
    /// By place: the class of clients that no CIDR holds.
    outside: Box<[ClassId]>,
    v4: Side<u32>,
    v6: Side<u128>,
}

impl Partition {
    /// Asks `class_of` for every place × CIDR context that exists and keeps the answers.
    /// `class_of` must give equal classes for clients to be treated alike, whatever the order of
    /// the calls.
    #[must_use]
    pub fn build(
        places: Arc<Places>,
        cidrs: &[IpNet],
        class_of: impl FnMut(Who<'_>) -> ClassId,
    ) -> Self {
        let mut asker = Asker { places: &places, outside: vec![None; places.count()], class_of };
        let (v4_contexts, v6_contexts) = contexts(cidrs);
        let v4 = Side::build(&places.v4, v4_contexts, &mut asker, None);
        let v4_class =
            v4.is_one_class().then(|| asker.class(places.v4.number(0), v4.contexts.of(u32::MIN)));
        let v6 = Side::build(&places.v6, v6_contexts, &mut asker, v4_class);
        let outside = asker.outside.into_iter().map(|class| class.unwrap_or(NO_CLIENT)).collect();
        Self { places, outside, v4, v6 }
    }

    /// The class of a client.
    #[must_use]
    pub fn class(&self, client: IpAddr) -> ClassId {
        match canonical(client) {
            IpAddr::V4(v4) => self.v4.class(&self.places.v4, &self.outside, v4.into()),
            IpAddr::V6(v6) => self.v6.class(&self.places.v6, &self.outside, v6.into()),
        }
    }

    /// The ECS scope (RFC 7871 §7.2.1): the length of the shortest prefix that holds the client
    /// and in which every address is of its class; in bits of the client's own family.
    #[must_use]
    pub fn scope(&self, client: IpAddr) -> u8 {
        let bits = match client {
            IpAddr::V4(v4) => self.v4.scope(&self.places.v4, v4.into()),
            IpAddr::V6(v6) => match Transition::of(v6) {
                Some(block) if !self.v4.is_one_class() => {
                    let carried = block.carried(v6).into();
                    block.bits_before() + self.v4.scope(&self.places.v4, carried)
                }
                _ => self.v6.scope(&self.places.v6, v6.into()),
            },
        };
        bits as u8
    }

    /// [`Self::class`] and [`Self::scope`] together, in less time.
    #[must_use]
    pub fn class_and_scope(&self, client: IpAddr) -> (ClassId, u8) {
        match client {
            IpAddr::V4(v4) => {
                let (class, scope) =
                    self.v4.class_and_scope(&self.places.v4, &self.outside, v4.into());
                (class, scope as u8)
            }
            IpAddr::V6(_) => (self.class(client), self.scope(client)),
        }
    }

    /// The client as the policy saw it at load.
    pub fn who<R>(&self, client: IpAddr, use_it: impl FnOnce(Who<'_>) -> R) -> R {
        let cidrs = match canonical(client) {
            IpAddr::V4(v4) => self.v4.contexts.of(v4.into()),
            IpAddr::V6(v6) => self.v6.contexts.of(v6.into()),
        };
        use_it(Who { facts: self.places.facts(client), cidrs })
    }

    /// What it takes of memory beside the shared map, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.outside) + self.v4.bytes() + self.v6.bytes()
    }
}

/// The class of a place that has no client outside of the CIDRs; never read.
const NO_CLIENT: ClassId = ClassId(u32::MAX);

/// Asks for classes; for that of a place outside of the CIDRs once.
struct Asker<'p, F> {
    places: &'p Places,
    outside: Vec<Option<ClassId>>,
    class_of: F,
}

impl<F: FnMut(Who<'_>) -> ClassId> Asker<'_, F> {
    fn class(&mut self, place: u32, cidrs: &[IpNet]) -> ClassId {
        let who = Who { facts: self.places.place(place), cidrs };
        if !cidrs.is_empty() {
            return (self.class_of)(who);
        }
        *self.outside[place as usize].get_or_insert_with(|| (self.class_of)(who))
    }
}

/// A policy's CIDRs of one family, flattened.
#[derive(Debug)]
struct Contexts<A> {
    /// Address → context.
    ranges: Ranges<A>,
    /// By context: the CIDRs that hold it, longest first. The first context is outside of all.
    cidrs: Vec<Box<[IpNet]>>,
}

/// The contexts of IPv4 and of IPv6.
fn contexts(cidrs: &[IpNet]) -> (Contexts<u32>, Contexts<u128>) {
    let of_v4 = |net: &IpNet| match net.trunc() {
        IpNet::V4(v4) => Some((v4.network().into(), v4.broadcast().into(), net.trunc())),
        IpNet::V6(_) => None,
    };
    let of_v6 = |net: &IpNet| match net.trunc() {
        IpNet::V6(v6) => Some((v6.network().into(), v6.broadcast().into(), net.trunc())),
        IpNet::V4(_) => None,
    };
    (
        Contexts::new(cidrs.iter().filter_map(of_v4).collect()),
        Contexts::new(cidrs.iter().filter_map(of_v6).collect()),
    )
}

impl<A: Address> Contexts<A> {
    /// Takes each CIDR's first and last address. Two CIDRs are apart or one in the other, so those
    /// that hold the address that a walk in order has reached are a stack.
    fn new(mut nets: Vec<(A, A, IpNet)>) -> Self {
        nets.sort_unstable_by_key(|(first, last, _)| (*first, std::cmp::Reverse(*last)));
        nets.dedup();
        let mut cover = Cover::of(0);
        let mut cidrs: Vec<Box<[IpNet]>> = vec![Box::default()];
        let mut open: Vec<(A, u32)> = Vec::new();
        for (first, last, net) in nets {
            close(&mut cover, &mut open, |end| end < first);
            let parent = open.last().map_or(0, |(_, context)| *context);
            let context = cidrs.len() as u32;
            cidrs.push([net].iter().chain(&cidrs[parent as usize]).copied().collect());
            cover.start(first, context);
            open.push((last, context));
        }
        close(&mut cover, &mut open, |_| true);
        Self { ranges: Ranges::new(cover), cidrs }
    }

    /// The context of an address.
    fn number(&self, address: A) -> u32 {
        if self.cidrs.len() == 1 { 0 } else { self.ranges.number(self.ranges.index_of(address)) }
    }

    /// The CIDRs that hold an address, longest first.
    fn of(&self, address: A) -> &[IpNet] {
        &self.cidrs[self.number(address) as usize]
    }
}

/// Takes CIDRs from the stack and starts what lies behind each.
fn close<A: Address>(cover: &mut Cover<A>, open: &mut Vec<(A, u32)>, ended: impl Fn(A) -> bool) {
    while let Some((end, _)) = open.pop_if(|(end, _)| ended(*end)) {
        if let Some(next) = end.next() {
            cover.start(next, open.last().map_or(0, |(_, context)| *context));
        }
    }
}

/// One family of a partition.
#[derive(Debug)]
struct Side<A> {
    contexts: Contexts<A>,
    /// By context: the class of each place in it, sorted by place; one entry when all are of one
    /// class. That of the first context is [`Partition::outside`].
    inside: Vec<Box<[(u32, ClassId)]>>,
    /// The ranges of places at whose start the class changes.
    boundaries: Boundaries,
    /// The other addresses at which the class changes, sorted.
    edges: Box<[A]>,
}

impl<A: Address> Side<A> {
    /// Walks every piece of the address space in which place and context stay the same.
    /// `v4_class`: that of all of IPv4, where it is one.
    fn build(
        places: &Ranges<A>,
        contexts: Contexts<A>,
        asker: &mut Asker<'_, impl FnMut(Who<'_>) -> ClassId>,
        v4_class: Option<ClassId>,
    ) -> Self {
        let mut inside: Vec<HashMap<u32, ClassId>> = vec![HashMap::new(); contexts.cidrs.len()];
        let mut boundaries = Boundaries::below(places.len());
        let mut edges = Vec::new();
        let mut before = None;
        for piece in pieces(places, &contexts.ranges) {
            let context = piece.context as usize;
            let class = match (piece.place, context) {
                (TRANSITION, _) => v4_class,
                (place, 0) => Some(asker.class(place, &[])),
                (place, _) => Some(
                    *inside[context]
                        .entry(place)
                        .or_insert_with(|| asker.class(place, &contexts.cidrs[context])),
                ),
            };
            if before.replace(class).is_some_and(|before| before != class) {
                match piece.starts_range {
                    Some(index) => boundaries.insert(index),
                    None => edges.push(piece.start),
                }
            }
        }
        let inside = inside.into_iter().map(by_place).collect();
        Self { contexts, inside, boundaries, edges: edges.into() }
    }

    fn class(&self, places: &Ranges<A>, outside: &[ClassId], address: A) -> ClassId {
        self.class_in(places.number(places.index_of(address)), outside, address)
    }

    fn scope(&self, places: &Ranges<A>, address: A) -> u32 {
        self.scope_in(places, places.index_of(address), address)
    }

    fn class_and_scope(
        &self,
        places: &Ranges<A>,
        outside: &[ClassId],
        address: A,
    ) -> (ClassId, u32) {
        let range = places.index_of(address);
        let class = self.class_in(places.number(range), outside, address);
        (class, self.scope_in(places, range, address))
    }

    /// The class of an address of a place.
    fn class_in(&self, place: u32, outside: &[ClassId], address: A) -> ClassId {
        match self.contexts.number(address) {
            0 => outside[place as usize],
            context => match &*self.inside[context as usize] {
                [(_, class)] => *class,
                classes => classes
                    .binary_search_by_key(&place, |(place, _)| *place)
                    .map_or(NO_CLIENT, |at| classes[at].1),
            },
        }
    }

    /// The scope within this family for an address of a range, by the two nearest boundaries.
    fn scope_in(&self, places: &Ranges<A>, range: usize, address: A) -> u32 {
        let start = |index| places.start(index);
        let mut before = self.boundaries.at_or_before(range).map(start);
        let mut after = self.boundaries.at_or_after(range + 1).map(start);
        if !self.edges.is_empty() {
            let edge = self.edges.partition_point(|edge| *edge <= address);
            before = before.max(edge.checked_sub(1).map(|edge| self.edges[edge]));
            let edge_after = self.edges.get(edge).copied();
            after = after.into_iter().chain(edge_after).min();
        }
        let longer_than = |other| address.common_bits(other) + 1;
        let below_run = before.and_then(A::previous).map_or(0, longer_than);
        let above_run = after.map_or(0, longer_than);
        below_run.max(above_run)
    }

    fn is_one_class(&self) -> bool {
        self.boundaries.is_empty() && self.edges.is_empty()
    }

    fn bytes(&self) -> usize {
        let cidrs: usize = self.contexts.cidrs.iter().map(|cidrs| size_of_val(&**cidrs)).sum();
        let classes: usize = self.inside.iter().map(|classes| size_of_val(&**classes)).sum();
        self.contexts.ranges.bytes()
            + cidrs
            + classes
            + self.boundaries.bytes()
            + size_of_val(&*self.edges)
    }
}

/// The classes of a context, sorted by place; one entry when they are equal.
fn by_place(classes: HashMap<u32, ClassId>) -> Box<[(u32, ClassId)]> {
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_unstable();
    if classes.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        classes.truncate(1);
    }
    classes.into()
}

/// A piece of the address space of one place and one context, up to the next one's start.
struct Piece<A> {
    start: A,
    /// The range that starts with it; absent when it starts inside of one.
    starts_range: Option<usize>,
    place: u32,
    context: u32,
}

/// Every piece, in order.
fn pieces<'r, A: Address>(
    places: &'r Ranges<A>,
    contexts: &'r Ranges<A>,
) -> impl Iterator<Item = Piece<A>> + 'r {
    let (mut range, mut context) = (0, 0);
    let mut next = Some(places.start(0));
    std::iter::from_fn(move || {
        let start = next?;
        range += usize::from(range + 1 < places.len() && places.start(range + 1) <= start);
        context +=
            usize::from(context + 1 < contexts.len() && contexts.start(context + 1) <= start);
        let next_range = (range + 1 < places.len()).then(|| places.start(range + 1));
        let next_context = (context + 1 < contexts.len()).then(|| contexts.start(context + 1));
        next = [next_range, next_context].into_iter().flatten().min();
        Some(Piece {
            start,
            starts_range: (places.start(range) == start).then_some(range),
            place: places.number(range),
            context: contexts.number(context),
        })
    })
}

#[cfg(test)]
mod tests;
