use std::net::IpAddr;

use super::*;
use crate::config::Version;
use crate::fixture::pair;

/// A healthy node whose interface is up.
fn good() -> Conditions {
    Conditions {
        interface: InterfaceState::Up,
        without_source: Vec::new(),
        only_virtual: Vec::new(),
        tentative: false,
        ready: true,
        health: Health::Good,
        tracked: Vec::new(),
        witness: true,
    }
}

fn uplink() -> Tracked {
    Tracked::Interface("eth1".into())
}

fn resolver() -> Tracked {
    Tracked::Address(IpAddr::from([10, 0, 0, 53]))
}

/// Priority 100, with an interface at −50 and an address at −20.
fn tracking() -> Config {
    let weigh = |object, weight| Track { object, weight: Some(weight) };
    Config { track: vec![weigh(uplink(), -50), weigh(resolver(), -20)], ..pair(Version::V3) }
}

#[test]
fn a_healthy_node_has_its_own_priority() {
    let standing = standing(&pair(Version::V3), &good());
    let expected =
        Standing { fault: None, priority: Priority(100), unhealthy: None, witness: true };
    assert_eq!(standing, expected);
}

#[test]
fn what_the_protocol_stands_on_is_a_fault_when_it_is_missing() {
    let cases = [
        (Conditions { interface: InterfaceState::Missing, ..good() }, Fault::InterfaceMissing),
        (Conditions { interface: InterfaceState::Down, ..good() }, Fault::InterfaceDown),
        (Conditions { tentative: true, ..good() }, Fault::Tentative),
        (
            Conditions { without_source: vec![Family::V6, Family::V4], ..good() },
            Fault::NoSource(Family::V6),
        ),
        (
            Conditions {
                without_source: vec![Family::V4],
                only_virtual: vec![IpAddr::from([192, 0, 2, 100])],
                ..good()
            },
            Fault::OnlyVirtual(IpAddr::from([192, 0, 2, 100])),
        ),
        (
            Conditions {
                without_source: vec![Family::V6],
                only_virtual: vec![IpAddr::from([192, 0, 2, 100])],
                ..good()
            },
            Fault::NoSource(Family::V6),
        ),
    ];
    for (conditions, fault) in cases {
        let standing = standing(&pair(Version::V3), &conditions);
        assert_eq!(standing.fault, Some(fault), "{conditions:?}");
        assert_eq!(standing.priority, Priority(100), "a fault is no matter of priority");
    }
}

#[test]
fn of_several_faults_the_one_that_explains_the_others_is_named() {
    let all = Conditions {
        interface: InterfaceState::Missing,
        without_source: vec![Family::V4],
        only_virtual: Vec::new(),
        tentative: true,
        tracked: vec![false],
        ..good()
    };
    let config =
        Config { track: vec![Track { object: uplink(), weight: None }], ..pair(Version::V3) };
    let named = |conditions: &Conditions| standing(&config, conditions).fault;
    assert_eq!(named(&all), Some(Fault::InterfaceMissing));
    let there = Conditions { interface: InterfaceState::Down, ..all };
    assert_eq!(named(&there), Some(Fault::InterfaceDown));
    let up = Conditions { interface: InterfaceState::Up, ..there };
    assert_eq!(named(&up), Some(Fault::Tentative));
    let usable = Conditions { tentative: false, ..up };
    assert_eq!(named(&usable), Some(Fault::NoSource(Family::V4)));
    let sourced = Conditions { without_source: Vec::new(), ..usable };
    assert_eq!(named(&sourced), Some(Fault::Tracked(uplink())));
    assert_eq!(named(&Conditions { tracked: vec![true], ..sourced }), None);
}

#[test]
fn a_node_that_should_not_be_active_stands_at_the_floor() {
    let cases = [
        (Conditions { ready: false, ..good() }, Unhealthy::NotReady),
        (Conditions { health: Health::CannotAnswer, ..good() }, Unhealthy::CannotAnswer),
        (Conditions { health: Health::Drained, ..good() }, Unhealthy::Drained),
        (Conditions { witness: false, ..good() }, Unhealthy::WitnessLost),
    ];
    for (conditions, why) in cases {
        for floor in [1, 7] {
            let config = Config { floor: Priority(floor), ..pair(Version::V3) };
            let standing = standing(&config, &conditions);
            assert_eq!(standing.priority, Priority(floor), "{conditions:?}");
            assert_eq!(standing.unhealthy, Some(why.clone()), "{conditions:?}");
            assert_eq!(standing.fault, None, "it stays in the election: {conditions:?}");
        }
    }
}

#[test]
fn a_drained_node_that_is_not_ready_is_said_to_be_unready_for_that_keeps_it_out_longer() {
    let conditions = Conditions { ready: false, health: Health::Drained, ..good() };
    let standing = standing(&pair(Version::V3), &conditions);
    assert_eq!(standing.unhealthy, Some(Unhealthy::NotReady));
}

#[test]
fn weights_of_missing_objects_add_up_to_the_floor_at_least() {
    //  own  floor  eth1   address  priority  healthy
    let cases = [
        (100, 1, true, true, 100, true),
        (100, 1, false, true, 50, true),
        (100, 1, true, false, 80, true),
        (100, 1, false, false, 30, true),
        (72, 1, false, false, 2, true),
        (71, 1, false, false, 1, false),
        (60, 1, false, false, 1, false),
        (100, 30, false, false, 30, false),
        (254, 1, true, true, 254, true),
    ];
    for (own, floor, eth1, address, priority, healthy) in cases {
        let config = Config { priority: Priority(own), floor: Priority(floor), ..tracking() };
        let conditions = Conditions { tracked: vec![eth1, address], ..good() };
        let standing = standing(&config, &conditions);
        assert_eq!(standing.priority, Priority(priority), "{own} {floor} {eth1} {address}");
        assert_eq!(standing.unhealthy.is_none(), healthy, "{own} {floor} {eth1} {address}");
        assert_eq!(standing.fault, None);
    }
}

#[test]
fn the_first_missing_object_is_the_reason_for_the_floor() {
    let config = Config { priority: Priority(20), ..tracking() };
    let why = |tracked| standing(&config, &Conditions { tracked, ..good() }).unhealthy;
    assert_eq!(why(vec![false, false]), Some(Unhealthy::Tracked(uplink())));
    assert_eq!(why(vec![true, false]), Some(Unhealthy::Tracked(resolver())));
}

#[test]
fn a_tracked_object_without_weight_is_a_fault() {
    let mut config = tracking();
    config.track[1].weight = None;
    let conditions = Conditions { tracked: vec![true, false], ..good() };
    let standing = standing(&config, &conditions);
    assert_eq!(standing.fault, Some(Fault::Tracked(resolver())));
    assert_eq!(standing.priority, Priority(100));
}

#[test]
fn an_object_that_nobody_has_looked_at_yet_is_not_missing() {
    assert_eq!(standing(&tracking(), &good()).priority, Priority(100));
}

#[test]
fn a_lost_witness_forbids_to_believe_a_silence_even_at_the_floor() {
    let lost = Conditions { witness: false, health: Health::CannotAnswer, ..good() };
    let standing = standing(&pair(Version::V3), &lost);
    assert_eq!(standing.unhealthy, Some(Unhealthy::CannotAnswer));
    assert!(!standing.witness);
}

#[test]
fn health_weights_and_the_witness_do_not_touch_the_owner() {
    let owner = Config { priority: Priority::OWNER, ..tracking() };
    let cases = [
        Conditions { health: Health::CannotAnswer, ..good() },
        Conditions { witness: false, ..good() },
        Conditions { tracked: vec![false, false], ..good() },
    ];
    for conditions in cases {
        let standing = standing(&owner, &conditions);
        assert_eq!(standing.priority, Priority::OWNER, "{conditions:?}");
        assert_eq!(standing.unhealthy, None, "{conditions:?}");
    }
}

#[test]
fn an_operator_drains_even_the_owner() {
    let owner = Config { priority: Priority::OWNER, ..pair(Version::V3) };
    let standing = standing(&owner, &Conditions { health: Health::Drained, ..good() });
    assert_eq!(standing.priority, Priority(1));
    assert_eq!(standing.unhealthy, Some(Unhealthy::Drained));
}

#[test]
fn the_owner_waits_until_there_is_something_to_serve() {
    let owner = Config { priority: Priority::OWNER, ..pair(Version::V3) };
    let standing = standing(&owner, &Conditions { ready: false, ..good() });
    assert_eq!(standing.unhealthy, Some(Unhealthy::NotReady));
    assert_eq!(standing.priority, Priority(1));
}

#[test]
fn an_owner_without_an_interface_has_a_fault_like_everybody() {
    let owner = Config { priority: Priority::OWNER, ..pair(Version::V3) };
    let down = Conditions { interface: InterfaceState::Down, ..good() };
    assert_eq!(standing(&owner, &down).fault, Some(Fault::InterfaceDown));
}

#[test]
fn reasons_are_sentences_that_name_the_object() {
    let cases = [
        (Fault::NoSource(Family::V6).to_string(), "the interface has no IPv6 address"),
        (
            Fault::OnlyVirtual(IpAddr::from([192, 0, 2, 100])).to_string(),
            "the interface's only IPv4 address is the virtual 192.0.2.100: give it another one to \
             advertise from, or this node priority 255 if it owns that address",
        ),
        (Fault::Tracked(uplink()).to_string(), "tracked interface eth1 is missing"),
        (Unhealthy::Tracked(resolver()).to_string(), "tracked address 10.0.0.53 is missing"),
        (Unhealthy::CannotAnswer.to_string(), "cannot answer"),
    ];
    for (said, expected) in cases {
        assert_eq!(said, expected);
    }
}
