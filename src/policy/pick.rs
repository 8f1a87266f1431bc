//! One query's walk through the tables of a choice.
//!
//! The client's class leads to a decision, the decision to a pool, the pool to members. Nothing is
//! allocated or locked; every step goes to a choice of a smaller id, so each way down ends.

use std::net::IpAddr;
use std::slice;
use std::sync::Arc;

use super::choice::{Choice, ChoiceId, Drawable, HashChild, Kind, MemberTable};
use super::choice::{PolicyChoices, PoolTables};
use super::decide::{Decided, Decision};
use super::draw::{Best, List, draw_members};
use super::{Family, PoolId, PrefixLengths, Routed, TtlRange, WhenDown, hash};
use crate::geo::partition::ClassId;
use crate::geo::places::canonical;
use crate::world::{Route, RouteId, Snapshot};

/// The most members that one answer carries.
pub const MAX_ANSWERS: usize = 16;

/// The most pools that an `all` is followed to: nested, they could be many without end.
const MAX_POOLS_TOGETHER: u32 = 1024;

/// What is asked of a routed name.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The addresses wanted.
    pub family: Family,
    /// Who wants them, as the policy is to see it.
    pub client: IpAddr,
    /// Whether the scope is to be told.
    pub scope: Scope,
}

/// Whether the scope of an answer is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Scope {
    Told,
    Untold,
}

/// What a routed name answers to one query, but for the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picked {
    /// What kind of answer it is.
    pub verdict: Verdict,
    /// In seconds.
    pub ttl: u32,
    /// The pool picked; the first under `all`; absent with `fallback` addresses.
    pub pool: Option<PoolId>,
    /// What [`scope`] says, where it is to be told; else 0.
    pub scope: u8,
}

/// The kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Verdict {
    Addresses,
    NoData,
    ServFail,
    Refused,
}

impl Picked {
    fn without_addresses(verdict: Verdict, ttl: u32) -> Self {
        Self { verdict, ttl, pool: None, scope: 0 }
    }
}

/// Picks the members to answer with. No allocation, no lock.
///
/// `send` is called once with the TTL and the distinct addresses of the family asked, in the order
/// to be sent; not at all unless the verdict is [`Verdict::Addresses`].
pub fn pick(
    snapshot: &Snapshot,
    routed: &Routed,
    asked: Asked,
    rng: &mut fastrand::Rng,
    send: impl FnOnce(u32, &[IpAddr]),
) -> Picked {
    let found = route_of(snapshot, routed).and_then(|(id, route)| {
        let choices = snapshot.choices.get(id.0 as usize)?;
        Some((route, Tables { choices, pools: &snapshot.pools }))
    });
    let Some((route, tables)) = found else {
        // A world has a route for every routed name: this is a fault of ours, and says so.
        return Picked::without_addresses(Verdict::ServFail, routed.ttl.shortest);
    };
    let (class, scope) = match asked.scope {
        Scope::Told if routed.ecs => class_and_scope(snapshot, route, asked.client),
        _ => (class_of(route, asked.client), 0),
    };
    let client = if route.sticky.is_some() { canonical(asked.client) } else { asked.client };
    Picked { scope, ..tables.pick(routed, class, (asked.family, client), rng, send) }
}

/// The ECS scope of a routed name's answer to a client (POLICY.md, RFC 7871 §7.2.1), in bits of the
/// client's own family: 0 when the policy does not depend on the client.
#[must_use]
pub fn scope(snapshot: &Snapshot, routed: &Routed, client: IpAddr) -> u8 {
    let route = route_of(snapshot, routed).filter(|_| routed.ecs);
    route.map_or(0, |(_, route)| class_and_scope(snapshot, route, client).1)
}

/// Whether a routed name's answers can depend on the client.
#[must_use]
pub fn client_dependent(snapshot: &Snapshot, routed: &Routed) -> bool {
    route_of(snapshot, routed)
        .is_some_and(|(_, route)| route.plans.len() > 1 || route.sticky.is_some())
}

/// The share of answers that carry members of each pool, computed, not sampled; see
/// [`PolicyChoices::shares`]. Empty when the answer is none of a pool's.
#[must_use]
pub fn shares(
    snapshot: &Snapshot,
    routed: &Routed,
    family: Family,
    client: IpAddr,
) -> Vec<(PoolId, f64)> {
    let choice = route_of(snapshot, routed).and_then(|(id, route)| {
        let choices = snapshot.choices.get(id.0 as usize)?;
        let decision = choices.decision(class_of(route, client), family)?;
        Some((choices, decision.choice_of(&routed.when_down)?))
    });
    choice.map(|(choices, root)| choices.shares(root)).unwrap_or_default()
}

/// The route of a routed name.
pub(super) fn route_of<'s>(
    snapshot: &'s Snapshot,
    routed: &Routed,
) -> Option<(RouteId, &'s Route)> {
    let world = &snapshot.world;
    let id = (*world.route_of.get(routed.policy.0 as usize)?)?;
    Some((id, world.routes.get(id.0 as usize)?))
}

/// The class of a client; where there is one class only, without looking for its place.
pub(super) fn class_of(route: &Route, client: IpAddr) -> ClassId {
    if route.plans.len() > 1 { route.partition.class(client) } else { ClassId(0) }
}

/// The class of a client, and the scope of answers to it.
fn class_and_scope(snapshot: &Snapshot, route: &Route, client: IpAddr) -> (ClassId, u8) {
    let several = route.plans.len() > 1;
    let (class, scope) =
        if several { route.partition.class_and_scope(client) } else { (ClassId(0), 0) };
    (class, scope.max(sticky_scope(snapshot, route, class, client)))
}

/// The bits that a `sticky` hashes of a client of this class, where the class meets one.
pub(super) fn sticky_scope(
    snapshot: &Snapshot,
    route: &Route,
    class: ClassId,
    client: IpAddr,
) -> u8 {
    if route.sticky.is_none() {
        return 0;
    }
    let plan = route.plans.get(class.0 as usize);
    let by = plan.and_then(|plan| snapshot.world.plans.sticky(*plan));
    by.map_or(0, |by| hashed_bits(by, client))
}

/// How many leading bits of the client's own address hold the hashed prefix. An embedded IPv4
/// address stands behind 96 bits, that of 6to4 (2002::/16) behind 16.
fn hashed_bits(by: PrefixLengths, client: IpAddr) -> u8 {
    match (client, canonical(client)) {
        (IpAddr::V4(_), _) => by.v4,
        (IpAddr::V6(_), IpAddr::V6(_)) => by.v6,
        (IpAddr::V6(outer), IpAddr::V4(_)) if outer.segments()[0] == 0x2002 => 16 + by.v4,
        (IpAddr::V6(_), IpAddr::V4(_)) => 96 + by.v4,
    }
}

impl TtlRange {
    /// The TTL for a hint, in seconds.
    #[must_use]
    pub fn following(self, hint: Option<u32>) -> u32 {
        let hint = hint.unwrap_or(self.longest);
        hint.min(self.longest).max(self.shortest)
    }
}

impl Decision {
    /// The choice to walk under a `when_down`; absent when that takes no pool.
    #[must_use]
    pub fn choice_of(&self, when_down: &WhenDown) -> Option<ChoiceId> {
        match (self.verdict, when_down) {
            (Decided::Up(choice), _) => Some(choice),
            (Decided::Down { as_if_up }, WhenDown::ServeAll | WhenDown::LastHealthy) => as_if_up,
            (Decided::Down { .. }, _) => None,
        }
    }

    /// The TTL of its answers, in seconds.
    #[must_use]
    pub fn ttl(&self, range: TtlRange) -> u32 {
        match self.verdict {
            Decided::Up(_) => range.following(self.hint),
            Decided::Down { .. } => range.shortest,
        }
    }
}

/// The tables of one route, and its pools'.
#[derive(Clone, Copy, Debug)]
pub struct Tables<'s> {
    /// From class to pool.
    pub choices: &'s PolicyChoices,
    /// By [`PoolId`].
    pub pools: &'s [Arc<PoolTables>],
}

impl<'s> Tables<'s> {
    /// Picks for a client of a class, as [`pick`] does. The client's address, of its canonical
    /// form, counts under `sticky` only.
    pub fn pick(
        self,
        routed: &Routed,
        class: ClassId,
        (family, client): (Family, IpAddr),
        rng: &mut fastrand::Rng,
        send: impl FnOnce(u32, &[IpAddr]),
    ) -> Picked {
        let Some(decision) = self.choices.decision(class, family) else {
            return Picked::without_addresses(Verdict::ServFail, routed.ttl.shortest);
        };
        let ttl = decision.ttl(routed.ttl);
        let preferred = match (decision.verdict, &routed.when_down) {
            (Decided::Up(_), _) | (Decided::Down { .. }, WhenDown::ServeAll) => None,
            (Decided::Down { .. }, WhenDown::LastHealthy) => Some(Kind::LastHealthy),
            (_, WhenDown::Fallback(addresses)) => return fallback(addresses, family, ttl, send),
            (_, WhenDown::NoData) => return Picked::without_addresses(Verdict::NoData, ttl),
            (_, WhenDown::ServFail) => return Picked::without_addresses(Verdict::ServFail, ttl),
            (_, WhenDown::Refused) => return Picked::without_addresses(Verdict::Refused, ttl),
        };
        let Some(choice) = decision.choice_of(&routed.when_down) else {
            return Picked::without_addresses(Verdict::NoData, ttl);
        };
        let walk = Walk { tables: self, family, client, answers: routed.answers, rng };
        let send = |addresses: &[IpAddr]| send_any(addresses, ttl, send);
        let (pool, verdict) = walk.picks(choice, preferred, send);
        Picked { verdict, ttl, pool, scope: 0 }
    }
}

/// Sends the addresses, where there are any.
fn send_any(addresses: &[IpAddr], ttl: u32, send: impl FnOnce(u32, &[IpAddr])) -> Verdict {
    if addresses.is_empty() {
        return Verdict::NoData;
    }
    send(ttl, addresses);
    Verdict::Addresses
}

/// Sends the addresses of the family asked, in the order listed.
fn fallback(
    addresses: &[IpAddr],
    family: Family,
    ttl: u32,
    send: impl FnOnce(u32, &[IpAddr]),
) -> Picked {
    let mut list = List::default();
    for address in addresses.iter().filter(|address| Family::of(**address) == family) {
        list.push(*address);
    }
    Picked::without_addresses(send_any(list.as_slice(), ttl, send), ttl)
}

/// One query on its way down.
struct Walk<'s, 'r> {
    tables: Tables<'s>,
    family: Family,
    /// Its canonical address.
    client: IpAddr,
    /// How many members the name wants.
    answers: Option<u8>,
    rng: &'r mut fastrand::Rng,
}

/// Where the draws of a way down have led.
enum End<'s> {
    Pool(PoolId, Kind),
    Several(&'s [ChoiceId]),
    /// Only when tables do not fit together, which they always do.
    Nowhere,
}

impl<'s> Walk<'s, '_> {
    /// Walks from a choice to addresses and sends them, none included; members of the `preferred`
    /// kind, where there are any. With the pool that they are of.
    fn picks(
        mut self,
        root: ChoiceId,
        preferred: Option<Kind>,
        send: impl FnOnce(&[IpAddr]) -> Verdict,
    ) -> (Option<PoolId>, Verdict) {
        let mut seed = None;
        match self.descend(root, &mut seed) {
            End::Pool(pool, kind) => {
                let preferred = preferred.and_then(|kind| self.members(pool, kind));
                let preferred = preferred.filter(|table| !table.members.is_empty());
                let table = preferred.or_else(|| self.members(pool, kind));
                (
                    Some(pool),
                    table.map_or(Verdict::NoData, |table| self.picks_of(table, seed, send)),
                )
            }
            End::Several(of) => {
                let (pool, list) = self.picks_several(of, seed, preferred);
                (pool, send(list.as_slice()))
            }
            End::Nowhere => (None, Verdict::NoData),
        }
    }

    /// Picks of one pool's members.
    fn picks_of(
        &mut self,
        table: &MemberTable,
        seed: Option<u64>,
        send: impl FnOnce(&[IpAddr]) -> Verdict,
    ) -> Verdict {
        let one = match (self.answers, seed) {
            (None | Some(1), None) => {
                table.draw.draw(self.rng.u64(..)).and_then(|index| table.members.get(index))
            }
            (None | Some(1), Some(seed)) => best_member(&table.members, seed),
            (Some(wanted), _) => {
                return send(draw_members(table, wanted.into(), seed, self.rng).as_slice());
            }
        };
        send(one.map_or(&[], |member| slice::from_ref(&member.address)))
    }

    /// Follows draws down to a pool or an `all`; sets `seed` to the client's hash on the way when a
    /// `sticky` is passed.
    fn descend(&mut self, from: ChoiceId, seed: &mut Option<u64>) -> End<'s> {
        let choices = self.tables.choices;
        let mut at = from;
        loop {
            let next = match choices.choice(at) {
                Some(Choice::Leaf(pool, kind)) => return End::Pool(*pool, *kind),
                Some(Choice::All(of)) => return End::Several(of),
                Some(Choice::Draw { table, of }) => {
                    table.draw(self.rng.u64(..)).and_then(|index| of.get(index)).copied()
                }
                Some(Choice::Hash { by, of }) => {
                    if let Some(by) = by {
                        *seed = Some(hash::client(self.client, *by));
                    }
                    best_child(of, seed.unwrap_or_default())
                }
                None => None,
            };
            match next {
                Some(next) => at = next,
                None => return End::Nowhere,
            }
        }
    }

    /// The union of the pools that several choices lead to: every member, or the name's `answers`.
    #[inline(never)]
    fn picks_several(
        &mut self,
        of: &[ChoiceId],
        seed: Option<u64>,
        preferred: Option<Kind>,
    ) -> (Option<PoolId>, List) {
        let wanted = self.answers.map_or(MAX_ANSWERS, usize::from);
        let mut union = Union {
            best: Best::new(wanted),
            first: None,
            preferred,
            by_chance: self.rng.u64(..),
            pools_left: MAX_POOLS_TOGETHER,
        };
        self.gather(of, seed, &mut union);
        if union.best.is_empty() && union.preferred.take().is_some() {
            self.gather(of, seed, &mut union);
        }
        let list = match seed {
            Some(_) => union.best.in_order_of_score(),
            None => union.best.in_any_order().shuffled(self.rng),
        };
        (union.first, list)
    }

    /// Adds the members that these choices lead to. Recursion is as deep as policies nest.
    fn gather(&mut self, of: &[ChoiceId], seed: Option<u64>, union: &mut Union<'s>) {
        for choice in of {
            if union.pools_left == 0 {
                return;
            }
            union.pools_left -= 1;
            let mut seed = seed;
            match self.descend(*choice, &mut seed) {
                End::Pool(pool, kind) => {
                    union.first.get_or_insert(pool);
                    let table = self.members(pool, union.preferred.unwrap_or(kind));
                    let seed = seed.unwrap_or(union.by_chance);
                    for member in table.into_iter().flat_map(|table| &table.members) {
                        union.best.offer(member, seed);
                    }
                }
                End::Several(inner) => self.gather(inner, seed, union),
                End::Nowhere => {}
            }
        }
    }

    fn members(&self, pool: PoolId, kind: Kind) -> Option<&'s MemberTable> {
        let pools = self.tables.pools;
        pools.get(pool.0 as usize).map(|tables| tables.members(self.family, kind))
    }
}

/// What an `all` gathers.
struct Union<'s> {
    best: Best<'s>,
    first: Option<PoolId>,
    /// The only kind of members to take, whatever the choices say.
    preferred: Option<Kind>,
    /// The word that stands for the client's hash where no `sticky` made one.
    by_chance: u64,
    pools_left: u32,
}

/// The child with the best score; the first of equals.
fn best_child(of: &[HashChild], seed: u64) -> Option<ChoiceId> {
    if let [only] = of {
        return Some(only.to);
    }
    let mut best = (f64::NEG_INFINITY, None);
    for child in of {
        let score = hash::score(seed, child.key, child.weight.into());
        if score > best.0 {
            best = (score, Some(child.to));
        }
    }
    best.1
}

/// The member with the best score; the first of equals.
fn best_member(members: &[Drawable], seed: u64) -> Option<&Drawable> {
    if let [only] = members {
        return Some(only);
    }
    let mut best = (f64::NEG_INFINITY, None);
    for member in members {
        let score = hash::score(seed, member.key, member.weight.into());
        if score > best.0 {
            best = (score, Some(member));
        }
    }
    best.1
}
