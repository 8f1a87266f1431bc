//! `dig` asks a running server while real targets die and come back.
//!
//! These tests measure time, because the bound itself is what is promised: a change is answered
//! within `fall` × `every` + `timeout`, and back within `rise` × `every` + `timeout`.
#![allow(clippy::disallowed_methods, reason = "what is tested is time as it passes")]

mod support;

use std::time::{Duration, Instant};

use support::server::Server;
use support::target::{Mood, Target};
use support::{dig, peer, short};

const EVERY: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_millis(400);
const FALL: u32 = 3;
const RISE: u32 = 2;
/// What `dig` itself, the publisher and a busy machine may add to the bound.
const SLACK: Duration = Duration::from_millis(700);

fn zone(first: &Target, second: &Target) -> String {
    format!(
        r#"
zone: example.com
ttl: 60s/1s
soa: {{ primary: ns1, contact: hostmaster@example.com }}
ns: [ns1]
probes:
  first:  {{ http: {{ path: /, port: {} }}, every: 500ms, timeout: 400ms, fall: {FALL}, rise: {RISE} }}
  second: {{ tcp: {{ port: {} }}, every: 500ms, timeout: 400ms }}
pools:
  first:  {{ probe: first, members: [{{ address: 192.0.2.1, probe_address: 127.0.0.1 }}, {{ address: "2001:db8::1", probe_address: 127.0.0.1 }}] }}
  second: {{ probe: second, members: [{{ address: 192.0.2.2, probe_address: 127.0.0.1 }}, {{ address: "2001:db8::2", probe_address: 127.0.0.1 }}] }}
names:
  ns1: {{ A: 192.0.2.53 }}
  www: {{ route: {{ failover: [first, second] }} }}
  geo: {{ route: {{ geo: {{ 198.51.100.0/24: second, default: first }} }} }}
"#,
        first.address.port(),
        second.address.port()
    )
}

/// Asks until the answer is as wanted; how long it took.
fn until(server: &Server, wanted: &str, bound: Duration) -> Duration {
    let started = Instant::now();
    loop {
        let answer = short(server.dns, "www.example.com A");
        if answer == [wanted] {
            return started.elapsed();
        }
        let took = started.elapsed();
        assert!(took < bound + SLACK, "{answer:?} after {took:?}, bound {bound:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_answer_follows_a_target_that_dies_in_three_ways_and_comes_back() {
    if !peer("dig", "bind9-dnsutils") {
        return;
    }
    let mut first = Target::start("127.0.0.1:0".parse().expect("an address"));
    let second = Target::start("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start(&[("example.com.yaml", &zone(&first, &second))]);
    assert_eq!(short(server.dns, "www.example.com A"), ["192.0.2.1"]);
    for mood in [Mood::Unavailable, Mood::Refusing, Mood::Hanging] {
        first.set(mood);
        let down = until(&server, "192.0.2.2", EVERY * FALL + TIMEOUT);
        assert_eq!(short(server.dns6.expect("::1"), "www.example.com AAAA"), ["2001:db8::2"]);
        first.set(Mood::Well);
        let up = until(&server, "192.0.2.1", EVERY * RISE + TIMEOUT);
        println!("{mood:?}: away after {down:?}, back after {up:?}");
    }
    let log = server.log();
    assert!(log.contains("status 503"), "no reason in the log");
    assert!(log.contains("refused"), "no reason in the log");
    assert!(log.contains("timeout"), "no reason in the log");
}

#[test]
fn dig_reads_every_kind_of_answer() {
    if !peer("dig", "bind9-dnsutils") {
        return;
    }
    let first = Target::start("127.0.0.1:0".parse().expect("an address"));
    let second = Target::start("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start(&[("example.com.yaml", &zone(&first, &second))]);
    for (asked, expected) in [
        ("www.example.com A +tcp", "192.0.2.1"),
        ("nosuch.example.com A", "status: NXDOMAIN"),
        ("example.net A", "status: REFUSED"),
        ("example.com SOA", "hostmaster.example.com."),
        ("ns1.example.com ANY", "RFC8482"),
        ("geo.example.com A +subnet=198.51.100.0/24", "CLIENT-SUBNET: 198.51.100.0/24/24"),
        ("geo.example.com A +subnet=198.51.100.0/24", "192.0.2.2"),
        ("WwW.eXample.com A", "WwW.eXample.com."),
    ] {
        for server in [Some(server.dns), server.dns6].into_iter().flatten() {
            let text = dig(server, asked);
            assert!(text.contains(expected), "dig @{server} {asked}: no {expected:?} in\n{text}");
            assert!(!text.contains("Warning") && !text.contains("WARNING"), "{text}");
        }
    }
}

#[test]
fn a_wildcard_bind_answers_from_the_address_asked() {
    if !peer("dig", "bind9-dnsutils") {
        return;
    }
    let target = Target::start("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start_on(&["0.0.0.0:0", "[::]:0"], &[("e.yaml", &zone(&target, &target))]);
    for address in ["127.0.0.1", "127.3.2.1"] {
        let server = (address.parse::<std::net::IpAddr>().expect("one"), server.dns.port()).into();
        // dig ignores replies from another address than it asked.
        assert_eq!(short(server, "ns1.example.com A"), ["192.0.2.53"]);
        assert_eq!(short(server, "ns1.example.com A +tcp"), ["192.0.2.53"]);
    }
    let v6 = server.dns6.expect("an IPv6 address").port();
    let loopback = std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, v6));
    assert_eq!(short(loopback, "ns1.example.com A"), ["192.0.2.53"]);
}

#[test]
fn sigterm_ends_it_cleanly() {
    let target = Target::start("127.0.0.1:0".parse().expect("an address"));
    let mut server = Server::start(&[("e.yaml", &zone(&target, &target))]);
    server.signal("TERM");
    let status = server.wait(Duration::from_secs(5)).expect("it ends within 5 s");
    assert!(status.success(), "{status}");
}
