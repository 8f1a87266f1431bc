//! Sessions over IPv4, IPv6 and link-local addresses, and the next hops that come of them.

use std::net::IpAddr;

use rhumb::bgp::config::{Distance, SpeakerConfig};
use rhumb::bgp::routes::{NextHop, Route, RouteSet};
use rhumb::bgp::session::State;

use crate::lab::{Lab, until};
use crate::node::{ANYCAST, Node, PATIENCE, config, peer, prefix, routes};
use crate::routers::{Program, there};
use crate::tor::{Tor, lab};

const EXTENDED: &str =
    "ipv4 { import all; export none; extended next hop on; }; ipv6 { import all; export none; };";

/// Every route has this end for its next hop: RFC 2545 for IPv6, RFC 8950 for IPv4.
fn own_next_hops(n1: IpAddr, n2: IpAddr, lab: &Lab) {
    let tor = Tor::with(lab, n1, EXTENDED);
    let mut peer = peer(n2);
    peer.session.extended_next_hop = true;
    if crate::tor::is_link_local(n2) {
        peer.interface = Some("eth0".into());
    }
    let node = Node::start(lab.host("n1"), config(vec![peer]));
    node.announce(routes(&[ANYCAST[0], ANYCAST[2]], &Route::default()));
    let host = lab.host("n1");
    let hop = format!("BGP.next_hop: {} {}", host.address6(), host.link_local());
    for anycast in [ANYCAST[0], ANYCAST[2]] {
        tor.await_route(anycast, &[&hop]);
    }
    assert!(node.status().negotiated.expect("a session").extended_next_hop);
}

#[test]
fn over_ipv6_the_next_hop_is_the_global_and_the_link_local_address() {
    let Some(lab) = lab() else { return };
    own_next_hops(lab.host("n1").address6(), lab.host("n2").address6(), &lab);
}

#[test]
fn over_a_link_local_address_the_next_hop_has_the_global_one_of_the_interface() {
    let Some(lab) = lab() else { return };
    own_next_hops(lab.host("n1").link_local(), lab.host("n2").link_local(), &lab);
}

#[test]
fn a_prefix_that_the_session_cannot_carry_is_named_and_the_others_go() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let tor = Tor::with(&lab, n1.address(), "ipv4 { import all; export none; };");
    let node = Node::start(n1, config(vec![peer(n2.address())]));
    node.announce(routes(&[ANYCAST[0], ANYCAST[2]], &Route::default()));
    tor.await_route(ANYCAST[0], &[]);
    node.await_word("2001:db8:53::53/128: the peer has not agreed to the address family");
}

#[test]
fn an_interface_that_comes_later_is_found_then() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    n1.ip("link set eth0 down");
    n1.ip("link set eth0 name late0");
    let _tor = Tor::with(&lab, n1.link_local(), EXTENDED);
    let mut peer = peer(n2.link_local());
    peer.interface = Some("eth0".into());
    let node = Node::start(n1, config(vec![peer]));
    node.await_word("Connect → Active: there is no interface eth0");
    n1.ip("link set late0 name eth0");
    n1.ip("link set eth0 up");
    node.await_state(State::Established);
}

#[test]
fn no_connection_begins_at_a_service_address_that_the_kernel_prefers() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    // A route's own preference is stronger than the subnet.
    n1.ip("address add 10.0.0.100/32 dev eth0");
    n1.ip(&format!("route add {} dev eth0 src 10.0.0.100", n2.address()));
    let _tor = Tor::start(&lab, "passive on;");
    let mut wanted = config(vec![peer(n2.address())]);
    wanted.services.insert("10.0.0.100".parse().expect("an address"));
    let node = Node::start(n1, wanted);
    node.await_state(State::Established);
    assert_eq!(node.status().local.expect("a session").ip(), n1.address());
}

#[test]
fn beside_another_daemon_of_the_host_it_listens_on_nothing_and_speaks_over_loopback() {
    if !there(&[Program::Bird]) {
        return;
    }
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let n1 = lab.host("n1");
    let channels = "ipv4 { import all; export none; };";
    let tor = Tor::of(
        n1,
        &format!("local 127.0.0.1 as 64500; neighbor 127.0.0.2 as 64512; multihop; {channels}"),
    );
    let mut local = peer("127.0.0.1".parse().expect("an address"));
    local.source = "127.0.0.2".parse().ok();
    local.distance = Distance::Multihop { ttl: 2 };
    let node = Node::start(n1, SpeakerConfig { listen: Vec::new(), ..config(vec![local]) });
    let given = Route { next_hop: NextHop::Given(n1.address()), ..Route::default() };
    node.announce(routes(&ANYCAST[..1], &given));
    tor.await_route(ANYCAST[0], &[&format!("BGP.next_hop: {}", n1.address())]);
    node.announce(RouteSet::new());
    tor.await_no_route(ANYCAST[0]);
}

#[test]
fn who_is_passive_waits_and_both_may_try_at_once() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    for (ours, theirs) in [(true, ""), (false, "passive on;"), (false, "")] {
        let tor = Tor::start(&lab, theirs);
        let mut peer = peer(n2.address());
        peer.session.passive = ours;
        let node = Node::start(n1, config(vec![peer]));
        node.await_state(State::Established);
        node.announce(routes(&ANYCAST[..1], &Route::default()));
        tor.await_route(ANYCAST[0], &[]);
        let counters = node.status().counters;
        assert_eq!(counters.attempts == 0, ours, "{counters:?}");
        // Of two that collided one is left.
        let one = || {
            let sockets = n1.run("ss", "-Htn state established ( sport = :179 or dport = :179 )");
            sockets.lines().count() == 1
        };
        assert!(until(PATIENCE, one));
        assert_eq!(node.status().announced.keys().next(), Some(&prefix(ANYCAST[0])));
        node.stop(rhumb::bgp::message::Cease::AdministrativeShutdown, "");
    }
}
