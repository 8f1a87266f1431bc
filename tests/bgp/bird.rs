//! BIRD 2.

use rhumb::bgp::routes::Route;
use rhumb::bgp::session::State;

use crate::lab::{Host, Lab, until};
use crate::node::{ANYCAST, Node, PATIENCE, config, peer, routes};
use crate::routers::{BIRD_QUICK, Bird, Program, there};

/// Two hosts, where BIRD is installed.
fn lab() -> Option<Lab> {
    there(&[Program::Bird]).then(|| Lab::new(&["n1", "n2"])).flatten()
}

/// A session `rhumb` with n1 in both families; `more` is added to it.
fn bird<'l>(host: &'l Host, n1: &Host, more: &str) -> Bird<'l> {
    let n1 = n1.address();
    let channels = "ipv4 { import all; export none; }; ipv6 { import all; export none; };";
    Bird::start(
        host,
        &format!(
            "protocol bgp rhumb {{ local as 64500; neighbor {n1} as 64512; \
             {BIRD_QUICK} {channels} {more} }}"
        ),
    )
}

fn await_route(bird: &Bird<'_>, prefix: &str, there: bool) {
    let has = || bird.birdc(&format!("show route {prefix} all")).contains("BGP.as_path");
    assert!(
        until(PATIENCE, || has() == there),
        "{prefix}: not {there}\n{}",
        bird.birdc("show route all")
    );
}

#[test]
fn a_session_comes_up_and_routes_of_both_families_arrive() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let bird = bird(n2, n1, "");
    let mut peer = peer(n2.address());
    peer.next_hop_ipv6 = rhumb::bgp::routes::NextHop::Given(n1.address6());
    let node = Node::start(n1, config(vec![peer]));
    node.await_state(State::Established);
    node.announce(routes(&ANYCAST[..2], &Route::default()));
    await_route(&bird, ANYCAST[0], true);
    node.announce(routes(&ANYCAST[1..2], &Route::default()));
    await_route(&bird, ANYCAST[0], false);
    await_route(&bird, ANYCAST[1], true);
}
