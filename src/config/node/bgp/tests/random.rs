//! Whatever stands in the section, reading it ends: with a mistake, or with what holds.

use std::net::IpAddr;

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;
use crate::bgp::config::Selection;
use crate::bgp::routes::{Family, NextHop};
use crate::config::diagnostic::{Severity, Style};
use crate::config::node::BgpConfig;

/// Keys with values that are right somewhere, or nowhere.
fn pairs(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "0",
        "1",
        "100",
        "64512",
        "99999999999",
        "9s",
        "1s/30s",
        "30s/1s",
        "99999999999w",
        "/",
        "all",
        "a",
        "dns",
        "always",
        "{ pool: e/p }",
        "withdraw",
        "self",
        "auto",
        "true",
        "false",
        "",
        "''",
        "[]",
        "{}",
        "[[]]",
        "é",
        "-1",
        "'%'",
        "'fe80::1%eth0'",
        "192.0.2.9",
        "'fd00::9'",
        "127.0.0.2",
        "203.0.113.53",
        "203.0.113.0/24",
        "'2001:db8::/48'",
        "[203.0.113.0/24, '2001:db8::/48', 203.0.113.53/32]",
        "0.0.0.0/0",
        "[ipv4, ipv6]",
        "ipv6",
        "{ ipv4: self, ipv6: 'fd00::8' }",
        "['1:2', no-export]",
        "['1:2:3', ':::']",
        "{ when: [], med: 5, prepend: 3 }",
        "{ every: 1s, timeout: 50ms, up_hold: 1s }",
        "{ interval: 20ms, multiplier: 9, reconnect: 1s/1s }",
        "{ auth: { type: sha1, id: 1, key_file: /dev/null } }",
        "{ suppress: 2, reuse: 1 }",
        "{ gshut: 0, linger: 1s, on_stop: withdraw }",
    ]);
    let pairs = prop::collection::btree_map(prop::sample::select(keys), value, 0..5);
    pairs.prop_map(|pairs| {
        pairs.into_iter().map(|(key, value)| format!(", {key}: {value}")).collect()
    })
}

const SECTION: &[&str] = &["listen", "allow", "allow_short", "drain"];
const PEER: &[&str] = &[
    "name",
    "port",
    "source",
    "passive",
    "families",
    "next_hop",
    "extended_next_hop",
    "hold",
    "connect_retry",
    "password_file",
    "ttl_security",
    "multihop",
    "graceful_restart",
    "bfd",
    "announce",
];
const ANNOUNCEMENT: &[&str] = &[
    "addresses",
    "when",
    "on_down",
    "health",
    "communities",
    "large_communities",
    "no_export",
    "med",
    "prepend",
    "local_pref",
    "deprefer",
    "keep_last",
    "siblings",
    "damping",
];

fn sections() -> impl Strategy<Value = String> {
    let address = prop::sample::select(vec!["192.0.2.2", "'fd00::2'", "'fe80::2%e'", "127.0.0.1"]);
    let prefixes = prop::sample::select(vec![
        "203.0.113.53/32",
        "[203.0.113.0/24, '2001:db8::/48']",
        "[]",
        "10.0.0.1/8",
    ]);
    (pairs(SECTION), address, pairs(PEER), prefixes, pairs(ANNOUNCEMENT)).prop_map(
        |(section, address, peer, prefixes, announcement)| {
            format!(
                "dns: {{ listen: ['0.0.0.0:53', '[::]:53'] }}\n\
                 bgp: {{ asn: 64512, router_id: 192.0.2.1{section}, \
                 peers: {{ address: {address}, asn: 64500{peer} }}, \
                 announce: {{ name: a, prefixes: {prefixes}{announcement} }} }}\n"
            )
        },
    )
}

/// What the parts of a section are to each other.
fn holds(config: &BgpConfig) {
    for one in &config.announcements {
        assert!(one.prefixes.iter().all(|prefix| config.speaker.allow.contains(prefix)));
        let is_in = |address: &IpAddr| one.prefixes.iter().any(|p| p.contains(address));
        assert!(one.addresses.iter().all(is_in));
        assert!(one.damping.reuse < one.damping.suppress);
        assert!(one.health.timeout <= one.health.every);
        assert!(!one.keep_last || !one.siblings.is_empty());
        assert_ne!(one.deprefer.attributes, one.attributes);
    }
    for peer in &config.speaker.peers {
        assert!(!peer.session.families.is_empty());
        let told = config.announcements.iter().filter(|one| peer.announce.contains(&one.name));
        let told: Vec<&IpNet> = told.flat_map(|one| &one.prefixes).collect();
        let own = |family| match family {
            Family::Ipv4 => peer.next_hop_ipv4 == NextHop::Own,
            Family::Ipv6 => peer.next_hop_ipv6 == NextHop::Own,
        };
        for family in
            told.into_iter().map(Family::of).filter(|f| peer.session.families.contains(*f))
        {
            let is_reached = match (family, peer.address) {
                (Family::Ipv4, IpAddr::V4(ip)) => !ip.is_loopback(),
                (Family::Ipv4, IpAddr::V6(_)) => peer.session.extended_next_hop,
                (Family::Ipv6, IpAddr::V6(_)) => true,
                (Family::Ipv6, IpAddr::V4(_)) => false,
            };
            assert!(!own(family) || is_reached);
        }
        if let Selection::Only(names) = &peer.announce {
            let known = |name: &std::sync::Arc<str>| {
                config.announcements.iter().any(|one| one.name == *name)
            };
            assert!(names.iter().all(known));
        }
    }
}

proptest! {
    #[test]
    fn random_sections_hold_or_say_why(text in sections()) {
        let (config, found) = load(Path::new("f"), &text);
        let wrong = found.iter().any(|one| one.severity == Severity::Error);
        prop_assert_eq!(wrong, config.bgp.is_none());
        config.bgp.iter().for_each(holds);
        for one in &found {
            prop_assert!(one.render(Style::Plain).contains(one.severity.word()));
        }
    }
}
