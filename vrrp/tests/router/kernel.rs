//! What other programs and the cables do to a group.

use std::time::Duration;

use vrrp::config::{Config, Priority};
use vrrp::linux::neighbour::{Announcer, Role};
use vrrp::machine::State;

use crate::lab::{Lab, Namespace, address};
use crate::node::{Node, VIP, config, ipv4, wait_until};

fn has(host: &Namespace, text: &str) -> bool {
    host.has(&host.interface("eth0").0, address(text))
}

#[test]
fn group_waits_for_its_interface_and_for_its_return() {
    let Some(lab) = Lab::new() else { return };
    lab.unplug();
    let a = Node::start(&lab.a, config(100));
    a.await_warning("waiting: the interface is missing");
    lab.plug();
    a.await_state(State::Active);
    assert!(has(&lab.a, "192.0.2.100"));
    lab.unplug();
    assert_eq!(a.await_state(State::Fault), "fault");
    lab.plug();
    assert_eq!(a.await_state(State::Backup), "recovered");
    a.await_state(State::Active);
    assert!(has(&lab.a, "192.0.2.100"), "it is on the new interface");
    a.stop();
}

#[test]
fn lost_carrier_takes_the_addresses_off_the_interface() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, config(100));
    a.await_state(State::Active);
    lab.b.ip("link set eth0 down");
    assert_eq!(a.await_state(State::Fault), "fault");
    wait_until("the address to go", || !has(&lab.a, "192.0.2.100"));
    lab.b.ip("link set eth0 up");
    a.await_state(State::Active);
    a.stop();
}

#[test]
fn removed_address_is_put_back_and_a_fight_is_given_up() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, ipv4(100));
    a.await_state(State::Active);
    for _ in 0..2 {
        wait_until("the address", || has(&lab.a, "192.0.2.100"));
        lab.a.ip("address delete 192.0.2.100/32 dev eth0");
    }
    a.await_warning("another program removed a virtual address");
    wait_until("the address", || has(&lab.a, "192.0.2.100"));
    lab.a.ip("address delete 192.0.2.100/32 dev eth0");
    assert_eq!(a.await_state(State::Fault), "fault");
    a.await_state(State::Active);
    a.stop();
}

#[test]
fn address_of_another_program_is_named_and_stays() {
    let Some(lab) = Lab::new() else { return };
    lab.a.ip("address add 192.0.2.100/32 dev eth0");
    let a = Node::start(&lab.a, ipv4(100));
    a.await_warning("192.0.2.100 was put on eth0 by another program");
    a.await_state(State::Active);
    a.stop();
    assert!(has(&lab.a, "192.0.2.100"));
}

#[test]
fn stranger_that_claims_the_address_is_named() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, ipv4(100));
    a.await_state(State::Active);
    let (interface, mac) = lab.b.interface("eth0");
    lab.b.inside(|| {
        let announcer = Announcer::open().expect("a socket");
        announcer.announce(&interface, mac, VIP, Role::Host).expect("sent");
    });
    a.await_warning(&format!("192.0.2.100 is already answered for by {mac}"));
    a.stop();
}

#[test]
fn running_group_takes_another_priority_and_other_addresses() {
    let Some(lab) = Lab::new() else { return };
    let a = Node::start(&lab.a, ipv4(100));
    a.await_state(State::Active);
    let addresses = vec![address("192.0.2.101"), address("192.0.2.102")];
    let other = Config { addresses, priority: Priority(120), ..ipv4(100) };
    a.handle.reconfigure(other).expect("nothing fixed has changed");
    wait_until("the new addresses", || has(&lab.a, "192.0.2.101") && has(&lab.a, "192.0.2.102"));
    wait_until("the old one to go", || !has(&lab.a, "192.0.2.100"));
    let lo = lab.a.interface("lo").0;
    assert!(lab.a.has(&lo, address("192.0.2.101")));
    wait_until("the old one to go from lo", || !lab.a.has(&lo, VIP));
    wait_until("the priority", || a.handle.status().priority == Priority(120));
    a.stop();
    assert!(!has(&lab.a, "192.0.2.101") && !lab.a.has(&lo, address("192.0.2.101")));
}

#[test]
fn lease_is_renewed_as_long_as_the_group_lives() {
    let Some(lab) = Lab::new() else { return };
    let lease = vrrp::config::Lease::For(Duration::from_secs(3));
    let a = Node::start(&lab.a, Config { lease, ..ipv4(100) });
    a.await_state(State::Active);
    let eth0 = lab.a.interface("eth0").0;
    let rest = || {
        let found = lab.a.addresses(&eth0).into_iter().find(|found| found.address == VIP);
        found.and_then(|found| found.valid).expect("an address with a lease")
    };
    wait_until("some of the lease to pass", || rest() <= Duration::from_secs(2));
    wait_until("the lease to be renewed", || rest() > Duration::from_secs(2));
    a.stop();
}
