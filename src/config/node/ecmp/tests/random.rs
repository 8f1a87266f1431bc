//! Whatever stands in an entry, reading it ends: with a mistake, or with a route that holds.

use proptest::prelude::*;

use super::*;
use crate::config::diagnostic::{Severity, Style};
use crate::policy::Family;

/// Keys with values that are right somewhere, or nowhere.
fn pairs() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "via",
        "type",
        "traffic",
        "idle_timer",
        "unbalanced_timer",
        "buckets",
        "table",
        "metric",
        "when_down",
        "hash_policy",
        "hash_seed",
        "on_exit",
        "foo",
    ]);
    let value = prop::sample::select(vec![
        "multipath",
        "resilient",
        "dns",
        "0",
        "255",
        "256",
        "4294967296",
        "5s",
        "99999999999w",
        "main",
        "leave",
        "l3",
        "keep",
        "withdraw",
        "",
        "''",
        "[]",
        "{}",
        "[[]]",
        "é",
        "-1",
        "{ 192.0.2.10: 10.0.1.10 }",
        "{ 'fd00::10': 'fd00::1' }",
        "{ x: y }",
    ]);
    let pairs = prop::collection::btree_map(key, value, 0..5);
    pairs.prop_map(|pairs| {
        pairs.into_iter().map(|(key, value)| format!(", {key}: {value}")).collect()
    })
}

fn lists() -> impl Strategy<Value = String> {
    let prefix = prop::sample::select(vec![
        "10.0.0.1/32",
        "10.0.0.0/24",
        "'fd00::/64'",
        "10.0.0.1/24",
        "'::/0'",
        "x",
    ]);
    let one = (0..3_u8, prefix, pairs()).prop_map(|(name, prefix, more)| {
        format!("- {{ name: n{name}, prefix: {prefix}, pool: p{more} }}\n")
    });
    prop::collection::vec(one, 1..3).prop_map(|entries| format!("ecmp:\n{}", entries.concat()))
}

proptest! {
    #[test]
    fn random_entries_hold_or_say_why(text in lists()) {
        let (config, found) = load(&text);
        let wrong = found.iter().any(|one| one.severity == Severity::Error);
        prop_assert!(wrong || config.ecmp.len() == text.lines().count() - 1);
        for one in &config.ecmp {
            prop_assert_eq!(one.prefix, one.prefix.trunc());
            let family = Family::of(one.prefix.addr());
            prop_assert!(one.via.iter().flat_map(|(a, b)| [a, b]).all(|a| Family::of(*a) == family));
            prop_assert_eq!(one.hash_policy, config.ecmp[0].hash_policy);
            prop_assert_eq!(one.hash_seed, config.ecmp[0].hash_seed);
        }
        for one in &found {
            prop_assert!(one.render(Style::Plain).contains(one.severity.word()));
        }
    }
}
