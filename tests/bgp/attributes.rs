//! What an operator configured is what the router has in its table.

use rhumb::bgp::message::Cease;
use rhumb::bgp::routes::{Attributes, Community, LargeCommunity, NextHop, Origin, Route, RouteSet};
use rhumb::bgp::session::State;

use crate::node::{ANYCAST, Node, OURS, config, peer, routes};
use crate::tor::{CHANNELS, Tor, lab};

/// A route with everything that can be said of one.
pub fn decorated() -> Route {
    let attributes = Attributes {
        origin: Origin::Incomplete,
        prepend: 2,
        med: Some(100),
        local_pref: Some(200),
        communities: [Community(64512 << 16 | 100), Community::NO_EXPORT].into(),
        large_communities: [LargeCommunity { administrator: 64512, data1: 1, data2: 100 }].into(),
    };
    Route { next_hop: NextHop::Own, attributes }
}

#[test]
fn towards_ebgp_both_families_have_all_but_local_preference() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let tor = Tor::start(&lab, "");
    let node = Node::start(n1, config(vec![peer(n2.address())]));
    let mut wanted = routes(&ANYCAST[..1], &decorated());
    let given = Route { next_hop: NextHop::Given(n1.address6()), ..decorated() };
    wanted.extend(routes(&ANYCAST[2..3], &given));
    node.announce(wanted.clone());
    for (prefix, next_hop) in [(ANYCAST[0], n1.address()), (ANYCAST[2], n1.address6())] {
        let route = tor.await_route(
            prefix,
            &[
                "BGP.origin: Incomplete",
                "BGP.as_path: 64512 64512 64512",
                &format!("BGP.next_hop: {next_hop}"),
                "BGP.med: 100",
                "BGP.community: (64512,100) (65535,65281)",
                "BGP.large_community: (64512, 1, 100)",
            ],
        );
        assert!(!route.contains("BGP.local_pref: 200"), "{route}");
    }
    node.await_status("told of it", |status| *status.announced == wanted);
    let status = node.status();
    let negotiated = status.negotiated.expect("a session");
    assert!(negotiated.families.ipv4 && negotiated.families.ipv6 && negotiated.four_octet);
    assert_eq!(negotiated.identifier.to_string(), n2.address().to_string());
}

#[test]
fn towards_ibgp_local_preference_decides_and_the_path_is_empty() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let session = format!("local as 64512; neighbor {} as 64512; {CHANNELS}", n1.address());
    let tor = Tor::of(n2, &session);
    let mut internal = peer(n2.address());
    internal.session.peer_asn = OURS;
    let node = Node::start(n1, config(vec![internal]));
    node.announce(routes(&ANYCAST[..1], &decorated()));
    tor.await_route(ANYCAST[0], &["BGP.local_pref: 200", "BGP.as_path: \n", "BGP.med: 100"]);
}

#[test]
fn a_route_that_drains_is_marked_and_then_withdrawn_and_the_session_ends_with_a_word() {
    let Some(lab) = lab() else { return };
    let n1 = lab.host("n1");
    let tor = Tor::start(&lab, "");
    let node = Node::start(n1, config(vec![peer(lab.host("n2").address())]));
    let route = decorated();
    node.announce(routes(&ANYCAST[..2], &route));
    assert!(!tor.await_route(ANYCAST[0], &[]).contains("(65535,0)"));
    let draining = Route { attributes: route.attributes.clone().draining(), ..route };
    node.announce(routes(&ANYCAST[..2], &draining));
    tor.await_route(ANYCAST[0], &["(64512,100) (65535,0)"]);
    tor.await_route(ANYCAST[1], &["(64512,100) (65535,0)"]);
    node.announce(RouteSet::new());
    tor.await_no_route(ANYCAST[0]);
    tor.await_no_route(ANYCAST[1]);
    assert_eq!(node.sessions(), 1, "all that in one session");
    node.stop(Cease::AdministrativeShutdown, "moved to rack 7");
    tor.bird.daemon.wait_for_log("moved to rack 7", crate::node::PATIENCE);
}

#[test]
fn what_is_asked_for_again_is_sent_again() {
    let Some(lab) = lab() else { return };
    let tor = Tor::start(&lab, "");
    let node = Node::start(lab.host("n1"), config(vec![peer(lab.host("n2").address())]));
    node.announce(routes(&ANYCAST[..2], &Route::default()));
    tor.await_route(ANYCAST[1], &[]);
    let before = node.status().counters.messages;
    // BIRD asks between marks (RFC 7313), for each family.
    let reply = tor.bird.birdc("reload in rhumb");
    assert!(reply.contains("reloading"), "{reply}");
    node.await_status("asked", |status| {
        let now = status.counters.messages;
        now.received.route_refresh > before.received.route_refresh
            && now.sent.update > before.sent.update
            && now.sent.route_refresh >= before.sent.route_refresh + 2
    });
    tor.await_route(ANYCAST[0], &[]);
    tor.await_route(ANYCAST[1], &[]);
    node.await_state(State::Established);
    assert_eq!(node.sessions(), 1);
}
