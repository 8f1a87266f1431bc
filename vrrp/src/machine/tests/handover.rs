//! Make before break: a role is given away while it is still served.

use super::*;
use crate::config::{Lease, Preempt, Version};
use crate::fixture::{multicast, pair};

fn leaving(config: Config, command: Command) -> Node {
    let mut node = Node::active(config);
    node.command(command);
    assert_eq!(node.machine.state(), State::HandingOver);
    node
}

#[test]
fn failover_says_priority_0_and_keeps_the_addresses() {
    let mut node = Node::active(pair(Version::V3));
    let said = node.at(400).command(Command::Failover);
    assert_eq!(said, "advertise 0, Active → HandingOver (failover)");
}

#[test]
fn the_addresses_go_when_the_other_node_is_heard() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    assert_eq!(
        node.at(2).hears(50),
        "ended taken by 10.0.0.2, disown, HandingOver → Backup (taken_over)"
    );
    assert_eq!(node.due(), 2.0 + 3609.375);
    assert_eq!(node.machine.other_active(), Some(host(2)));
}

#[test]
fn addresses_that_are_not_resident_stay_a_second_for_stragglers() {
    let config = || Config { resident: false, ..pair(Version::V3) };
    let mut node = leaving(config(), Command::Failover);
    assert_eq!(node.at(2).hears(50), "ended taken by 10.0.0.2");
    assert_eq!(node.at(500).hears(50), "");
    assert_eq!(node.due(), 1002.0);
    assert_eq!(node.at(1002).timeout(), "disown, HandingOver → Backup (taken_over)");
    let mut node = leaving(config(), Command::Stop);
    assert_eq!(node.at(2).hears(50), "");
    let said = node.at(1002).timeout();
    assert_eq!(said, "disown, HandingOver → Initialize (stop), ended stopped");
    let mut node = leaving(config(), Command::Failover);
    node.at(2).hears(50);
    let said = node.at(3).standing(faulty());
    assert!(!said.contains("nobody"), "{said}");
}

#[test]
fn priority_0_is_repeated_once_after_more_than_one_interval() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    assert_eq!(node.run_until(3999), [(1250.0, "advertise 0".to_owned())]);
}

#[test]
fn nobody_took_over_within_four_intervals_so_this_node_goes_on() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    let said = node.run_until(4000);
    let last = "ended nobody took over, advertise 100, own, announce 5, \
                HandingOver → Active (nobody_took_over)";
    assert_eq!(said.last(), Some(&(4000.0, last.to_owned())));
    assert!(!node.machine.held());
}

#[test]
fn version_2_waits_for_three_intervals_and_a_second() {
    let mut node = leaving(Config { advertise: secs(3), ..pair(Version::V2) }, Command::Failover);
    let said = node.run_until(60_000);
    assert_eq!(said[0], (3750.0, "advertise 0".to_owned()));
    assert_eq!(said[1].0, 10_000.0);
}

#[test]
fn the_slowest_backup_that_missed_both_words_is_still_waited_for() {
    for (version, advertise) in
        [(Version::V3, ms(10)), (Version::V3, secs(1)), (Version::V2, secs(1))]
    {
        let config = Config { advertise, priority: Priority(1), ..multicast(version) };
        let mut slowest = Node::new(config.clone());
        slowest.hears_advert(Advert { interval: advertise, ..advert(150) });
        let waits = slowest.run_until(5000)[0].0;
        let gives_up = leaving(config, Command::Failover).run_until(5000)[1].0;
        assert!(waits < gives_up, "{version:?} {advertise:?}: {waits} {gives_up}");
    }
}

#[test]
fn a_stop_disowns_when_the_other_node_is_heard_and_ends() {
    let mut node = leaving(pair(Version::V3), Command::Stop);
    assert_eq!(node.at(2).hears(50), "disown, HandingOver → Initialize (stop), ended stopped");
    assert_eq!(node.due(), NEVER);
}

#[test]
fn a_stop_goes_on_when_nobody_takes_over() {
    let mut node = leaving(pair(Version::V3), Command::Stop);
    let said = node.run_until(4000);
    let last = "disown, HandingOver → Initialize (stop), ended stopped".to_owned();
    assert_eq!(said, [(1250.0, "advertise 0".to_owned()), (4000.0, last)]);
}

#[test]
fn a_second_stop_does_not_wait() {
    let mut node = leaving(pair(Version::V3), Command::Stop);
    let said = node.at(100).command(Command::Stop);
    assert_eq!(said, "disown, HandingOver → Initialize (stop), ended stopped");
}

#[test]
fn a_stop_during_a_failover_ends_instead_of_going_on() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    assert_eq!(node.at(100).command(Command::Stop), "");
    let last = node.run_until(4000).pop();
    let said = "disown, HandingOver → Initialize (stop), ended stopped".to_owned();
    assert_eq!(last, Some((4000.0, said)));
}

#[test]
fn a_backup_stops_without_a_word_to_others() {
    let mut node = Node::backup(pair(Version::V3));
    assert_eq!(node.command(Command::Stop), "Backup → Initialize (stop), ended stopped");
}

#[test]
fn a_node_that_is_not_active_has_nothing_to_give_away() {
    let mut node = Node::backup(pair(Version::V3));
    assert_eq!(node.command(Command::Failover), "ended not active but Backup");
}

#[test]
fn the_lease_is_renewed_while_the_role_is_given_away() {
    let config = Config { lease: Lease::For(secs(6)), ..pair(Version::V3) };
    let mut node = leaving(config, Command::Failover);
    let said = node.run_until(3000);
    assert_eq!(said, [(1250.0, "advertise 0".to_owned()), (2000.0, "own".to_owned())]);
}

#[test]
fn with_a_virtual_mac_address_the_addresses_go_at_once() {
    let vmac = Config { vmac: true, lease: Lease::For(secs(6)), ..pair(Version::V3) };
    let mut node = Node::active(vmac);
    let said = node.command(Command::Failover);
    assert_eq!(said, "advertise 0, disown, Active → HandingOver (failover)");
    let said = node.run_until(3999);
    assert_eq!(said, [(1250.0, "advertise 0".to_owned())], "no lease is renewed");
    assert!(node.at(4000).timeout().contains("own, announce 5"), "nobody took over");
}

#[test]
fn two_nodes_that_both_give_the_role_away_do_not_take_each_other_for_active() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    assert_eq!(node.at(100).hears(0), "");
}

#[test]
fn after_a_failover_a_node_pre_empts_nobody_until_it_is_released() {
    let config = Config { preempt: Preempt::Always, ..pair(Version::V3) };
    let mut node = leaving(config, Command::Failover);
    node.at(2).hears(50);
    assert!(node.machine.held());
    for at in (1..60).map(|n| n * 1000) {
        assert_eq!(node.run_until(at), []);
        node.hears(50);
    }
    assert_eq!(node.command(Command::Release), "ended unheld");
    node.at(60_000).hears(50);
    let said = node.run_until(70_000);
    assert!(said[0].1.ends_with("Backup → Active (preempted)"), "{said:?}");
}

#[test]
fn after_a_failover_a_node_still_replaces_a_lost_peer_and_is_free_again() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    node.at(2).hears(50);
    let said = node.run_until(5000);
    assert!(said[0].1.ends_with("Backup → Active (silence)"), "{said:?}");
    assert!(!node.machine.held());
}

#[test]
fn after_a_failover_a_node_still_takes_a_role_that_is_given_back() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    node.at(2).hears(50);
    node.at(5).hears(0);
    assert!(node.timeout().ends_with("Backup → Active (released)"));
    assert!(!node.machine.held());
}

#[test]
fn after_a_failover_a_node_still_relieves_an_active_at_the_floor() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    node.at(2).hears(50);
    node.at(500).hears(1);
    assert!(node.timeout().ends_with("Backup → Active (relieved)"));
}

#[test]
fn a_fault_ends_a_failover_that_nobody_has_taken() {
    let mut node = leaving(pair(Version::V3), Command::Failover);
    assert_eq!(
        node.at(100).standing(faulty()),
        "advertise 0, disown, ended nobody took over, HandingOver → Fault (fault)"
    );
}

#[test]
fn a_fault_ends_a_stop() {
    let mut node = leaving(pair(Version::V3), Command::Stop);
    assert_eq!(
        node.at(100).standing(faulty()),
        "advertise 0, disown, HandingOver → Initialize (stop), ended stopped"
    );
}
