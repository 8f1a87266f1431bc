use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU16;

use proptest::prelude::*;

use super::*;
use crate::ecmp::{HashPolicy, OnExit, Spreading};

fn entry(when_down: WhenDown) -> EcmpConfig {
    EcmpConfig {
        name: "fleet".into(),
        prefix: "10.9.9.9/32".parse().expect("a prefix"),
        pool: "example.com/fleet".into(),
        via: BTreeMap::new(),
        spreading: Spreading::Multipath,
        table: 254,
        metric: 50,
        when_down,
        hash_policy: Some(HashPolicy::L4),
        hash_seed: None,
        on_exit: OnExit::Remove,
        place: "rhumb.yaml:1:1".to_owned(),
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn member(last: u8, weight: u16, health: Health) -> Candidate {
    let weight = NonZeroU16::new(weight).expect("not 0");
    Candidate { address: address(last), weight, health }
}

fn on_link(lasts: &[u8]) -> Paths {
    let path = || Path::OnLink { index: 2, name: "eth0".into() };
    lasts.iter().map(|last| (address(*last), path())).collect()
}

fn weights(decision: &Decision) -> Vec<(IpAddr, u16)> {
    match &decision.wanted {
        Wanted::Group(_, hops) => hops.iter().map(|(hop, w)| (hop.gateway, *w)).collect(),
        other => panic!("{other:?}"),
    }
}

fn standings(decision: &Decision) -> Vec<Standing> {
    decision.members.iter().map(|member| member.standing.clone()).collect()
}

const LAST: Health = Health::Down { served_last: true };
const LONG_AGO: Health = Health::Down { served_last: false };

#[test]
fn health_and_the_groups_past_decide_who_is_in() {
    use Health::{Serving, Unknown};
    let drained = Health::Drained { served_last: true };
    let out = Standing::Out;
    // The health of members 1, 2, 3; who of them is in the kernel's group; what becomes of each.
    type Case = ([Health; 3], &'static [u8], [Standing; 3]);
    let cases: [Case; 8] = [
        ([Serving, LAST, drained], &[], [Standing::In, out(Why::Down), out(Why::Drained)]),
        ([Serving, Unknown, Unknown], &[2], [Standing::In, Standing::In, out(Why::Unproven)]),
        ([Unknown, Unknown, LAST], &[], [Standing::In, Standing::In, out(Why::Down)]),
        ([Unknown, Unknown, LAST], &[1], [Standing::In, out(Why::Unproven), out(Why::Down)]),
        ([LAST, Unknown, LAST], &[1, 3], [out(Why::Down), Standing::In, out(Why::Down)]),
        ([LAST, LONG_AGO, drained], &[], [Standing::Kept, out(Why::Down), Standing::Kept]),
        ([LONG_AGO, LAST, LONG_AGO], &[], [out(Why::Down), Standing::Kept, out(Why::Down)]),
        ([LONG_AGO; 3], &[1], [out(Why::Down), out(Why::Down), out(Why::Down)]),
    ];
    for (health, present, expected) in cases {
        let members = [(1, health[0]), (2, health[1]), (3, health[2])];
        let members = members.map(|(last, health)| member(last, 1, health));
        let present: BTreeSet<_> = present.iter().map(|last| address(*last)).collect();
        let entry = entry(WhenDown::Keep);
        let decision = decide(&entry, Some(&members), &on_link(&[1, 2, 3]), &present);
        assert_eq!(standings(&decision), expected, "{health:?}, present {present:?}");
    }
}

#[test]
fn without_a_member_the_entry_says_what_is_wanted() {
    let none = BTreeSet::new();
    for (when_down, health, expected) in [
        (WhenDown::Keep, LONG_AGO, Wanted::AsItIs),
        (WhenDown::Unreachable, LAST, Wanted::Unreachable),
        (WhenDown::Withdraw, LAST, Wanted::Nothing),
    ] {
        let members = [member(1, 1, health)];
        let decision = decide(&entry(when_down), Some(&members), &on_link(&[1]), &none);
        assert_eq!(decision.wanted, expected);
        // That nobody can be reached is no better than that nobody serves.
        let members = [member(1, 1, Health::Serving)];
        let decision = decide(&entry(when_down), Some(&members), &Paths::new(), &none);
        assert_eq!(decision.wanted, expected);
        // What is not known is left as it is.
        assert_eq!(decide(&entry(when_down), None, &Paths::new(), &none).wanted, Wanted::AsItIs);
    }
}

#[test]
fn every_way_that_is_no_link_leaves_a_member_out_with_its_reason() {
    let router = address(254);
    for (path, why) in [
        (Path::LinkDown("eth1".into()), Why::LinkDown("eth1".into())),
        (Path::Beyond(router), Why::Beyond(router)),
        (Path::Own, Why::OwnAddress),
        (Path::NoWay, Why::NoWay),
        (
            Path::Refused("Nexthop has invalid gateway".into()),
            Why::Refused("Nexthop has invalid gateway".into()),
        ),
    ] {
        let mut paths = on_link(&[1]);
        paths.insert(address(2), path);
        let members = [member(1, 1, Health::Serving), member(2, 1, Health::Serving)];
        let decision = decide(&entry(WhenDown::Keep), Some(&members), &paths, &BTreeSet::new());
        assert_eq!(standings(&decision), [Standing::In, Standing::Out(why)]);
        assert_eq!(weights(&decision), [(address(1), 1)]);
    }
}

#[test]
fn via_takes_the_place_of_a_members_address_and_members_behind_one_gateway_add_up() {
    let mut entry = entry(WhenDown::Keep);
    entry.via = [(address(1), address(9)), (address(2), address(9))].into();
    let members = [
        member(1, 3, Health::Serving),
        member(2, 4, Health::Serving),
        member(3, 5, Health::Serving),
    ];
    let decision = decide(&entry, Some(&members), &on_link(&[3, 9]), &BTreeSet::new());
    assert_eq!(weights(&decision), [(address(3), 5), (address(9), 7)]);
    assert_eq!(decision.members[0].gateway, address(9));
}

#[test]
fn only_members_of_the_routes_family_count() {
    let other = Candidate {
        address: "2001:db8::1".parse().expect("an address"),
        ..member(1, 1, Health::Serving)
    };
    let members = [other, member(2, 1, LAST)];
    let decision = decide(&entry(WhenDown::Keep), Some(&members), &on_link(&[2]), &BTreeSet::new());
    assert_eq!(standings(&decision), [Standing::Kept]);
}

#[test]
fn weights_that_the_kernel_has_no_room_for_are_scaled_to_the_heaviest() {
    let hop = |last: u8| NextHop { gateway: address(last), interface: 2 };
    for (given, expected) in [
        (vec![1, 2, 256], vec![1, 2, 256]),
        (vec![1, 257], vec![1, 256]),
        (vec![100, 1000], vec![26, 256]),
        (vec![1, 65535], vec![1, 256]),
        (vec![65535, 65535], vec![256, 256]),
    ] {
        let sums = given.iter().zip(0..).map(|(weight, last)| (hop(last), *weight)).collect();
        let scaled: Vec<_> = scale(sums).into_values().collect();
        assert_eq!(scaled, expected, "{given:?}");
    }
}

proptest! {
    #[test]
    fn scaled_weights_fit_and_keep_their_order(
        given in proptest::collection::vec(1u32..200_000, 1..20)
    ) {
        let hop = |last: u8| NextHop { gateway: address(last), interface: 2 };
        let sums = given.iter().zip(0..).map(|(weight, last)| (hop(last), *weight)).collect();
        let scaled: Vec<_> = scale(sums).into_values().collect();
        for (one, other) in given.iter().zip(&scaled).zip(given.iter().zip(&scaled).skip(1)) {
            prop_assert_eq!(one.0.cmp(other.0).is_lt() && one.1 > other.1, false);
        }
        prop_assert!(scaled.iter().all(|weight| (1..=256).contains(weight)), "{:?}", scaled);
    }
}
