//! Beside a routing daemon on the same host, over loopback: the daemon speaks to the routers, and
//! takes from this node what its import filter lets through.

use std::time::Instant;

use crate::lab::{Host, Lab, until};
use crate::node::{Node, PATIENCE};
use crate::routers::{BIRD_QUICK, Bird, Frr, Program, there};
use crate::site::{ANYCAST, PREFIXES, Section, await_stage};
use crate::tor::{Tor, lab, route_through_gateway};

/// The node's own part. The daemon has the host's identifier and port 179. The next hop is the
/// router: it must not be an address of the host, and the daemon puts its own in its place.
fn section(host: &Host, lab: &Lab, daemon: &str) -> Section {
    let gateway = lab.host("gateway");
    let (v4, v6) = (gateway.address(), gateway.address6());
    Section::bare(host)
        .with("router_id", "192.0.2.1")
        .with("listen", "[]")
        .with("allow", "[203.0.113.53/32, \"2001:db8:53::53/128\", 203.0.113.99/32]")
        .with_peer(&format!(
            "{{ name: local, address: {daemon}, source: 127.0.0.2, multihop: 2, asn: 64512, \
             connect_retry: 1s/2s, families: [ipv4, ipv6], \
             next_hop: {{ ipv4: {v4}, ipv6: \"{v6}\" }} }}"
        ))
        // The filter of the daemon does not let this through.
        .also("unfiltered")
        .announcing("prefixes", "[203.0.113.99/32]")
        .announcing("when", "always")
}

/// What a daemon told the router, and what becomes of it.
fn check(tor: &Tor<'_>, lab: &Lab, node: &mut Node<'_>, has: impl Fn(&str) -> bool) {
    let (n1, client) = (lab.host("n1"), lab.host("client"));
    for prefix in PREFIXES {
        tor.await_route("n1", prefix, &["BGP.as_path: 64512\n"]);
    }
    tor.await_next_hops(PREFIXES[0], &[n1]);
    assert!(tor.route_of("n1", "203.0.113.99/32").is_none(), "the filter holds it back");
    route_through_gateway(client, lab);
    let answer = || client.run("dig", &format!("@{ANYCAST} who.lab.test A +short +norec"));
    assert_eq!(answer().trim(), "192.0.2.1");
    let killed = Instant::now();
    node.kill();
    let gone = || PREFIXES.iter().all(|prefix| !has(prefix));
    assert!(until(PATIENCE, gone), "the daemon keeps the routes of a dead process");
    println!(
        "beside: the daemon has dropped them {} ms after a crash",
        killed.elapsed().as_millis()
    );
    PREFIXES.iter().for_each(|prefix| tor.await_none("n1", prefix));
}

#[test]
fn bird_takes_the_routes_and_drops_them_with_the_process() {
    let Some(lab) = lab(&["n1", "client", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    let router = lab.host("gateway").address();
    let bird = Bird::start(
        n1,
        &format!(
            "protocol direct {{ ipv4; ipv6; interface \"eth0\"; }}\n\
             define ANYCAST4 = [ 203.0.113.53/32 ];\n\
             define ANYCAST6 = [ 2001:db8:53::53/128 ];\n\
             protocol bgp rhumb {{\n  local 127.0.0.1 as 64512;\n  neighbor 127.0.0.2 as 64512;\n  \
             passive on;\n  graceful restart off;\n  \
             ipv4 {{ import where net ~ ANYCAST4; export none; }};\n  \
             ipv6 {{ import where net ~ ANYCAST6; export none; }};\n}}\n\
             protocol bgp tor {{\n  local as 64512;\n  neighbor {router} as 64500;\n  {BIRD_QUICK}\n  \
             ipv4 {{ import none; export where proto = \"rhumb\"; next hop self; }};\n  \
             ipv6 {{ import none; export where proto = \"rhumb\"; next hop self; }};\n}}"
        ),
    );
    let mut node = section(n1, &lab, "127.0.0.1").start(n1);
    await_stage(&node, "announced");
    let has = |prefix: &str| {
        bird.birdc(&format!("show route {prefix} protocol rhumb all")).contains("BGP.as_path")
    };
    check(&tor, &lab, &mut node, has);
    let node = node.start_again();
    await_stage(&node, "announced");
    PREFIXES.iter().for_each(|prefix| tor.await_route("n1", prefix, &[]));
}

#[test]
fn frr_takes_the_routes_and_drops_them_with_the_process() {
    if !there(&[Program::Frr]) {
        return;
    }
    let Some(lab) = lab(&["n1", "client", "gateway"]) else { return };
    let (tor, n1) = (Tor::start(&lab, &["n1"]), lab.host("n1"));
    // FRR wants an interface with the address of its end, and passes over 127.0.0.1.
    let (own, router) = (n1.address(), lab.host("gateway").address());
    let frr = Frr::start(
        n1,
        &[],
        &format!(
            "ip prefix-list anycast4 seq 5 permit 203.0.113.53/32\n\
             ipv6 prefix-list anycast6 seq 5 permit 2001:db8:53::53/128\n\
             route-map none deny 10\n\
             route-map own-address6 permit 10\n set ipv6 next-hop global {own6}\n\
             ip protocol bgp route-map none\n\
             ipv6 protocol bgp route-map none\n\
             router bgp 64512\n bgp router-id 10.0.0.1\n no bgp ebgp-requires-policy\n \
             neighbor 127.0.0.2 remote-as 64512\n neighbor 127.0.0.2 passive\n \
             neighbor 127.0.0.2 update-source {own}\n \
             neighbor {router} remote-as 64500\n neighbor {router} timers connect 1\n \
             address-family ipv4 unicast\n  \
             neighbor 127.0.0.2 prefix-list anycast4 in\n  \
             neighbor {router} prefix-list anycast4 out\n  \
             neighbor {router} next-hop-self\n exit-address-family\n \
             address-family ipv6 unicast\n  neighbor 127.0.0.2 activate\n  \
             neighbor 127.0.0.2 prefix-list anycast6 in\n  neighbor {router} activate\n  \
             neighbor {router} prefix-list anycast6 out\n  \
             neighbor {router} route-map own-address6 out\n exit-address-family\n",
            own6 = n1.address6(),
        ),
    );
    let mut node = section(n1, &lab, &own.to_string()).start(n1);
    await_stage(&node, "announced");
    let has = |prefix: &str| {
        let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
        frr.vtysh(&format!("show bgp {family} unicast {prefix}")).contains("from 127.0.0.2")
    };
    check(&tor, &lab, &mut node, has);
}
