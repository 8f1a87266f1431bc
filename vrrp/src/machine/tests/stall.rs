//! A process that stood still learns what happened before it acts.

use super::*;
use crate::config::{Preempt, Version};
use crate::fixture::{multicast, pair};

fn active() -> Node {
    Node::active(pair(Version::V3))
}

#[test]
fn an_active_that_was_silent_for_three_intervals_at_most_advertises_at_once() {
    let mut node = active();
    assert_eq!(node.at(3000).timeout(), "advertise 100");
    assert_eq!(node.due(), 4000.0);
}

#[test]
fn an_active_that_was_silent_for_longer_listens_for_an_interval() {
    let mut node = active();
    assert_eq!(node.at(3001).timeout(), "warn stalled 3.001s");
    assert_eq!(node.due(), 4001.0);
    assert_eq!(node.at(3500).timeout(), "");
    assert_eq!(node.at(4001).timeout(), "advertise 100, own, announce 5");
    assert_eq!(node.due(), 5001.0);
}

#[test]
fn a_stalled_active_yields_to_a_winner_in_its_socket() {
    let mut node = active();
    assert_eq!(node.at(9000).hears(150), "disown, Active → Backup (higher_priority)");
    assert_eq!(node.timeout(), "");
}

#[test]
fn a_stalled_active_leaves_the_role_with_a_healthy_node_of_lower_priority() {
    for preempt in [Preempt::Unhealthy, Preempt::Never] {
        let mut node = Node::active(Config { preempt, ..pair(Version::V3) });
        assert_eq!(node.at(9000).hears(50), "disown, Active → Backup (replaced)");
        assert_eq!(node.due(), 9000.0 + 3609.375);
    }
}

#[test]
fn a_stalled_active_that_pre_empts_always_takes_the_role_back_after_it_has_listened() {
    let mut node = Node::active(Config { preempt: Preempt::Always, ..pair(Version::V3) });
    assert_eq!(node.at(9000).hears(50), "warn dual active 10.0.0.2 50", "no word yet");
    assert_eq!(node.timeout(), "warn stalled 9s");
    assert_eq!(node.at(10_000).timeout(), "advertise 100, own, announce 5");
}

#[test]
fn a_stalled_active_does_not_leave_the_role_with_a_node_at_the_floor() {
    let mut node = active();
    assert_eq!(node.at(9000).hears(1), "warn dual active 10.0.0.2 1");
    assert_eq!(node.timeout(), "warn stalled 9s");
    assert_eq!(node.at(10_000).timeout(), "advertise 100, own, announce 5");
}

#[test]
fn while_it_listens_a_stalled_active_says_nothing() {
    let mut node = active();
    node.at(9000).timeout();
    assert_eq!(node.at(9100).hears(0), "");
    assert_eq!(node.at(9200).standing(standing(90)), "warn priority 90");
    assert_eq!(node.at(9300).removed(&[v4(100)]), "");
    assert_eq!(node.at(9400).link_up(), "", "the neighbours may know better");
    assert_eq!(node.due(), 10_000.0);
    assert_eq!(node.at(10_000).timeout(), "advertise 90, own, announce 5");
}

#[test]
fn before_its_timers_a_stalled_active_says_nothing_either() {
    let mut node = active();
    assert_eq!(node.at(9000).link_up(), "");
    assert_eq!(node.removed(&[v4(100)]), "");
    assert_eq!(node.hears(0), "");
    assert_eq!(node.standing(standing(90)), "warn priority 90");
    assert_eq!(node.timeout(), "warn stalled 9s");
}

#[test]
fn a_backup_that_wakes_late_by_an_interval_at_most_takes_over() {
    let mut node = Node::backup(multicast(Version::V3));
    assert_eq!(
        node.at(4609.375).timeout(),
        "advertise 100, own, announce 5, Backup → Active (silence)"
    );
}

#[test]
fn a_backup_that_wakes_later_waits_once_for_an_interval_and_its_skew() {
    let mut node = Node::backup(multicast(Version::V3));
    assert_eq!(node.at(4610.0).timeout(), "warn late 1.000625s");
    assert_eq!(node.due(), 4610.0 + 1609.375);
    assert_eq!(
        node.at(9000.0).timeout(),
        "advertise 100, own, announce 5, Backup → Active (silence)",
        "late once more, but forgiven already"
    );
}

#[test]
fn what_a_late_backup_hears_while_it_waits_keeps_it_backup() {
    let mut node = Node::backup(multicast(Version::V3));
    node.at(9000).timeout();
    assert_eq!(node.at(9500).hears(150), "");
    assert_eq!(node.due(), 9500.0 + 3609.375);
    assert_eq!(node.at(15_000).timeout(), "warn late 1.890625s", "and it may be late again");
}

#[test]
fn a_backup_that_was_told_to_take_over_does_so_however_late_it_wakes() {
    let mut node = Node::backup(multicast(Version::V3));
    node.at(500).hears(0);
    assert_eq!(
        node.at(9000).timeout(),
        "advertise 100, own, announce 5, Backup → Active (released)"
    );
}

#[test]
fn an_active_guards_by_the_interval_at_which_it_advertises() {
    let mut node = Node::active(Config { advertise: ms(10), ..pair(Version::V3) });
    assert_eq!(node.at(30).timeout(), "advertise 100");
    assert_eq!(node.at(61).timeout(), "warn stalled 31ms");
    assert_eq!(node.due(), 71.0);
}
