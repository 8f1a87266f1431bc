//! Two families are one group: they are never Active on different nodes.

use super::*;
use crate::fixture::dual_stack;

fn on_second(advert: Advert) -> Advert {
    Advert { member: 1, ..advert }
}

/// What a node in multicast makes of the second member's addresses.
fn follows(priority: u8, rank: Ordering) -> Advert {
    on_second(Advert { rank: Rank::Follows(rank), ..advert(priority) })
}

#[test]
fn a_group_takes_over_only_when_every_member_is_silent() {
    let mut node = Node::new(dual_stack());
    node.hears(150);
    node.hears_advert(on_second(advert(150)));
    node.at(3000).hears_advert(on_second(advert(150)));
    assert_eq!(node.due(), 6609.375);
    assert_eq!(node.at(4000).timeout(), "");
    assert_eq!(
        node.at(6609.375).timeout(),
        "advertise 100, own, announce 5, Backup → Active (silence)"
    );
}

#[test]
fn a_family_whose_path_is_broken_does_not_take_the_group_over() {
    let mut node = Node::new(dual_stack());
    for at in (0..60).map(|n| n * 1000) {
        assert_eq!(node.at(at).hears(150), "");
        assert_eq!(node.timeout(), "");
    }
}

#[test]
fn a_release_on_one_member_waits_for_the_other_member() {
    let mut node = Node::new(dual_stack());
    node.hears(150);
    node.hears_advert(on_second(advert(150)));
    node.at(1000).hears(0);
    assert_eq!(node.due(), 3609.375, "of the second member");
    node.at(1001).hears_advert(on_second(advert(0)));
    assert_eq!(node.due(), 1001.0 + 609.375);
    assert_eq!(
        node.at(1001.0 + 609.375).timeout(),
        "advertise 100, own, announce 5, Backup → Active (released)"
    );
}

#[test]
fn a_group_yields_to_a_higher_priority_on_any_member() {
    let mut node = Node::active(dual_stack());
    let yields = "disown, Active → Backup (higher_priority)";
    assert_eq!(node.at(100).hears_advert(follows(101, Ordering::Less)), yields);
    assert_eq!(node.due(), 100.0 + 3609.375, "all timers start anew");

    let mut node = Node::active(dual_stack());
    assert_eq!(node.at(100).hears_advert(losing(101)), yields);
}

#[test]
fn the_first_members_addresses_decide_a_tie_for_both() {
    let mut node = Node::active(dual_stack());
    assert!(node.at(100).hears_advert(losing(100)).contains("advertise 100"));
    assert_eq!(node.at(101).hears_advert(follows(100, Ordering::Greater)), "");
    assert_eq!(node.machine.state(), State::Active);

    let mut other = Node::active(dual_stack());
    assert_eq!(
        other.at(100).hears_advert(follows(100, Ordering::Less)),
        "warn dual active 10.0.0.2 100"
    );
    assert_eq!(other.at(101).hears(100), "disown, Active → Backup (tie)");
}

#[test]
fn the_second_members_addresses_do_not_decide_because_they_are_heard_first() {
    let mut node = Node::active(dual_stack());
    node.run_until(60_500);
    assert_eq!(
        node.hears_advert(follows(100, Ordering::Greater)),
        "warn dual active 10.0.0.2 100",
        "it was alone for a minute, and the first member's word is on its way"
    );
    assert!(node.at(60_501).hears_advert(losing(100)).contains("advertise 100"));
}

#[test]
fn the_second_members_addresses_decide_when_the_first_stays_silent() {
    let mut node = Node::active(dual_stack());
    let mut said = Vec::new();
    for at in (0..5).map(|n| 500 + n * 1000) {
        node.run_until(at);
        said.push(node.hears_advert(follows(100, Ordering::Greater)));
    }
    let expected = ["warn dual active 10.0.0.2 100", "", "", "", "disown, Active → Backup (tie)"];
    assert_eq!(said, expected);
}

#[test]
fn a_slow_first_member_is_not_a_silent_one() {
    let mut node = Node::active(dual_stack());
    let slow = |advert: Advert| Advert { interval: secs(10), ..advert };
    for at in (0..9).map(|n| 500 + n * 10_000) {
        node.run_until(at);
        node.hears_advert(slow(follows(100, Ordering::Greater)));
        assert_eq!(node.machine.state(), State::Active, "{at}");
        node.at(at + 1).hears_advert(slow(losing(100)));
    }
}

#[test]
fn a_group_hands_over_once_for_both_members() {
    let mut node = Node::active(dual_stack());
    let said = node.at(100).command(Command::Failover);
    assert_eq!(said, "advertise 0, Active → HandingOver (failover)");
    assert_eq!(
        node.at(200).hears_advert(on_second(advert(100))),
        "ended taken by 10.0.0.2, disown, HandingOver → Backup (taken_over)"
    );
    assert_eq!(node.at(201).hears(100), "");
}
