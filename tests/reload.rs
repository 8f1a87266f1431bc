//! Reloads under load: nothing is lost, nothing is late, no answer mixes two configurations.
#![allow(clippy::disallowed_methods, reason = "what is tested is time as it passes")]

mod support;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_proto::op::Message;
use hickory_proto::rr::RData;
use support::server::Server;
use support::short;
use support::target::{Mood, Target};

const RATE: u64 = 20_000;
const TIME: Duration = Duration::from_secs(10);
const RELOADS: u32 = 20;
const SOCKETS: usize = 4;
/// A reload builds beside the old world on a niced thread. What delays a query is the machine, which
/// runs this load, the server and its build on two cores; a reload that blocked the answering
/// threads would take all of its time.
const LATE: Duration = Duration::from_millis(250);

/// A configuration in which every record and TTL says which of two it is.
fn zone(tag: u8) -> String {
    // Ballast makes the reload take long enough to be met by many queries.
    let ballast: String = (0..5_000)
        .map(|n| format!("  n{n}: {{ A: 10.{tag}.{}.{} }}\n", n / 256, n % 256))
        .collect();
    format!(
        r#"
zone: example.com
ttl: {ttl}s
soa: {{ primary: ns1, contact: hostmaster@example.com }}
ns: [ns1]
pools:
  pair: {{ members: [10.{tag}.0.1, 10.{tag}.0.2, 10.{tag}.0.3] }}
names:
  ns1:   {{ A: 192.0.2.53 }}
  pair:  {{ route: pair, answers: 2 }}
  chain: {{ CNAME: end{tag} }}
  end{tag}: {{ route: {{ geo: {{ 127.0.0.0/8: pair, default: pair }} }} }}
  many:  {{ A: [10.{tag}.1.1, 10.{tag}.1.2, 10.{tag}.1.3, 10.{tag}.1.4], TXT: x }}
{ballast}"#,
        ttl = 100 + u32::from(tag)
    )
}

/// Which configuration a record is of.
fn tag(record: &hickory_proto::rr::Record) -> u8 {
    let by_ttl = u8::try_from(record.ttl - 100).expect("a TTL of one of the two");
    let by_data = match &record.data {
        RData::A(a) => a.octets()[1],
        RData::CNAME(name) => name.to_string().as_bytes()[3] - b'0',
        other => panic!("not expected: {other}"),
    };
    assert_eq!(by_ttl, by_data, "one record of two configurations: {record}");
    by_ttl
}

/// How a reply looks that is whole and of one configuration.
fn check(reply: &[u8]) -> u8 {
    let message = Message::from_vec(reply).expect("a decodable reply");
    let expected = match message.queries[0].name().to_string().as_str() {
        "pair.example.com." => 2,
        "chain.example.com." => 2,
        "many.example.com." => 4,
        other => panic!("never asked: {other}"),
    };
    assert_eq!(message.answers.len(), expected, "{message:?}");
    let tags: Vec<_> = message.answers.iter().map(tag).collect();
    assert!(tags.iter().all(|t| *t == tags[0]), "a mix: {message:?}");
    tags[0]
}

/// What one socket has outstanding, by ID.
struct Asker {
    socket: UdpSocket,
    sent: Vec<Mutex<Option<Instant>>>,
    answered: AtomicU64,
    by_tag: [AtomicU64; 2],
    slowest: Mutex<Duration>,
}

impl Asker {
    fn new(server: SocketAddr) -> Arc<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(server).expect("connected");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        Arc::new(Self {
            socket,
            sent: (0..65_536).map(|_| Mutex::new(None)).collect(),
            answered: AtomicU64::new(0),
            by_tag: Default::default(),
            slowest: Mutex::default(),
        })
    }

    fn send(&self, number: u64) {
        let label: &[u8] = [b"\x04pair".as_slice(), b"\x05chain", b"\x04many"][number as usize % 3];
        let id = number as u16;
        let mut query = id.to_be_bytes().to_vec();
        query.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        query.extend(label);
        query.extend(b"\x07example\x03com\x00\x00\x01\x00\x01");
        let before = self.sent[usize::from(id)].lock().expect("no panic").replace(Instant::now());
        assert!(before.is_none(), "ID {id} was never answered");
        self.socket.send(&query).expect("sent");
    }

    fn receive(&self, stop: &AtomicBool) {
        let mut buffer = [0; 2048];
        while !stop.load(SeqCst) {
            let Ok(len) = self.socket.recv(&mut buffer) else { continue };
            let id = u16::from_be_bytes([buffer[0], buffer[1]]);
            let sent = self.sent[usize::from(id)].lock().expect("no panic").take();
            let took = sent.expect("an answer to a question").elapsed();
            self.by_tag[usize::from(check(&buffer[..len])) - 1].fetch_add(1, SeqCst);
            let mut slowest = self.slowest.lock().expect("no panic");
            *slowest = slowest.max(took);
            self.answered.fetch_add(1, SeqCst);
        }
    }
}

#[test]
fn no_query_is_lost_late_or_mixed_over_twenty_reloads_under_load() {
    let server = Server::start(&[("example.com.yaml", &zone(1))]);
    let askers: Vec<_> = (0..SOCKETS).map(|_| Asker::new(server.dns)).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let receivers: Vec<_> = askers
        .iter()
        .map(|asker| {
            let (asker, stop) = (Arc::clone(asker), Arc::clone(&stop));
            std::thread::spawn(move || asker.receive(&stop))
        })
        .collect();
    let sender = {
        let askers = askers.clone();
        std::thread::spawn(move || load(&askers))
    };
    let started = Instant::now();
    for reload in 1..=RELOADS {
        let due = TIME * reload / (RELOADS + 1);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        server.write("example.com.yaml", &zone(1 + (reload % 2) as u8));
        let output = server.rhumb(&["reload"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(started.elapsed() < TIME, "the reloads took longer than the load");
    let sent = sender.join().expect("the sender");
    let answered = || askers.iter().map(|a| a.answered.load(SeqCst)).sum::<u64>();
    let until = Instant::now() + Duration::from_secs(2);
    while answered() < sent && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    stop.store(true, SeqCst);
    receivers.into_iter().for_each(|r| r.join().expect("every answer is whole and of one world"));
    let slowest = askers.iter().map(|a| *a.slowest.lock().expect("no panic")).max();
    let of = |tag: usize| askers.iter().map(|a| a.by_tag[tag].load(SeqCst)).sum::<u64>();
    println!("{sent} sent, {} + {} answered, slowest {slowest:?}", of(0), of(1));
    assert_eq!(answered(), sent, "lost");
    assert_eq!(sent, RATE * TIME.as_secs(), "the load was not what it should be");
    assert!(of(0) > 0 && of(1) > 0, "only one configuration was ever seen");
    assert!(slowest < Some(LATE), "slowest {slowest:?}");
}

/// Sends [`RATE`] queries a second for [`TIME`], over all sockets in turn.
fn load(askers: &[Arc<Asker>]) -> u64 {
    let started = Instant::now();
    let mut sent = 0;
    while sent < RATE * TIME.as_secs() {
        let due = (started.elapsed().as_secs_f64() * RATE as f64) as u64;
        while sent < due.min(RATE * TIME.as_secs()) {
            let socket = (sent % SOCKETS as u64) as usize;
            askers[socket].send(sent / SOCKETS as u64);
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    sent
}

/// A zone of one pool that is probed, with one more name for each step.
fn probed(target: &Target, step: u32) -> String {
    format!(
        r#"
zone: example.com
soa: {{ primary: ns1, contact: hostmaster@example.com }}
ns: [ns1]
probes:
  web: {{ http: {{ path: /, port: {} }}, every: 500ms, timeout: 400ms, fall: 2 }}
pools:
  web: {{ probe: web, members: [{{ address: 192.0.2.1, probe_address: 127.0.0.1 }}] }}
names:
  ns1: {{ A: 192.0.2.53 }}
  www: {{ route: web, when_down: {{ fallback: [192.0.2.99] }} }}
  step{step}: {{ A: 192.0.2.7 }}
"#,
        target.address.port()
    )
}

#[test]
fn health_is_carried_over_a_reload_by_target() {
    if !support::peer("dig", "bind9-dnsutils") {
        return;
    }
    let mut target = Target::start("127.0.0.1:0".parse().expect("an address"));
    target.set(Mood::Unavailable);
    let server = Server::start(&[("e.yaml", &probed(&target, 0))]);
    assert_eq!(short(server.dns, "www.example.com A"), ["192.0.2.99"]);
    for step in 1..5 {
        server.write("e.yaml", &probed(&target, step));
        assert!(server.rhumb(&["reload"]).status.success());
        assert_eq!(short(server.dns, &format!("step{step}.example.com A")), ["192.0.2.7"]);
        assert_eq!(short(server.dns, "www.example.com A"), ["192.0.2.99"], "flapped at {step}");
    }
}

#[test]
fn a_bad_file_leaves_the_old_zone_serving_and_says_so() {
    if !support::peer("dig", "bind9-dnsutils") {
        return;
    }
    let target = Target::start("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start(&[("e.yaml", &probed(&target, 0))]);
    let bad = probed(&target, 0).replace("route: web", "route: wed").replace("fall: 2", "fall: x");
    server.write("e.yaml", &bad);
    let output = server.rhumb(&["reload"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("did you mean `web`?") && said.contains("found `x`"), "{said}");
    assert_eq!(short(server.dns, "step0.example.com A"), ["192.0.2.7"]);
    assert_eq!(server.metric("rhumb_reloads_total{result=\"refused\"}"), Some(1.0));
    assert_eq!(server.metric("rhumb_node_stale"), Some(1.0));
    assert!(server.log().contains("reload refused"), "nothing in the log");

    server.write("e.yaml", &probed(&target, 1));
    server.signal("HUP");
    let until = Instant::now() + Duration::from_secs(10);
    let reloaded = || {
        short(server.dns, "step1.example.com A") == ["192.0.2.7"]
            && server.metric("rhumb_node_stale") == Some(0.0)
    };
    while !reloaded() {
        assert!(Instant::now() < until, "SIGHUP did not reload");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_pool_that_the_node_speaks_of_must_be_in_the_zones() {
    let target = Target::start("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start(&[("e.yaml", &probed(&target, 0))]);
    let node = std::fs::read_to_string(server.path("node.conf")).expect("a configuration");
    let route = "ecmp: { name: r, prefix: 198.51.100.7/32, pool: example.com/wbe }\n";
    server.write("node.conf", &(node + route));
    let output = server.rhumb(&["reload"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("there is no pool example.com/wbe"), "{said}");
    assert!(said.contains("did you mean `example.com/web`?"), "{said}");
}

#[test]
fn a_pipe_blocks_neither_a_reload_nor_a_check() {
    let target = Target::start("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start(&[("e.yaml", &probed(&target, 0))]);
    let pipe = server.path("zz.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    // Among the files of a pattern it is none; named, it is a mistake.
    assert!(server.rhumb(&["reload"]).status.success());
    let output = support::server::rhumb(&["check"]).arg(&pipe).output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("zz.yaml") && said.contains("not a regular file"), "{said}");
}

#[test]
fn a_second_node_does_not_take_the_same_state_directory() {
    let target = Target::start("127.0.0.1:0".parse().expect("an address"));
    let server = Server::start(&[("e.yaml", &probed(&target, 0))]);
    let config = server.path("node.conf");
    let output = support::server::rhumb(&["run", "-c"]).arg(config).output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("another node uses it"), "{said}");
}
