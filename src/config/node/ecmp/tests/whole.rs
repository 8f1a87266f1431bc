//! What is read from entries without a mistake.

use std::time::Duration;

use super::*;
use crate::ecmp::{EcmpConfig, HashPolicy, OnExit, Spreading, WhenDown};

/// Every option, as the specification's example has them.
const EXAMPLE: &str = r#"
ecmp:
  - name: lb-fleet
    prefix: 10.0.0.100/32      # one family per entry
    pool: example.com/lb-fleet
    via: { 192.0.2.10: 10.0.1.10 }   # next hop where not the member's address; on-link
    type: resilient            # resilient | multipath
    traffic: tcp               # tcp: 30s/300s; dns: 1s/10s; sets the next two
    # idle_timer: 30s
    # unbalanced_timer: 300s   # never 0 on a busy address
    buckets: 256               # a change builds a new group
    table: main
    metric: 50
    when_down: keep            # keep | unreachable | withdraw
    hash_policy: l4            # host-wide sysctl, restored on exit; `leave` = untouched
    hash_seed: leave           # same number on both routers of a pair
    on_exit: remove            # remove | keep
"#;

fn resilient(buckets: u16, idle: u64, unbalanced: u64) -> Spreading {
    let (idle, unbalanced) = (Duration::from_secs(idle), Duration::from_secs(unbalanced));
    Spreading::Resilient { buckets, idle, unbalanced }
}

/// The least entry.
fn least() -> EcmpConfig {
    EcmpConfig {
        name: "a".into(),
        prefix: "10.0.0.100/32".parse().expect("a prefix"),
        pool: "p".into(),
        via: [].into(),
        spreading: resilient(256, 30, 300),
        table: 254,
        metric: 50,
        when_down: WhenDown::Keep,
        hash_policy: Some(HashPolicy::L4),
        hash_seed: None,
        on_exit: OnExit::Remove,
        place: "f:2:3".to_owned(),
    }
}

/// The entries of a file without a mistake or a warning.
fn all(text: &str) -> Vec<EcmpConfig> {
    let (config, found) = load(text);
    assert!(found.is_empty(), "{found:?}");
    config.ecmp
}

#[test]
fn three_keys_are_enough() {
    assert_eq!(all(&entry("")), [least()]);
}

#[test]
fn every_option_is_read() {
    let address = |text: &str| text.parse().expect("an address");
    let expected = EcmpConfig {
        name: "lb-fleet".into(),
        pool: "example.com/lb-fleet".into(),
        via: [(address("192.0.2.10"), address("10.0.1.10"))].into(),
        place: "f:3:5".to_owned(),
        ..least()
    };
    assert_eq!(all(EXAMPLE), [expected]);
}

#[test]
fn each_option_can_be_other_than_its_default() {
    for (more, expected) in [
        ("traffic: dns", EcmpConfig { spreading: resilient(256, 1, 10), ..least() }),
        (
            "traffic: dns, idle_timer: 2s",
            EcmpConfig { spreading: resilient(256, 2, 10), ..least() },
        ),
        ("unbalanced_timer: 60s", EcmpConfig { spreading: resilient(256, 30, 60), ..least() }),
        ("buckets: 65535", EcmpConfig { spreading: resilient(65_535, 30, 300), ..least() }),
        ("type: multipath", EcmpConfig { spreading: Spreading::Multipath, ..least() }),
        ("table: 4294967295", EcmpConfig { table: u32::MAX, ..least() }),
        ("metric: 1", EcmpConfig { metric: 1, ..least() }),
        ("when_down: withdraw", EcmpConfig { when_down: WhenDown::Withdraw, ..least() }),
        ("when_down: unreachable", EcmpConfig { when_down: WhenDown::Unreachable, ..least() }),
        ("hash_policy: l3", EcmpConfig { hash_policy: Some(HashPolicy::L3), ..least() }),
        ("hash_policy: leave", EcmpConfig { hash_policy: None, ..least() }),
        ("hash_seed: 4294967295", EcmpConfig { hash_seed: Some(u32::MAX), ..least() }),
        ("on_exit: keep", EcmpConfig { on_exit: OnExit::Keep, ..least() }),
    ] {
        assert_eq!(all(&entry(more)), [expected], "{more}");
    }
}

#[test]
fn what_one_entry_says_of_the_host_holds_for_all() {
    let text = "ecmp: [{ name: a, prefix: 10.0.0.1/32, pool: p }, \
                { name: b, prefix: \"fd00::1/128\", pool: p, hash_policy: l3, hash_seed: 7 }]";
    let said: Vec<_> = all(text).iter().map(|one| (one.hash_policy, one.hash_seed)).collect();
    assert_eq!(said, [(Some(HashPolicy::L3), Some(7)); 2]);
}

#[test]
fn a_route_is_another_one_in_another_table_or_with_another_metric() {
    let text = "ecmp: [{ name: a, prefix: 10.0.0.1/32, pool: p }, \
                { name: b, prefix: 10.0.0.1/32, pool: q, metric: 51 }, \
                { name: c, prefix: 10.0.0.1/32, pool: q, table: 100 }]";
    assert_eq!(all(text).len(), 3);
}
