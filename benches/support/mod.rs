//! The world and the queries that the benches measure.
#![allow(dead_code, unreachable_pub, reason = "each bench uses a part")]

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rhumb::answer::{self, Query, Transport};
use rhumb::config::{Config, Known, SourceFile};
use rhumb::dns::encode::Reply;
use rhumb::geo::mmdb::Databases;
use rhumb::world::{Snapshot, World};

/// Four pools of two members; names for every case among 1,000 others.
const ZONE: &str = r#"
zone: example.com
ttl: 60s/15s
soa: { primary: ns1, contact: hostmaster@example.com }
ns: [ns1]
pools:
  a: { at: [39.0, -77.5], members: [192.0.2.1, 192.0.2.2] }
  b: { at: [45.8, -119.7], members: [192.0.2.3, 192.0.2.4] }
  c: { at: [53.4, -6.3], members: [192.0.2.5, 192.0.2.6] }
  d: { at: [35.7, 139.7], members: [192.0.2.7, 192.0.2.8] }
policies:
  draw: { weighted: { a: 40, b: 30, c: 20, d: 10 } }
names:
  ns1:      { A: 192.0.2.53 }
  static:   { A: 192.0.2.80 }
  weighted: { route: draw }
  geo:      { route: { geo: { europe: c, asia: d, US: b, default: a } } }
  both:     { route: { geo: { europe: draw, asia: d, US: { weighted: { a: 1, b: 1 } }, default: draw } } }
  sticky:   { route: { sticky: { to: [a, b, c, d], by: 24/56 } } }
  nearest:  { route: { nearest: [a, b, c, d] } }
  chain:    { CNAME: static }
  "*.wild": { A: 192.0.2.81 }
"#;

/// The cases: a name for people, the question, the client subnet where the query carries one.
pub const CASES: [(&str, &str, Option<[u8; 3]>); 11] = [
    ("static", "static.example.com", None),
    ("static + ECS", "static.example.com", Some([91, 0, 0])),
    ("weighted", "weighted.example.com", None),
    ("geo", "geo.example.com", None),
    ("geo + ECS", "geo.example.com", Some([91, 0, 0])),
    ("geo + weighted + ECS", "both.example.com", Some([91, 0, 0])),
    ("nearest + ECS", "nearest.example.com", Some([91, 0, 0])),
    ("sticky", "sticky.example.com", None),
    ("wildcard", "x.y.wild.example.com", None),
    ("CNAME", "chain.example.com", None),
    ("NXDOMAIN", "nosuch.example.com", None),
];

/// A zone of `names` further names, as text.
pub fn zone(names: usize) -> String {
    let mut text = ZONE.to_owned();
    for n in 0..names {
        let policy = ["draw", "a", "b", "c"][n % 4];
        if n % 2 == 0 {
            text.push_str(&format!("  n{n}: {{ A: 10.0.{}.{} }}\n", n / 256 % 256, n % 256));
        } else {
            text.push_str(&format!("  n{n}: {{ route: {policy} }}\n"));
        }
    }
    text
}

/// A zone's text, read and checked.
pub fn read(text: String, databases: &Databases) -> Config {
    let file = SourceFile { path: PathBuf::from("example.com.yaml"), text, modified: 0 };
    let loaded = rhumb::config::load(&[file], Known { facts: databases.facts() });
    loaded.config.expect("a good zone")
}

/// The world of 1,000 names with the embedded database, all up.
pub fn snapshot() -> Snapshot {
    let databases = Databases::embedded();
    let config = read(zone(1_000), &databases);
    Snapshot::all_up(Arc::new(World::build(config, &databases, 1, 1)))
}

/// A query for A with EDNS, as a resolver sends it.
pub fn query(name: &str, subnet: Option<[u8; 3]>) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        query.push(label.len() as u8);
        query.extend(label.bytes());
    }
    query.extend([0, 0, 1, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0]);
    match subnet {
        None => query.extend([0, 0]),
        Some(net) => query.extend([0, 11, 0, 8, 0, 7, 0, 1, 24, 0].into_iter().chain(net)),
    }
    query
}

/// Answers one query into a buffer; the length of the reply.
#[inline(never)]
pub fn ask(snapshot: &Snapshot, bytes: &[u8], rng: &mut fastrand::Rng, into: &mut [u8]) -> usize {
    let from = IpAddr::from([8, 8, 8, 8]);
    let mut reply = Reply::new(into);
    let query = Query { bytes, from, transport: Transport::Udp };
    answer::answer(&query, snapshot, rng, &mut reply);
    reply.message().len()
}
