//! On random worlds: what is explained is what is picked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use super::fixture::{Fixture, Picked};
use crate::geo::{Asn, Coordinates};
use crate::health::{Forced, MemberHealth, State};
use crate::policy::explain::Answer;
use crate::policy::pick::Verdict;
use crate::policy::{
    FailoverChild, Family, Geo, GeoChild, LatencyChild, MinHealthy, NearestChild, Policy, PolicyId,
    PrefixLengths, RttTable, TtlRange, WhenDown,
};

/// A policy to be made over those made before it.
type Seed = (u8, Vec<(Index, u16, u8)>);

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let child = (any::<Index>(), prop_oneof![Just(0_u16), 1_u16..10], 0_u8..=100);
    prop::collection::vec((0_u8..7, prop::collection::vec(child, 1..4)), 1..8)
}

fn member_health() -> impl Strategy<Value = MemberHealth> {
    let probed = prop_oneof![
        3 => Just(State::Up),
        1 => Just(State::Degraded),
        1 => Just(State::Unknown),
        3 => Just(State::Down),
    ];
    let forced = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Forced::Up)),
        1 => Just(Some(Forced::Down)),
        1 => Just(Some(Forced::Drain)),
    ];
    (probed, forced, prop::option::of(1_u32..100), any::<bool>()).prop_map(
        |(probed, forced, ttl_hint, last_served)| MemberHealth {
            probed,
            forced,
            ttl_hint,
            last_served,
        },
    )
}

fn when_down() -> impl Strategy<Value = WhenDown> {
    let fallback: Arc<[IpAddr]> = Arc::new(["203.0.113.1".parse().unwrap()]);
    prop_oneof![
        3 => Just(WhenDown::ServeAll),
        3 => Just(WhenDown::LastHealthy),
        1 => Just(WhenDown::Fallback(fallback)),
        1 => Just(WhenDown::NoData),
        1 => Just(WhenDown::ServFail),
        1 => Just(WhenDown::Refused),
    ]
}

/// Four pools: two of IPv4, one of both families, one of IPv6.
fn pools(f: &mut Fixture, linked: bool, least: Option<u8>) {
    f.pool("a", "192.0.2.10 192.0.2.11*3");
    f.pool("b", "192.0.2.20");
    f.pool("c", "192.0.2.30 2001:db8::30 2001:db8::31*2");
    f.pool("d", "2001:db8::40");
    f.pool_mut("c").linked = linked;
    if let Some(least) = least {
        f.pool_mut("a").min_healthy = MinHealthy::Fraction(f64::from(least) / 100.0);
    }
}

/// Makes one policy over those that are there.
fn add(f: &mut Fixture, (method, children): &Seed) -> PolicyId {
    let made = f.policies.policies.len();
    let to = |index: &Index| PolicyId(index.index(made) as u32);
    let weights = || {
        let mut weights: Vec<_> = children.iter().map(|(i, w, _)| (to(i), *w)).collect();
        weights[0].1 = weights[0].1.max(1);
        weights
    };
    let place = |degrees: u8| Coordinates::new(f64::from(degrees) / 2.0, 0.0).unwrap();
    let policy = match method {
        0 => Policy::Weighted(weights()),
        1 => Policy::Sticky { children: weights(), by: PrefixLengths { v4: 24, v6: 56 } },
        2 => {
            let child = |(i, w, kept): &(Index, u16, u8)| FailoverChild {
                to: to(i),
                degraded: (w % 2 == 0).then_some(*kept),
            };
            Policy::Failover(children.iter().map(child).collect())
        }
        3 => {
            let child = |(i, w, _): &(Index, u16, u8)| GeoChild { to: to(i), fence: *w == 1 };
            let asns = children.iter().skip(1).take(1).map(|c| (Asn(64500), child(c)));
            Policy::Geo(Geo {
                cidrs: Vec::new(),
                asns: asns.collect(),
                subdivisions: Vec::new(),
                countries: Vec::new(),
                continents: Vec::new(),
                default: child(&children[0]),
            })
        }
        4 => {
            let child =
                |(i, _, at): &(Index, u16, u8)| NearestChild { to: to(i), at: place(*at), bias: 0 };
            Policy::Nearest(children.iter().map(child).collect())
        }
        5 => {
            let child = |(i, w, at): &(Index, u16, u8)| LatencyChild {
                to: to(i),
                at: (w % 2 == 0).then(|| place(*at)),
                rtt: Arc::new(RttTable {
                    asns: (*w > 2).then_some((Asn(64500), f64::from(*w))).into_iter().collect(),
                    ..RttTable::default()
                }),
            };
            Policy::Latency { children: children.iter().map(child).collect(), within: 0.3 }
        }
        _ => Policy::All(children.iter().map(|(i, _, _)| to(i)).collect()),
    };
    f.policy(policy)
}

/// Whether a draw is random or by hash is no matter here: each answer comes from another client.
fn draws(f: &Fixture, root: PolicyId, family: Family) -> Vec<Picked> {
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(1);
    let clients = (0..400_u32).map(|n| IpAddr::V4((n << 8).into()));
    clients.map(|client| scene.pick_for(family, client, &mut rng)).collect()
}

/// Checks one answer against the explanation; true when its pool could be any of several.
fn check(picked: &Picked, answer: &Answer, seen: &mut HashMap<u32, u32>) {
    match answer {
        Answer::Members { at_most, pools } => {
            let pool = picked.pool.expect("members are of a pool");
            *seen.entry(pool.0).or_default() += 1;
            let from = pools.iter().find(|share| share.id == pool).expect("a pool explained");
            assert!(from.share > 0.0);
            let explained = pools.iter().flat_map(|share| &share.members);
            let explained: Vec<_> = explained.collect();
            assert!(picked.addresses().iter().all(|address| explained.contains(&address)));
            if picked.verdict == Verdict::NoData {
                assert!(from.members.is_empty() && picked.addresses().is_empty());
            } else {
                assert_eq!(picked.verdict, Verdict::Addresses);
                assert!(!picked.addresses().is_empty());
            }
            assert!(picked.addresses().len() <= (*at_most).max(16));
        }
        Answer::Fallback { addresses } => assert_eq!(picked.addresses(), addresses),
        Answer::NoData => assert_eq!(picked.verdict, Verdict::NoData),
        Answer::ServFail => assert_eq!(picked.verdict, Verdict::ServFail),
        Answer::Refused => assert_eq!(picked.verdict, Verdict::Refused),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_explained_is_what_is_picked(
        seeds in seeds(),
        health in prop::collection::vec(member_health(), 7),
        when_down in when_down(),
        answers in prop::option::of(1_u8..4),
        (linked, least) in (any::<bool>(), prop::option::of(1_u8..=100)),
        (asn, at) in (any::<bool>(), prop::option::of(0_u8..100)),
        shortest in 1_u32..60,
    ) {
        let mut f = Fixture::new();
        pools(&mut f, linked, least);
        let root = seeds.iter().map(|seed| add(&mut f, seed)).last().expect("one at least");
        f.health = health;
        f.routed.when_down = when_down;
        f.routed.answers = answers;
        f.routed.ttl = TtlRange { longest: 60, shortest };
        f.facts.asn = asn.then_some(Asn(64500));
        f.facts.coordinates = at.and_then(|at| Coordinates::new(f64::from(at) / 2.0, 0.0));
        for family in Family::BOTH {
            let explained = f.explain(root, family);
            let mut seen = HashMap::new();
            for picked in draws(&f, root, family) {
                prop_assert_eq!(picked.ttl, explained.ttl.value);
                check(&picked, &explained.answer, &mut seen);
            }
            if let Answer::Members { pools, .. } = &explained.answer {
                let together = pools.iter().map(|pool| pool.share).sum::<f64>() > 1.0 + 1e-6;
                for pool in pools.iter().filter(|pool| !together && pool.share > 0.05) {
                    let drawn = f64::from(*seen.get(&pool.id.0).unwrap_or(&0)) / 400.0;
                    prop_assert!((drawn - pool.share).abs() < 0.15, "{drawn}: {pool:?}");
                }
            }
            prop_assert!(!explained.to_string().is_empty());
            prop_assert!(serde_json::to_value(&explained).is_ok());
        }
    }

    #[test]
    fn a_policy_is_down_only_when_its_pools_are(
        seeds in seeds(),
        health in prop::collection::vec(member_health(), 7),
    ) {
        let mut f = Fixture::new();
        pools(&mut f, false, None);
        let root = seeds.iter().map(|seed| add(&mut f, seed)).last().expect("one at least");
        f.health = health;
        f.routed.when_down = WhenDown::Refused;
        let some_pool_may_be_up = f.health.iter().any(|health| health.serves());
        for picked in draws(&f, root, Family::V4).into_iter().take(10) {
            let refused = picked.verdict == Verdict::Refused;
            prop_assert!(some_pool_may_be_up || refused);
            for address in picked.addresses() {
                let member = f.policies.members.iter().position(|m| m.address == *address);
                prop_assert!(f.health[member.unwrap()].serves());
            }
        }
    }
}
