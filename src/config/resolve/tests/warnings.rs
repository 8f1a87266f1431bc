//! What is allowed and probably not meant.

use super::{EVERYTHING, SHARED, load, load_zone, text_at};
use crate::config::Known;
use crate::config::diagnostic::Severity;
use crate::geo::FactSet;

/// Names that use all of [`SHARED`].
const USED: &str = "names: { used: world }";

/// The warnings of a zone file beside [`SHARED`]: what stands there, and the message.
fn warnings(text: &str, known: Known) -> Vec<(String, String)> {
    let loaded = load(&[SHARED, &format!("zone: example.com\n{text}")], known);
    loaded.policies();
    let of =
        |d: &crate::config::diagnostic::Diagnostic| (text_at(d, 0).to_owned(), d.message.clone());
    loaded.of(Severity::Warning).into_iter().map(of).collect()
}

fn check(text: &str, expected: &[(&str, &str)]) {
    let found = warnings(text, EVERYTHING);
    let found: Vec<_> = found.iter().map(|(at, message)| (&**at, &**message)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_good_zone_has_none() {
    check(USED, &[]);
}

#[test]
fn definitions_that_nothing_refers_to() {
    check(
        "probes: { idle: { tcp: { port: 1 } } }
pools: { spare: { members: 192.0.2.77 } }
policies: { orphan: { failover: [us-east] } }
rtt: { DE: { us-east: 5 } }
names: { used: world }",
        &[
            ("idle", "probe `idle` is not used: no pool is probed by it"),
            ("spare", "pool `spare` is not used: no policy and no name refers to it"),
            ("orphan", "policy `orphan` is not used: no policy and no name refers to it"),
            ("us-east", "no `latency` policy goes by these round-trip times"),
        ],
    );
}

#[test]
fn shared_files_alone_are_not_unused() {
    let loaded = load(&[SHARED], EVERYTHING);
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.shown());
}

#[test]
fn facts_that_no_database_gives_are_named_once_for_each_policy() {
    let country = Known { facts: FactSet { continent: true, country: true, ..FactSet::default() } };
    let text = "rtt: { AS64500: { us-east: 5 } }
names:
  a: { geo: { DE: eu-west, AS1: us-east, AS2: us-west, US-CA: us-west, default: world } }
  b: { nearest: [us-east, us-west] }
  c: { latency: [us-east, us-west, eu-west] }
";
    let never = |fact: &str, key: &str| {
        let message =
            format!("no loaded database gives the {fact} of clients: `{key}` never matches");
        (key.to_owned(), message)
    };
    let order = |method: &str, at: &str| {
        let message = format!(
            "no loaded database gives the places of clients: `{method}` cannot go by distance and \
             takes the order listed"
        );
        (at.to_owned(), message)
    };
    assert_eq!(
        warnings(text, country),
        [
            never("AS", "AS64500"),
            never("AS", "AS1"),
            never("subdivision", "US-CA"),
            order("nearest", "{ nearest: [us-east, us-west] }"),
            order("latency", "{ latency: [us-east, us-west, eu-west] }"),
        ]
    );
    check(text, &[]);
}

#[test]
fn pools_with_and_without_a_family_are_warned_of_at_the_innermost_policy() {
    let pools = "pools:
  four: { members: 192.0.2.77 }
  six: { members: \"2001:db8::77\" }
";
    let both = |at, word| (at, format!("this can pick pools with and without {word} members"));
    for (policy, expected) in [
        ("{ all: [us-east, us-west] }", vec![]),
        ("{ all: [four] }", vec![]),
        ("{ all: [us-east, four] }", vec![]),
        (
            "{ failover: [us-west, { weighted: { us-east: 1, four: 1 } }] }",
            vec![both("{ weighted: { us-east: 1, four: 1 } }", "IPv6")],
        ),
        (
            "{ failover: [six, four] }",
            vec![
                both("{ failover: [six, four] }", "IPv4"),
                both("{ failover: [six, four] }", "IPv6"),
            ],
        ),
        ("{ weighted: { us-east: 1, four: 0 } }", vec![]),
        (
            "{ geo: { DE: four, default: us-east } }",
            vec![both("{ geo: { DE: four, default: us-east } }", "IPv6")],
        ),
    ] {
        let text = format!("{pools}names: {{ used: world, a: four, b: six, www: {policy} }}");
        let found = warnings(&text, EVERYTHING);
        let expected: Vec<_> =
            expected.into_iter().map(|(at, message)| (at.to_owned(), message)).collect();
        assert_eq!(found, expected, "{policy}");
    }
}

#[test]
fn networks_that_carry_ipv4_never_match() {
    for (network, help) in [
        ("::ffff:192.0.2.0/120", Some("write 192.0.2.0/24")),
        ("::ffff:0:0/96", Some("write 0.0.0.0/0")),
        ("64:ff9b::c000:200/120", Some("write 192.0.2.0/24")),
        ("2002:c000:200::/40", Some("write 192.0.2.0/24")),
        ("2002:c000:201:5::/64", Some("write 192.0.2.1/32")),
        ("2001:0:1::/48", None),
    ] {
        let text = format!(
            "names: {{ used: world, www: {{ geo: {{ \"{network}\": lab, default: us-east }} }} }}"
        );
        let loaded = load_zone(&text);
        let warnings = loaded.of(Severity::Warning);
        let [warning] = warnings[..] else { panic!("{network}\n{}", loaded.shown()) };
        assert!(warning.message.contains("never matches"), "{warning}");
        assert_eq!(warning.help.as_deref(), help, "{network}");
    }
    for network in ["::/0", "2000::/3", "2001:db8::/32", "10.0.0.0/8", "2002::/15", "2001::/31"] {
        let network: ipnet::IpNet = network.parse().expect("a network");
        let text = format!(
            "names: {{ used: world, www: {{ geo: {{ \"{}\": lab, default: us-east }} }} }}",
            network.trunc()
        );
        check(&text, &[]);
    }
}

#[test]
fn geo_keys_that_no_client_of_the_outer_key_matches() {
    let nested = |outer: &str, inner: &str| {
        format!(
            "names: {{ used: world, www: {{ geo: {{ {outer}: {{ failover: [{{ geo: \
             {{ {inner}: lab, default: us-east }} }}] }}, default: lab }} }} }}"
        )
    };
    for (outer, inner) in [
        ("DE", "FR"),
        ("DE", "US-CA"),
        ("US-CA", "US-NY"),
        ("US-CA", "DE"),
        ("europe", "US"),
        ("europe", "US-CA"),
        ("europe", "asia"),
        ("AS1", "AS2"),
        ("10.0.0.0/8", "192.0.2.0/24"),
    ] {
        let message = format!("`{inner}` is never reached inside `{outer}`");
        check(&nested(outer, inner), &[(inner, &message)]);
    }
    for (outer, inner) in [
        ("europe", "DE"),
        ("europe", "AS1"),
        ("US", "US-CA"),
        ("US-CA", "US"),
        ("DE", "10.0.0.0/8"),
        ("10.0.0.0/8", "10.1.0.0/16"),
        ("10.1.0.0/16", "10.0.0.0/8"),
    ] {
        check(&nested(outer, inner), &[]);
    }
    check(
        "names: { used: world, www: { geo: { DE: lab, default: { geo: { FR: us-east, DE: lab, \
         default: us-west } } } } }",
        &[],
    );
}

#[test]
fn keys_of_a_pool_that_change_nothing() {
    check(
        "pools: { a: { linked: true, members: { address: 192.0.2.7, probe_address: 10.0.0.7 } } }
names: { used: world, www: a }",
        &[
            ("linked", "`linked` changes nothing: all members are of one family"),
            ("10.0.0.7", "`probe_address` changes nothing: this pool has no probe"),
        ],
    );
}

#[test]
fn latency_children_of_which_nothing_is_known() {
    check(
        "names: { used: world, www: { latency: [us-east, lab, world] } }",
        &[(
            "{ latency: [us-east, lab, world] }",
            "`latency` knows neither a time nor a place of `lab`, `world`: tried last",
        )],
    );
}

#[test]
fn a_policy_that_many_names_use_is_warned_of_once() {
    let found = warnings(
        "pools: { four: { members: 192.0.2.77 } }
names: { used: world, a: { failover: [us-east, four] }, b: { failover: [us-east, four] } }",
        EVERYTHING,
    );
    assert_eq!(found.len(), 1, "{found:?}");
}
