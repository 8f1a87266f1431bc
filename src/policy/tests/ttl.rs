//! A TTL follows the health of the members consulted.

use super::fixture::Fixture;
use crate::policy::{MinHealthy, PolicyId, TtlRange, WhenDown};

fn check(f: &mut Fixture, root: PolicyId, cases: &[(&str, u32)]) {
    for (health, ttl) in cases {
        f.set(health);
        assert_eq!(f.scene(root).any().ttl, *ttl, "with {health:?}");
        let explained = f.explain(root, crate::policy::Family::V4);
        assert_eq!(explained.ttl.value, *ttl, "explained, with {health:?}");
    }
}

#[test]
fn the_least_hint_counts_between_the_two_ends() {
    let (mut f, [a, ..]) = Fixture::abc();
    check(
        &mut f,
        a,
        &[
            ("", 60),
            ("192.0.2.10 degraded due 40", 40),
            ("192.0.2.10 degraded due 40, 192.0.2.11 unknown due 20", 20),
            ("192.0.2.10 degraded due 5", 15),
            ("192.0.2.10 down due 90", 60),
            ("192.0.2.10 forced-up", 60),
            ("a down due 40", 15),
        ],
    );
    f.routed.ttl = TtlRange { longest: 30, shortest: 30 };
    check(&mut f, a, &[("", 30), ("192.0.2.10 degraded due 5", 30), ("a down", 30)]);
}

#[test]
fn a_failover_consults_down_to_the_child_picked() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let root = f.failover(&[a, b, c]);
    check(
        &mut f,
        root,
        &[
            ("b degraded due 20", 60),
            ("a down due 30, b degraded due 20, c degraded due 16", 20),
            ("a down due 30", 30),
        ],
    );
}

#[test]
fn a_degraded_child_brings_the_next_into_it() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let root = f.degrading(&[(a, 50), (b, 50), (c, 50)]);
    check(
        &mut f,
        root,
        &[
            ("b degraded due 20", 60),
            ("192.0.2.10 down due 40, b degraded due 20", 20),
            ("192.0.2.10 down due 40, c degraded due 20", 40),
        ],
    );
}

#[test]
fn a_draw_consults_every_child_of_weight() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let weighted = f.weighted(&[(a, 1), (b, 1), (c, 0)]);
    let sticky = f.sticky(&[(a, 1), (b, 1), (c, 0)]);
    let all = f.all(&[a, b]);
    for root in [weighted, sticky, all] {
        check(&mut f, root, &[("b down due 30", 30), ("c down due 30", 60), ("", 60)]);
    }
}

#[test]
fn members_of_the_family_asked_count() {
    let mut f = Fixture::new();
    let a = f.pool("a", "192.0.2.1 2001:db8::1");
    let only_v6 = f.pool("only-v6", "2001:db8::2");
    check(&mut f, a, &[("2001:db8::1 down due 20", 60), ("192.0.2.1 degraded due 20", 20)]);
    check(&mut f, only_v6, &[("2001:db8::2 degraded due 20", 20)]);
    f.pool_mut("a").linked = true;
    check(&mut f, a, &[("2001:db8::1 degraded due 20", 20)]);
}

#[test]
fn without_min_healthy_the_hint_counts_as_ever() {
    let (mut f, [a, ..]) = Fixture::abc();
    f.pool_mut("a").min_healthy = MinHealthy::Fraction(1.0);
    check(&mut f, a, &[("192.0.2.10 down due 40", 40), ("192.0.2.10 down", 60)]);
}

#[test]
fn every_way_to_be_down_has_the_shortest() {
    let (mut f, [a, ..]) = Fixture::abc();
    let ways = [
        WhenDown::ServeAll,
        WhenDown::LastHealthy,
        WhenDown::Fallback(Vec::new().into()),
        WhenDown::NoData,
        WhenDown::ServFail,
        WhenDown::Refused,
    ];
    for when_down in ways {
        f.routed.when_down = when_down;
        check(&mut f, a, &[("a down due 50", 15), ("a drained", 15)]);
    }
}

#[test]
fn the_cause_is_named() {
    let (mut f, [a, b, _]) = Fixture::abc();
    let root = f.failover(&[a, b]);
    f.set("a down due 40, 192.0.2.20 degraded due 20, 192.0.2.11 due 30");
    let ttl = f.explain(root, crate::policy::Family::V4).ttl;
    assert_eq!(ttl.because, "192.0.2.20 of b could change in 20 s");
}
