//! Peers that freeze, crash, are someone else, or leave.

use std::time::Duration;

use rhumb::bgp::routes::Route;
use rhumb::bgp::session::{Bfd, State};

use crate::lab::Signal;
use crate::node::{ANYCAST, Node, config, peer, routes};
use crate::tor::{Tor, lab};

#[test]
fn a_frozen_peer_is_given_up_when_the_hold_time_is_over_and_comes_back() {
    let Some(lab) = lab() else { return };
    let tor = Tor::start(&lab, "");
    let mut peer = peer(lab.host("n2").address());
    peer.session.hold = Duration::from_secs(3);
    let node = Node::start(lab.host("n1"), config(vec![peer]));
    node.await_state(State::Established);
    assert_eq!(node.status().negotiated.and_then(|it| it.hold), Some(Duration::from_secs(3)));
    tor.bird.daemon.signal(Signal::Freeze);
    node.await_word("Established → Active: hold timer expired (4/0)");
    tor.bird.daemon.signal(Signal::Thaw);
    tor.bird.daemon.wait_for_log("Hold timer expired", crate::node::PATIENCE);
    node.await_status("back", |status| {
        status.state == State::Established && status.counters.sessions == 2
    });
}

#[test]
fn a_peer_that_crashed_is_noticed_and_told_all_when_it_is_back() {
    let Some(lab) = lab() else { return };
    let mut tor = Tor::start(&lab, "");
    let node = Node::start(lab.host("n1"), config(vec![peer(lab.host("n2").address())]));
    node.announce(routes(&ANYCAST[..1], &Route::default()));
    tor.await_route(ANYCAST[0], &[]);
    for sessions in [1, 2] {
        tor.bird.daemon.signal(Signal::Kill);
        node.await_status("without a session", |status| status.state != State::Established);
        assert!(node.status().announced.is_empty());
        assert_eq!(node.sessions(), sessions);
        tor = tor.restart();
        tor.await_route(ANYCAST[0], &[]);
    }
}

#[test]
fn a_peer_of_another_as_is_told_so() {
    let Some(lab) = lab() else { return };
    let tor = Tor::start(&lab, "");
    let mut peer = peer(lab.host("n2").address());
    peer.session.peer_asn = rhumb::geo::Asn(64501);
    let node = Node::start(lab.host("n1"), config(vec![peer]));
    node.await_word("bad peer AS (2/2)");
    let trouble = node.status().trouble.expect("some");
    assert!(trouble.text.contains("bad peer AS (2/2)"), "{trouble:?}");
    tor.bird.daemon.wait_for_log("Bad peer AS", crate::node::PATIENCE);
    assert_eq!(node.sessions(), 0);
}

#[test]
fn the_peers_operator_is_understood() {
    let Some(lab) = lab() else { return };
    let tor = Tor::start(&lab, "");
    let node = Node::start(lab.host("n1"), config(vec![peer(lab.host("n2").address())]));
    node.await_state(State::Established);
    tor.bird.birdc("disable rhumb \"maintenance\"");
    node.await_word(
        "tor: Established → Active: peer: administrative shutdown (6/2): \"maintenance\"",
    );
    tor.bird.birdc("enable rhumb");
    node.await_state(State::Established);
}

#[test]
fn bfd_ends_the_session_and_the_peer_hears_why() {
    let Some(lab) = lab() else { return };
    let tor = Tor::start(&lab, "");
    let mut peer = peer(lab.host("n2").address());
    peer.session.bfd_reconnect = Duration::from_secs(1)..=Duration::from_secs(1);
    let node = Node::start(lab.host("n1"), config(vec![peer]));
    node.await_state(State::Established);
    node.set_bfd(Bfd::Up);
    node.set_bfd(Bfd::Down);
    node.await_word("Established → Idle: BFD down (6/10)");
    // BIRD knows no name for it.
    tor.bird.daemon.wait_for_log("Received:", crate::node::PATIENCE);
    node.await_status("back", |status| {
        status.state == State::Established && status.counters.sessions == 2
    });
}

#[test]
fn a_changed_and_a_removed_peer_hear_it() {
    let Some(lab) = lab() else { return };
    let tor = Tor::start(&lab, "");
    let mut peer = peer(lab.host("n2").address());
    let node = Node::start(lab.host("n1"), config(vec![peer.clone()]));
    node.announce(routes(&ANYCAST[..1], &Route::default()));
    tor.await_route(ANYCAST[0], &[]);
    let log = || tor.bird.daemon.log();
    peer.session.hold = Duration::from_secs(30);
    node.reconfigure(config(vec![peer.clone()])).expect("taken");
    tor.bird.daemon.wait_for_log("Other configuration change", crate::node::PATIENCE);
    node.await_state(State::Established);
    tor.await_route(ANYCAST[0], &[]);
    let before = log();
    // The same once more changes nothing.
    node.reconfigure(config(vec![peer])).expect("taken");
    assert!(node.uptime().is_some());
    assert_eq!(log(), before);
    node.reconfigure(config(Vec::new())).expect("taken");
    tor.bird.daemon.wait_for_log("Peer de-configured", crate::node::PATIENCE);
    tor.await_no_route(ANYCAST[0]);
}
