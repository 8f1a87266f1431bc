//! How a node ends: by SIGTERM, in a hurry, by a crash; and its addresses on `lo`.

use std::time::{Duration, Instant};

use crate::lab::{Signal, until};
use crate::node::{PATIENCE, said};
use crate::site::{ANYCAST, ANYCAST6, PREFIXES, Section, await_session, await_stage};
use crate::tor::{Tor, lab};

/// Longer than any test waits.
const AGES: &str = "{ gshut: 5m, linger: 5m }";

#[test]
fn a_stop_drains_and_says_why_in_the_log_of_the_router() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let mut node = Section::of(n1, &lab).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    node.daemon.signal(Signal::Terminate);
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &["(65535,0)"]));
    PREFIXES.iter().for_each(|prefix| tor.await_none("n1", prefix));
    assert!(node.daemon.wait(PATIENCE).expect("it ends").success());
    assert!(node.has_logged("draining → withdrawn: the node stops"));
    // Cease 6/2 with the text of RFC 9003, in BIRD's words.
    let words = "Received: Administrative shutdown: \"rhumb stops\"";
    assert!(until(PATIENCE, || tor.bird.daemon.log().contains(words)), "{}", tor.bird.daemon.log());
    assert!(!n1.holds("lo", ANYCAST) && !n1.holds("lo", ANYCAST6), "nothing is left on lo");
}

#[test]
fn a_stop_can_withdraw_at_once() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let drain = "{ gshut: 5m, linger: 500ms, on_stop: withdraw }";
    let mut node = Section::of(n1, &lab).with("drain", drain).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    assert!(node.stop().success(), "without five minutes of draining");
    tor.await_none("n1", PREFIXES[0]);
    assert!(node.has_logged("announced → withdrawn: the node stops"));
    assert!(!node.has_logged("→ draining"));
}

#[test]
fn a_second_sigterm_skips_the_waits() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let mut node = Section::of(n1, &lab).with("drain", AGES).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    node.daemon.signal(Signal::Terminate);
    tor.await_route("n1", PREFIXES[0], &["(65535,0)"]);
    await_stage(&node, "draining");
    assert!(node.stop().success(), "ten minutes are not waited for");
    tor.await_none("n1", PREFIXES[0]);
    assert!(!n1.holds("lo", ANYCAST), "and it still tidies up");
}

#[test]
fn a_node_that_leaves_and_can_answer_no_longer_is_gone_at_once() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let mut node =
        Section::of(n1, &lab).with("drain", "{ gshut: 5m, linger: 500ms }").announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    node.daemon.signal(Signal::Terminate);
    tor.await_route("n1", PREFIXES[0], &["(65535,0)"]);
    let _unheard = n1.drop_udp(53, Some(ANYCAST));
    PREFIXES.iter().for_each(|prefix| tor.await_none("n1", prefix));
    assert!(node.daemon.wait(PATIENCE).expect("it ends").success());
}

#[test]
fn an_address_that_another_program_removes_is_back() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let node = Section::of(n1, &lab).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    for (address, length) in [(ANYCAST, 32), (ANYCAST6, 128)] {
        n1.ip(&format!("address delete {address}/{length} dev lo"));
        assert!(until(PATIENCE, || n1.holds("lo", address)), "{address} is not back");
        node.await_log(&format!("it is added again address={address}"));
    }
    assert!(!node.has_logged("→ withdrawn"), "too short for a failure");
}

#[test]
fn a_crash_leaves_addresses_that_release_removes_and_the_router_knows_at_once() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let mut node = Section::of(n1, &lab).announced(n1);
    tor.await_route("n1", PREFIXES[0], &[]);
    let killed = Instant::now();
    node.kill();
    tor.await_none("n1", PREFIXES[0]);
    println!("crash: the route is gone after {} ms", killed.elapsed().as_millis());
    // The hold time is 9 s, and BFD is not configured: it was the end of TCP.
    assert!(killed.elapsed() < Duration::from_secs(6), "{:?}", killed.elapsed());
    assert!(n1.holds("lo", ANYCAST) && n1.holds("lo", ANYCAST6));
    let release = node.rhumb("release");
    assert!(release.status.success(), "{}", said(&release));
    assert!(!n1.holds("lo", ANYCAST) && !n1.holds("lo", ANYCAST6), "{}", said(&release));
}

#[test]
fn a_crash_without_release_is_tidied_up_by_the_next_start_and_its_stop() {
    let Some(lab) = lab(&["n1", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let mut node = Section::of(n1, &lab).announced(n1);
    node.kill();
    let mut node = node.start_again();
    await_session(&node, "tor");
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
    assert!(node.stop().success());
    assert!(!n1.holds("lo", ANYCAST) && !n1.holds("lo", ANYCAST6));
}
