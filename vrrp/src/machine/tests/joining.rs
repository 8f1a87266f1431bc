//! Into the election: from the start, and back from a fault.

use super::*;
use crate::config::{Preempt, Version};
use crate::fixture::{multicast, pair};

fn not_ready() -> Standing {
    Standing { unhealthy: Some(Unhealthy::NotReady), ..standing(1) }
}

#[test]
fn a_node_with_nothing_in_its_way_joins_at_once() {
    let mut node = Node::with(pair(Version::V3), standing(100));
    assert_eq!(node.said(), "Initialize → Backup (joined)");
    assert_eq!(node.due(), 3609.375);
}

#[test]
fn the_start_is_delayed_as_configured() {
    let mut node = Node::new(Config { startup_delay: secs(3), ..pair(Version::V3) });
    assert_eq!(node.run_until(3000), [(3000.0, "Initialize → Backup (joined)".to_owned())]);
    assert_eq!(node.due(), 3000.0 + 3609.375);
}

#[test]
fn a_node_that_is_not_ready_waits_and_joins_when_it_is() {
    let mut node = Node::with(pair(Version::V3), not_ready());
    assert_eq!(node.run_until(2000), []);
    assert_eq!(node.hears(150), "", "nobody is listened to yet");
    assert_eq!(node.recovers(), "warn priority 100, Initialize → Backup (joined)");
}

#[test]
fn a_node_that_is_not_ready_joins_at_the_floor_after_10_seconds() {
    let mut node = Node::with(pair(Version::V3), not_ready());
    let said = node.run_until(14_000);
    let joined = (10_000.0, "Initialize → Backup (joined_unready)".to_owned());
    let active = "advertise 1, own, announce 5, Backup → Active (silence)".to_owned();
    assert_eq!(said, [joined, (13_996.093_75, active)]);
}

#[test]
fn a_longer_delay_of_the_start_is_kept_by_a_node_that_is_not_ready() {
    let config = Config { startup_delay: secs(20), ..pair(Version::V3) };
    assert_eq!(Node::with(config, not_ready()).due(), 20_000.0);
}

#[test]
fn a_fault_keeps_a_node_out_of_the_election_without_end() {
    let mut node = Node::with(pair(Version::V3), faulty());
    assert_eq!(node.due(), NEVER);
    assert_eq!(node.at(60_000).timeout(), "");
    assert_eq!(node.recovers(), "Initialize → Backup (joined)", "there was nothing to hold after");
    assert_eq!(node.due(), 60_000.0 + 3609.375);
}

#[test]
fn the_owner_is_active_from_the_start() {
    let owner = Config { priority: Priority::OWNER, ..pair(Version::V3) };
    let mut node = Node::with(owner, standing(255));
    assert_eq!(node.said(), "advertise 255, own, announce 5, Initialize → Active (owner)");
}

#[test]
fn the_owner_waits_until_it_is_ready() {
    let owner = Config { priority: Priority::OWNER, ..pair(Version::V3) };
    let mut node = Node::with(owner, not_ready());
    assert_eq!(node.run_until(2000), []);
    assert_eq!(
        node.recovers(),
        "warn priority 255, advertise 255, own, announce 5, Initialize → Active (owner)"
    );
}

#[test]
fn an_active_with_a_fault_says_so_and_gives_the_addresses_up() {
    let mut node = Node::active(pair(Version::V3));
    assert_eq!(node.standing(faulty()), "advertise 0, disown, Active → Fault (fault)");
    assert_eq!(node.due(), NEVER);
}

#[test]
fn a_backup_with_a_fault_leaves_in_silence() {
    let mut node = Node::backup(pair(Version::V3));
    assert_eq!(node.standing(faulty()), "Backup → Fault (fault)");
}

#[test]
fn one_fault_after_another_is_one_fault() {
    let mut node = Node::backup(pair(Version::V3));
    node.standing(faulty());
    let missing = Standing { fault: Some(Fault::InterfaceMissing), ..standing(100) };
    assert_eq!(node.standing(missing), "");
    assert_eq!(node.recovers(), "Fault → Backup (recovered)");
}

/// Back from a fault at 0.
fn recovered(config: Config) -> Node {
    let mut node = Node::backup(config);
    node.standing(faulty());
    assert_eq!(node.recovers(), "Fault → Backup (recovered)");
    node
}

#[test]
fn after_a_fault_a_silence_is_not_believed_for_the_hold() {
    let said = recovered(pair(Version::V3)).run_until(6000);
    assert_eq!(said[0].0, 5000.0);
    assert!(said[0].1.ends_with("Backup → Active (silence)"), "{said:?}");
}

#[test]
fn the_hold_is_active_down_at_least() {
    let mut node = recovered(Config { fault_hold: secs(1), ..pair(Version::V3) });
    node.at(3600).hears(1);
    assert_eq!(node.due(), 3600.0 + 3609.375, "left alone");
    node.at(3610).hears(1);
    assert!(node.timeout().ends_with("Backup → Active (relieved)"));
}

#[test]
fn in_the_hold_an_active_is_heard_and_followed() {
    let mut node = recovered(pair(Version::V3));
    node.at(4000).hears(150);
    assert_eq!(node.due(), 4000.0 + 3609.375, "longer than the hold");
    node.at(4100).hears_advert(Advert { interval: ms(10), ..advert(150) });
    assert_eq!(node.due(), 5000.0);
}

#[test]
fn in_the_hold_nobody_is_displaced() {
    let mut node = recovered(Config { preempt: Preempt::Always, ..pair(Version::V3) });
    for at in [0, 1000, 2000, 3000, 4000] {
        assert_eq!(node.run_until(at), []);
        node.hears(if at < 2000 { 50 } else { 1 });
    }
    node.at(5000).hears(1);
    assert!(node.timeout().ends_with("Backup → Active (relieved)"), "ordinary rules again");
}

#[test]
fn the_delay_of_pre_emption_starts_after_the_hold() {
    let config = Config { preempt: Preempt::Always, preempt_delay: secs(3), ..pair(Version::V3) };
    let mut node = recovered(config);
    for at in (0..=8).map(|n| n * 1000) {
        assert_eq!(node.run_until(at), []);
        node.hears(50);
    }
    assert_eq!(
        node.due(),
        7000.0 + 3609.375,
        "5 s of hold, 3 s of delay: the last that restarts is at 7 s"
    );
}

#[test]
fn in_the_hold_a_role_that_is_given_away_is_taken() {
    let mut node = recovered(pair(Version::V3));
    node.at(1000).hears(0);
    assert!(node.timeout().ends_with("Backup → Active (released)"));
}

#[test]
fn in_the_hold_bfd_is_not_believed() {
    let mut node = recovered(pair(Version::V3));
    node.at(1000).bfd(BfdHint::Down);
    assert_eq!(node.due(), 5000.0);
}

#[test]
fn without_its_witness_a_backup_does_not_believe_a_silence() {
    let mut node = Node::backup(pair(Version::V3));
    node.at(1000).standing(without_witness());
    let said = node.run_until(60_000);
    assert_eq!(said, [(3609.375, "warn cut off".to_owned())], "said once");
    assert_eq!(node.machine.state(), State::Backup);
}

#[test]
fn without_its_witness_a_backup_does_not_believe_bfd() {
    let mut node = Node::backup(pair(Version::V3));
    node.standing(without_witness());
    node.at(1000).bfd(BfdHint::Down);
    assert_eq!(node.run_until(2000), [(1996.09375, "warn cut off".to_owned())]);
}

#[test]
fn without_its_witness_a_backup_still_takes_a_role_that_is_given_away() {
    let mut node = Node::backup(pair(Version::V3));
    node.standing(without_witness());
    node.at(1000).hears(0);
    assert_eq!(node.timeout(), "advertise 1, own, announce 5, Backup → Active (released)");
}

#[test]
fn when_the_witness_is_back_the_active_has_active_down_to_be_heard() {
    let mut node = Node::backup(pair(Version::V3));
    node.standing(without_witness());
    node.run_until(10_000);
    node.recovers();
    assert_eq!(node.due(), 10_000.0 + 3609.375);
    node.at(11_000).hears(150);
    assert_eq!(node.due(), 11_000.0 + 3609.375);
}

#[test]
fn a_new_silence_after_a_word_of_the_active_is_warned_of_again() {
    let mut node = Node::backup(pair(Version::V3));
    node.standing(without_witness());
    node.run_until(10_000);
    node.hears(150);
    let said = node.run_until(20_000);
    assert_eq!(said, [(10_000.0 + 3996.09375, "warn cut off".to_owned())]);
}

#[test]
fn where_several_backups_are_ordered_a_skew_orders_them_after_a_release() {
    let skew = |priority| {
        let config = Config { priority: Priority(priority), ..multicast(Version::V3) };
        let mut node = Node::backup(config);
        node.at(1000).hears(0);
        node.due()
    };
    assert!(skew(200) < skew(150));
    assert!(skew(150) < skew(100));
}
