//! `geo`, `nearest` and `latency`: the client in, the order of preference out.

use std::sync::Arc;

use super::fixture::Fixture;
use crate::geo::{Asn, Continent, Coordinates, Country, Subdivision};
use crate::policy::plan::Plans;
use crate::policy::{
    Geo, GeoChild, LatencyChild, NearestChild, Policy, PolicyId, PrefixLengths, RttTable,
};

fn country(code: &str) -> Country {
    Country::new(code).expect("an ISO 3166-1 code")
}

fn place(latitude: f64, longitude: f64) -> Coordinates {
    Coordinates::new(latitude, longitude).expect("degrees")
}

/// A pool for each name, of one member.
fn pools<const N: usize>(f: &mut Fixture, names: [&str; N]) -> [PolicyId; N] {
    let mut n = 0;
    names.map(|name| {
        n += 1;
        f.pool(name, &format!("192.0.2.{n}"))
    })
}

/// A geo policy with a key of each kind, its pools named after the keys.
fn geo(f: &mut Fixture, fences: &[&str]) -> PolicyId {
    let [short, long, asn, part, land, other_land, continent, default] =
        pools(f, ["/8", "/16", "AS64500", "US-CA", "US", "DE", "north-america", "default"]);
    let child = |to: PolicyId| {
        let name = f.policies.called(to);
        GeoChild { to, fence: fences.contains(&name) }
    };
    let geo = Geo {
        cidrs: vec![
            ("10.0.0.0/8".parse().unwrap(), child(short)),
            ("10.1.0.0/16".parse().unwrap(), child(long)),
        ],
        asns: vec![(Asn(64500), child(asn))],
        subdivisions: vec![(Subdivision::parse("US-CA").unwrap(), child(part))],
        countries: vec![(country("US"), child(land)), (country("DE"), child(other_land))],
        continents: vec![(Continent::NorthAmerica, child(continent))],
        default: child(default),
    };
    f.policy(Policy::Geo(geo))
}

#[test]
fn geo_goes_by_the_most_specific_key_then_the_less_specific() {
    let mut f = Fixture::new();
    let root = geo(&mut f, &[]);
    f.within(&["10.1.0.0/16", "10.0.0.0/8"]);
    f.facts.asn = Some(Asn(64500));
    f.facts.subdivision = Subdivision::parse("US-CA");
    f.facts.country = Some(country("US"));
    f.facts.continent = Some(Continent::NorthAmerica);
    let mut health = String::new();
    for next in ["/16", "/8", "AS64500", "US-CA", "US", "north-america", "default"] {
        assert_eq!(f.shares(root, &health), format!("{next} 100"));
        health += &format!("{next} down, ");
    }
    assert_eq!(f.shares(root, &health), "/16 100", "as if all were up");
}

#[test]
fn geo_takes_the_default_for_a_client_that_matches_nothing() {
    let mut f = Fixture::new();
    let root = geo(&mut f, &[]);
    assert_eq!(f.shares(root, ""), "default 100");
    f.facts.country = Some(country("FR"));
    f.facts.asn = Some(Asn(64501));
    f.within(&["192.0.2.0/24"]);
    assert_eq!(f.shares(root, ""), "default 100");
}

#[test]
fn a_hard_fence_stops_there() {
    let mut f = Fixture::new();
    let root = geo(&mut f, &["US"]);
    f.facts.subdivision = Subdivision::parse("US-CA");
    f.facts.country = Some(country("US"));
    f.facts.continent = Some(Continent::NorthAmerica);
    assert_eq!(f.shares(root, "US-CA down"), "US 100");
    assert_eq!(f.shares(root, "US-CA down, US down"), "US-CA 100", "down: as if all were up");
    let text = f.explain(root, crate::policy::Family::V4).to_string();
    assert!(text.contains("north-america → north-america: behind a hard fence"), "{text}");
    f.facts.subdivision = None;
    f.facts.country = None;
    assert_eq!(f.shares(root, "north-america down"), "default 100", "no fence on this way");
}

#[test]
fn nearest_goes_by_distance_with_bias() {
    let virginia = place(39.04, -77.49);
    let dublin = place(53.35, -6.26);
    let tokyo = place(35.68, 139.69);
    let make = |biases: [i8; 3]| {
        let mut f = Fixture::new();
        let [us, eu, ap] = pools(&mut f, ["us", "eu", "ap"]);
        let children = [(us, virginia), (eu, dublin), (ap, tokyo)];
        let child = |((to, at), bias)| NearestChild { to, at, bias };
        let root = f.policy(Policy::Nearest(children.into_iter().zip(biases).map(child).collect()));
        (f, root)
    };
    // New York is 5,100 km from Dublin and 370 km from Virginia; Berlin 1,300 km and 6,700 km.
    let cases = [
        ([0, 0, 0], (40.71, -74.0), "", "us 100"),
        ([0, 0, 0], (52.52, 13.4), "", "eu 100"),
        ([0, 0, 0], (52.52, 13.4), "eu down", "us 100"),
        ([0, 0, 0], (35.0, 135.0), "", "ap 100"),
        ([0, 99, 0], (40.71, -74.0), "", "eu 100"),
        ([0, 92, 0], (40.71, -74.0), "", "us 100"),
        ([-95, 0, 0], (40.71, -74.0), "", "eu 100"),
        ([-90, 0, 0], (40.71, -74.0), "", "us 100"),
        ([0, -90, 0], (52.52, 13.4), "", "us 100"),
    ];
    for (biases, (latitude, longitude), health, shares) in cases {
        let (mut f, root) = make(biases);
        f.at(latitude, longitude);
        assert_eq!(f.shares(root, health), shares, "{biases:?} from {latitude}, {longitude}");
    }
    let (mut f, root) = make([-50, 0, 99]);
    assert_eq!(f.shares(root, ""), "us 100", "without a place, the order listed");
    assert_eq!(f.shares(root, "us down"), "eu 100");
}

#[test]
fn nearest_takes_ties_as_listed() {
    let mut f = Fixture::new();
    let [a, b] = pools(&mut f, ["a", "b"]);
    let at = place(10.0, 10.0);
    let child = |to| NearestChild { to, at, bias: 0 };
    let root = f.policy(Policy::Nearest(vec![child(b), child(a)]));
    f.at(50.0, 50.0);
    assert_eq!(f.shares(root, ""), "b 100");
}

/// A `latency` policy over pools `a`, `b` and `c`, with times by country BR, by AS 64500 and by
/// 10.0.0.0/8.
fn latency(
    within: f64,
    br: [Option<f64>; 3],
    asn: [Option<f64>; 3],
    cidr: [Option<f64>; 3],
) -> (Fixture, PolicyId) {
    let mut f = Fixture::new();
    let ids = pools(&mut f, ["a", "b", "c"]);
    let places = [place(0.0, 0.0), place(0.0, 50.0), place(0.0, 100.0)];
    let child = |i: usize| LatencyChild {
        to: ids[i],
        at: Some(places[i]),
        rtt: Arc::new(RttTable {
            cidrs: cidr[i].map(|ms| ("10.0.0.0/8".parse().unwrap(), ms)).into_iter().collect(),
            asns: asn[i].map(|ms| (Asn(64500), ms)).into_iter().collect(),
            countries: br[i].map(|ms| (country("BR"), ms)).into_iter().collect(),
        }),
    };
    let children = (0..3).map(child).collect();
    let root = f.policy(Policy::Latency { children, within });
    f.facts.country = Some(country("BR"));
    (f, root)
}

const NONE: [Option<f64>; 3] = [None; 3];

#[test]
fn latency_takes_the_lowest_time_that_is_up() {
    let (mut f, root) = latency(0.0, [Some(120.0), Some(90.0), Some(180.0)], NONE, NONE);
    assert_eq!(f.shares(root, ""), "b 100");
    assert_eq!(f.shares(root, "b down"), "a 100");
    assert_eq!(f.shares(root, "b down, a down"), "c 100");
}

#[test]
fn each_child_has_its_time_by_the_most_specific_key_that_names_it() {
    let br = [Some(10.0), Some(20.0), Some(30.0)];
    let asn = [Some(200.0), None, Some(100.0)];
    let cidr = [None, None, Some(300.0)];
    let (mut f, root) = latency(0.0, br, asn, cidr);
    let orders = [
        (false, false, ["a", "b", "c"]),
        (true, false, ["b", "c", "a"]),
        (true, true, ["b", "a", "c"]),
    ];
    for (with_asn, with_cidr, [first, second, third]) in orders {
        f.facts.asn = with_asn.then_some(Asn(64500));
        f.within(if with_cidr { &["10.0.0.0/8"] } else { &[] });
        assert_eq!(f.shares(root, ""), format!("{first} 100"));
        assert_eq!(f.shares(root, &format!("{first} down")), format!("{second} 100"));
        let health = format!("{first} down, {second} down");
        assert_eq!(f.shares(root, &health), format!("{third} 100"));
    }
}

#[test]
fn equals_of_the_best_that_is_up_share_in_equal_parts() {
    let (mut f, root) = latency(0.1, [Some(100.0), Some(110.0), Some(120.0)], NONE, NONE);
    assert_eq!(f.shares(root, ""), "a 50, b 50");
    assert_eq!(f.shares(root, "a down"), "b 50, c 50");
    assert_eq!(f.shares(root, "b down"), "a 100");
}

#[test]
fn children_without_a_time_come_after_by_distance() {
    let (mut f, root) = latency(5.0, [None, None, Some(500.0)], NONE, NONE);
    f.at(0.0, 49.0);
    assert_eq!(f.shares(root, ""), "c 100", "a known time before any distance");
    assert_eq!(f.shares(root, "c down"), "b 100");
    assert_eq!(f.shares(root, "c down, b down"), "a 100");
    f.facts.coordinates = None;
    assert_eq!(f.shares(root, "c down"), "a 100", "without a place, the order listed");
}

#[test]
fn equals_below_sticky_are_drawn_by_the_hash() {
    let (mut f, root) = latency(0.1, [Some(100.0), Some(100.0), Some(900.0)], NONE, NONE);
    let root = f.sticky(&[(root, 1)]);
    assert_eq!(f.shares(root, ""), "a 50, b 50");
    let scene = f.scene(root);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut get = || scene.pick(crate::policy::Family::V4, "192.0.2.1", &mut rng).pool;
    let first = get();
    assert!((0..50).all(|_| get() == first));
}

#[test]
fn clients_that_a_policy_treats_alike_have_one_plan() {
    let (f, root) =
        latency(0.1, [Some(100.0), Some(105.0), None], [Some(105.0), Some(100.0), None], NONE);
    let mut plans = Plans::default();
    let by_country = f.plan(root, &mut plans);
    let mut other = f;
    other.facts.asn = Some(Asn(64500));
    assert_eq!(other.plan(root, &mut plans), by_country, "times differ without consequence");

    let mut f = Fixture::new();
    let root = geo(&mut f, &[]);
    let mut plans = Plans::default();
    f.facts.country = Some(country("FR"));
    let france = f.plan(root, &mut plans);
    f.facts.country = Some(country("JP"));
    assert_eq!(f.plan(root, &mut plans), france);
    f.facts.country = Some(country("US"));
    assert_ne!(f.plan(root, &mut plans), france);
}

#[test]
fn a_key_that_leads_where_a_less_specific_one_leads_makes_no_class() {
    let mut f = Fixture::new();
    let [a] = pools(&mut f, ["a"]);
    let child = GeoChild { to: a, fence: false };
    let root = f.policy(Policy::Geo(Geo {
        cidrs: Vec::new(),
        asns: Vec::new(),
        subdivisions: Vec::new(),
        countries: vec![(country("DE"), child)],
        continents: Vec::new(),
        default: child,
    }));
    let mut plans = Plans::default();
    let nobody = f.plan(root, &mut plans);
    f.facts.country = Some(country("DE"));
    assert_eq!(f.plan(root, &mut plans), nobody);
}

#[test]
fn a_plan_knows_the_prefix_that_it_hashes() {
    let (mut f, [a, b, c]) = Fixture::abc();
    let sticky = f.sticky(&[(a, 1), (b, 1)]);
    let root = f.policy(Policy::Geo(Geo {
        cidrs: Vec::new(),
        asns: Vec::new(),
        subdivisions: Vec::new(),
        countries: vec![(country("DE"), GeoChild { to: c, fence: true })],
        continents: Vec::new(),
        default: GeoChild { to: sticky, fence: false },
    }));
    let mut plans = Plans::default();
    let hashed = f.plan(root, &mut plans);
    assert_eq!(plans.sticky(hashed), Some(PrefixLengths { v4: 24, v6: 56 }));
    f.facts.country = Some(country("DE"));
    let plain = f.plan(root, &mut plans);
    assert_eq!(plans.sticky(plain), None, "this client is not hashed");
}
