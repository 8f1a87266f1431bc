//! A new configuration of the same group takes effect without an election.

use super::*;
use crate::config::{ArpSchedule, Lease, Version};
use crate::fixture::{dual_stack, pair, v6};

#[test]
fn new_addresses_are_advertised_owned_and_announced_at_once() {
    let mut node = Node::active(pair(Version::V3));
    let addresses = vec![v4(100), v4(101)];
    let said = node.at(400).reload(Config { addresses, ..pair(Version::V3) });
    assert_eq!(said, "advertise 100, own, announce 5");
    assert_eq!(node.due(), 1400.0);
}

#[test]
fn a_new_interval_is_advertised_at_once_and_kept_from_then_on() {
    let mut node = Node::active(pair(Version::V3));
    let said = node.at(400).reload(Config { advertise: ms(100), ..pair(Version::V3) });
    assert_eq!(said, "advertise 100, own, announce 5");
    assert_eq!(
        node.run_until(650),
        [(500.0, "advertise 100".into()), (600.0, "advertise 100".into())]
    );
}

#[test]
fn a_much_shorter_interval_is_not_taken_for_a_stall() {
    let mut node = Node::active(Config { advertise: secs(10), ..pair(Version::V3) });
    let said = node.at(9000).reload(pair(Version::V3));
    assert_eq!(said, "advertise 100, own, announce 5");
    assert_eq!(node.at(10_000).timeout(), "advertise 100");
}

#[test]
fn a_configuration_that_says_the_same_changes_nothing() {
    let config = Config {
        lease: Lease::For(secs(9)),
        arp: ArpSchedule { burst: 5, again: vec![secs(1), secs(5)], refresh: Some(secs(10)) },
        ..pair(Version::V3)
    };
    let mut reloaded = Node::active(config.clone());
    let mut left_alone = Node::active(config.clone());
    for at in (0..100).map(|n| n * 500) {
        assert_eq!(reloaded.at(at).reload(config.clone()), "");
        assert_eq!(reloaded.run_until(at + 500), left_alone.run_until(at + 500), "{at}");
    }
}

#[test]
fn a_longer_lease_is_given_before_the_old_one_runs_out() {
    let leased = |lease| Config { lease: Lease::For(lease), ..pair(Version::V3) };
    let mut node = Node::active(leased(secs(9)));
    assert_eq!(node.at(100).reload(leased(secs(90))), "own");
    let owned: Vec<_> =
        node.run_until(31_000).into_iter().filter(|(_, said)| said.contains("own")).collect();
    assert_eq!(owned, [(30_100.0, "own".to_owned())]);
}

#[test]
fn a_new_schedule_of_announcements_starts_at_once() {
    let mut node = Node::active(pair(Version::V3));
    let arp = ArpSchedule { burst: 3, again: vec![secs(1)], refresh: None };
    assert_eq!(node.at(400).reload(Config { arp, ..pair(Version::V3) }), "");
    let said = node.run_until(1400);
    assert_eq!(said.last(), Some(&(1400.0, "announce 3".to_owned())));
}

#[test]
fn a_reload_after_a_stall_says_nothing_before_others_were_listened_to() {
    for advertise in [secs(1), secs(10)] {
        let mut node = Node::active(pair(Version::V3));
        let config = Config { advertise, addresses: vec![v4(101)], ..pair(Version::V3) };
        assert_eq!(node.at(9000).reload(config.clone()), "warn stalled 9s");
        assert_eq!(node.due(), 9000.0 + advertise.as_secs_f64() * 1e3);
        assert_eq!(node.at(9500).reload(config), "");
        let until = node.due();
        let resumed = node.at(until).timeout();
        assert_eq!(resumed, "advertise 100, own, announce 5");
    }
}

#[test]
fn a_backup_keeps_its_timer() {
    let mut node = Node::backup(pair(Version::V3));
    let said = node.at(400).reload(Config { advertise: ms(100), ..pair(Version::V3) });
    assert_eq!(said, "");
    assert_eq!(node.due(), 3609.375);
}

#[test]
fn a_backup_listens_to_a_new_family_for_active_down_before_it_takes_over() {
    let mut node = Node::backup(pair(Version::V3));
    let addresses = vec![v4(100), v6(100)];
    node.at(3000).reload(Config { addresses, ..dual_stack() });
    assert_eq!(node.due(), 3000.0 + 3609.375);
}
