//! TCP MD5 signatures, over every kind of address, whoever connects.

use std::net::IpAddr;

use rhumb::bgp::config::{Password, PeerConfig};
use rhumb::bgp::routes::Route;
use rhumb::bgp::session::State;

use crate::lab::Lab;
use crate::node::{ANYCAST, Node, config, peer, routes};
use crate::tor::{CHANNELS, Tor, is_link_local, lab};

fn keyed(address: IpAddr, key: &str) -> PeerConfig {
    let mut peer = peer(address);
    peer.interface = is_link_local(address).then(|| "eth0".into());
    peer.password = Some(Password(key.into()));
    // The peer's SYN is answered by a listener that must have the key.
    peer.session.passive = false;
    peer
}

/// The same key works whoever connects; another one does not until it is changed.
fn signs(lab: &Lab, n1: IpAddr, n2: IpAddr) {
    let host = lab.host("n1");
    for (passive, theirs) in [(true, ""), (false, "passive on;")] {
        let more = format!("{CHANNELS} password \"right\"; {theirs}");
        let tor = Tor::with(lab, n1, &more);
        let with = |key| {
            let mut peer = keyed(n2, key);
            peer.session.passive = passive;
            config(vec![peer])
        };
        let node = Node::start(host, with("wrong"));
        if passive {
            // Nothing arrives: BIRD's attempts are dropped unheard.
            tor.await_word("BGP state:          Connect");
        } else {
            node.await_status("to suspect the key", |status| {
                let trouble = status.trouble.as_ref();
                trouble.is_some_and(|trouble| trouble.text.contains("is the password the same?"))
            });
        }
        assert_eq!(node.status().counters.accepted, 0);
        assert_eq!(node.sessions(), 0);
        node.reconfigure(with("right")).expect("taken");
        node.await_state(State::Established);
        node.announce(routes(&ANYCAST[..1], &Route::default()));
        let route = if n1.is_ipv4() { tor.await_route(ANYCAST[0], &[]) } else { String::new() };
        assert_eq!(route.is_empty(), !n1.is_ipv4());
        // Without a key in its configuration a peer that signs is not understood any more.
        let mut unsigned = keyed(n2, "");
        (unsigned.password, unsigned.session.passive) = (None, passive);
        node.reconfigure(config(vec![unsigned])).expect("taken");
        node.await_word("Established → Idle: other configuration change (6/6)");
        assert_eq!(node.sessions(), 0, "a new count, and no session yet");
        node.reconfigure(with("right")).expect("taken");
        node.await_state(State::Established);
    }
}

#[test]
fn sessions_over_ipv4_are_signed() {
    let Some(lab) = lab() else { return };
    signs(&lab, lab.host("n1").address(), lab.host("n2").address());
}

#[test]
fn sessions_over_ipv6_are_signed() {
    let Some(lab) = lab() else { return };
    signs(&lab, lab.host("n1").address6(), lab.host("n2").address6());
}

#[test]
fn sessions_over_link_local_addresses_are_signed() {
    let Some(lab) = lab() else { return };
    signs(&lab, lab.host("n1").link_local(), lab.host("n2").link_local());
}

#[test]
fn a_peer_that_does_not_sign_is_not_let_in() {
    let Some(lab) = lab() else { return };
    let n2 = lab.host("n2").address();
    let tor = Tor::start(&lab, "");
    let mut peer = keyed(n2, "right");
    peer.session.passive = true;
    let node = Node::start(lab.host("n1"), config(vec![peer]));
    tor.await_word("BGP state:          Connect");
    assert_eq!((node.status().counters.accepted, node.sessions()), (0, 0));
    let mut peer = keyed(n2, "");
    peer.password = None;
    node.reconfigure(config(vec![peer])).expect("taken");
    node.await_state(State::Established);
}
