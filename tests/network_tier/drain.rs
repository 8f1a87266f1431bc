//! `rhumb drain --node`: a node leaves, and nobody misses its answers.

use crate::client::Client;
use crate::lab::{Signal, VIP, until};
use crate::node::{PATIENCE, said};
use crate::site::{ANYCAST, PREFIXES, Section, await_stage, bgp, peer, stage_of};
use crate::tor::{Tor, lab, route_through_gateway};

/// As BIRD prints RFC 8326's GRACEFUL_SHUTDOWN.
const GSHUT: &str = "(65535,0)";

#[test]
fn a_drained_node_is_marked_then_withdrawn_and_no_query_is_lost() {
    let Some(lab) = lab(&["n1", "n2", "client", "gateway"]) else { return };
    let tor = Tor::start(&lab, &["n1", "n2"]);
    let (n1, n2, client) = (lab.host("n1"), lab.host("n2"), lab.host("client"));
    let [first, second] = [n1, n2].map(|host| Section::of(host, &lab).announced(host));
    tor.await_next_hops(PREFIXES[0], &[n1, n2]);
    route_through_gateway(client, &lab);
    // Several streams, so that either node has some.
    let streams: Vec<_> = (0..8).map(|_| Client::start(client, ANYCAST)).collect();
    let leaving = std::thread::scope(|scope| {
        scope.spawn(|| {
            PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[GSHUT]));
            PREFIXES.iter().for_each(|prefix| tor.await_none("n1", prefix));
        });
        first.rhumb("drain --node")
    });
    let printed = said(&leaving);
    assert!(leaving.status.success(), "{printed}");
    let steps = ["announced as draining", "withdrawn; it answers what is on its way", "drained"];
    assert!(printed.lines().rev().zip(steps.iter().rev()).all(|(a, b)| a == *b), "{printed}");
    tor.await_next_hops(PREFIXES[0], &[n2]);
    let undrain = first.rhumb("undrain --node");
    assert!(undrain.status.success(), "{}", said(&undrain));
    tor.await_next_hops(PREFIXES[0], &[n1, n2]);
    let counts = streams.into_iter().map(Client::stop);
    let (sent, lost) = counts.fold((0, 0), |(sent, lost), (s, l)| (sent + s, lost + l));
    println!("drain and undrain: {lost} of {sent} queries lost");
    assert_eq!(lost, 0, "of {sent}");
    assert_eq!(peer(&second, "tor")["state"], "Established");
}

#[test]
fn a_drained_node_stays_drained_over_a_restart() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let mut node = Section::of(n1, &lab).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let drain = node.rhumb("drain --node");
    assert!(drain.status.success(), "{}", said(&drain));
    node.kill();
    let node = node.start_again();
    node.await_log("this node answers");
    assert!(await_stage(&node, "withdrawn").contains("drained"));
    crate::site::await_session(&node, "tor");
    assert_eq!(tor.route_of("n1", PREFIXES[0]), None);
    assert!(node.rhumb("undrain --node").status.success());
    tor.await_route("n1", PREFIXES[0], &[]);
}

#[test]
fn the_last_node_is_not_drained_unless_it_is_forced() {
    let Some(lab) = lab(&["n1", "n2", "gateway"]) else { return };
    let (tor, n1, n2) = (Tor::start(&lab, &["n1"]), lab.host("n1"), lab.host("n2"));
    let sibling = Section::of(n2, &lab).start(n2);
    let node = Section::of(n1, &lab)
        .announcing("keep_last", "true")
        .announcing("siblings", format!("[{}]", n2.address()))
        .announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let answers = |wanted: bool| {
        let known = || {
            bgp(&node)["announcements"][0]["siblings"][0]["answering"] == serde_json::json!(wanted)
        };
        assert!(until(PATIENCE, known), "{:#}", bgp(&node));
    };
    answers(true);
    sibling.daemon.signal(Signal::Freeze);
    answers(false);
    let refused = node.rhumb("drain --node");
    assert_eq!(refused.status.code(), Some(1));
    let words = "no sibling of dns answers, so this node may be the last that serves it";
    assert!(said(&refused).contains(words), "{}", said(&refused));
    assert_eq!(stage_of(&node, "dns").0, "announced");
    let forced = node.rhumb("drain --node --force");
    assert!(forced.status.success(), "{}", said(&forced));
    tor.await_none("n1", PREFIXES[0]);
    assert!(node.rhumb("undrain --node").status.success());
    tor.await_route("n1", PREFIXES[0], &[]);
    sibling.daemon.signal(Signal::Thaw);
    answers(true);
    let drain = node.rhumb("drain --node");
    assert!(drain.status.success(), "with a sibling it needs no force: {}", said(&drain));
}

#[test]
fn a_node_that_cannot_answer_withdraws_although_it_is_the_last() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = Section::of(n1, &lab)
        .announcing("keep_last", "true")
        // Nobody is there.
        .announcing("siblings", "[10.0.0.77]")
        .announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let _unheard = n1.drop_udp(53, Some(ANYCAST));
    tor.await_none("n1", PREFIXES[0]);
    assert!(await_stage(&node, "withdrawn").contains("cannot answer"));
}

#[test]
fn a_drain_hands_a_floating_address_over_as_well() {
    let Some(lab) = lab(&["n1", "n2", "client", "gateway"]) else { return };
    let (tor, n1, n2) = (Tor::start(&lab, &["n1", "n2"]), lab.host("n1"), lab.host("n2"));
    let vrrp = |priority: u8| {
        format!(
            "vrrp:\n  - {{ name: pair, id: 51, interface: eth0, addresses: [{VIP}], \
             priority: {priority}, advertise: 100ms, fault_hold: 200ms }}\n"
        )
    };
    let first = Section::of(n1, &lab).beside(&vrrp(150)).announced(n1);
    first.await_state("Active");
    let second = Section::of(n2, &lab).beside(&vrrp(100)).announced(n2);
    second.await_state("Backup");
    second.await_status("to hear the Active", |group| !group["active"].is_null());
    tor.await_next_hops(PREFIXES[0], &[n1, n2]);
    route_through_gateway(lab.host("client"), &lab);
    let streams = [VIP, ANYCAST, ANYCAST].map(|to| Client::start(lab.host("client"), to));
    streams[0].await_answers_of(n1);
    let drain = first.rhumb("drain --node");
    assert!(drain.status.success(), "{}", said(&drain));
    assert!(said(&drain).contains("pair: 10.0.0.2 took over"), "{}", said(&drain));
    streams[0].await_answers_of(n2);
    tor.await_next_hops(PREFIXES[0], &[n2]);
    assert_eq!((first.state(), second.state()), ("Backup".into(), "Active".into()));
    for stream in streams {
        let (sent, lost) = stream.stop();
        assert_eq!(lost, 0, "of {sent}");
    }
}
