//! What each method picks, whatever the client: health in, shares out.

use super::fixture::Fixture;
use crate::policy::Family;

/// Checks a policy's shares under each health.
fn check(fixture: &mut Fixture, root: crate::policy::PolicyId, cases: &[(&str, &str)]) {
    for (health, shares) in cases {
        assert_eq!(fixture.shares(root, health), *shares, "with {health:?}");
    }
}

#[test]
fn weighted_draws_among_up_children_in_proportion() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let root = f.weighted(&[(a, 70), (b, 30), (c, 0)]);
    check(
        &mut f,
        root,
        &[
            ("", "a 70, b 30"),
            ("a down", "b 100"),
            ("192.0.2.10 down", "a 70, b 30"),
            ("a drained", "b 100"),
            // Weight 0 is never picked, not even when nothing else is left.
            ("a down, b down", "a 70, b 30"),
        ],
    );
}

#[test]
fn a_child_listed_twice_has_both_weights() {
    let (mut f, [a, b, _]) = Fixture::abc();
    let weighted = f.weighted(&[(a, 1), (b, 1), (a, 2)]);
    let sticky = f.sticky(&[(a, 1), (b, 1), (a, 2)]);
    assert_eq!(f.shares(weighted, ""), "a 75, b 25");
    assert_eq!(f.shares(sticky, ""), "a 75, b 25");
}

#[test]
fn failover_takes_the_first_that_is_up() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let root = f.failover(&[a, b, c]);
    check(
        &mut f,
        root,
        &[
            ("", "a 100"),
            ("192.0.2.10 down", "a 100"),
            ("a down", "b 100"),
            ("a forced-down, b drained", "c 100"),
            ("a down forced-up", "a 100"),
            ("a unknown", "a 100"),
            ("a degraded", "a 100"),
            ("a down, c down", "b 100"),
        ],
    );
}

#[test]
fn a_degraded_child_keeps_its_part_and_the_rest_goes_down_the_list() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let root = f.degrading(&[(a, 70), (b, 50), (c, 10)]);
    check(
        &mut f,
        root,
        &[
            ("", "a 100"),
            ("192.0.2.10 down", "a 70, b 30"),
            ("192.0.2.10 drained", "a 100"),
            ("192.0.2.10 degraded", "a 100"),
            ("192.0.2.10 down, 192.0.2.20 down", "a 70, b 15, c 15"),
            ("192.0.2.10 down, 192.0.2.20 down, 192.0.2.30 down", "a 70, b 15, c 15"),
            ("192.0.2.10 down, 192.0.2.20 down, c down", "a 70, b 30"),
            ("192.0.2.10 down, b down", "a 70, c 30"),
            ("192.0.2.10 down, b down, c down", "a 100"),
            ("a down, 192.0.2.20 forced-down", "b 50, c 50"),
        ],
    );
}

#[test]
fn a_degraded_child_may_keep_nothing_or_all() {
    let (mut f, [a, b, _]) = Fixture::abc();
    let nothing = f.degrading(&[(a, 0), (b, 0)]);
    let everything = f.degrading(&[(a, 100), (b, 100)]);
    assert_eq!(f.shares(nothing, "192.0.2.10 down"), "b 100");
    assert_eq!(f.shares(nothing, "192.0.2.10 down, b down"), "a 100");
    assert_eq!(f.shares(everything, "192.0.2.10 down"), "a 100");
}

#[test]
fn a_policy_is_whole_when_all_that_it_looks_at_is() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let weighted = f.weighted(&[(a, 1), (b, 1)]);
    let split = f.degrading(&[(weighted, 50), (c, 50)]);
    let ordered = f.failover(&[a, b]);
    let after_order = f.degrading(&[(ordered, 50), (c, 50)]);
    check(
        &mut f,
        split,
        &[("", "a 50, b 50"), ("a down", "b 50, c 50"), ("192.0.2.20 down", "a 25, b 25, c 50")],
    );
    check(&mut f, after_order, &[("", "a 100"), ("b down", "a 100"), ("a down", "b 50, c 50")]);
}

#[test]
fn all_answers_with_every_up_child() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let failover = f.failover(&[b, c]);
    let root = f.all(&[a, failover, a]);
    check(&mut f, root, &[("", "a 100, b 100"), ("b down", "a 100, c 100"), ("a down", "b 100")]);
    f.set("192.0.2.10 down");
    assert_eq!(f.scene(root).any().addresses().len(), 3, "every serving member");
}

#[test]
fn all_below_a_draw_answers_with_all_of_what_was_drawn() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let both = f.all(&[a, b]);
    let nested = f.all(&[both, c]);
    let root = f.weighted(&[(both, 1), (c, 1)]);
    assert_eq!(f.shares(root, ""), "a 50, b 50, c 50");
    assert_eq!(f.shares(nested, ""), "a 100, b 100, c 100");
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..50 {
        let picked = scene.pick(Family::V4, "192.0.2.1", &mut rng);
        let of_c = picked.addresses()[0].to_string().starts_with("192.0.2.3");
        assert_eq!(picked.addresses().len(), if of_c { 1 } else { 4 });
    }
}

#[test]
fn all_answers_at_most_sixteen_distinct_addresses() {
    let mut f = Fixture::new();
    let many: String = (1..=20).map(|n| format!("192.0.2.{n} ")).collect();
    let (a, b) = (f.pool("a", &many), f.pool("b", &many));
    let root = f.all(&[a, b]);
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(5);
    for _ in 0..100 {
        let picked = scene.pick(Family::V4, "192.0.2.1", &mut rng);
        let mut addresses = picked.addresses().to_vec();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 16);
    }
    assert_eq!(scene.seen(Family::V4).len(), 20, "any of them");
}

#[test]
fn answers_limits_a_union_too() {
    let (mut f, [a, b, _]) = Fixture::abc();
    let root = f.all(&[a, b]);
    f.routed.answers = Some(3);
    assert_eq!(f.scene(root).any().addresses().len(), 3);
    assert_eq!(f.scene(root).seen(Family::V4).len(), 4);
}

#[test]
fn answers_are_distinct_members_of_one_pool() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1 192.0.2.2 192.0.2.3*8");
    let b = f.pool("b", "192.0.2.11");
    let root = f.failover(&[a, b]);
    f.routed.answers = Some(2);
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(9);
    let mut first = std::collections::HashMap::new();
    for _ in 0..10_000 {
        let picked = scene.pick(Family::V4, "192.0.2.1", &mut rng);
        let [one, two] = *picked.addresses() else { panic!("not two: {picked:?}") };
        assert_ne!(one, two);
        *first.entry(one.to_string()).or_insert(0) += 1;
    }
    // 192.0.2.3 is in 97.8 % of answers: 0.8 + 2 × 0.1 × 8/9. In random order: first in half.
    let heavy = f64::from(first["192.0.2.3"]) / 10_000.0;
    assert!((heavy - 0.489).abs() < 0.02, "{heavy}");
    f.set("192.0.2.1 down, 192.0.2.2 down");
    assert_eq!(f.scene(root).any().addresses().len(), 1, "never topped up");
}

#[test]
fn members_are_drawn_by_weight() {
    let mut f = Fixture::new();
    let root = f.pool("a", "192.0.2.1*1 192.0.2.2*3 192.0.2.3*4");
    f.set("192.0.2.3 down");
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(11);
    let mut second = 0;
    for _ in 0..100_000 {
        let picked = scene.pick(Family::V4, "192.0.2.1", &mut rng);
        second += u32::from(picked.addresses()[0].to_string() == "192.0.2.2");
    }
    assert!((f64::from(second) / 1e5 - 0.75).abs() < 0.01, "{second}");
}

#[test]
fn weighted_shares_are_within_one_percent_of_a_million_draws() {
    let mut f = Fixture::new();
    let weights = [1_u16, 20, 300, 4000, 65535];
    let pools: Vec<_> = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| (f.pool(&i.to_string(), &format!("192.0.2.{i}")), *weight))
        .collect();
    let root = f.weighted(&pools);
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(13);
    let mut drawn = [0_u32; 5];
    for _ in 0..1_000_000 {
        let picked = scene.pick(Family::V4, "192.0.2.1", &mut rng);
        drawn[picked.pool.unwrap().0 as usize] += 1;
    }
    let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
    for (drawn, weight) in drawn.iter().zip(weights) {
        let (share, expected) = (f64::from(*drawn) / 1e6, f64::from(weight) / total);
        assert!((share - expected).abs() < 0.01 * expected.max(0.05), "{share} for {expected}");
    }
}

#[test]
fn a_policy_shared_by_many_is_decided_once_for_all() {
    // 2^60 ways down, 61 policies.
    let (mut f, [a, b, _]) = Fixture::abc();
    let mut root = f.weighted(&[(a, 1), (b, 1)]);
    for level in 0..60_u16 {
        root = match level % 3 {
            0 => f.weighted(&[(root, 1), (root, level + 1)]),
            1 => f.all(&[root, root]),
            _ => f.failover(&[root, root]),
        };
    }
    f.set("a down");
    let scene = f.scene(root);
    assert_eq!(scene.shares(Family::V4), "b 100");
    assert_eq!(scene.any().addresses().len(), 2);
    let explained = f.explain(root, Family::V4).to_string();
    assert!(explained.lines().count() < 300, "{explained}");
}
