//! Whatever stands in a file, reading and resolving it ends, with a usable result.

use std::fmt::Write;

use proptest::prelude::*;

use super::{EVERYTHING, Loaded, load};
use crate::config::diagnostic::Severity;
use crate::policy::{MAX_DEPTH, PolicyId};

/// A policy in flow form: right ones, wrong ones, names that are there and names that are not.
fn policy() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "c", "d", "p0", "p1", "p2", "p3"]),
        1 => prop::sample::select(vec!["gone", "10.0.0.1", "{}", "[]", "''", "geo"]),
    ];
    let leaf = name.prop_map(str::to_owned);
    leaf.prop_recursive(5, 24, 4, |inner| {
        let key = prop::sample::select(vec![
            "DE", "fr", "US-CA", "AS1", "europe", "10.0.0.0/8", "10.1.0.0/16", "\"::/0\"", "UK",
        ]);
        let option = prop::sample::select(vec![
            "weight: 3", "weight: 0", "degraded: 50%", "fence: hard", "bias: -9", "at: [1, 2]", "x: y",
        ]);
        let child = prop_oneof![
            3 => inner.clone(),
            2 => (inner.clone(), option).prop_map(|(to, option)| format!("{{ to: {to}, {option} }}")),
        ];
        let method = prop::sample::select(vec![
            "weighted", "failover", "nearest", "latency", "sticky", "all", "nonsense",
        ]);
        let list = prop::collection::vec(child.clone(), 0..4).prop_map(|of| of.join(", "));
        let geo = prop::collection::btree_map(key, child.clone(), 0..4);
        prop_oneof![
            (method, list).prop_map(|(method, list)| format!("{{ {method}: [{list}] }}")),
            (geo, child).prop_map(|(keys, default)| {
                let mut text = "{ geo: { ".to_owned();
                for (key, child) in keys {
                    write!(text, "{key}: {child}, ").expect("a string");
                }
                text + "default: " + &default + " } }"
            }),
        ]
    })
}

fn files() -> impl Strategy<Value = [String; 2]> {
    let shared = prop::collection::vec(policy(), 2);
    let own = prop::collection::vec(policy(), 4);
    (shared, own).prop_map(|(shared, own)| {
        [
            format!(
                "pools: {{ a: {{ members: 192.0.2.1 }}, b: {{ at: [1, 1], members: [\"::1\"] }} }}\n\
                 rtt: {{ DE: {{ a: 5 }} }}\npolicies: {{ p0: {}, p1: {} }}",
                shared[0], shared[1]
            ),
            format!(
                "zone: example.com\npools: {{ c: {{ at: [1, 1], members: 192.0.2.3 }} }}\n\
                 policies: {{ p2: {}, p3: {} }}\nnames: {{ x: {}, y: {} }}",
                own[0], own[1], own[2], own[3]
            ),
        ]
    })
}

fn check(loaded: &Loaded) {
    let policies = &loaded.resolved.policies;
    let mut depths = Vec::new();
    for (index, node) in policies.policies.iter().enumerate() {
        let children = policies.children(PolicyId(index as u32));
        assert!(children.iter().all(|child| (child.0 as usize) < index), "{node:?}");
        let below = children.iter().map(|child| depths[child.0 as usize]).max().unwrap_or(0);
        depths.push(below + 1);
        assert!(below < MAX_DEPTH, "{node:?}");
    }
    let is_whole = loaded.resolved.routes.iter().all(Option::is_some);
    assert!(is_whole || !loaded.of(Severity::Error).is_empty(), "missing without a message");
    assert_eq!(loaded.resolved.targets.len(), loaded.resolved.target_names.len());
}

proptest! {
    #[test]
    fn random_policies_resolve_or_say_why([shared, zone] in files()) {
        check(&load(&[&shared, &zone], EVERYTHING));
        // The order of files changes nothing about what is wrong.
        let count = |files: &[&str]| load(files, EVERYTHING).of(Severity::Error).len();
        prop_assert_eq!(count(&[&shared, &zone]) == 0, count(&[&zone, &shared]) == 0);
    }
}
