//! How far away a peer may be: GTSM, multihop, and how packets are marked.

use std::net::IpAddr;
use std::time::Duration;

use rhumb::bgp::config::{Distance, PeerConfig};
use rhumb::bgp::session::State;

use crate::lab::{Host, Lab, Packet, until};
use crate::node::{Node, PATIENCE, config, peer};
use crate::tor::{CHANNELS, Tor, lab};

const ON_LINK: Distance = Distance::Security { hops: 1 };

fn near(address: IpAddr, passive: bool) -> PeerConfig {
    let mut peer = peer(address);
    peer.distance = ON_LINK;
    peer.session.passive = passive;
    peer.session.hold = Duration::from_secs(3);
    peer
}

/// All that a host sends has this TTL, as if it came from farther away.
fn send_from_afar(host: &Host, ttl: u8) {
    host.run("nft", "add table inet afar");
    host.run("nft", "add chain inet afar out { type filter hook output priority 0 ; }");
    host.run("nft", &format!("add rule inet afar out ip protocol tcp ip ttl set {ttl}"));
    host.run("nft", &format!("add rule inet afar out ip6 nexthdr tcp ip6 hoplimit set {ttl}"));
}

fn is_bounded(lab: &Lab, n1: IpAddr, n2: IpAddr) {
    let host = lab.host("n2");
    for (passive, theirs) in [(true, ""), (false, "passive on;")] {
        // BIRD checks too: the answer to its SYN must have the largest TTL.
        let _tor = Tor::with(lab, n1, &format!("{CHANNELS} ttl security on; {theirs}"));
        let node = Node::start(lab.host("n1"), config(vec![near(n2, passive)]));
        node.await_state(State::Established);
        send_from_afar(host, 254);
        node.await_status("without a session", |status| status.state != State::Established);
        let attempts = node.status().counters.attempts;
        if !passive {
            node.await_status("to try again", |status| status.counters.attempts > attempts + 1);
        }
        assert_eq!(node.sessions(), 1, "nothing came through");
        host.run("nft", "delete table inet afar");
        node.await_state(State::Established);
    }
}

#[test]
fn what_comes_from_farther_than_the_link_is_dropped_over_ipv4() {
    let Some(lab) = lab() else { return };
    is_bounded(&lab, lab.host("n1").address(), lab.host("n2").address());
}

#[test]
fn what_comes_from_farther_than_the_link_is_dropped_over_ipv6() {
    let Some(lab) = lab() else { return };
    is_bounded(&lab, lab.host("n1").address6(), lab.host("n2").address6());
}

#[test]
fn a_peer_on_the_link_that_does_not_play_the_game_is_not_let_in() {
    let Some(lab) = lab() else { return };
    // An ordinary eBGP session: TTL 1.
    let tor = Tor::start(&lab, "");
    let n2 = lab.host("n2").address();
    let node = Node::start(lab.host("n1"), config(vec![near(n2, true)]));
    tor.await_word("BGP state:          Connect");
    assert_eq!(node.status().counters.accepted, 0);
    let mut unchecked = near(n2, true);
    unchecked.distance = Distance::Unchecked;
    node.reconfigure(config(vec![unchecked])).expect("taken");
    node.await_state(State::Established);
}

/// What n1 sent, in tcpdump's words, while a session came up.
fn sent(distance: Distance, theirs: &str) -> Vec<Packet> {
    let Some(lab) = lab() else { return Vec::new() };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let capture = n1.capture("eth0", &format!("tcp port 179 and src host {}", n1.address()));
    let _tor = Tor::start(&lab, theirs);
    let mut peer = peer(n2.address());
    peer.distance = distance;
    let node = Node::start(n1, config(vec![peer]));
    node.await_state(State::Established);
    let heard =
        |status: &rhumb::bgp::speaker::PeerStatus| status.counters.messages.received.keepalive >= 2;
    node.await_status("told to live", heard);
    capture.stop()
}

#[test]
fn packets_are_network_control_and_go_as_far_as_configured() {
    for (distance, theirs, ttl) in [
        (Distance::Unchecked, "passive on;", 1),
        (ON_LINK, "passive on; ttl security on;", 255),
        (Distance::Multihop { ttl: 7 }, "passive on; multihop 9;", 7),
    ] {
        for packet in sent(distance, theirs) {
            // CS6 stands in the second byte of IPv4, the TTL in the ninth.
            let ip = packet.ip();
            assert_eq!((ip[1], ip[8]), (0xc0, ttl), "{distance:?}: {ip:?}");
        }
    }
}

#[test]
fn a_peer_behind_a_router_is_reached_with_multihop() {
    if !crate::routers::there(&[crate::routers::Program::Bird]) {
        return;
    }
    let Some(lab) = Lab::new(&["n1", "n2", "gateway"]) else { return };
    let (n1, n2, gateway) = (lab.host("n1"), lab.host("n2"), lab.host("gateway"));
    gateway.sysctl("net/ipv4/ip_forward", "1");
    n1.ip("address add 192.0.2.1/32 dev lo");
    n2.ip("address add 192.0.2.2/32 dev lo");
    // Both by way of the gateway, although they share a link.
    for (host, other) in [(n1, "192.0.2.2"), (n2, "192.0.2.1")] {
        host.sysctl("net/ipv4/conf/all/accept_redirects", "0");
        host.ip(&format!(
            "route add {other} via {} src 192.0.2.{}",
            gateway.address(),
            host.number()
        ));
    }
    gateway.ip(&format!("route add 192.0.2.1 via {}", n1.address()));
    gateway.ip(&format!("route add 192.0.2.2 via {}", n2.address()));
    let session = "local 192.0.2.2 as 64500; neighbor 192.0.2.1 as 64512; multihop 2; passive on;";
    let _tor = Tor::of(n2, &format!("{session} {CHANNELS}"));
    let mut peer = peer("192.0.2.2".parse().expect("an address"));
    peer.source = "192.0.2.1".parse().ok();
    let node = Node::start(n1, config(vec![peer.clone()]));
    // TTL 1 ends at the gateway.
    node.await_status("an attempt", |status| status.trouble.is_some());
    assert_eq!(node.sessions(), 0);
    peer.distance = Distance::Multihop { ttl: 2 };
    node.reconfigure(config(vec![peer])).expect("taken");
    assert!(until(PATIENCE, || node.status().state == State::Established), "{:#?}", node.said());
}
