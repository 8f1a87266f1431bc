//! Skew_Time, Active_Down_Interval and whose interval they are made of (RFC 9568 §6.1).

use super::*;
use crate::config::{Version, active_down, skew};
use crate::fixture::{multicast, pair};

#[test]
fn skew_and_active_down_are_fractions_of_the_interval_in_version_3() {
    //  priority  interval  skew        Active_Down
    let cases = [
        (100, 1000, 609.375, 3609.375),
        (100, 100, 60.9375, 360.9375),
        (100, 10, 6.09375, 36.09375),
        (1, 1000, 996.09375, 3996.09375),
        (200, 1000, 218.75, 3218.75),
        (254, 1000, 7.8125, 3007.8125),
        (255, 1000, 3.90625, 3003.90625),
        (100, 40_950, 24_953.906_25, 147_803.906_25),
    ];
    for (priority, interval, skewed, down) in cases {
        let (priority, interval) = (Priority(priority), Duration::from_millis(interval));
        assert_eq!(skew(Version::V3, priority, interval), ms(skewed), "{priority} {interval:?}");
        assert_eq!(active_down(Version::V3, priority, interval), ms(down));
    }
}

#[test]
fn skew_is_a_fraction_of_a_second_in_version_2() {
    //  priority  interval  skew     Active_Down
    let cases = [
        (100, 1, 609.375, 3609.375),
        (100, 10, 609.375, 30_609.375),
        (254, 255, 7.8125, 765_007.812_5),
        (1, 2, 996.09375, 6996.09375),
    ];
    for (priority, interval, skewed, down) in cases {
        let (priority, interval) = (Priority(priority), secs(interval));
        assert_eq!(skew(Version::V2, priority, interval), ms(skewed), "{priority} {interval:?}");
        assert_eq!(active_down(Version::V2, priority, interval), ms(down));
    }
}

#[test]
fn a_silent_active_is_replaced_after_active_down() {
    let silence = |version, interval: u64| {
        let advertise = Duration::from_millis(interval);
        let mut node = Node::new(Config { advertise, ..pair(version) });
        node.hears_advert(Advert { interval: advertise, ..advert(150) });
        node.run_until(100_000)[0].clone()
    };
    let said = "advertise 100, own, announce 5, Backup → Active (silence)".to_owned();
    assert_eq!(silence(Version::V3, 1000), (3609.375, said.clone()));
    assert_eq!(silence(Version::V3, 100), (360.9375, said.clone()));
    assert_eq!(silence(Version::V3, 10), (36.09375, said.clone()));
    assert_eq!(silence(Version::V2, 1000), (3609.375, said.clone()));
    assert_eq!(silence(Version::V2, 10_000), (30_609.375, said));
}

#[test]
fn a_node_that_hears_nobody_becomes_active_after_active_down() {
    let mut node = Node::new(pair(Version::V3));
    assert_eq!(
        node.run_until(4000)[0],
        (3609.375, "advertise 100, own, announce 5, Backup → Active (silence)".to_owned())
    );
}

#[test]
fn every_advertisement_of_a_better_active_restarts_the_timer() {
    let mut node = Node::backup(pair(Version::V3));
    for at in (1..600).map(|n| n * 3500) {
        assert_eq!(node.run_until(at), []);
        assert_eq!(node.hears(150), "");
    }
}

#[test]
fn version_3_goes_by_the_actives_interval() {
    let mut node = Node::backup(multicast(Version::V3));
    node.at(400).hears_advert(Advert { interval: ms(100), ..advert(150) });
    assert_eq!(node.due(), 400.0 + 360.9375);
    node.at(500).hears_advert(Advert { interval: secs(10), ..advert(150) });
    assert_eq!(node.due(), 500.0 + 36_093.75);
    node.at(600).hears_advert(Advert { interval: secs(10), ..advert(0) });
    assert_eq!(node.due(), 600.0 + 6093.75, "its skew too");
}

#[test]
fn an_active_advertises_at_its_own_interval_whatever_it_learned_before() {
    let mut node = Node::new(pair(Version::V3));
    node.hears_advert(Advert { interval: ms(100), ..advert(150) });
    assert_eq!(node.run_until(1500).len(), 2);
    assert_eq!(node.due(), 360.9375 + 2000.0);
}

#[test]
fn an_interval_of_0_is_taken_for_the_shortest() {
    let mut node = Node::new(pair(Version::V3));
    node.hears_advert(Advert { interval: Duration::ZERO, ..advert(150) });
    assert_eq!(node.due(), 36.09375);
}

#[test]
fn version_2_goes_by_its_own_interval() {
    let mut node = Node::new(pair(Version::V2));
    node.at(400).hears_advert(Advert { interval: ms(10), ..advert(150) });
    assert_eq!(node.due(), 400.0 + 3609.375);
}

#[test]
fn an_active_advertises_once_an_interval() {
    let mut node = Node::active(Config { advertise: ms(10), ..pair(Version::V3) });
    let said = node.run_until(10_000);
    assert_eq!(said.len(), 1000);
    assert!(said.iter().all(|(_, words)| words == "advertise 100"));
}

#[test]
fn an_interval_counts_from_the_advertisement_and_not_from_when_it_was_due() {
    let mut node = Node::active(pair(Version::V3));
    assert_eq!(node.at(1100).timeout(), "advertise 100");
    assert_eq!(node.due(), 2100.0);
}

#[test]
fn bfd_shortens_the_wait_to_the_skew() {
    let mut node = Node::backup(pair(Version::V3));
    assert_eq!(node.at(400).bfd(BfdHint::Down), "");
    assert_eq!(
        node.run_until(2000),
        [(
            400.0 + 609.375,
            "advertise 100, own, announce 5, Backup → Active (bfd_down)".to_owned()
        )]
    );
}

#[test]
fn an_advertisement_calls_bfds_hint_off() {
    let mut node = Node::backup(pair(Version::V3));
    node.at(400).bfd(BfdHint::Down);
    node.at(500).hears(150);
    assert_eq!(node.due(), 500.0 + 3609.375);
}

#[test]
fn bfd_never_lengthens_the_wait() {
    let mut node = Node::backup(pair(Version::V3));
    node.at(3500).bfd(BfdHint::Down);
    assert_eq!(node.due(), 3609.375);
}

#[test]
fn bfd_going_down_administratively_or_coming_up_says_nothing() {
    let mut node = Node::backup(pair(Version::V3));
    node.at(400).bfd(BfdHint::AdminDown);
    node.at(500).bfd(BfdHint::Up);
    assert_eq!(node.due(), 3609.375);
}
