//! Two are Active and hear each other (RFC 9568 §6.4.3).

use super::*;
use crate::config::Version;
use crate::fixture::pair;

fn active() -> Node {
    Node::active(pair(Version::V3))
}

#[test]
fn a_higher_priority_is_yielded_to_and_its_interval_is_learned() {
    let mut node = active();
    let higher = Advert { interval: ms(500), ..losing(101) };
    assert_eq!(node.at(400).hears_advert(higher), "disown, Active → Backup (higher_priority)");
    assert_eq!(node.due(), 400.0 + 3.0 * 500.0 + 500.0 * 156.0 / 256.0);
    assert_eq!(node.machine.other_active(), Some(host(2)));
}

#[test]
fn among_equal_priorities_the_higher_address_wins() {
    let mut node = active();
    assert_eq!(
        node.at(400).hears_advert(losing(100)),
        "warn dual active 10.0.0.2 100, advertise 100, announce 1"
    );
    assert_eq!(node.at(401).hears(100), "disown, Active → Backup (tie)");
}

#[test]
fn a_losing_active_is_told_at_once_and_the_timer_starts_again() {
    let mut node = active();
    assert_eq!(node.at(700).hears(99), "warn dual active 10.0.0.2 99, advertise 100, announce 1");
    assert_eq!(node.due(), 1700.0);
}

#[test]
fn a_losing_active_is_answered_four_times_an_interval_at_most() {
    let mut node = active();
    node.at(100).hears(99);
    let answers = (101..=1100).filter(|&at| node.at(at).hears(99).contains("advertise")).count();
    assert_eq!(answers, 4);
}

#[test]
fn neighbours_are_told_again_once_a_second_while_a_losing_active_is_heard() {
    let mut node = active();
    let told = (0..30).filter(|at| node.at(at * 100).hears(99).contains("announce 1")).count();
    assert_eq!(told, 3);
}

#[test]
fn a_release_is_answered_at_once_even_right_after_another_answer() {
    let mut node = active();
    node.at(400).hears(99);
    assert_eq!(node.at(410).hears(0), "advertise 100");
    assert_eq!(node.due(), 1410.0);
}

#[test]
fn a_conflict_is_warned_of_when_it_begins() {
    let mut node = active();
    assert!(node.at(0).hears(99).starts_with("warn dual active"));
    for at in (1..10).map(|n| n * 1000) {
        node.run_until(at);
        assert!(!node.hears(99).contains("warn"), "{at}");
    }
    node.run_until(15_000);
    assert!(node.hears(99).starts_with("warn dual active"), "another conflict");
}

/// In milliseconds.
fn dual(node: &Node) -> f64 {
    node.machine.dual_active(node.now).as_nanos() as f64 / 1e6
}

#[test]
fn dual_activity_counts_from_the_first_word_to_an_interval_after_the_last() {
    let mut node = active();
    assert_eq!(dual(&node), 0.0);
    node.at(200).hears(99);
    assert_eq!(dual(&node), 0.0);
    node.run_until(600);
    assert_eq!(dual(&node), 400.0);
    node.run_until(1150);
    node.at(1200).hears(99);
    assert_eq!(dual(&node), 1000.0);
    node.run_until(9000);
    assert_eq!(dual(&node), 2000.0);
}

#[test]
fn dual_activity_goes_on_over_two_lost_advertisements() {
    let mut node = active();
    node.at(0).hears(99);
    node.run_until(2900);
    assert_eq!(dual(&node), 1000.0);
    node.at(3000).hears(99);
    assert_eq!(dual(&node), 3000.0);
}

#[test]
fn dual_activity_adds_up_over_conflicts_and_ends_with_the_role() {
    let mut node = active();
    node.at(0).hears(99);
    node.run_until(9500);
    node.hears(99);
    assert_eq!(dual(&node), 1000.0);
    node.at(10_000).hears(150);
    assert_eq!(dual(&node), 1500.0);
    assert_eq!(dual(node.at(13_000)), 1500.0);
}

#[test]
fn a_change_of_priority_is_advertised_at_once() {
    let mut node = active();
    assert_eq!(node.at(400).standing(unhealthy()), "warn priority 1, advertise 1");
    assert_eq!(node.due(), 1400.0);
    assert_eq!(node.at(500).recovers(), "warn priority 100, advertise 100");
}

#[test]
fn an_active_at_the_floor_keeps_the_addresses_until_a_better_one_is_heard() {
    let mut node = active();
    node.at(400).standing(unhealthy());
    assert_eq!(node.run_until(2500).len(), 2, "it goes on");
    assert_eq!(node.hears(100), "disown, Active → Backup (higher_priority)");
}

#[test]
fn of_two_at_the_floor_the_present_active_stays() {
    let mut node = active();
    node.standing(unhealthy());
    assert_eq!(node.machine.state(), State::Active);

    let mut other = Node::backup(pair(Version::V3));
    other.standing(unhealthy());
    assert_eq!(other.at(1000).hears(1), "");
    assert_eq!(other.timeout(), "");
    assert_eq!(other.due(), 1000.0 + 3000.0 + 1000.0 * 255.0 / 256.0);
}
