//! When a Backup displaces an Active that it hears.

use super::*;
use crate::config::{Preempt, Version};
use crate::fixture::{multicast, pair};

fn with(preempt: Preempt) -> Config {
    Config { preempt, ..pair(Version::V3) }
}

/// The Active advertises every second with a priority; when the node takes over, and why.
fn takes_over(mut node: Node, priority: u8, seconds: u32) -> Option<(f64, String)> {
    for at in (1..=seconds).map(|n| f64::from(n) * 1000.0) {
        if let Some(taken) = node.run_until(at).pop() {
            return Some(taken);
        }
        node.hears(priority);
        let said = node.timeout();
        if !said.is_empty() {
            return Some((at, said));
        }
    }
    None
}

fn taken(reason: &str) -> String {
    format!("advertise 100, own, announce 5, Backup → Active ({reason})")
}

#[test]
fn unhealthy_displaces_an_active_at_the_floor_at_once() {
    let node = Node::backup(with(Preempt::Unhealthy));
    assert_eq!(takes_over(node, 1, 60), Some((1000.0, taken("relieved"))));
}

#[test]
fn unhealthy_waits_for_its_skew_where_several_backups_are_ordered_by_it() {
    let node = Node::backup(Config { preempt: Preempt::Unhealthy, ..multicast(Version::V3) });
    assert_eq!(takes_over(node, 1, 60), Some((1609.375, taken("relieved"))));
}

#[test]
fn unhealthy_never_displaces_a_healthy_active() {
    assert_eq!(takes_over(Node::backup(with(Preempt::Unhealthy)), 2, 60), None);
}

#[test]
fn always_displaces_a_lower_priority_when_its_timer_runs_out() {
    let node = Node::backup(with(Preempt::Always));
    assert_eq!(takes_over(node, 99, 60), Some((3609.375, taken("preempted"))));
}

#[test]
fn always_displaces_an_active_at_the_floor_at_once() {
    let node = Node::backup(with(Preempt::Always));
    assert_eq!(takes_over(node, 1, 60), Some((1000.0, taken("relieved"))));
}

#[test]
fn always_leaves_an_equal_priority_alone() {
    assert_eq!(takes_over(Node::backup(with(Preempt::Always)), 100, 60), None);
}

#[test]
fn always_leaves_a_lower_priority_alone_for_the_delay() {
    let node = Node::backup(Config { preempt_delay: secs(10), ..with(Preempt::Always) });
    // Heard from 1 s to 10 s in the delay; the timer that was started at 10 s runs out.
    assert_eq!(takes_over(node, 99, 60), Some((10_000.0 + 3609.375, taken("preempted"))));
}

#[test]
fn the_delay_starts_again_when_the_active_was_better_meanwhile() {
    let mut node = Node::backup(Config { preempt_delay: secs(10), ..with(Preempt::Always) });
    node.at(1000).hears(99);
    node.at(2000).hears(150);
    node.at(9000).hears(99);
    assert_eq!(node.at(12_000).hears(99), "");
    assert_eq!(node.due(), 12_000.0 + 3609.375);
}

#[test]
fn the_delay_does_not_hold_up_relief() {
    let node = Node::backup(Config { preempt_delay: secs(10), ..with(Preempt::Always) });
    assert_eq!(takes_over(node, 1, 60), Some((1000.0, taken("relieved"))));
}

#[test]
fn never_displaces_nobody_not_even_at_the_floor() {
    assert_eq!(takes_over(Node::backup(with(Preempt::Never)), 1, 60), None);
}

#[test]
fn never_still_takes_over_from_the_silent() {
    let mut node = Node::backup(with(Preempt::Never));
    assert_eq!(node.run_until(3610), [(3609.375, taken("silence"))]);
}

#[test]
fn an_owner_always_pre_empts() {
    for preempt in [Preempt::Unhealthy, Preempt::Never] {
        let owner = Config { priority: Priority::OWNER, ..with(preempt) };
        let mut node = Node::with(owner.clone(), unhealthy());
        node.said();
        node.hears(254);
        node.recovers();
        let said = takes_over(node, 254, 60).expect("it takes its addresses back").1;
        assert_eq!(said, "advertise 255, own, announce 5, Backup → Active (preempted)");
    }
}

#[test]
fn an_owner_that_stood_still_takes_its_addresses_back() {
    let mut node = Node::new(Config { priority: Priority::OWNER, ..pair(Version::V3) });
    assert_eq!(node.machine.state(), State::Active);
    assert_eq!(node.at(9000).hears(254), "warn dual active 10.0.0.2 254");
    node.timeout();
    assert_eq!(node.at(10_000).timeout(), "advertise 255, own, announce 5");
}

#[test]
fn an_unhealthy_backup_relieves_nobody() {
    for preempt in [Preempt::Unhealthy, Preempt::Always] {
        let mut node = Node::backup(with(preempt));
        node.standing(unhealthy());
        assert_eq!(takes_over(node, 1, 60), None);
    }
}

#[test]
fn an_unhealthy_backup_with_a_higher_floor_relieves_nobody() {
    let config = Config { floor: Priority(5), ..with(Preempt::Unhealthy) };
    let mut node = Node::backup(config);
    node.standing(Standing { priority: Priority(5), ..unhealthy() });
    assert_eq!(takes_over(node, 1, 60), None);
}

#[test]
fn a_backup_that_becomes_unhealthy_in_its_skew_leaves_the_active_alone() {
    let mut node = Node::backup(multicast(Version::V3));
    node.at(1000).hears(1);
    assert_eq!(node.due(), 1609.375);
    assert_eq!(node.at(1300).standing(unhealthy()), "warn priority 1");
    assert_eq!(node.due(), 1300.0 + 3996.09375);
    assert_eq!(takes_over(node, 1, 60), None);
}

#[test]
fn a_backup_that_falls_below_the_active_does_not_pre_empt_it() {
    let mut node = Node::backup(with(Preempt::Always));
    node.at(3000).hears(90);
    node.at(3500).standing(standing(80));
    assert_eq!(takes_over(node, 90, 60), None);
}

#[test]
fn a_backup_that_becomes_unhealthy_still_takes_a_role_that_was_given_away() {
    let mut node = Node::backup(multicast(Version::V3));
    node.at(1000).hears(0);
    node.at(1300).standing(unhealthy());
    assert_eq!(
        node.run_until(1700),
        [(1609.375, "advertise 1, own, announce 5, Backup → Active (released)".to_owned())]
    );
}

#[test]
fn an_active_that_recovers_in_time_is_not_relieved() {
    let mut node = Node::backup(multicast(Version::V3));
    node.at(1000).hears(1);
    node.at(1500).hears(150);
    assert_eq!(node.due(), 1500.0 + 3609.375);
}

#[test]
fn a_released_role_is_taken_at_once_in_a_pair_and_after_the_skew_by_several() {
    let mut one_of_two = Node::backup(pair(Version::V3));
    one_of_two.at(1000).hears(0);
    assert_eq!(one_of_two.run_until(1000), [(1000.0, taken("released"))]);

    let mut one_of_many = Node::backup(multicast(Version::V3));
    one_of_many.at(1000).hears(0);
    assert_eq!(one_of_many.run_until(2000), [(1609.375, taken("released"))]);
}

#[test]
fn a_release_that_is_repeated_does_not_put_the_take_over_off() {
    let mut node = Node::backup(multicast(Version::V3));
    node.at(1000).hears(0);
    node.at(1500).hears(0);
    assert_eq!(node.due(), 1609.375);
}

#[test]
fn an_advertisement_after_a_release_calls_the_take_over_off() {
    let mut node = Node::backup(multicast(Version::V3));
    node.at(1000).hears(0);
    assert_eq!(node.at(1001).hears(150), "");
    assert_eq!(node.due(), 1001.0 + 3609.375);
}
