//! No query costs an allocation: every kind of answer is given while a counting allocator listens.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::IpAddr;
use std::sync::Arc;

use rhumb::answer::{Outcome, Query, Transport, answer};
use rhumb::config::{Known, SourceFile};
use rhumb::dns::Rcode;
use rhumb::dns::encode::Reply;
use rhumb::geo::mmdb::Databases;
use rhumb::geo::{Country, Facts};
use rhumb::world::{Snapshot, World};

/// The system's allocator, and how often this thread has asked it for memory.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator cannot be counted otherwise; each call is passed on")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ZONE: &str = r#"
zone: example.com
soa: { primary: ns1, contact: hostmaster@example.com }
ns: [ns1]
pools:
  a: { at: [39.0, -77.5], members: [192.0.2.1, 192.0.2.2, "2001:db8::1"] }
  b: { at: [45.8, -119.7], members: [192.0.2.3, 192.0.2.4] }
names:
  ns1:      { A: 192.0.2.53 }
  big:      { TXT: ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] }
  pool:     { route: a, answers: 2 }
  weighted: { route: { weighted: { a: 40, b: 60 } } }
  failover: { route: { failover: [a, b] } }
  geo:      { route: { geo: { DE: { weighted: { a: 1, b: 1 } }, 10.0.0.0/8: a, default: b } } }
  nearest:  { route: { nearest: [a, b] } }
  latency:  { route: { latency: [a, b] } }
  sticky:   { route: { sticky: { to: [a, b], by: 24/56 } } }
  all:      { route: { all: [a, b] } }
  chain:    { CNAME: geo }
  bare:     { ALIAS: weighted }
  "*.wild": { route: a }
  dept:     { NS: ns1.dept }
  ns1.dept: { A: 192.0.2.99 }
"#;

fn snapshot() -> Snapshot {
    let file = SourceFile { path: "example.com.yaml".into(), text: ZONE.to_owned(), modified: 0 };
    let country = Country::new("DE");
    let facts = Facts { country, ..Facts::default() };
    let places = vec![("91.0.0.0/8".parse().expect("a network"), facts)];
    let databases = Databases::from_places(places);
    let loaded = rhumb::config::load(&[file], Known { facts: databases.facts() });
    let config = loaded.config.expect("a good zone");
    Snapshot::all_up(Arc::new(World::build(config, &databases, 1, 1).named("node")))
}

/// A query with an OPT record and the client subnet 91.1.2.0/24.
fn query(name: &str, rtype: u16) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.').chain(["example", "com"]) {
        query.push(label.len() as u8);
        query.extend(label.bytes());
    }
    query.push(0);
    query.extend(rtype.to_be_bytes());
    query.extend([0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0]);
    query.extend([0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 91, 1, 2]);
    query
}

/// How often answering asks for memory.
fn allocations(bytes: &[u8], snapshot: &Snapshot) -> (u64, Outcome) {
    let from = IpAddr::from([198, 51, 100, 1]);
    let mut buffer = [0; 1232];
    let mut reply = Reply::new(&mut buffer);
    let mut rng = fastrand::Rng::with_seed(1);
    let query = Query { bytes, from, transport: Transport::Udp };
    let before = ASKED.get();
    let outcome = answer(&query, snapshot, &mut rng, &mut reply);
    (ASKED.get() - before, outcome)
}

#[test]
fn allocator_is_counted() {
    let before = ASKED.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ASKED.get(), before + 1);
}

#[test]
fn no_kind_of_answer_allocates() {
    let snapshot = snapshot();
    for name in [
        "ns1", "big", "pool", "weighted", "failover", "geo", "nearest", "latency", "sticky", "all",
        "chain", "bare", "x.y.wild", "x.dept", "nosuch", "wild",
    ] {
        for rtype in [1, 2, 16, 28, 43, 255] {
            let (count, outcome) = allocations(&query(name, rtype), &snapshot);
            assert_eq!(count, 0, "{name} TYPE{rtype}");
            assert!(outcome.zone.is_some(), "{name} TYPE{rtype}");
        }
    }
}

#[test]
fn telling_the_servers_name_does_not_allocate() {
    let mut message = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(b"\x02id\x06server\x00\x00\x10\x00\x03");
    let (count, outcome) = allocations(&message, &snapshot());
    assert_eq!((count, outcome.rcode), (0, Some(Rcode::NoError)));
}

#[test]
fn no_broken_message_allocates() {
    let snapshot = snapshot();
    let whole = query("geo", 1);
    for end in 0..whole.len() {
        assert_eq!(allocations(&whole[..end], &snapshot).0, 0, "cut at {end}");
    }
    for at in 0..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 0xff;
        assert_eq!(allocations(&broken, &snapshot).0, 0, "octet {at} inverted");
    }
}
