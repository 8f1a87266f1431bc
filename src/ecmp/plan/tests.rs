use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

/// A kernel that does what `rtnetlink` does, and refuses what it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    tables: Tables,
    /// Places where somebody else's route stands.
    occupied: BTreeSet<RouteKey>,
}

impl Model {
    fn apply(&mut self, change: &Change) -> Result<(), String> {
        match change {
            Change::AddNextHop(id, hop) => self.add(*id, Object::NextHop(*hop)),
            Change::AddGroup(id, group) => {
                self.check_members(group)?;
                self.add(*id, Object::Group(group.clone()))
            }
            Change::ReplaceGroup(id, group) => {
                self.check_members(group)?;
                let present = self.tables.group(*id).ok_or("no such group")?;
                if !present.shape.can_become(group.shape) {
                    return Err("type and buckets are fixed".to_owned());
                }
                self.tables.objects.insert(*id, Object::Group(group.clone()));
                Ok(())
            }
            Change::AddRoute(route, target) => {
                if self.occupied.contains(route) || self.tables.routes.contains_key(route) {
                    return Err("File exists".to_owned());
                }
                self.lead(*route, *target)
            }
            Change::ReplaceRoute(route, target) => {
                if !self.tables.routes.contains_key(route) {
                    return Err("no such route".to_owned());
                }
                self.lead(*route, *target)
            }
            Change::RemoveRoute(route, _) => {
                self.tables.routes.remove(route).map(drop).ok_or_else(|| "no such route".to_owned())
            }
            Change::RemoveObject(id) => {
                match self.tables.objects.remove(id) {
                    None => return Err("no such object".to_owned()),
                    Some(Object::Foreign(_)) => return Err("not ours".to_owned()),
                    Some(_) => {}
                }
                self.without(*id);
                Ok(())
            }
        }
    }

    fn add(&mut self, id: Id, object: Object) -> Result<(), String> {
        if !IDS.contains(&id) {
            return Err("out of the range".to_owned());
        }
        match self.tables.objects.insert(id, object) {
            None => Ok(()),
            Some(_) => Err("the id is in use".to_owned()),
        }
    }

    fn check_members(&self, group: &Group) -> Result<(), String> {
        let known = group.members.keys().all(|id| self.tables.next_hop(*id).is_some());
        match known && !group.members.is_empty() {
            true => Ok(()),
            false => Err("a group of what is not there".to_owned()),
        }
    }

    fn lead(&mut self, route: RouteKey, target: Target) -> Result<(), String> {
        match target {
            Target::NextHop(id) if !self.tables.objects.contains_key(&id) => {
                return Err("no such next hop".to_owned());
            }
            Target::NextHop(_) | Target::Unreachable | Target::Stray => {}
        }
        self.tables.routes.insert(route, target);
        Ok(())
    }

    /// What goes takes with it what leads there; a group that is left without a member goes too.
    fn without(&mut self, id: Id) {
        self.tables.routes.retain(|_, target| *target != Target::NextHop(id));
        let mut empty = Vec::new();
        for (group_id, object) in &mut self.tables.objects {
            if let Object::Group(group) = object {
                group.members.remove(&id);
                if group.members.is_empty() {
                    empty.push(*group_id);
                }
            }
        }
        for id in empty {
            self.tables.objects.remove(&id);
            self.without(id);
        }
    }

    /// What a place leads to, in the terms of what is wanted.
    fn has(&self, route: &RouteKey) -> Wanted {
        match self.tables.routes.get(route) {
            None => Wanted::Nothing,
            Some(Target::Unreachable) => Wanted::Unreachable,
            Some(Target::Stray) => panic!("a stray route stays at {route}"),
            Some(Target::NextHop(id)) => {
                let group = self.tables.group(*id).expect("a route leads to a group");
                let hop = |(id, weight): (&Id, &u16)| {
                    (self.tables.next_hop(*id).expect("a member is a next hop"), *weight)
                };
                Wanted::Group(group.shape, group.members.iter().map(hop).collect())
            }
        }
    }
}

fn hop(last: u8) -> NextHop {
    NextHop { gateway: IpAddr::from([10, 0, 0, last]), interface: 2 + u32::from(last % 2) }
}

fn place(last: u8) -> RouteKey {
    let prefix = format!("10.9.9.{last}/32").parse().expect("a prefix");
    RouteKey { table: 254, prefix, metric: 50 }
}

fn resilient(buckets: u16) -> Shape {
    Shape::Resilient { buckets, idle: 100, unbalanced: 1000 }
}

fn want(wanted: &Wanted) -> Want<'_> {
    Want { wanted, group: None }
}

fn group(shape: Shape, hops: &[(u8, u16)]) -> Wanted {
    Wanted::Group(shape, hops.iter().map(|(last, weight)| (hop(*last), *weight)).collect())
}

/// The kernel after everything that is wanted at one place, and the changes of the last.
fn after(wants: &[Wanted]) -> (Model, Vec<Change>) {
    let mut model = Model { tables: Tables::default(), occupied: BTreeSet::new() };
    let mut changes = Vec::new();
    for wanted in wants {
        let wants = [(place(1), want(wanted))].into();
        changes = plan(&wants, &model.tables).changes;
        changes.iter().for_each(|change| model.apply(change).expect("the kernel takes it"));
    }
    (model, changes)
}

#[test]
fn a_member_that_leaves_is_one_replacement_and_its_next_hop_goes_last() {
    let all = group(resilient(64), &[(1, 1), (2, 1), (3, 1)]);
    let (model, changes) = after(&[all, group(resilient(64), &[(1, 1), (3, 1)])]);
    let [Change::ReplaceGroup(id, _), Change::RemoveObject(gone)] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert!(model.tables.group(*id).is_some());
    assert_ne!(id, gone);
}

#[test]
fn weights_and_timers_are_one_replacement() {
    let before = group(resilient(64), &[(1, 1), (2, 1)]);
    let timers = Shape::Resilient { buckets: 64, idle: 3000, unbalanced: 30_000 };
    for wanted in [group(resilient(64), &[(1, 1), (2, 7)]), group(timers, &[(1, 1), (2, 1)])] {
        let (_, changes) = after(&[before.clone(), wanted]);
        assert!(matches!(changes.as_slice(), [Change::ReplaceGroup(..)]), "{changes:?}");
    }
}

#[test]
fn another_type_or_number_of_buckets_is_a_new_group_to_which_the_route_moves() {
    let hops = [(1, 1), (2, 1)];
    let before = group(resilient(64), &hops);
    for shape in [resilient(128), Shape::Multipath] {
        let (_, changes) = after(&[before.clone(), group(shape, &hops)]);
        let [Change::AddGroup(new, _), Change::ReplaceRoute(_, target), Change::RemoveObject(old)] =
            changes.as_slice()
        else {
            panic!("{changes:?}");
        };
        assert_eq!(*target, Target::NextHop(*new));
        assert_ne!(new, old);
    }
}

#[test]
fn a_group_that_lost_its_route_is_used_again() {
    let wanted = group(resilient(64), &[(1, 1), (2, 1)]);
    let (mut model, _) = after(std::slice::from_ref(&wanted));
    let id = model.tables.group_of(&place(1)).expect("a group").0;
    model.tables.routes.clear();
    let wants: Wants<'_> = [(place(1), Want { wanted: &wanted, group: Some(id) })].into();
    let changes = plan(&wants, &model.tables).changes;
    assert_eq!(changes, [Change::AddRoute(place(1), Target::NextHop(id))]);
}

#[test]
fn what_stays_as_it_is_keeps_its_group_and_next_hops() {
    let (model, _) = after(&[group(resilient(64), &[(1, 1), (2, 1)])]);
    let stays = Wanted::AsItIs;
    let wants = [(place(1), want(&stays))].into();
    assert_eq!(plan(&wants, &model.tables).changes, []);
    let nothing = plan(&Wants::new(), &model.tables).changes;
    let removals = nothing.iter().filter(|change| change.is_removal()).count();
    assert_eq!((nothing.len(), removals), (4, 4), "a route, a group, two next hops");
}

#[test]
fn ids_of_others_are_passed_over() {
    let mut tables = Tables::default();
    for id in [*IDS.start(), *IDS.start() + 2] {
        tables.objects.insert(id, Object::Foreign(12));
    }
    let wanted = group(Shape::Multipath, &[(1, 1), (2, 1)]);
    let wants = [(place(1), want(&wanted))].into();
    let made: Vec<Id> = plan(&wants, &tables)
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::AddNextHop(id, _) | Change::AddGroup(id, _) => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(made, [1, 3, 4].map(|n| *IDS.start() + n));
}

fn a_shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Multipath),
        (1u16..4, 1u32..3).prop_map(|(n, idle)| Shape::Resilient {
            buckets: n * 64,
            idle,
            unbalanced: 1000
        }),
    ]
}

fn a_wanted() -> impl Strategy<Value = Wanted> {
    let members = proptest::collection::btree_map((1u8..6).prop_map(hop), 1u16..4, 1..5);
    prop_oneof![
        6 => (a_shape(), members).prop_map(|(shape, members)| Wanted::Group(shape, members)),
        1 => Just(Wanted::Unreachable),
        1 => Just(Wanted::Nothing),
        1 => Just(Wanted::AsItIs),
    ]
}

fn some_wants() -> impl Strategy<Value = BTreeMap<RouteKey, Wanted>> {
    proptest::collection::btree_map((1u8..5).prop_map(place), a_wanted(), 0..4)
}

/// Anything that can be found in a kernel: ours, consistent or not, and others'.
fn a_model() -> impl Strategy<Value = Model> {
    let object = prop_oneof![
        4 => (1u8..6).prop_map(|last| Object::NextHop(hop(last))),
        3 => (a_shape(), proptest::collection::btree_map(0u32..20, 1u16..4, 1..4)).prop_map(
            |(shape, members)| {
                let members = members.into_iter().map(|(id, w)| (IDS.start() + id, w)).collect();
                Object::Group(Group { shape, members })
            }
        ),
        1 => Just(Object::Stray),
        2 => (1u8..80).prop_map(Object::Foreign),
    ];
    let objects =
        proptest::collection::btree_map((0u32..20).prop_map(|n| IDS.start() + n), object, 0..14);
    let target = prop_oneof![
        4 => (0u32..20).prop_map(|n| Target::NextHop(IDS.start() + n)),
        1 => Just(Target::Unreachable),
        1 => Just(Target::Stray),
    ];
    let routes = proptest::collection::btree_map((1u8..7).prop_map(place), target, 0..5);
    let occupied = proptest::collection::btree_set((1u8..7).prop_map(place), 0..3);
    (objects, routes, occupied).prop_map(|(objects, routes, occupied)| {
        let mut model = Model { tables: Tables { objects, routes }, occupied };
        model.settle();
        model
    })
}

impl Model {
    /// A kernel has no groups of what is not a next hop, and no routes to what is not there.
    fn settle(&mut self) {
        let tables = &mut self.tables;
        let next_hops: BTreeSet<Id> =
            tables.objects.keys().filter(|id| tables.next_hop(**id).is_some()).copied().collect();
        for object in tables.objects.values_mut() {
            if let Object::Group(group) = object {
                group.members.retain(|id, _| next_hops.contains(id));
            }
        }
        tables
            .objects
            .retain(|_, object| !matches!(object, Object::Group(g) if g.members.is_empty()));
        let present: BTreeSet<Id> = tables.objects.keys().copied().collect();
        let occupied = &self.occupied;
        tables.routes.retain(|route, target| {
            let leads = match target {
                Target::NextHop(id) => present.contains(id),
                Target::Unreachable | Target::Stray => true,
            };
            leads && !occupied.contains(route)
        });
    }

    fn foreign(&self) -> Vec<(Id, u8)> {
        self.tables.foreign().collect()
    }
}

/// Makes the changes as the driver does: what is refused because somebody's route stands there is
/// passed over. The places where a route missed for a moment.
fn drive(model: &mut Model, changes: &[Change]) -> Result<BTreeSet<RouteKey>, TestCaseError> {
    let mut missed = BTreeSet::new();
    for change in changes {
        let before: Vec<RouteKey> = model.tables.routes.keys().copied().collect();
        match (model.apply(change), change) {
            (Ok(()), _) => {}
            (Err(_), Change::AddRoute(route, _)) if model.occupied.contains(route) => {}
            (Err(why), change) => {
                return Err(TestCaseError::fail(format!("{change:?}: {why}")));
            }
        }
        missed.extend(before.into_iter().filter(|route| !model.tables.routes.contains_key(route)));
    }
    Ok(missed)
}

proptest! {
    #[test]
    fn the_changes_lead_to_what_is_wanted_and_touch_nothing_foreign(
        mut model in a_model(),
        rounds in proptest::collection::vec(some_wants(), 1..4),
    ) {
        let mut groups = Groups::new();
        for wanted in rounds {
            let before = model.clone();
            let wants = |groups: &Groups| -> Vec<(RouteKey, Option<Id>)> {
                wanted.keys().map(|route| (*route, groups.get(route).copied())).collect()
            };
            let known = wants(&groups);
            let wants: Wants<'_> = known
                .iter()
                .map(|(route, group)| (*route, Want { wanted: &wanted[route], group: *group }))
                .collect();
            let made = plan(&wants, &model.tables);
            let missed = drive(&mut model, &made.changes)?;

            for (route, wanted) in &wanted {
                match wanted {
                    _ if model.occupied.contains(route) => {
                        prop_assert!(!model.tables.routes.contains_key(route));
                    }
                    Wanted::AsItIs => {
                        prop_assert_eq!(
                            model.tables.routes.get(route), before.tables.routes.get(route)
                        );
                        prop_assert_eq!(
                            model.tables.group_of(route), before.tables.group_of(route)
                        );
                    }
                    wanted => prop_assert_eq!(&model.has(route), wanted),
                }
                let may_miss = *wanted == Wanted::Nothing;
                prop_assert!(may_miss || !missed.contains(route), "{} missed", route);
            }
            for route in model.tables.routes.keys() {
                prop_assert!(wanted.contains_key(route), "{} is left", route);
            }
            prop_assert_eq!(model.foreign(), before.foreign());

            // Once more is nothing more.
            groups.extend(made.groups);
            let known: Vec<_> =
                wanted.keys().map(|route| (*route, groups.get(route).copied())).collect();
            let again: Wants<'_> = known
                .iter()
                .map(|(route, group)| (*route, Want { wanted: &wanted[route], group: *group }))
                .collect();
            let left: Vec<_> = plan(&again, &model.tables)
                .changes
                .into_iter()
                .filter(|c| !matches!(c, Change::AddRoute(r, _) if model.occupied.contains(r)))
                .collect();
            prop_assert_eq!(left, vec![]);
        }
    }
}
