//! Sessions with itself: sharing, and what comes and goes on a host.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use rhumb::bfd::session::{Event, Failure, Side};
use rhumb::bfd::{State, Watched};

use crate::lab::{Host, until};
use crate::node::{Node, PATIENCE, lab, on_eth0, options, to};

/// Time enough for what must not happen to happen, and more.
const WHILE: Duration = Duration::from_millis(500);

#[test]
fn two_who_watch_one_path_share_a_session_and_each_ends_it_for_itself() {
    let Some(lab) = lab(&["n1", "n2"], &[]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let (a, b) = (Node::start(n1), Node::start(n2));
    let theirs = b.watch(Watched { options: options(100, 3), ..to(n1.address()) });
    let bgp = a.watch(Watched { options: options(200, 3), ..to(n2.address()) });
    assert_eq!((bgp.next(), theirs.next()), (Event::Up, Event::Up));
    a.await_pace(n2.address(), 200, 600);
    // The second learns what there is, and makes the session faster for both.
    let vrrp = a.watch(Watched { name: "vrrp".into(), ..on_eth0(n2.address()) });
    assert_eq!(vrrp.next(), Event::Up);
    let status = a.await_pace(n2.address(), 100, 300);
    assert_eq!(status.names.iter().map(|name| &**name).collect::<Vec<_>>(), ["test", "vrrp"]);
    // One of them ends it for itself: the neighbour hears nothing of it.
    vrrp.watch.admin_down();
    assert_eq!(vrrp.next(), Event::AdminDown(Side::Local));
    a.await_pace(n2.address(), 200, 600);
    bgp.watch.admin_down();
    assert_eq!(bgp.next(), Event::AdminDown(Side::Local));
    assert_eq!(theirs.next(), Event::AdminDown(Side::Neighbour));
    vrrp.watch.admin_up();
    assert_eq!((vrrp.next(), theirs.next()), (Event::Up, Event::Enabled));
    assert_eq!(theirs.next(), Event::Up);
    assert_eq!(bgp.told(), [], "it has not asked for it again");
}

#[test]
fn an_interface_and_an_address_are_waited_for_and_missed() {
    let Some(lab) = lab(&["n1", "n2"], &[]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let source = std::net::IpAddr::from([10, 0, 0, 77]);
    n1.ip("link set eth0 down");
    n1.ip("link set eth0 name later");
    let (a, b) = (Node::start(n1), Node::start(n2));
    let watching = a.watch(Watched { source: Some(source), ..on_eth0(n2.address()) });
    let theirs = b.watch(Watched { source: Some(n2.address()), ..to(source) });
    let waits = |what: &str| {
        a.await_session(n2.address(), what, |s| s.problem.as_deref() == Some(what));
    };
    waits("waits for the interface eth0");
    n1.ip("link set later name eth0");
    n1.ip("link set eth0 up");
    waits("waits for the source address 10.0.0.77: this host does not have it");
    n1.ip(&format!("address add {source}/24 dev eth0"));
    assert_eq!((watching.next(), theirs.next()), (Event::Up, Event::Up));
    let status = a.await_pace(n2.address(), 50, 150);
    assert_eq!((status.source, status.problem), (Some(source), None));
    // Without its address it must fall silent, and not speak from another.
    n1.ip(&format!("address del {source}/24 dev eth0"));
    waits("waits for the source address 10.0.0.77: this host does not have it");
    let down = std::iter::repeat_with(|| theirs.next())
        .find(|event| matches!(event, Event::Down(Failure::DetectionTimeExpired { .. })));
    assert!(down.is_some());
    n1.ip(&format!("address add {source}/24 dev eth0"));
    let up = std::iter::repeat_with(|| theirs.next()).find(|event| *event == Event::Up);
    assert!(up.is_some());
}

#[test]
fn a_source_that_the_kernel_chose_is_chosen_anew_when_it_vanishes() {
    let Some(lab) = lab(&["n1", "n2"], &[]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    for (path, old, new, prefix) in [
        (Host::address as fn(&Host) -> _, n1.address(), "10.0.0.77", 24),
        (Host::address6, n1.address6(), "fd00:1::77", 64),
    ] {
        let (a, b) = (Node::start(n1), Node::start(n2));
        let new: std::net::IpAddr = new.parse().expect("an address");
        let watching = a.watch(to(path(n2)));
        let before = b.watch(to(old));
        assert_eq!((watching.next(), before.next()), (Event::Up, Event::Up));
        let _after = b.watch(to(new));
        n1.ip(&format!("address add {new}/{prefix} dev eth0"));
        n1.ip(&format!("address del {old}/{prefix} dev eth0"));
        // IPv4 secondaries go with their primary.
        if !n1.holds("eth0", new) {
            n1.ip(&format!("address add {new}/{prefix} dev eth0"));
        }
        a.await_session(path(n2), "up from the new address", |session| {
            session.source == Some(new) && session.session.state == State::Up
        });
        n1.ip(&format!("address add {old}/{prefix} dev eth0"));
        n1.ip(&format!("address del {new}/{prefix} dev eth0"));
        if !n1.holds("eth0", old) {
            n1.ip(&format!("address add {old}/{prefix} dev eth0"));
        }
    }
}

#[test]
fn packets_leave_as_the_rfc_wants_them() {
    let Some(lab) = lab(&["n1", "n2"], &[]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let capture = n2.capture("eth0", "udp dst port 3784 and src host 10.0.0.1");
    let capture6 = n2.capture("eth0", "udp dst port 3784 and src host fd00:1::1");
    let node = Node::start(n1);
    let _watching = [node.watch(to(n2.address())), node.watch(to(n2.address6()))];
    assert!(until(PATIENCE, || capture.packets().len() > 1 && capture6.packets().len() > 1));
    let mut ports = Vec::new();
    for packet in capture.stop() {
        let ip = packet.ip();
        assert_eq!((ip[1], ip[8]), (48 << 2, 255), "DSCP CS6, TTL 255");
        ports.push(u16::from_be_bytes([ip[20], ip[21]]));
    }
    for packet in capture6.stop() {
        let ip = packet.ip();
        // The rest of the second octet is the flow label.
        assert_eq!((ip[0], ip[1] & 0xf0, ip[7]), (0x6c, 0, 255), "DSCP CS6, hop limit 255");
        ports.push(u16::from_be_bytes([ip[40], ip[41]]));
    }
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 2, "one of its own for each session: {ports:?}");
    assert!(ports.iter().all(|&port| port >= 49152));
}

#[test]
fn a_port_that_another_daemon_has_is_named_with_the_daemons_that_may() {
    let Some(lab) = lab(&["n1", "n2"], &[]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let taken = n1.inside(|| UdpSocket::bind("0.0.0.0:3784")).expect("free");
    let node = Node::start(n1);
    let error = node.try_watch(to(n2.address())).err().expect("taken").to_string();
    assert!(error.starts_with("BFD: cannot listen on udp port 3784 (IPv4): "), "{error}");
    assert!(error.contains("another BFD daemon such as FRR's bfdd or BIRD has it"), "{error}");
    // The other family's is free, and this one is tried again by the next who watches.
    let _ipv6 = node.watch(to(n2.address6()));
    drop(taken);
    let _ipv4 = node.watch(to(n2.address()));
}

#[test]
fn strangers_are_counted_and_change_nothing() {
    let Some(lab) = lab(&["n1", "n2", "n3"], &[]) else { return };
    let (n1, n2, n3) = (lab.host("n1"), lab.host("n2"), lab.host("n3"));
    let (a, b) = (Node::start(n1), Node::start(n2));
    let watching = a.watch(to(n2.address()));
    let _theirs = b.watch(to(n1.address()));
    assert_eq!(watching.next(), Event::Up);
    let shout = |bytes: &[u8]| {
        let socket = n3.inside(|| UdpSocket::bind("0.0.0.0:0")).expect("a socket");
        socket.set_broadcast(true).expect("allowed");
        socket.send_to(bytes, (n1.address(), 3784)).expect("sent");
        socket.send_to(bytes, "10.0.0.255:3784").expect("sent");
    };
    let mut packet = [0; 24];
    packet[..8].copy_from_slice(&[0x20, 0x40, 3, 24, 0, 0, 0, 1]);
    shout(&packet);
    shout(b"nonsense");
    packet[..8].copy_from_slice(&[0x20, 0xc0, 3, 24, 0, 0, 0, 1]);
    packet[11] = 1;
    shout(&packet);
    let expected =
        [("no_session", 1), ("not_unicast", 3), ("unknown_discriminator", 1), ("version", 1)];
    let counted = until(PATIENCE, || a.status().strangers == BTreeMap::from(expected));
    assert!(counted, "{:?}", a.status().strangers);
    assert_eq!(watching.told(), []);
}

#[test]
fn stopping_says_farewell_and_is_over_when_everybody_must_have_heard() {
    let Some(lab) = lab(&["n1", "n2"], &[]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let (a, b) = (Node::start(n1), Node::start(n2));
    let watching = a.watch(to(n2.address()));
    let theirs = b.watch(to(n1.address()));
    assert_eq!((watching.next(), theirs.next()), (Event::Up, Event::Up));
    let end = a.driver.stop();
    assert_eq!(watching.next(), Event::AdminDown(Side::Local));
    assert_eq!(theirs.next(), Event::AdminDown(Side::Neighbour));
    let refused = a.try_watch(to(n2.address())).err().expect("too late").to_string();
    assert_eq!(refused, "BFD with 10.0.0.2: this node is about to end");
    end.recv_timeout(PATIENCE).expect("it ends");
    watching.watch.reconfigure(options(10, 3));
    std::thread::sleep(WHILE);
    assert_eq!(theirs.told(), [], "a wish that comes too late begins nothing");
    assert_eq!(b.session(n1.address()).map(|session| session.downs), Some(0));
}
