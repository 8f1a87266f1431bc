//! On random worlds, by packets: what `explain` says is what `answer()` sends, and no two clients
//! inside one returned scope are told apart.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use fastrand::Rng;
use hickory_proto::op::Message;
use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use ipnet::{IpNet, Ipv4Net};
use proptest::prelude::*;
use rhumb::answer::{self, Query, Transport};
use rhumb::config::{Known, SourceFile};
use rhumb::dns::Name;
use rhumb::dns::encode::Reply;
use rhumb::geo::mmdb::Databases;
use rhumb::geo::{Asn, Coordinates, Country, Facts};
use rhumb::health::{Forced, MemberHealth, State};
use rhumb::policy::Family;
use rhumb::policy::explain::{Answer, Asked, Explanation, explain};
use rhumb::world::{Snapshot, World};

const POOLS: usize = 4;
const NAMES: usize = 4;
/// Draws of each question: enough to see that no answer leaves what was explained.
const DRAWS: u64 = 24;

/// A network inside 16.0.0.0/4, so that neighbours meet often.
fn network(rng: &mut Rng) -> Ipv4Net {
    let length = rng.u8(6..=20);
    let address = Ipv4Addr::from(0x1000_0000 | rng.u32(..) >> 4);
    Ipv4Net::new(address, length).expect("a length").trunc()
}

fn places(rng: &mut Rng) -> Vec<(IpNet, Facts)> {
    let countries = ["DE", "FR", "US", "JP", "BR"];
    let place = |rng: &mut Rng| {
        let degrees = |rng: &mut Rng, most: f64| (rng.f64() - 0.5) * 2.0 * most;
        let facts = Facts {
            country: Country::new(countries[rng.usize(..countries.len())]),
            asn: rng.bool().then(|| Asn(rng.u32(64_500..64_503))),
            coordinates: Coordinates::new(degrees(rng, 90.0), degrees(rng, 180.0)),
            ..Facts::default()
        };
        (network(rng).into(), facts)
    };
    (0..rng.usize(1..40)).map(|_| place(rng)).collect()
}

/// Some distinct pools, at least one.
fn some(rng: &mut Rng) -> Vec<String> {
    let mut pools: Vec<_> = (0..POOLS).map(|n| format!("p{n}")).collect();
    rng.shuffle(&mut pools);
    pools.truncate(rng.usize(1..=POOLS));
    pools
}

/// A policy in flow style.
fn policy(rng: &mut Rng, depth: usize) -> String {
    let pools = some(rng);
    let list = pools.join(", ");
    if depth == 0 {
        return pools[0].clone();
    }
    match rng.u8(0..9) {
        0 => pools[0].clone(),
        1 => {
            let weights: Vec<_> =
                pools.iter().map(|p| format!("{p}: {}", rng.u16(1..100))).collect();
            format!("{{ weighted: {{ {} }} }}", weights.join(", "))
        }
        2 => format!("{{ failover: [{{ to: {}, degraded: 40% }}, {}] }}", "p0", "p1"),
        3 => format!("{{ nearest: [{list}] }}"),
        4 => format!("{{ latency: {{ to: [{list}], within: {}% }} }}", rng.u8(0..60)),
        5 => format!("{{ sticky: {{ to: [{list}], by: {}/56 }} }}", rng.u8(8..28)),
        6 => format!("{{ all: [{list}] }}"),
        7 => format!("{{ failover: [{}, p3] }}", nested(rng, depth)),
        _ => geo(rng, depth),
    }
}

/// A policy that is not the bare `p3` beside which it stands.
fn nested(rng: &mut Rng, depth: usize) -> String {
    match policy(rng, depth - 1) {
        bare if bare == "p3" => "p2".into(),
        other => other,
    }
}

fn geo(rng: &mut Rng, depth: usize) -> String {
    let mut text = String::from("{ geo: { ");
    let mut keys = vec!["DE".to_owned(), "europe".into(), "AS64500".into(), "US".into()];
    keys.push(network(rng).to_string());
    keys.push(network(rng).to_string());
    keys.sort();
    keys.dedup();
    for key in keys {
        if rng.bool() {
            let fence = if rng.u8(0..4) == 0 { "hard" } else { "" };
            let child = policy(rng, depth - 1);
            match fence {
                "" => write!(text, "{key}: {child}, "),
                _ => write!(text, "{key}: {{ to: {child}, fence: hard }}, "),
            }
            .expect("a string grows");
        }
    }
    write!(text, "default: {} }} }}", policy(rng, depth - 1)).expect("a string grows");
    text
}

fn zone(rng: &mut Rng) -> String {
    let mut text = String::from("zone: example.com\nttl: 60s/10s\nns: [ns1]\nrtt:\n");
    for key in ["DE", "BR", "AS64501", "20.0.0.0/8"] {
        let time = |rng: &mut Rng| rng.u16(5..300);
        let (a, b) = (time(rng), time(rng));
        writeln!(text, "  {key}: {{ p0: {a}, p2: {b} }}").expect("a string grows");
    }
    text.push_str("pools:\n");
    for n in 0..POOLS {
        let (lat, lon) = (rng.i16(-80..80), rng.i16(-170..170));
        let v6 = if rng.bool() { format!(", \"2001:db8::{n}:1\"") } else { String::new() };
        let least = if rng.bool() { "min_healthy: 60%, " } else { "" };
        let members = format!("192.0.2.1{n}, {{ address: 192.0.2.2{n}, weight: 3 }}{v6}");
        writeln!(text, "  p{n}: {{ at: [{lat}, {lon}], {least}members: [{members}] }}")
            .expect("a string grows");
    }
    text.push_str("names:\n  ns1: { A: 192.0.2.53 }\n");
    for n in 0..NAMES {
        let down = ["serve_all", "servfail", "refused", "{ fallback: [203.0.113.1] }"];
        let down = down[rng.usize(..down.len())];
        let answers = if rng.bool() { ", answers: 2" } else { "" };
        let route = policy(rng, 3);
        writeln!(text, "  n{n}: {{ route: {route}, when_down: {down}{answers} }}")
            .expect("a string grows");
    }
    text
}

fn snapshot(rng: &mut Rng) -> Snapshot {
    let databases = Databases::from_places(places(rng));
    let text = zone(rng);
    let file = SourceFile { path: PathBuf::from("z.yaml"), text: text.clone(), modified: 1 };
    let loaded = rhumb::config::load(&[file], Known { facts: databases.facts() });
    let mistakes: Vec<_> = loaded.diagnostics.iter().map(|d| d.one_line()).collect();
    let config = loaded.config.unwrap_or_else(|| panic!("{text}\n{mistakes:#?}"));
    let world = Arc::new(World::build(config, &databases, 1, 1));
    let often_down = rng.f64();
    let health = (0..world.policies.members.len()).map(|_| {
        let down = rng.f64() < often_down;
        MemberHealth {
            probed: if down { State::Down } else { State::Up },
            forced: match rng.u8(0..12) {
                0 => Some(Forced::Drain),
                1 => Some(Forced::Down),
                2 => Some(Forced::Up),
                _ => None,
            },
            ttl_hint: (down || rng.bool()).then(|| rng.u32(5..90)),
            last_served: rng.bool(),
        }
    });
    let health = health.collect();
    Snapshot::of(world, health)
}

/// A reply, as far as it matters here.
#[derive(Debug)]
struct Got {
    code: u16,
    ttl: Option<u32>,
    addresses: BTreeSet<IpAddr>,
    scope: u8,
}

fn ask(snapshot: &Snapshot, name: usize, rtype: u16, client: Ipv4Net, seed: u64) -> Got {
    let mut query = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, b'n', b'0' + name as u8];
    query.extend(b"\x07example\x03com\x00\x00");
    query.extend([rtype as u8, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0]);
    let octets = &client.network().octets()[..usize::from(client.prefix_len()).div_ceil(8)];
    let len = 4 + octets.len() as u8;
    query.extend([0, 4 + len, 0, 8, 0, len, 0, 1, client.prefix_len(), 0]);
    query.extend(octets);
    let mut buffer = [0; 1232];
    let mut reply = Reply::new(&mut buffer);
    let from = IpAddr::from([8, 8, 8, 8]);
    let query = Query { bytes: &query, from, transport: Transport::Udp };
    answer::answer(&query, snapshot, &mut Rng::with_seed(seed), &mut reply);
    let message = Message::from_vec(reply.message()).expect("a decodable reply");
    let addresses = message.answers.iter().map(|record| match &record.data {
        RData::A(a) => IpAddr::V4(a.0),
        RData::AAAA(a) => IpAddr::V6(a.0),
        other => panic!("not asked for: {other}"),
    });
    let edns = message.edns.as_ref().expect("EDNS for EDNS");
    let Some(EdnsOption::Subnet(subnet)) = edns.option(EdnsCode::Subnet) else {
        panic!("the option comes back")
    };
    Got {
        code: message.metadata.response_code.into(),
        ttl: message.answers.first().map(|record| record.ttl),
        addresses: addresses.collect(),
        scope: subnet.scope_prefix(),
    }
}

fn explained(snapshot: &Snapshot, name: usize, rtype: u16, client: Ipv4Net) -> Explanation {
    let asked = Asked {
        name: Name::parse(&format!("n{name}.example.com."), &Name::root()).expect("a name"),
        family: if rtype == 1 { Family::V4 } else { Family::V6 },
        client: client.network().into(),
    };
    explain(snapshot, &asked)
}

/// The code, and the addresses that may be answered, as explained.
fn promised(answer: &Answer) -> (u16, BTreeSet<IpAddr>) {
    match answer {
        Answer::Members { pools, .. } => {
            (0, pools.iter().flat_map(|pool| pool.members.iter().copied()).collect())
        }
        Answer::Fallback { addresses } => (0, addresses.iter().copied().collect()),
        Answer::NoData => (0, BTreeSet::new()),
        Answer::ServFail => (2, BTreeSet::new()),
        Answer::Refused => (5, BTreeSet::new()),
    }
}

fn check(snapshot: &Snapshot, rng: &mut Rng) {
    let (name, rtype) = (rng.usize(..NAMES), if rng.bool() { 1 } else { 28 });
    let source = rng.u8(8..=32);
    let client = Ipv4Net::new(network(rng).network(), source).expect("a length").trunc();
    let explanation = explained(snapshot, name, rtype, client);
    let steering = explanation.steering.as_ref().expect("a routed name");
    let (code, addresses) = promised(&steering.answer);
    for seed in 0..DRAWS {
        let got = ask(snapshot, name, rtype, client, seed);
        let story = || format!("{got:?}\n{explanation}");
        assert_eq!(got.code, code, "{}", story());
        assert!(got.addresses.is_subset(&addresses), "{}", story());
        assert_eq!(u32::from(got.scope), steering.scope.value, "{}", story());
        if let Some(ttl) = got.ttl {
            assert_eq!(ttl, steering.ttl.value, "{}", story());
        }
    }
    // Anyone else inside the scope gets the same scope and, of the same dice, the same answer.
    let scope = ask(snapshot, name, rtype, client, 0).scope;
    let inside = Ipv4Net::new(client.network(), scope).expect("a length").trunc();
    for seed in 0..8 {
        let span = u64::from(u32::from(inside.broadcast()) - u32::from(inside.network()));
        let other = u32::from(inside.network()) + rng.u64(0..=span) as u32;
        let other = Ipv4Net::new(other.into(), 32).expect("a length");
        let (here, there) =
            (ask(snapshot, name, rtype, client, seed), ask(snapshot, name, rtype, other, seed));
        let same = (here.code, here.ttl, &here.addresses, here.scope)
            == (there.code, there.ttl, &there.addresses, there.scope);
        assert!(same, "{client} {here:?}\n{other} {there:?}\n{explanation}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn answers_are_as_explained_and_the_same_inside_their_scope(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let snapshot = snapshot(&mut rng);
        for _ in 0..12 {
            check(&snapshot, &mut rng);
        }
    }
}
