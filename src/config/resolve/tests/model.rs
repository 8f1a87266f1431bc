//! What good files become.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{EVERYTHING, load, load_zone};
use crate::config::diagnostic::Severity;
use crate::geo::{Asn, Continent, Coordinates, Country, Subdivision};
use crate::health::{HttpSpec, ProbeKind, ProbeSpec, TlsSpec};
use crate::policy::{MinHealthy, Policy, PolicyId, PrefixLengths};

/// The steering sections and some names of the zone that POLICY.md shows whole.
const WHOLE: &str = r#"
zone: example.com
probes:
  web:
    https: { path: /healthz, port: 8443, host: www.example.com, status: [301, 200-299], body: "ok" }
    every: 10s
    timeout: 1s
    fall: 4
    rise: 1
  knock: { tcp: { port: 22 } }
pools:
  us-east:
    at: [39.04, -77.49]
    probe: [web, knock]
    min_healthy: 50%
    linked: false
    capacity: 3500
    members:
      - 192.0.2.10
      - { address: 192.0.2.11, weight: 2, probe_address: 10.0.0.11 }
      - 2001:db8:1::10
  us-west: { at: [45.6, -121.2], probe: web, members: [192.0.2.20, "2001:db8:2::10"] }
  eu-west: { at: [53.35, -6.26], probe: web, members: [192.0.2.30, "2001:db8:3::10"] }
  ap-tokyo: { at: [35.68, 139.69], probe: web, members: [192.0.2.40, "2001:db8:4::10"] }
  lab: { members: [192.0.2.50, "2001:db8:5::10"] }
rtt:
  BR: { us-east: 120, us-west: 150, eu-west: 180 }
  AS64500: { us-east: 7.5 }
  10.0.0.0/8: { us-east: 1 }
policies:
  world:
    geo:
      europe: eu-west
      north-america: { latency: [us-east, us-west] }
      JP: ap-tokyo
      US-CA: us-west
      AS64500: us-west
      10.0.0.0/8: lab
      default: { nearest: [us-east, us-west, eu-west, ap-tokyo] }
names:
  www: world
  api: { failover: [us-east, us-west, eu-west] }
  canary: { weighted: { us-east: 95, us-west: 5 } }
  app: { sticky: { to: [us-east, us-west], by: 24/56 } }
"#;

fn whole() -> super::Loaded {
    let loaded = load(&[WHOLE], EVERYTHING);
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.shown());
    loaded
}

#[test]
fn a_probe_becomes_all_that_it_says() {
    let loaded = whole();
    let web = &loaded.resolved.targets[0].probe;
    let host = || Some(Box::from("www.example.com"));
    let http = HttpSpec {
        path: "/healthz".into(),
        host: host(),
        status: Box::new([(200, 299), (301, 301)]),
        body: Some("ok".into()),
    };
    let expected = ProbeSpec {
        kind: ProbeKind::Https(http, TlsSpec { host: host(), ca: None }),
        every: Duration::from_secs(10),
        timeout: Duration::from_secs(1),
        fall: 4,
        rise: 1,
    };
    assert_eq!(**web, expected);
}

#[test]
fn a_probe_that_says_little_has_defaults() {
    for (text, kind, port) in [
        ("http: {}", "http", 80),
        ("https: {}", "https", 443),
        ("tls: {}", "tls", 443),
        ("tcp: { port: 5 }", "tcp", 5),
    ] {
        let pools = "pools: { a: { probe: p, members: 192.0.2.1 } }";
        let loaded = load(&[&format!("probes: {{ p: {{ {text} }} }}\n{pools}")], EVERYTHING);
        loaded.policies();
        let target = &loaded.resolved.targets[0];
        assert_eq!((target.probe.kind.word(), target.address.port()), (kind, port));
        let ProbeSpec { every, timeout, fall, rise, .. } = *target.probe;
        let seconds = Duration::from_secs;
        assert_eq!((every, timeout, fall, rise), (seconds(5), seconds(2), 3, 2), "{text}");
        if let ProbeKind::Http(http) | ProbeKind::Https(http, _) = &target.probe.kind {
            assert_eq!((&*http.path, &*http.status), ("/", &[(200, 299)][..]));
        }
    }
}

#[test]
fn a_default_timeout_gives_way_to_a_short_every() {
    let text = "probes: { p: { tcp: { port: 1 }, every: 500ms } }\n\
                pools: { a: { probe: p, members: 192.0.2.1 } }";
    let loaded = load(&[text], EVERYTHING);
    loaded.policies();
    assert_eq!(loaded.resolved.targets[0].probe.timeout, Duration::from_millis(500));
}

#[test]
fn a_pool_becomes_its_members_in_order() {
    let loaded = whole();
    let policies = loaded.policies();
    let pool = &policies.pools[0];
    assert_eq!(&*pool.name, "example.com/us-east");
    assert_eq!(pool.at, Coordinates::new(39.04, -77.49));
    assert_eq!(pool.min_healthy, MinHealthy::Fraction(0.5));
    assert_eq!((pool.linked, pool.capacity), (false, Some(3500.0)));
    let members: Vec<_> = pool
        .member_ids()
        .map(|id| policies.member(id))
        .map(|member| (member.pool.0, member.address.to_string(), member.weight.get()))
        .collect();
    assert_eq!(
        members,
        [
            (0, "192.0.2.10".to_owned(), 1),
            (0, "192.0.2.11".to_owned(), 2),
            (0, "2001:db8:1::10".to_owned(), 1),
        ]
    );
    let lab = &policies.pools[4];
    assert_eq!(lab.min_healthy, MinHealthy::AnyOne);
    assert!(lab.member_ids().all(|id| policies.member(id).targets.is_empty()));
}

#[test]
fn a_member_is_probed_by_every_probe_at_its_probe_address() {
    let loaded = whole();
    let member = &loaded.policies().members[1];
    let asked: Vec<_> = member
        .targets
        .iter()
        .map(|id| id.0 as usize)
        .map(|id| (loaded.resolved.targets[id].address, &*loaded.resolved.target_names[id]))
        .collect();
    let at = |port| SocketAddr::new(IpAddr::from([10, 0, 0, 11]), port);
    assert_eq!(asked, [(at(8443), "example.com/web"), (at(22), "example.com/knock")]);
}

#[test]
fn equal_targets_are_one_however_they_are_called() {
    let text = "probes:
  a: { http: { path: /x } }
  b: { http: { path: /x, port: 80 }, every: 5s }
  c: { http: { path: /y } }
pools:
  p: { probe: [a, b], members: [192.0.2.1, 192.0.2.2] }
  q: { probe: b, members: { address: 192.0.2.3, probe_address: 192.0.2.1 } }
  r: { probe: c, members: 192.0.2.1 }
";
    let loaded = load(&[text], EVERYTHING);
    let policies = loaded.policies();
    let targets: Vec<_> = policies
        .members
        .iter()
        .map(|m| m.targets.iter().map(|t| t.0).collect::<Vec<_>>())
        .collect();
    assert_eq!(targets, [vec![0], vec![1], vec![0], vec![2]]);
    assert_eq!(loaded.resolved.target_names, ["a", "a", "c"]);
    assert_eq!(loaded.resolved.targets.len(), 3);
}

#[test]
fn a_probe_address_may_be_of_the_other_family() {
    let text = "probes: { p: { tcp: { port: 1 } } }\npools: { a: { probe: p, members: \
                { address: \"2001:db8::1\", probe_address: 10.0.0.1 } } }";
    let loaded = load(&[text], EVERYTHING);
    loaded.policies();
    assert_eq!(loaded.resolved.targets[0].address, "10.0.0.1:1".parse().expect("an address"));
}

#[test]
fn geo_keys_of_every_kind_find_their_child() {
    let loaded = whole();
    let Policy::Geo(geo) = loaded.policy(0) else { panic!("{:?}", loaded.policy(0)) };
    let label = |id: PolicyId| &*loaded.policies().node(id).label;
    let country = |code| Country::new(code).expect("a country");
    let [(network, lab)] = geo.cidrs[..] else { panic!("one network") };
    assert_eq!((network, label(lab.to)), ("10.0.0.0/8".parse().expect("valid"), "example.com/lab"));
    let [(asn, west)] = geo.asns[..] else { panic!("one AS") };
    assert_eq!((asn, label(west.to)), (Asn(64500), "example.com/us-west"));
    let [(subdivision, also_west)] = geo.subdivisions[..] else { panic!("one subdivision") };
    assert_eq!(subdivision, Subdivision::new(country("US"), "CA").expect("valid"));
    assert_eq!(also_west.to, west.to, "the same pool is the same node");
    let [(japan, tokyo)] = geo.countries[..] else { panic!("one country") };
    assert_eq!((japan, label(tokyo.to)), (country("JP"), "example.com/ap-tokyo"));
    let continents: Vec<_> = geo.continents.iter().map(|(key, _)| *key).collect();
    assert_eq!(continents, [Continent::Europe, Continent::NorthAmerica]);
    assert!(matches!(loaded.policies().node(geo.default.to).policy, Policy::Nearest(_)));
    assert!(geo.children().all(|child| !child.fence));
}

#[test]
fn a_fence_belongs_to_one_key() {
    let loaded = load_zone(
        "names: { www: { geo: { DE: { to: eu-west, fence: hard }, default: us-east } } }",
    );
    let Policy::Geo(geo) = loaded.policy(0) else { panic!("{:?}", loaded.policy(0)) };
    assert!(geo.countries[0].1.fence);
    assert!(!geo.default.fence);
}

#[test]
fn a_latency_child_knows_its_times_and_its_place() {
    let loaded = whole();
    let Policy::Geo(geo) = loaded.policy(0) else { panic!("{:?}", loaded.policy(0)) };
    let node = loaded.policies().node(geo.continents[1].1.to);
    let Policy::Latency { children, within } = &node.policy else { panic!("{node:?}") };
    assert_eq!(*within, 0.0);
    assert_eq!(children[0].at, Coordinates::new(39.04, -77.49));
    let (east, west) = (&children[0].rtt, &children[1].rtt);
    assert_eq!(east.countries, [(Country::new("BR").expect("a country"), 120.0)]);
    assert_eq!(east.asns, [(Asn(64500), 7.5)]);
    assert_eq!(east.cidrs, [("10.0.0.0/8".parse().expect("valid"), 1.0)]);
    assert_eq!(west.countries, [(Country::new("BR").expect("a country"), 150.0)]);
    assert!(west.asns.is_empty() && west.cidrs.is_empty());
}

#[test]
fn the_times_of_a_zone_win_over_shared_ones_in_its_own_policies() {
    let shared = "pools: { a: { members: 192.0.2.1 }, b: { members: 192.0.2.2 } }
rtt: { BR: { a: 10, b: 20 }, DE: { a: 30 } }
policies: { p: { latency: [a, b] } }
";
    let zone = "zone: example.com\nrtt: { BR: { a: 11 } }\n\
                names: { www: p, own: { latency: [a, b] } }";
    let loaded = load(&[shared, zone], EVERYTHING);
    let times = |route: usize| {
        let Policy::Latency { children, .. } = loaded.policy(route) else { panic!("latency") };
        let times = |c: &crate::policy::LatencyChild| {
            c.rtt.countries.iter().map(|(key, ms)| (key.to_string(), *ms)).collect::<Vec<_>>()
        };
        [times(&children[0]), times(&children[1])]
    };
    let br = |ms| ("BR".to_owned(), ms);
    let de = || ("DE".to_owned(), 30.0);
    assert_eq!(times(0), [vec![br(10.0), de()], vec![br(20.0)]]);
    assert_eq!(times(1), [vec![br(11.0), de()], vec![br(20.0)]]);
    let table = |route: usize, child: usize| {
        let Policy::Latency { children, .. } = loaded.policy(route) else { panic!("latency") };
        std::sync::Arc::as_ptr(&children[child].rtt)
    };
    assert_eq!(table(0, 1), table(1, 1), "what a zone does not change it shares");
    assert_ne!(table(0, 0), table(1, 0));
}

#[test]
fn children_stand_before_their_parents() {
    let text = "policies:
  a: { failover: [b, { all: [c, us-east] }] }
  b: { weighted: { c: 1, us-west: 2 } }
  c: { geo: { DE: d, default: eu-west } }
  d: lab
names: { www: a }
";
    let loaded = load_zone(text);
    let policies = loaded.policies();
    for index in 0..policies.policies.len() {
        let id = PolicyId(index as u32);
        assert!(policies.children(id).iter().all(|child| *child < id), "{:?}", policies.node(id));
    }
    let named: Vec<_> = policies.policies.iter().filter_map(|node| node.name.as_deref()).collect();
    assert_eq!(named, ["world", "example.com/c", "example.com/b", "example.com/a"]);
}

#[test]
fn equal_policies_are_one_node_and_another_name_is_no_node() {
    let loaded = load_zone(
        "policies: { other: world, another: other }
names:
  a: world
  b: another
  c: { failover: [us-east, { all: [us-west] }] }
  d: { failover: [{ to: us-east }, { to: { all: [us-west] } }] }
  e: us-east
  f: { geo: { FR: lab, DE: eu-west, default: lab } }
  g: { geo: { default: lab, DE: eu-west, FR: lab } }
  h: { weighted: [{ to: us-east, weight: 3 }] }
  i: { weighted: { us-east: 3 } }
",
    );
    let routes: Vec<_> = (0..9).map(|index| loaded.route(index)).collect();
    assert_eq!(routes[0], routes[1]);
    assert_eq!(routes[2], routes[3]);
    assert_eq!(routes[5], routes[6], "the order of keys means nothing");
    assert_eq!(routes[7], routes[8]);
    let pools = loaded.policies().policies.iter().filter(|n| matches!(n.policy, Policy::Pool(_)));
    assert_eq!(pools.count(), 5, "one node for each pool");
}

#[test]
fn equal_text_in_two_zones_is_two_policies_when_names_differ() {
    let zone = |name, address| {
        format!(
            "zone: {name}\npools: {{ mine: {{ members: {address} }} }}\n\
             names: {{ www: {{ all: [mine] }} }}"
        )
    };
    let loaded =
        load(&[&zone("a.example", "192.0.2.1"), &zone("b.example", "192.0.2.2")], EVERYTHING);
    assert_eq!(
        [loaded.label(0), loaded.label(1)],
        ["all: [a.example/mine]", "all: [b.example/mine]"]
    );
}

#[test]
fn labels_are_canonical_and_read_as_the_file_does() {
    for (written, label) in [
        ("us-east", "us-east"),
        ("world", "world"),
        ("{ weighted: { us-east: 70, us-west: 030 } }", "weighted: { us-east: 70, us-west: 30 }"),
        (
            "{ weighted: [{ to: { all: [lab] }, weight: 1 }, { to: us-east, weight: 0 }] }",
            "weighted: [{ to: { all: [lab] }, weight: 1 }, { to: us-east, weight: 0 }]",
        ),
        (
            "{ failover: [{ to: us-east, degraded: 70% }, { to: lab }] }",
            "failover: [{ to: us-east, degraded: 70% }, lab]",
        ),
        (
            "{ geo: { europe: lab, US-CA: lab, JP: lab, AS5: lab, 10.0.0.0/8: lab, default: \
             { to: world, fence: hard } } }",
            "geo: { 10.0.0.0/8: lab, AS5: lab, US-CA: lab, JP: lab, europe: lab, default: \
             { to: world, fence: hard } }",
        ),
        (
            "{ nearest: [{ to: us-east, bias: +25 }, { to: lab, at: [1.50, -2] }] }",
            "nearest: [{ to: us-east, bias: 25 }, { to: lab, at: [1.5, -2] }]",
        ),
        (
            "{ nearest: [{ to: us-east, at: [39.040, -77.49] }, us-west] }",
            "nearest: [us-east, us-west]",
        ),
        ("{ latency: { to: [us-east, us-west] } }", "latency: [us-east, us-west]"),
        (
            "{ latency: { to: [us-east, { to: lab, at: [0, 0] }], within: 10% } }",
            "latency: { to: [us-east, { to: lab, at: [0, 0] }], within: 10% }",
        ),
        ("{ sticky: [us-east, us-west] }", "sticky: { to: { us-east: 1, us-west: 1 }, by: 24/56 }"),
        (
            "{ sticky: { to: { us-east: 3 }, by: 32/128 } }",
            "sticky: { to: { us-east: 3 }, by: 32/128 }",
        ),
        ("{ all: [us-east, world] }", "all: [us-east, world]"),
    ] {
        let loaded = load_zone(&format!("names: {{ www: {written} }}"));
        assert_eq!(loaded.label(0), label);
        // Written as the label says, it is the same policy.
        if label.contains(':') {
            let again = load_zone(&format!("names: {{ www: {{ {label} }} }}"));
            assert_eq!(again.label(0), label);
        }
    }
}

#[test]
fn sticky_takes_lists_mappings_and_prefix_lengths() {
    for (written, weights, by) in [
        ("[us-east, us-west]", vec![1, 1], (24, 56)),
        ("{ to: [us-east, us-west] }", vec![1, 1], (24, 56)),
        ("{ to: { us-east: 70, us-west: 0 }, by: 0/0 }", vec![70, 0], (0, 0)),
        ("{ to: [{ to: us-east, weight: 2 }], by: 32/128 }", vec![2], (32, 128)),
    ] {
        let loaded = load_zone(&format!("names: {{ www: {{ sticky: {written} }} }}"));
        let Policy::Sticky { children, by: found } = loaded.policy(0) else { panic!("sticky") };
        assert_eq!(children.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), weights);
        assert_eq!(*found, PrefixLengths { v4: by.0, v6: by.1 });
    }
}

#[test]
fn what_is_broken_is_left_out_and_the_rest_stands() {
    let loaded = load_zone("names: { a: nowhere, b: us-east, c: { all: [us-west, nowhere] } }");
    assert_eq!(loaded.of(Severity::Error).len(), 2);
    let found: Vec<_> = loaded.resolved.routes.iter().map(Option::is_some).collect();
    assert_eq!(found, [false, true, false]);
}
