//! What a node has not in its hand: its interface, other programs on its host, other hosts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::{Host, Lab, VIP, until};
use crate::node::{Entry, Node, PATIENCE, said};

/// The switch's name for the port of `n1`, and what `eth0` is made of: as the lab plugs it.
fn plug(lab: &Lab) {
    let host = lab.host("n1");
    host.ip("link add eth0 address 02:00:00:00:00:01 type veth peer name far");
    host.ip("link set far up");
    host.ip("link set eth0 up");
    host.ip("address add 10.0.0.1/24 dev eth0");
    host.ip("address add fd00:1::1/64 dev eth0");
}

#[test]
fn an_interface_that_appears_later_and_goes_and_comes_back() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    host.ip("link delete eth0");
    let node = Node::start(host, &Entry::both(100));
    node.await_log("the interface is missing");
    node.await_status("to miss it", |group| group["fault"] == "the interface is missing");
    assert_eq!(node.state(), "Initialize");
    assert!(said(&node.rhumb("status")).contains("the interface is missing"));
    plug(&lab);
    node.await_state("Active");
    assert!(node.has_vip());
    host.ip("link delete eth0");
    node.await_log("Active → Fault");
    node.await_status("to miss it", |group| group["fault"] == "the interface is missing");
    assert_eq!(node.state(), "Fault");
    assert!(said(&node.rhumb("status")).contains("the interface is missing"));
    plug(&lab);
    node.await_state("Active");
    assert!(node.has_vip());
    assert_eq!(host.sysctl_value("net/ipv4/conf/eth0/arp_ignore"), "1", "also on the new one");
    let faults = node.metric("rhumb_vrrp_transitions_total{name=\"pair\",reason=\"fault\"}");
    assert_eq!(faults, Some(1.0));
}

#[test]
fn an_interface_with_nothing_but_the_virtual_address_is_told_what_it_lacks() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    host.ip("address del 10.0.0.1/24 dev eth0");
    host.ip(&format!("address add {VIP}/24 dev eth0"));
    let node = Node::start(host, &Entry::ipv4(100));
    let words = "the interface's only IPv4 address is the virtual 10.0.0.100: give it another one";
    node.await_log(words);
    node.await_status("to say so", |group| {
        group["fault"].as_str().is_some_and(|fault| fault.starts_with(words))
    });
    assert_eq!(node.state(), "Initialize");
    let reload = node.reload(&[&Entry::ipv4(255)]);
    assert!(reload.status.success(), "{}", said(&reload));
    node.await_state("Active");
    let reload = node.reload(&[&Entry::ipv4(100)]);
    assert!(reload.status.success(), "{}", said(&reload));
    node.await_state("Fault");
    host.ip("address add 10.0.0.1/24 dev eth0");
    node.await_state("Active");
}

#[test]
fn a_stranger_that_answers_for_the_address_is_named() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let stranger = lab.host("n2");
    // It says nothing by itself, and must be asked.
    stranger.ip(&format!("address add {VIP}/24 dev eth0"));
    let node = Node::active(lab.host("n1"), &Entry::ipv4(100));
    let words = "10.0.0.100 is already answered for by 02:00:00:00:00:02";
    node.await_warning(words);
    node.daemon.wait_for_log(words, PATIENCE);
    assert_eq!(node.state(), "Active");
}

#[test]
fn an_address_that_another_program_removes_is_put_back_and_a_fight_is_given_up() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let node = Node::active(lab.host("n1"), &Entry::ipv4(100));
    let remove = || node.host.ip(&format!("address del {VIP}/32 dev eth0"));
    remove();
    node.await_log("another program removed a virtual address; it is added again");
    for _ in 0..2 {
        assert!(until(PATIENCE, || node.has_vip()));
        remove();
    }
    node.await_log("Active → Fault");
    let why = "another program keeps removing the virtual addresses";
    node.await_status("to say why", |group| group["fault"] == why);
    assert!(node.has_logged("another program keeps removing the virtual addresses"));
    assert!(!node.has_vip());
    node.await_log("→ Active");
    assert!(until(PATIENCE, || node.has_vip()), "it tries again");
}

#[test]
fn an_address_that_another_program_removes_from_lo_is_put_back() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let node = Node::active(lab.host("n1"), &Entry::ipv4(100));
    assert!(node.host.holds("lo", VIP));
    node.host.ip(&format!("address del {VIP}/32 dev lo"));
    node.await_log("another program removed a virtual address from lo; it is added again");
    assert!(until(PATIENCE, || node.host.holds("lo", VIP)));
    assert_eq!(node.state(), "Active");
}

#[test]
fn an_address_that_another_program_put_there_stays() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let host = lab.host("n1");
    host.ip(&format!("address add {VIP}/32 dev eth0"));
    let mut node = Node::active(host, &Entry::ipv4(100));
    node.await_warning("10.0.0.100 was put on eth0 by another program");
    assert!(node.stop().success());
    assert!(host.holds("eth0", VIP) && !host.holds("lo", VIP));
}

/// A raw socket of VRRP, by multicast with this TTL.
fn raw(host: &Host, ttl: u32) -> Socket {
    host.inside(|| {
        let protocol = Some(Protocol::from(112));
        let socket = Socket::new(Domain::IPV4, Type::RAW, protocol).expect("permission");
        let IpAddr::V4(own) = host.address() else { unreachable!("its IPv4 address") };
        socket.set_multicast_if_v4(&own).expect("set");
        socket.set_multicast_ttl_v4(ttl).expect("set");
        socket
    })
}

#[test]
fn garbage_is_dropped_and_counted_by_reason() {
    let Some(lab) = Lab::new(&["n1", "n2", "n3"]) else { return };
    let first = Node::active(lab.host("n1"), &Entry::both(150));
    let second = Node::backup(lab.host("n2"), &Entry::both(100));
    let group: SocketAddr = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 18), 0).into();
    let mut random = fastrand::Rng::with_seed(112);
    for ttl in [255, 1] {
        let socket = raw(lab.host("n3"), ttl);
        for round in 0..400 {
            let mut packet: Vec<u8> = (0..random.usize(0..100)).map(|_| random.u8(..)).collect();
            // Some look like the real thing for an octet or more: version and type, VRID, priority,
            // one address; and a checksum.
            for (octet, value) in packet.iter_mut().zip([0x31, 51, 200, 1]).take(round % 5) {
                *octet = value;
            }
            if round % 5 == 4 {
                packet.resize(12, 0);
            }
            socket.send_to(&packet, &group.into()).expect("sent");
        }
    }
    for node in [&first, &second] {
        for reason in ["too_short", "hops", "total_length", "checksum"] {
            node.await_dropped(reason);
        }
    }
    assert_eq!((first.state(), second.state()), ("Active".into(), "Backup".into()));
    assert!(!first.has_logged("Active → ") && !second.has_logged("Backup → Active"));
    assert!(!first.has_logged("panicked") && !second.has_logged("panicked"));
}
