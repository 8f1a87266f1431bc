//! What the neighbours and the kernel are told while a node is Active.

use super::*;
use crate::config::{ArpSchedule, Lease, Version};
use crate::fixture::{dual_stack, pair, v6};

/// With the schedule that is the default of a configuration.
fn announcing() -> Config {
    let arp = ArpSchedule { burst: 5, again: vec![secs(1), secs(5)], refresh: Some(secs(10)) };
    Config { arp, ..pair(Version::V3) }
}

/// When a word was said, in milliseconds.
fn when(said: &[(f64, String)], word: &str) -> Vec<f64> {
    said.iter().filter(|(_, words)| words.contains(word)).map(|&(at, _)| at).collect()
}

#[test]
fn neighbours_are_told_at_0_1_and_5_seconds_and_then_every_10() {
    let mut node = Node::new(announcing());
    node.hears(0);
    assert!(node.timeout().contains("announce 5"));
    let said = node.run_until(35_500);
    assert_eq!(when(&said, "announce 5"), [1000.0, 5000.0]);
    assert_eq!(when(&said, "announce 1"), [10_000.0, 20_000.0, 30_000.0]);
}

#[test]
fn a_burst_that_is_late_is_not_sent_twice() {
    let mut node = Node::active(announcing());
    for at in (1..12).map(|n| n * 500) {
        node.at(at).standing(standing(u8::try_from(100 + at / 500).expect("small")));
    }
    assert_eq!(node.timeout(), "announce 5", "both that are due");
    assert!(when(&node.run_until(9000), "announce").is_empty());
}

#[test]
fn the_schedule_starts_again_when_the_link_comes_up() {
    let mut node = Node::active(announcing());
    node.run_until(20_500);
    assert_eq!(node.link_up(), "announce 5");
    let said = node.run_until(31_000);
    assert_eq!(when(&said, "announce 5"), [21_500.0, 25_500.0]);
    assert_eq!(when(&said, "announce 1"), [30_500.0]);
}

#[test]
fn the_schedule_starts_again_after_a_stall() {
    let mut node = Node::active(announcing());
    node.run_until(20_500);
    assert!(node.at(30_000).timeout().starts_with("warn stalled"));
    let said = node.run_until(36_500);
    assert_eq!(when(&said, "announce 5"), [31_000.0, 32_000.0, 36_000.0]);
}

#[test]
fn without_a_schedule_neighbours_are_told_once() {
    let mut node = Node::active(pair(Version::V3));
    assert!(when(&node.run_until(60_000), "announce").is_empty());
}

#[test]
fn a_lease_is_renewed_at_a_third() {
    let mut node = Node::active(Config { lease: Lease::For(secs(9)), ..pair(Version::V3) });
    assert_eq!(when(&node.run_until(10_000), "own"), [3000.0, 6000.0, 9000.0]);
}

#[test]
fn an_automatic_lease_is_three_active_downs_and_ten_seconds_at_least() {
    let third = |advertise| {
        let mut node = Node::active(Config { lease: Lease::Auto, advertise, ..pair(Version::V3) });
        when(&node.run_until(40_000), "own")[0]
    };
    assert_eq!(third(secs(1)), 3609.375);
    assert_eq!(third(ms(100)), 3_333.333_333);
    assert_eq!(third(secs(10)), 36_093.75);
}

#[test]
fn an_address_that_was_removed_is_added_again_and_announced() {
    let mut node = Node::active(pair(Version::V3));
    assert_eq!(node.at(400).removed(&[v4(100)]), "warn address removed, own, announce 5");
    assert_eq!(node.due(), 1000.0);
}

#[test]
fn three_removals_of_an_address_in_ten_seconds_are_a_fault() {
    let mut node = Node::active(pair(Version::V3));
    for at in [0, 5000] {
        node.run_until(at);
        assert_eq!(node.removed(&[v4(100)]), "warn address removed, own, announce 5");
    }
    node.run_until(9999);
    assert_eq!(node.removed(&[v4(100)]), "advertise 0, disown, Active → Fault (fault)");
    assert_eq!(node.due(), 9999.0 + 5000.0);
    assert_eq!(node.at(14_999).timeout(), "Fault → Backup (recovered)");
    assert_eq!(node.due(), 14_999.0 + 5000.0, "and it holds like after every fault");
}

#[test]
fn three_removals_in_more_than_ten_seconds_are_none() {
    let mut node = Node::active(pair(Version::V3));
    for at in [0, 5000, 10_000, 15_000, 20_000] {
        node.run_until(at);
        assert_eq!(node.removed(&[v4(100)]), "warn address removed, own, announce 5", "{at}");
    }
}

#[test]
fn addresses_that_are_removed_together_are_added_together() {
    let mut node = Node::active(pair(Version::V3));
    let said = node.at(400).removed(&[v4(100), v4(101), v4(102)]);
    assert_eq!(said, "warn address removed, own, announce 5");
    assert_eq!(node.removed(&[]), "");
}

#[test]
fn a_flush_that_is_heard_of_address_by_address_is_one_removal_of_each() {
    let addresses = [v4(100), v4(101), v4(102), v6(100)];
    let mut node = Node::active(Config { addresses: addresses.to_vec(), ..dual_stack() });
    for at in [0, 1000] {
        node.run_until(at);
        for address in addresses {
            assert_eq!(node.removed(&[address]), "warn address removed, own, announce 5");
        }
    }
    node.run_until(2000);
    let said = node.removed(&[v4(101), v4(102)]);
    assert_eq!(said, "advertise 0, disown, Active → Fault (fault)");
}

#[test]
fn removals_before_a_fault_do_not_count_after_it() {
    let mut node = Node::active(Config { fault_hold: secs(1), ..pair(Version::V3) });
    for _ in 0..3 {
        node.removed(&[v4(100)]);
    }
    node.run_until(9000);
    assert_eq!(node.removed(&[v4(100)]), "warn address removed, own, announce 5");
}
