use std::path::{Path, PathBuf};

use super::*;
use crate::config::node::{Machine, read};
use crate::config::{self, Known, SourceFile};

const ZONE: &str = "zone: example.com
soa: { primary: ns1, contact: h@example.com }
ns: [ns1]
pools:
  both: { members: [192.0.2.10, \"2001:db8::10\"] }
  six: { members: [\"2001:db8::11\"] }
names: { ns1: { A: 192.0.2.53 }, a: { route: both }, b: { route: six } }
";

const SHARED: &str = "pools: { edge: { members: [192.0.2.11] } }\n";

/// What is said of a node's file beside the zones above.
fn said(text: &str) -> Vec<(String, Option<String>)> {
    let machine = Machine { host: "gtm".to_owned(), state: PathBuf::from("/state") };
    let (node, found) = read::read_as_far(Path::new("f"), text, &machine);
    assert!(found.is_empty(), "{found:?}");
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.to_owned(),
        modified: 0,
    };
    let files = [file("zone", ZONE), file("shared", SHARED)];
    let config = config::load(&files, Known::default()).config.expect("zones without a mistake");
    let found = check(&node.pools, &config.policies);
    found.iter().map(|one| (one.one_line(), one.help.clone())).collect()
}

fn of_pool(pool: &str, more: &str) -> Vec<(String, Option<String>)> {
    said(&format!("ecmp: {{ name: r, prefix: 10.0.0.1/32, pool: {pool}{more} }}"))
}

#[test]
fn a_pool_is_known_by_its_zone_or_shared() {
    assert_eq!(of_pool("example.com/both", ""), []);
    assert_eq!(of_pool("edge", ", via: { 192.0.2.11: 10.0.0.9 }"), []);
}

/// What is said of zones in which no name is answered from a pool, beside a node's file.
fn said_of_zones(node: &str) -> Vec<String> {
    let zone = "zone: example.com
ns: [ns1]
pools: { own: { members: [192.0.2.10] } }
names: { ns1: { A: 192.0.2.53 } }
";
    let machine = Machine { host: "gtm".to_owned(), state: PathBuf::from("/state") };
    let (node, found) = read::read_as_far(Path::new("f"), node, &machine);
    assert!(found.is_empty(), "{found:?}");
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.to_owned(),
        modified: 0,
    };
    let files = [file("zone", zone), file("shared", SHARED)];
    let loaded = config::load_beside(&files, Known::default(), &node.pools);
    loaded.diagnostics.iter().map(|one| one.one_line()).collect()
}

#[test]
fn a_pool_that_a_route_or_an_announcement_goes_by_is_used() {
    let own = "zone:3:10: warning: pool `own` is not used: no policy and no name refers to it";
    let edge = "shared:1:10: warning: pool `edge` is not used: no policy and no name refers to it";
    let route = |pool: &str| format!("ecmp: {{ name: r, prefix: 10.0.0.1/32, pool: {pool} }}\n");
    let announce = "bgp: { asn: 64512, router_id: 192.0.2.1, allow: 203.0.113.0/24, peers: { \
                    address: 192.168.1.1, asn: 64500 }, announce: { name: a, prefixes: \
                    203.0.113.0/24, when: { pool: example.com/own } } }\n";
    assert_eq!(said_of_zones(""), [own, edge]);
    assert_eq!(said_of_zones(&route("edge")), [own]);
    assert_eq!(said_of_zones(&route("own")), [own, edge]);
    assert_eq!(said_of_zones(announce), [edge]);
    assert_eq!(said_of_zones(&format!("{announce}{}", route("edge"))), [""; 0]);
}

#[test]
fn a_pool_that_is_not_there_is_a_mistake_with_a_suggestion() {
    for (pool, help) in [
        ("example.com/bth", "did you mean `example.com/both`?"),
        ("both", "did you mean `example.com/both`?"),
        ("edgy", "did you mean `edge`?"),
        ("qqq", "a pool of a zone is ZONE/POOL, a shared one has no zone"),
    ] {
        let message = format!("f:1:45: error: there is no pool {pool}");
        assert_eq!(of_pool(pool, ""), [(message, Some(help.to_owned()))]);
    }
}

#[test]
fn a_pool_without_a_member_of_the_family_is_warned_of() {
    let message = "f:1:45: warning: pool example.com/six has no IPv4 member".to_owned();
    assert_eq!(of_pool("example.com/six", ""), [(message, None)]);
    assert_eq!(said("ecmp: { name: r, prefix: 'fd00::/64', pool: example.com/six }"), []);
}

#[test]
fn a_next_hop_for_a_stranger_is_warned_of() {
    let help = Some("the address of a member stands before the colon".to_owned());
    let message = "f:1:58: warning: 192.0.2.12 is no member of pool edge".to_owned();
    assert_eq!(of_pool("edge", ", via: { 192.0.2.12: 10.0.0.9 }"), [(message, help)]);
}

#[test]
fn a_route_does_not_swallow_the_members_of_its_own_pool() {
    let of = |prefix: &str, pool: &str| {
        said(&format!("ecmp: {{ name: r, prefix: '{prefix}', pool: {pool} }}"))
    };
    for (prefix, pool, member, severity) in [
        ("192.0.2.0/24", "edge", "192.0.2.11", "warning"),
        ("192.0.2.11/32", "edge", "192.0.2.11", "error"),
        ("2001:db8::/64", "example.com/both", "2001:db8::10", "warning"),
    ] {
        let message = format!(
            "f:1:26: {severity}: prefix {prefix} has {member} in it, a member of its pool {pool}"
        );
        let help = format!(
            "without a more specific route to {member} this one takes what is for the member itself, \
             and its probes: write a prefix of the service alone"
        );
        assert_eq!(of(prefix, pool), [(message, Some(help))]);
    }
    assert_eq!(of("192.0.2.12/32", "edge"), []);
    assert_eq!(of("2001:db8:0:1::/64", "example.com/both"), []);
}

#[test]
fn an_announcement_depends_on_a_pool_that_must_be_there_too() {
    let text = "bgp:
  asn: 64512
  router_id: 192.0.2.1
  allow: 203.0.113.0/24
  peers: { address: 192.168.1.1, asn: 64500 }
  announce: { name: a, prefixes: 203.0.113.0/24, when: { pool: POOL } }
";
    let said = |pool: &str| said(&text.replace("POOL", pool));
    assert_eq!(said("example.com/both"), []);
    let help = Some("did you mean `edge`?".to_owned());
    let message = "f:6:64: error: there is no pool edg".to_owned();
    assert_eq!(said("edg"), [(message, help)]);
}
