//! FRR 8.

use rhumb::bgp::config::{Distance, Password};
use rhumb::bgp::routes::{NextHop, Route, RouteSet};
use rhumb::bgp::session::State;

use crate::attributes::decorated;
use crate::lab::{Lab, Signal, until};
use crate::node::{ANYCAST, Node, PATIENCE, config, peer, routes};
use crate::routers::{Frr, Program, there};

fn lab() -> Option<Lab> {
    there(&[Program::Frr]).then(|| Lab::new(&["n1", "n2"])).flatten()
}

/// One neighbour; `more` are lines about it, with `NEIGHBOUR` before each.
fn configuration(neighbour: &str, more: &[&str]) -> String {
    let more: String = more.iter().map(|line| format!(" neighbor {neighbour} {line}\n")).collect();
    format!(
        "router bgp 64500\n bgp router-id 10.0.0.2\n no bgp ebgp-requires-policy\n \
         neighbor {neighbour} remote-as 64512\n neighbor {neighbour} timers connect 1\n{more} \
         address-family ipv6 unicast\n  neighbor {neighbour} activate\n exit-address-family\n"
    )
}

/// Waits until FRR says all of this about a prefix.
fn await_route(frr: &Frr<'_>, prefix: &str, with: &[&str]) {
    let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
    let said = || frr.vtysh(&format!("show bgp {family} unicast {prefix}"));
    let found = until(PATIENCE, || {
        let said = said();
        with.iter().all(|text| said.contains(text))
    });
    assert!(found, "no {with:?}: {}{}", said(), frr.vtysh("show bgp summary"));
}

#[test]
fn all_attributes_arrive_drain_and_go_in_both_families() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let frr = Frr::start(n2, &[], &configuration(&n1.address().to_string(), &[]));
    let node = Node::start(n1, config(vec![peer(n2.address())]));
    let with_next_hops = |route: &Route| {
        let mut all = routes(&ANYCAST[..1], route);
        let given = Route { next_hop: NextHop::Given(n1.address6()), ..route.clone() };
        all.extend(routes(&ANYCAST[2..3], &given));
        all
    };
    node.announce(with_next_hops(&decorated()));
    for prefix in [ANYCAST[0], ANYCAST[2]] {
        let expected = [
            "64512 64512 64512",
            "Origin incomplete, metric 100",
            "Community: 64512:100 no-export",
            "Large Community: 64512:1:100",
        ];
        await_route(&frr, prefix, &expected);
    }
    let attributes = decorated().attributes.draining();
    node.announce(with_next_hops(&Route { attributes, ..Route::default() }));
    await_route(&frr, ANYCAST[0], &["graceful-shutdown"]);
    await_route(&frr, ANYCAST[2], &["graceful-shutdown"]);
    node.announce(RouteSet::new());
    await_route(&frr, ANYCAST[0], &["Network not in table"]);
    await_route(&frr, ANYCAST[2], &["Network not in table"]);
    assert_eq!(node.sessions(), 1);
}

#[test]
fn ipv4_goes_over_a_link_local_session_with_ipv6_next_hops() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let more = ["interface eth0", "capability extended-nexthop"];
    let frr = Frr::start(n2, &[], &configuration(&n1.link_local().to_string(), &more));
    let mut peer = peer(n2.link_local());
    peer.interface = Some("eth0".into());
    peer.session.extended_next_hop = true;
    let node = Node::start(n1, config(vec![peer]));
    node.announce(routes(&[ANYCAST[0], ANYCAST[2]], &Route::default()));
    let global = n1.address6().to_string();
    let link_local = n1.link_local().to_string();
    for prefix in [ANYCAST[0], ANYCAST[2]] {
        await_route(&frr, prefix, &[&global, &link_local, "valid, external, best"]);
    }
}

#[test]
fn a_session_is_signed_and_bounded_and_survives_a_freeze_a_refresh_and_an_operator() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let more = ["password secret", "ttl-security hops 1", "timers 1 3"];
    let neighbour = n1.address().to_string();
    let frr = Frr::start(n2, &[], &configuration(&neighbour, &more));
    let mut peer = peer(n2.address());
    peer.password = Some(Password(b"secret".to_vec()));
    peer.distance = Distance::Security { hops: 1 };
    let node = Node::start(n1, config(vec![peer]));
    node.announce(routes(&ANYCAST[..1], &Route::default()));
    await_route(&frr, ANYCAST[0], &["64512"]);
    let before = node.status().counters.messages;
    frr.vtysh(&format!("clear bgp ipv4 unicast {neighbour} in"));
    node.await_status("asked again", |status| {
        let now = status.counters.messages;
        now.received.route_refresh > before.received.route_refresh
            && now.sent.update > before.sent.update
    });
    frr.bgpd().signal(Signal::Freeze);
    node.await_word("Established → Active: hold timer expired (4/0)");
    frr.bgpd().signal(Signal::Thaw);
    await_route(&frr, ANYCAST[0], &["64512"]);
    node.await_state(State::Established);
    let shutdown = format!("router bgp 64500\n neighbor {neighbour} shutdown message maintenance");
    frr.configure(&shutdown);
    node.await_word("peer: administrative shutdown (6/2): \"maintenance\"");
}
