//! From what the kernel has to what is wanted, with the least disturbance; pure.
//!
//! A member that joins, leaves or weighs otherwise is a replacement of the group in place: the
//! route is not touched, and the buckets of a resilient group stay where they can. Another type or
//! number of buckets cannot be had in place: a new group is built, the route moved to it in one
//! step, the old group removed. What is added comes first and what is removed last, so that the
//! route leads to what exists at every moment.

use std::collections::{BTreeMap, BTreeSet};

use super::group::Wanted;
use super::kernel::{Change, Group, IDS, Id, NextHop, Object, RouteKey, Shape, Tables, Target};

/// What each place in the routing tables is wanted to have. Any other route of ours is removed.
pub type Wants<'a> = BTreeMap<RouteKey, Want<'a>>;

/// What is wanted in one place.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// What.
    pub wanted: &'a Wanted,
    /// The group that was made for it last, if one was: used again even while no route leads there.
    pub group: Option<Id>,
}

/// The group of each place.
pub type Groups = BTreeMap<RouteKey, Id>;

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order. A removal is done only if all before it was.
    pub changes: Vec<Change>,
    /// The group of each place that is wanted to have one, once that is done.
    pub groups: Groups,
}

/// Finds what is to be done.
#[must_use]
pub fn plan(wants: &Wants<'_>, tables: &Tables) -> Plan {
    let mut planner = Planner::new(wants, tables);
    for (route, want) in wants {
        planner.place(*route, want);
    }
    planner.finish()
}

struct Planner<'a> {
    wants: &'a Wants<'a>,
    tables: &'a Tables,
    next_hops: BTreeMap<NextHop, Id>,
    free: IdSource<'a>,
    /// What is needed from now on.
    used: BTreeSet<Id>,
    groups: Groups,
    add_next_hops: Vec<Change>,
    set_groups: Vec<Change>,
    set_routes: Vec<Change>,
    remove: Vec<Change>,
}

/// Ids that nobody has.
struct IdSource<'a> {
    tables: &'a Tables,
    rest: std::ops::RangeInclusive<Id>,
}

impl Iterator for IdSource<'_> {
    type Item = Id;

    fn next(&mut self) -> Option<Id> {
        self.rest.find(|id| !self.tables.objects.contains_key(id))
    }
}

impl<'a> Planner<'a> {
    fn new(wants: &'a Wants<'a>, tables: &'a Tables) -> Self {
        let ours = tables.objects.iter().rev();
        let next_hops = ours.filter_map(|(id, _)| Some((tables.next_hop(*id)?, *id)));
        let mut planner = Self {
            wants,
            tables,
            next_hops: next_hops.collect(),
            free: IdSource { tables, rest: IDS },
            used: BTreeSet::new(),
            groups: Groups::new(),
            add_next_hops: Vec::new(),
            set_groups: Vec::new(),
            set_routes: Vec::new(),
            remove: Vec::new(),
        };
        planner.use_what_stays();
        planner
    }

    /// What stays as it is is nobody else's to take.
    fn use_what_stays(&mut self) {
        for (route, want) in self.wants {
            if *want.wanted != Wanted::AsItIs {
                continue;
            }
            if let Some(Target::NextHop(id)) = self.tables.routes.get(route) {
                self.used.insert(*id);
            }
            if let Some((id, group)) = self.tables.group_of(route) {
                self.used.extend(group.members.keys());
                self.groups.insert(*route, id);
            }
        }
    }

    fn place(&mut self, route: RouteKey, want: &Want<'_>) {
        match want.wanted {
            Wanted::AsItIs => {}
            Wanted::Nothing => self.leave(route),
            Wanted::Unreachable => self.lead(route, Target::Unreachable),
            Wanted::Group(shape, next_hops) => {
                // An id for every next hop, or nothing: the range has room for a million.
                let members: Option<BTreeMap<_, _>> = next_hops
                    .iter()
                    .map(|(next_hop, weight)| Some((self.next_hop(*next_hop)?, *weight)))
                    .collect();
                let Some(members) = members else { return };
                let group = Group { shape: *shape, members };
                if let Some(id) = self.group(route, want.group, group) {
                    self.groups.insert(route, id);
                    self.lead(route, Target::NextHop(id));
                }
            }
        }
    }

    /// The id of a next hop, which is added if it has none yet.
    fn next_hop(&mut self, next_hop: NextHop) -> Option<Id> {
        let id = match self.next_hops.get(&next_hop) {
            Some(id) => *id,
            None => {
                let id = self.free.next()?;
                self.next_hops.insert(next_hop, id);
                self.add_next_hops.push(Change::AddNextHop(id, next_hop));
                id
            }
        };
        self.used.insert(id);
        Some(id)
    }

    /// The id of a group, which is made from the present one if that can be.
    fn group(&mut self, route: RouteKey, last: Option<Id>, wanted: Group) -> Option<Id> {
        let id = match self.present(route, last, wanted.shape) {
            Some((id, present)) => {
                if *present != wanted {
                    self.set_groups.push(Change::ReplaceGroup(id, wanted));
                }
                id
            }
            None => {
                let id = self.free.next()?;
                self.set_groups.push(Change::AddGroup(id, wanted));
                id
            }
        };
        self.used.insert(id);
        Some(id)
    }

    /// The group that the route leads to, or that was made for it last, if it can become what is
    /// wanted and nobody else has it.
    fn present(&self, route: RouteKey, last: Option<Id>, shape: Shape) -> Option<(Id, &'a Group)> {
        let last = last.and_then(|id| Some((id, self.tables.group(id)?)));
        let candidates = self.tables.group_of(&route).into_iter().chain(last);
        let mut fit = candidates
            .filter(|(id, group)| group.shape.can_become(shape) && !self.used.contains(id));
        fit.next()
    }

    fn lead(&mut self, route: RouteKey, target: Target) {
        match self.tables.routes.get(&route) {
            Some(present) if *present == target => {}
            Some(_) => self.set_routes.push(Change::ReplaceRoute(route, target)),
            None => self.set_routes.push(Change::AddRoute(route, target)),
        }
    }

    fn leave(&mut self, route: RouteKey) {
        if let Some(target) = self.tables.routes.get(&route) {
            self.remove.push(Change::RemoveRoute(route, *target));
        }
    }

    /// What is not wanted goes: routes first, then groups, then next hops.
    fn finish(mut self) -> Plan {
        for route in self.tables.routes.keys() {
            if !self.wants.contains_key(route) {
                self.leave(*route);
            }
        }
        let (mut groups, mut next_hops) = (Vec::new(), Vec::new());
        for (id, object) in &self.tables.objects {
            match object {
                Object::Foreign(_) => {}
                _ if self.used.contains(id) => {}
                Object::Group(_) => groups.push(Change::RemoveObject(*id)),
                Object::NextHop(_) | Object::Stray => next_hops.push(Change::RemoveObject(*id)),
            }
        }
        let steps =
            [self.add_next_hops, self.set_groups, self.set_routes, self.remove, groups, next_hops];
        Plan { changes: steps.into_iter().flatten().collect(), groups: self.groups }
    }
}

#[cfg(test)]
mod tests;
