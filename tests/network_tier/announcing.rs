//! When a node announces, with which attributes, and when it withdraws.

use serde_json::Value;

use crate::lab::{Lab, until};
use crate::node::{PATIENCE, said};
use crate::routers::{Frr, Program, there};
use crate::site::{
    ANYCAST, ANYCAST6, PREFIXES, Section, await_session, await_stage, bgp, peer, stage_of,
};
use crate::tor::{Tor, lab, route_through_gateway};

/// Attributes that do not happen by chance.
fn decorated(section: Section) -> Section {
    section
        .announcing("med", 100)
        .announcing("prepend", 1)
        .announcing("communities", "[\"64512:100\"]")
        .announcing("large_communities", "[\"64512:1:100\"]")
        .announcing(
            "deprefer",
            "{ when: [stale_config], med: 200, prepend: 3, communities: [\"64512:200\"] }",
        )
}

#[test]
fn both_families_arrive_with_the_attributes_that_were_configured() {
    let Some(lab) = lab(&["n1", "client", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = decorated(Section::of(n1, &lab)).announced(n1);
    let own = [n1.address(), n1.address6()];
    for (prefix, next_hop) in PREFIXES.iter().zip(own) {
        let next_hop = format!("BGP.next_hop: {next_hop}");
        let expected = [
            "BGP.origin: IGP",
            "BGP.as_path: 64512 64512\n",
            &next_hop,
            "BGP.med: 100",
            "BGP.community: (64512,100)\n",
            "BGP.large_community: (64512, 1, 100)",
        ];
        tor.await_route("n1", prefix, &expected);
    }
    let told = &peer(&node, "tor")["announced"];
    assert_eq!(told[0]["med"], 100, "the status says so too: {told}");
    assert_eq!(told.as_array().map(Vec::len), Some(2), "and nothing else: {told}");
    let client = lab.host("client");
    route_through_gateway(client, &lab);
    for (prefix, address) in PREFIXES.iter().zip([ANYCAST, ANYCAST6]) {
        assert!(until(PATIENCE, || !tor.next_hops(prefix).is_empty()), "{}", tor.routes(prefix));
        let answer = client.run("dig", &format!("@{address} who.lab.test A +short +norec"));
        assert_eq!(answer.trim(), "192.0.2.1", "a client behind the router is served");
    }
}

#[test]
fn a_router_that_restarts_is_told_everything_again() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = Section::of(n1, &lab).announced(n1);
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
    let tor = tor.restart();
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
    assert!(!node.has_logged("→ withdrawn"), "what becomes of a router is no verdict on the node");
}

#[test]
fn frr_sees_the_same() {
    if !there(&[Program::Frr]) {
        return;
    }
    let Some(lab) = Lab::new(&["n1", "gateway"]) else { return };
    let n1 = lab.host("n1");
    let neighbour = n1.address();
    let frr = Frr::start(
        lab.host("gateway"),
        &[],
        &format!(
            "router bgp 64500\n bgp router-id 10.0.0.254\n no bgp ebgp-requires-policy\n \
             neighbor {neighbour} remote-as 64512\n neighbor {neighbour} timers connect 1\n \
             address-family ipv6 unicast\n  neighbor {neighbour} activate\n exit-address-family\n"
        ),
    );
    let _node = decorated(Section::of(n1, &lab)).announced(n1);
    for (prefix, family) in PREFIXES.iter().zip(["ipv4", "ipv6"]) {
        let said = || frr.vtysh(&format!("show bgp {family} unicast {prefix}"));
        let expected = [
            "64512 64512\n",
            "metric 100",
            "Community: 64512:100\n",
            "Large Community: 64512:1:100",
        ];
        let found = until(PATIENCE, || expected.iter().all(|text| said().contains(text)));
        assert!(found, "{}", said());
    }
}

#[test]
fn nothing_is_announced_before_the_node_has_heard_its_own_answer() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let unheard = n1.drop_udp(53, Some(ANYCAST));
    let node = Section::of(n1, &lab).start(n1);
    await_session(&node, "tor");
    // Its first verdict is that it cannot: two questions of 200 ms.
    node.await_log("this node cannot answer");
    assert_eq!(peer(&node, "tor")["announced"], Value::Array(Vec::new()));
    assert_eq!(tor.route_of("n1", PREFIXES[0]), None);
    assert_eq!(tor.route_of("n1", PREFIXES[1]), None, "one family fails, neither is announced");
    assert!(!node.has_logged("→ announced"), "it never was");
    unheard.heal();
    await_stage(&node, "announced");
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
}

#[test]
fn a_node_that_cannot_answer_withdraws_and_comes_back_when_it_has_been_well_for_a_while() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = Section::of(n1, &lab).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let unheard = n1.drop_udp(53, Some(ANYCAST6));
    PREFIXES.iter().for_each(|prefix| tor.await_none("n1", prefix));
    let why = await_stage(&node, "withdrawn");
    assert!(why.contains("[2001:db8:53::53]:53 does not answer"), "{why}");
    assert!(n1.holds("lo", ANYCAST) && n1.holds("lo", ANYCAST6), "it still accepts");
    assert_eq!(peer(&node, "tor")["state"], "Established", "the session has no part in it");
    unheard.heal();
    node.await_log("this node answers");
    node.await_log("still withdrawn: fine again, but not for long enough");
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
}

#[test]
fn an_operator_in_a_hurry_does_not_wait_for_that() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    // Longer than the test has patience for.
    let node = Section::of(n1, &lab).announcing("health", "{ up_hold: 5m }").announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let unheard = n1.drop_udp(53, Some(ANYCAST));
    tor.await_none("n1", PREFIXES[0]);
    unheard.heal();
    node.await_log("still withdrawn: fine again, but not for long enough");
    let undrain = node.rhumb("undrain --node");
    assert!(undrain.status.success(), "{}", said(&undrain));
    assert_eq!(stage_of(&node, "dns").0, "withdrawn", "without --now it waits");
    let undrain = node.rhumb("undrain --node --now");
    assert!(undrain.status.success(), "{}", said(&undrain));
    assert_eq!(stage_of(&node, "dns").0, "announced", "at once");
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
}

#[test]
fn a_refused_configuration_makes_others_preferred_and_withdraws_nothing() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = decorated(Section::of(n1, &lab)).announced(n1);
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &["BGP.med: 100"]));
    node.folder.write("broken.zone", "zone: [\n");
    assert_eq!(node.rhumb("reload").status.code(), Some(1));
    let lesser = [
        "BGP.as_path: 64512 64512 64512 64512\n",
        "BGP.med: 200",
        "BGP.community: (64512,200)\n",
        "BGP.large_community: (64512, 1, 100)",
    ];
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &lesser));
    let why = await_stage(&node, "de-preferred");
    assert!(why.contains("refused at the last reload"), "{why}");
    assert!(!node.has_logged("→ withdrawn"));
    std::fs::remove_file(node.folder.path("broken.zone")).expect("our own file");
    assert!(node.rhumb("reload").status.success());
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &["BGP.med: 100"]));
}

#[test]
fn a_prefix_outside_the_allow_list_never_leaves() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = Section::of(n1, &lab).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let wider = Section::of(n1, &lab)
        .also("more")
        .announcing("prefixes", "[203.0.113.54/32]")
        .announcing("when", "always");
    node.folder.write("rhumb.yaml", &wider.file(n1));
    let reload = node.rhumb("reload");
    assert_eq!(reload.status.code(), Some(1));
    assert!(said(&reload).contains("203.0.113.54/32"), "{}", said(&reload));
    assert_eq!(bgp(&node)["announcements"].as_array().map(Vec::len), Some(1));
    let allowed = "[203.0.113.53/32, 203.0.113.54/32, \"2001:db8:53::53/128\"]";
    wider.with("allow", allowed).reload(&node);
    tor.await_route("n1", "203.0.113.54/32", &[]);
    assert!(n1.holds("lo", "203.0.113.54".parse().expect("an address")));
}

#[test]
fn a_stranger_is_reset_and_counted() {
    let Some(lab) = lab(&["n1", "n2", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = Section::of(n1, &lab).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let to = (n1.address(), 179);
    let closed = lab.host("n2").inside(|| {
        use std::io::Read as _;
        let mut stream = std::net::TcpStream::connect(to).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        // A reset, or an end without a word.
        stream.read(&mut [0; 64]).map_or(0, |length| length)
    });
    assert_eq!(closed, 0, "it is not spoken to");
    assert!(until(PATIENCE, || bgp(&node)["strangers"] == 1), "{:#}", bgp(&node));
    assert_eq!(peer(&node, "tor")["state"], "Established");
}
