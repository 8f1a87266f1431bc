//! Up and down: pools, families, and what is answered when nothing serves.

use super::fixture::Fixture;
use crate::policy::decide::Mode;
use crate::policy::pick::Verdict;
use crate::policy::{Family, MinHealthy, WhenDown};

#[test]
fn a_pool_is_up_from_its_least_healthy_weight() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1 192.0.2.2 192.0.2.3*2");
    let b = f.pool("b", "192.0.2.9");
    let root = f.failover(&[a, b]);
    let cases = [
        (0.5, "192.0.2.3 down", "a 100"),
        (0.51, "192.0.2.3 down", "b 100"),
        (0.5, "192.0.2.1 down, 192.0.2.3 down", "b 100"),
        (0.5, "192.0.2.1 down, 192.0.2.3 drained", "a 100"),
        (0.5, "192.0.2.1 forced-down, 192.0.2.3 forced-down", "b 100"),
        (1.0, "192.0.2.1 degraded, 192.0.2.2 unknown", "a 100"),
        (1.0, "192.0.2.1 down", "b 100"),
        (1.0, "192.0.2.1 down forced-up", "a 100"),
        (1.0 / 3.0, "192.0.2.3 drained, 192.0.2.1 drained", "a 100"),
    ];
    for (least, health, shares) in cases {
        f.pool_mut("a").min_healthy = MinHealthy::Fraction(least);
        assert_eq!(f.shares(root, health), shares, "{least} with {health:?}");
    }
}

#[test]
fn a_third_of_three_is_a_third() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1 192.0.2.2 192.0.2.3");
    let b = f.pool("b", "192.0.2.9");
    let root = f.failover(&[a, b]);
    f.pool_mut("a").min_healthy = MinHealthy::Fraction(33.333_333_333_33 / 100.0);
    assert_eq!(f.shares(root, "192.0.2.1 down, 192.0.2.2 down"), "a 100");
}

#[test]
fn families_of_a_pool_fall_alone_unless_linked() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1 2001:db8::1");
    let b = f.pool("b", "192.0.2.2 2001:db8::2");
    let root = f.failover(&[a, b]);
    let cases = [
        (false, "2001:db8::1 down", "a 100", "b 100"),
        (true, "2001:db8::1 down", "b 100", "b 100"),
        (true, "192.0.2.1 drained", "b 100", "b 100"),
        (true, "", "a 100", "a 100"),
        (true, "a down", "b 100", "b 100"),
    ];
    for (linked, health, v4, v6) in cases {
        f.pool_mut("a").linked = linked;
        assert_eq!(f.shares_in(Family::V4, root, health), v4, "{linked} with {health:?}");
        assert_eq!(f.shares_in(Family::V6, root, health), v6, "{linked} with {health:?}");
    }
}

#[test]
fn a_linked_pool_of_one_family_stands_by_itself() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1");
    f.pool_mut("a").linked = true;
    assert_eq!(f.shares_in(Family::V6, a, ""), "a 100");
}

#[test]
fn steering_does_not_depend_on_family() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1");
    let b = f.pool("b", "192.0.2.2 2001:db8::2");
    let root = f.failover(&[a, b]);
    f.set("");
    let picked = f.scene(root).pick(Family::V6, "192.0.2.1", &mut fastrand::Rng::with_seed(1));
    assert_eq!((picked.verdict, picked.pool.unwrap().0), (Verdict::NoData, 0));
    f.set("a down");
    let picked = f.scene(root).pick(Family::V6, "192.0.2.1", &mut fastrand::Rng::with_seed(1));
    assert_eq!(picked.addresses()[0].to_string(), "2001:db8::2");
}

#[test]
fn a_pool_without_the_family_goes_down_with_its_other_family() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1");
    f.routed.when_down = WhenDown::ServFail;
    f.set("a down");
    for family in Family::BOTH {
        let picked = f.scene(a).pick(family, "192.0.2.1", &mut fastrand::Rng::with_seed(1));
        assert_eq!(picked.verdict, Verdict::ServFail);
    }
}

#[test]
fn a_drained_family_is_down_not_absent() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1 2001:db8::1");
    let b = f.pool("b", "192.0.2.2 2001:db8::2");
    let root = f.failover(&[a, b]);
    assert_eq!(f.shares_in(Family::V6, root, "2001:db8::1 drained"), "b 100");
}

#[test]
fn everything_down_is_decided_again_without_min_healthy() {
    let (mut f, [a, b, c]) = Fixture::abc();
    f.pool_mut("a").min_healthy = MinHealthy::Fraction(1.0);
    f.pool_mut("b").min_healthy = MinHealthy::Fraction(1.0);
    let root = f.failover(&[a, b, c]);
    let cases = [
        ("192.0.2.10 down, 192.0.2.20 down", Mode::Normal, "c 100"),
        ("192.0.2.10 down, 192.0.2.20 down, c down", Mode::IgnoringMinHealthy, "a 100"),
        ("a down, 192.0.2.20 down, c down", Mode::IgnoringMinHealthy, "b 100"),
        ("a down, b down, c down", Mode::AsIfUp, "a 100"),
        ("a drained, b down, c down", Mode::AsIfUp, "b 100"),
        ("a drained, b forced-down, c drained", Mode::AsIfAllUp, "a 100"),
    ];
    for (health, mode, shares) in cases {
        assert_eq!(f.shares(root, health), shares, "with {health:?}");
        assert_eq!(f.explain(root, Family::V4).mode, mode, "with {health:?}");
    }
}

#[test]
fn a_name_whose_policy_is_down_answers_as_it_says() {
    let back: Vec<_> = ["203.0.113.1", "2001:db8::f"].map(|a| a.parse().unwrap()).to_vec();
    let only_v6 = vec!["2001:db8::f".parse().unwrap()];
    let cases: [(WhenDown, &str, Verdict, &[&str]); 13] = [
        (WhenDown::ServeAll, "a down", Verdict::Addresses, &["192.0.2.10", "192.0.2.11"]),
        (WhenDown::ServeAll, "a down, 192.0.2.10 drained", Verdict::Addresses, &["192.0.2.11"]),
        (WhenDown::ServeAll, "a down, 192.0.2.10 forced-down", Verdict::Addresses, &["192.0.2.11"]),
        (WhenDown::ServeAll, "a drained", Verdict::Addresses, &["192.0.2.10", "192.0.2.11"]),
        (WhenDown::LastHealthy, "a down, 192.0.2.10 up-last", Verdict::Addresses, &["192.0.2.10"]),
        (
            WhenDown::LastHealthy,
            "a down, 192.0.2.10 up-last drained",
            Verdict::Addresses,
            &["192.0.2.11"],
        ),
        (WhenDown::LastHealthy, "a down", Verdict::Addresses, &["192.0.2.10", "192.0.2.11"]),
        (WhenDown::Fallback(back.into()), "a down", Verdict::Addresses, &["203.0.113.1"]),
        (WhenDown::Fallback(only_v6.into()), "a down", Verdict::NoData, &[]),
        (WhenDown::NoData, "a down", Verdict::NoData, &[]),
        (WhenDown::ServFail, "a down", Verdict::ServFail, &[]),
        (WhenDown::Refused, "a down", Verdict::Refused, &[]),
        (WhenDown::Refused, "192.0.2.10 down", Verdict::Addresses, &["192.0.2.11"]),
    ];
    for (when_down, health, verdict, addresses) in cases {
        let (mut f, [a, ..]) = Fixture::abc();
        f.routed.when_down = when_down.clone();
        f.set(health);
        let scene = f.scene(a);
        assert_eq!(scene.any().verdict, verdict, "{when_down} with {health:?}");
        assert_eq!(scene.seen(Family::V4), addresses, "{when_down} with {health:?}");
    }
}

#[test]
fn last_healthy_is_of_the_pool_that_would_be_picked() {
    let (mut f, [a, b, _]) = Fixture::abc();
    let root = f.failover(&[a, b]);
    let both = f.all(&[a, b]);
    f.routed.when_down = WhenDown::LastHealthy;
    f.set("*  down, 192.0.2.21 up-last");
    assert_eq!(f.scene(root).seen(Family::V4), ["192.0.2.10", "192.0.2.11"]);
    assert_eq!(f.scene(both).seen(Family::V4), ["192.0.2.21"], "of the union, under all");
    f.set("* down, b drained, 192.0.2.21 up-last");
    assert_eq!(f.scene(both).seen(Family::V4), ["192.0.2.10", "192.0.2.11"]);
}

#[test]
fn fallback_sends_at_most_sixteen_addresses_in_the_order_listed() {
    let (mut f, [a, ..]) = Fixture::abc();
    let many: Vec<_> = (1..=20).map(|n| format!("203.0.113.{n}").parse().unwrap()).collect();
    f.routed.when_down = WhenDown::Fallback(many.clone().into());
    f.set("a down");
    let picked = f.scene(a).any();
    assert_eq!(picked.addresses(), &many[..16]);
    assert_eq!(picked.pool, None);
}

#[test]
fn a_pool_without_members_answers_no_data() {
    let mut f = Fixture::new();
    let empty = f.pool("empty", "");
    assert_eq!(f.scene(empty).any().verdict, Verdict::NoData);
}
