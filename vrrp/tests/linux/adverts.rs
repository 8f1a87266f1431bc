//! Advertisements between two hosts.

use std::net::IpAddr;
use std::os::fd::AsFd;

use vrrp::config::Family;
use vrrp::linux::Interface;
use vrrp::linux::socket::{AdvertSocket, BUFFER, GROUP_V4, PROTOCOL, Reach};

use crate::lab::{Lab, Namespace, address, wait};

/// A datagram with what the kernel said of it.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    source: IpAddr,
    destination: IpAddr,
    hops: u8,
    interface: u32,
    claimed: Option<usize>,
    payload: Vec<u8>,
}

fn multicast(interface: &Interface) -> Reach {
    Reach::Multicast { interface: interface.clone(), egress: interface.clone() }
}

fn open(host: &Namespace, family: Family, reach: Reach) -> AdvertSocket {
    host.inside(|| AdvertSocket::open(family, reach).expect("a socket"))
}

fn receive(socket: &mut AdvertSocket) -> Got {
    let descriptor = socket.as_fd().try_clone_to_owned().expect("a descriptor");
    wait([descriptor.as_fd()], "an advertisement", || try_receive(socket))
}

fn try_receive(socket: &mut AdvertSocket) -> Option<Got> {
    let mut buffer = [0; BUFFER];
    let received = socket.receive(&mut buffer).expect("a socket")?;
    Some(Got {
        source: received.source,
        destination: received.destination,
        hops: received.hops,
        interface: received.interface,
        claimed: received.claimed,
        payload: received.payload.to_vec(),
    })
}

/// What `text` sent should arrive as.
fn got(source: IpAddr, destination: IpAddr, interface: &Interface, text: &str) -> Got {
    let claimed = destination.is_ipv4().then_some(text.len());
    let (interface, payload) = (interface.index, text.as_bytes().to_vec());
    Got { source, destination, hops: 255, interface, claimed, payload }
}

#[test]
fn group_is_reached_from_the_chosen_source_and_not_by_oneself() {
    let Some(lab) = Lab::new() else { return };
    let ((on_a, _), (on_b, _)) = (lab.a.interface("eth0"), lab.b.interface("eth0"));
    lab.a.ip("address add 192.0.2.11/24 dev eth0");
    for (family, a, b) in [
        (Family::V4, address("192.0.2.11"), address("192.0.2.2")),
        (Family::V6, lab.a.link_local(&on_a), lab.b.link_local(&on_b)),
    ] {
        let mut at_a = open(&lab.a, family, multicast(&on_a));
        let mut at_b = open(&lab.b, family, multicast(&on_b));
        let group = at_a.group();
        at_a.send(b"from a", a, group).expect("sent");
        assert_eq!(receive(&mut at_b), got(a, group, &on_b, "from a"));
        at_b.send(b"from b", b, group).expect("sent");
        // Its own would have been there before.
        assert_eq!(receive(&mut at_a), got(b, group, &on_a, "from b"));
    }
}

#[test]
fn peer_is_reached_by_its_address_global_or_link_local() {
    let Some(lab) = Lab::new() else { return };
    let ((on_a, _), (on_b, _)) = (lab.a.interface("eth0"), lab.b.interface("eth0"));
    for (family, a, b) in [
        (Family::V4, address("192.0.2.1"), address("192.0.2.2")),
        (Family::V6, address("2001:db8::1"), address("2001:db8::2")),
        (Family::V6, lab.a.link_local(&on_a), lab.b.link_local(&on_b)),
    ] {
        let mut at_a = open(&lab.a, family, Reach::Unicast { interface: on_a.clone() });
        let mut at_b = open(&lab.b, family, Reach::Unicast { interface: on_b.clone() });
        at_a.send(b"hello", a, b).expect("sent");
        assert_eq!(receive(&mut at_b), got(a, b, &on_b, "hello"));
        at_b.send(b"you too", b, a).expect("sent");
        assert_eq!(receive(&mut at_a), got(b, a, &on_a, "you too"));
    }
}

#[test]
fn unicast_socket_hears_the_group_on_its_interface_alone() {
    let Some(lab) = Lab::new() else { return };
    lab.plug_another();
    let ((on_a, _), (on_b, _)) = (lab.a.interface("eth0"), lab.b.interface("eth0"));
    let ((other_a, _), (other_b, _)) = (lab.a.interface("eth1"), lab.b.interface("eth1"));
    for (family, a, b) in [
        (Family::V4, address("192.0.2.1"), address("192.0.2.2")),
        (Family::V6, address("2001:db8::1"), address("2001:db8::2")),
    ] {
        let mut at_a = open(&lab.a, family, multicast(&on_a));
        let mut elsewhere_at_a = open(&lab.a, family, multicast(&other_a));
        let mut elsewhere_at_b = open(&lab.b, family, multicast(&other_b));
        let mut unicast_at_b = open(&lab.b, family, Reach::Unicast { interface: on_b.clone() });
        let group = at_a.group();
        elsewhere_at_a.send(b"elsewhere", a, group).expect("sent");
        assert_eq!(receive(&mut elsewhere_at_b).payload, b"elsewhere");
        at_a.send(b"to all", a, group).expect("sent");
        assert_eq!(receive(&mut unicast_at_b), got(a, group, &on_b, "to all"));
        at_a.send(b"to b", a, b).expect("sent");
        assert_eq!(receive(&mut unicast_at_b), got(a, b, &on_b, "to b"));
    }
}

#[test]
fn group_is_heard_on_the_chosen_interface_alone() {
    let Some(lab) = Lab::new() else { return };
    lab.plug_another();
    let ((eth0, _), (eth1, _)) = (lab.a.interface("eth0"), lab.a.interface("eth1"));
    let ((eth0_b, _), (eth1_b, _)) = (lab.b.interface("eth0"), lab.b.interface("eth1"));
    for (family, source) in
        [(Family::V4, address("192.0.2.1")), (Family::V6, address("2001:db8::1"))]
    {
        let mut first_at_b = open(&lab.b, family, multicast(&eth0_b));
        let mut second_at_b = open(&lab.b, family, multicast(&eth1_b));
        for (from, to, text) in
            [(&eth1, &mut second_at_b, "second"), (&eth0, &mut first_at_b, "first")]
        {
            let mut at_a = open(&lab.a, family, multicast(from));
            at_a.send(text.as_bytes(), source, at_a.group()).expect("sent");
            // The first datagram that each of them hears is its own.
            assert_eq!(receive(to).payload, text.as_bytes());
        }
    }
}

#[test]
fn group_is_joined_again_on_an_interface_that_returned() {
    let Some(lab) = Lab::new() else { return };
    lab.b.inside(|| {
        // Memberships of vanished interfaces must not pile up.
        std::fs::write("/proc/sys/net/ipv4/igmp_max_memberships", "2").expect("a sysctl");
    });
    for family in [Family::V4, Family::V6] {
        let ((on_a, _), (on_b, _)) = (lab.a.interface("eth0"), lab.b.interface("eth0"));
        let mut at_b = open(&lab.b, family, multicast(&on_b));
        let (mut now_a, mut now_b) = (on_a, on_b);
        for _ in 0..3 {
            lab.unplug();
            let error = at_b.rejoin(multicast(&now_b)).expect_err("it is gone");
            assert!(error.is_interface_missing(), "{error}");
            lab.plug();
            (now_a, now_b) = (lab.a.interface("eth0").0, lab.b.interface("eth0").0);
            at_b.rejoin(multicast(&now_b)).expect("joined");
        }
        let source = match family {
            Family::V4 => address("192.0.2.1"),
            Family::V6 => address("2001:db8::1"),
        };
        let mut at_a = open(&lab.a, family, multicast(&now_a));
        at_a.send(b"again", source, at_a.group()).expect("sent");
        assert_eq!(receive(&mut at_b).payload, b"again");
    }
}

#[test]
fn advertisement_is_marked_as_network_control() {
    let Some(lab) = Lab::new() else { return };
    let (on_a, _) = lab.a.interface("eth0");
    let (on_b, _) = lab.b.interface("eth0");
    let observer = lab.b.inside(|| {
        let protocol = socket2::Protocol::from(i32::from(PROTOCOL));
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, Some(protocol));
        let socket = socket.expect("a socket");
        let index = socket2::InterfaceIndexOrAddress::Index(on_b.index);
        socket.join_multicast_v4_n(&GROUP_V4, &index).expect("joined");
        socket.set_read_timeout(Some(crate::lab::PATIENCE)).expect("a timeout");
        socket
    });
    let mut at_a = open(&lab.a, Family::V4, multicast(&on_a));
    at_a.send(b"marked", address("192.0.2.1"), GROUP_V4.into()).expect("sent");
    let mut datagram = [0; 100];
    let length = std::io::Read::read(&mut &observer, &mut datagram).expect("a datagram");
    assert_eq!(length, 20 + 6);
    assert_eq!(datagram[1], 48 << 2, "DSCP CS6");
}

#[test]
fn sending_from_an_address_that_is_not_ours_is_refused_with_both_ends() {
    let Some(lab) = Lab::new() else { return };
    let (on_a, _) = lab.a.interface("eth0");
    let mut at_a = open(&lab.a, Family::V4, Reach::Unicast { interface: on_a });
    let error = at_a.send(b"?", address("192.0.2.77"), address("192.0.2.2")).expect_err("refused");
    let said = error.to_string();
    let expected = "cannot send an advertisement from 192.0.2.77 to 192.0.2.2: ";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn nothing_to_read_is_no_error_and_does_not_wait() {
    let Some(lab) = Lab::new() else { return };
    let (on_a, _) = lab.a.interface("eth0");
    for family in [Family::V4, Family::V6] {
        assert_eq!(try_receive(&mut open(&lab.a, family, multicast(&on_a))), None);
    }
}
