//! What `rhumb reload` does to sessions.

use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use crate::lab::{Lab, until};
use crate::node::{PATIENCE, said};
use crate::routers::{BIRD_QUICK, Bird, Program, there};
use crate::site::{ANYCAST, PREFIXES, Section, await_session, await_stage, bgp, peer, without_bgp};
use crate::tor::{Tor, lab};

/// A second router for n1, on a host of its own.
fn second<'l>(lab: &'l Lab, host: &str) -> Bird<'l> {
    let n1 = lab.host("n1").address();
    Bird::start(
        lab.host(host),
        &format!(
            "protocol bgp n1 {{ local as 64500; neighbor {n1} as 64512; {BIRD_QUICK} \
             ipv4 {{ import all; export none; }}; ipv6 {{ import all; export none; }}; }}"
        ),
    )
}

/// When the routers themselves say that their sessions began.
fn since(said: &str) -> String {
    let line = said.lines().find(|line| line.starts_with("n1 ")).unwrap_or_default();
    line.split_whitespace().nth(4).unwrap_or_default().to_owned()
}

#[test]
fn an_untouched_peer_keeps_its_session_while_others_change_and_go() {
    if !there(&[Program::Bird]) {
        return;
    }
    let Some(lab) = Lab::new(&["n1", "n2", "n3", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let (changed, removed) = (second(&lab, "n2"), second(&lab, "n3"));
    let to = |section: Section, host: &str, more: &str| {
        section.to(host, n1, lab.host(host).address(), more)
    };
    let all = to(to(Section::of(n1, &lab), "n2", ""), "n3", "");
    let node = all.announced(n1);
    ["tor", "n2", "n3"].iter().for_each(|name| await_session(&node, name));
    tor.await_route("n1", PREFIXES[0], &[]);
    let began = since(&tor.session("n1"));
    let sessions = |name: &str| node.metric(&sessions_series(name));
    assert_eq!(sessions("tor"), Some(1.0));
    to(Section::of(n1, &lab), "n2", ", hold: 30s").reload(&node);
    let told = |bird: &Bird<'_>, words: &str| {
        assert!(until(PATIENCE, || bird.daemon.log().contains(words)), "{}", bird.daemon.log());
    };
    // Cease 6/6 and 6/3 (RFC 4486 §4), in BIRD's words.
    told(&changed, "Received: Other configuration change");
    told(&removed, "Received: Peer de-configured");
    await_session(&node, "n2");
    assert!(until(PATIENCE, || peer(&node, "n2")["hold_seconds"] == 30), "{:#}", bgp(&node));
    assert!(peer(&node, "n3").is_null());
    assert_eq!(since(&tor.session("n1")), began, "{}", tor.session("n1"));
    assert_eq!(sessions("tor"), Some(1.0));
    assert!(!tor.bird.daemon.log().contains("Received:"), "{}", tor.bird.daemon.log());
}

/// How often a session was Established, as `/metrics` says it.
fn sessions_series(peer: &str) -> String {
    format!("rhumb_bgp_sessions_total{{peer=\"{peer}\"}}")
}

#[test]
fn attributes_change_without_a_word_about_the_session() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = Section::of(n1, &lab).announcing("med", 10).announced(n1);
    tor.await_route("n1", PREFIXES[0], &["BGP.med: 10"]);
    let began = since(&tor.session("n1"));
    Section::of(n1, &lab).announcing("med", 20).reload(&node);
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &["BGP.med: 20"]));
    assert_eq!(since(&tor.session("n1")), began);
    assert!(!node.has_logged("→ withdrawn"), "never without it");
}

#[test]
fn the_section_comes_goes_and_comes_again() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let section = Section::of(n1, &lab);
    let folder = section.folder(n1);
    folder.write("rhumb.yaml", &without_bgp(n1));
    let node = crate::node::Node::start_in(n1, folder);
    node.await_log("ready");
    assert!(bgp(&node).is_null());
    for _ in 0..2 {
        section.reload(&node);
        PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
        assert!(n1.holds("lo", ANYCAST));
        await_stage(&node, "announced");
        node.folder.write("rhumb.yaml", &without_bgp(n1));
        let reload = node.rhumb("reload");
        assert!(reload.status.success(), "{}", said(&reload));
        tor.await_none("n1", PREFIXES[0]);
        assert!(until(PATIENCE, || bgp(&node).is_null()), "{:#}", bgp(&node));
        assert!(!n1.holds("lo", ANYCAST), "{:?}", n1.addresses("lo"));
    }
}

#[test]
fn a_change_that_fails_leaves_all_as_it_was_and_is_tried_again() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let before = Section::of(n1, &lab);
    let node = before.announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let taken = n1.inside(|| TcpListener::bind((n1.address(), 1179)).expect("a free port"));
    let other: IpAddr = "203.0.113.54".parse().expect("an address");
    let after = Section::of(n1, &lab)
        .with("listen", format!("[\"0.0.0.0:179\", \"{}:1179\"]", n1.address()))
        .with("allow", format!("[{other}/32]"))
        .announcing("prefixes", format!("[{other}/32]"))
        .announcing("addresses", format!("[{other}]"));
    let reload = after.try_reload(&node);
    assert_eq!(reload.status.code(), Some(1), "{}", said(&reload));
    assert!(said(&reload).contains("cannot listen for bgp on 10.0.0.1:1179"), "{}", said(&reload));
    assert!(until(PATIENCE, || node.node_status()["stale"] == true));
    // Longer than what is no longer wanted would stay.
    std::thread::sleep(Duration::from_secs(2));
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
    assert!(n1.holds("lo", ANYCAST) && !n1.holds("lo", other), "{:?}", n1.addresses("lo"));
    assert_eq!(bgp(&node)["announcements"][0]["prefixes"][0], PREFIXES[0]);
    drop(taken);
    let listens = || n1.run("ss", "-ltnH").contains("10.0.0.1:1179");
    // A program that another test is about to start may have the port for a moment more.
    let tried_again = until(PATIENCE, || {
        after.try_reload(&node);
        listens()
    });
    assert!(until(PATIENCE, || node.node_status()["stale"] == false));
    assert!(tried_again, "{}", n1.run("ss", "-ltn"));
    tor.await_route("n1", "203.0.113.54/32", &[]);
    PREFIXES.iter().for_each(|prefix| tor.await_none("n1", prefix));
    assert!(n1.holds("lo", other));
    assert!(until(PATIENCE, || !n1.holds("lo", ANYCAST)), "{:?}", n1.addresses("lo"));
}
