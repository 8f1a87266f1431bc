//! The admin address as a client sees it: a real socket, over a node at rest.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hyper::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use tokio::sync::mpsc;

use super::orders::Order;
use super::status::Status;
use super::*;
use crate::answer::{Outcome, Transport};
use crate::config::{Config, Known, SourceFile};
use crate::dns::{Rcode, Rtype};
use crate::events::Kind;
use crate::geo::mmdb::Databases;
use crate::ground::Ground;
use crate::health::schedule::{Carried, Observer};
use crate::health::{MemberHealth, State, Target, TargetHealth};
use crate::node::question::Finding;
use crate::node::{Answering, NodeState, ServiceState};
use crate::pair::Pair;
use crate::policy::{Policies, Pool, PoolId};
use crate::world::{Snapshot, World};

/// A world of pools without members.
pub(super) fn world_of_pools(names: &[&str]) -> World {
    let pool = |name: &&str| Pool {
        name: (*name).into(),
        at: None,
        min_healthy: crate::policy::MinHealthy::AnyOne,
        linked: false,
        capacity: None,
        members: 0..0,
    };
    let pools = names.iter().map(pool).collect();
    let policies = Policies { pools, ..Policies::default() };
    World::build(Config { policies, ..Config::default() }, &Databases::default(), 1, 1)
}

/// Two pools, one with a probe; probed so seldom that nothing is probed while a test runs.
const ZONE: &str = r#"
zone: example.com
soa: { primary: ns1, contact: hostmaster@example.com, serial: 7 }
ns: [ns1]
probes:
  web: { http: { path: /, port: 8080 }, every: 1h, timeout: 1s }
pools:
  east: { probe: web, capacity: 10, members: [192.0.2.1, 192.0.2.2, "2001:db8::1"] }
  west: { members: [192.0.2.3] }
names:
  ns1: { A: 192.0.2.53 }
  www: { route: { failover: [east, west] } }
"#;

struct Deaf;

impl Observer for Deaf {
    fn probed(&self, _: &Target, _: Duration, _: Option<&str>) {}
    fn changed(&self, _: &Arc<Target>, _: &TargetHealth, _: &TargetHealth) {}
    fn brake(&self, _: bool, _: &str) {}
}

/// A node that serves [`ZONE`], one member of `east` down.
struct Node {
    control: Control,
    address: std::net::SocketAddr,
    inbox: mpsc::Receiver<Order>,
    folder: tempfile::TempDir,
}

fn world() -> Arc<World> {
    let file = SourceFile { path: "example.com.yaml".into(), text: ZONE.into(), modified: 0 };
    let loaded = crate::config::load(&[file], Known::default());
    let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    Arc::new(World::build(config, &Databases::default(), 2, 1))
}

/// Target by target: the second is down, the others are up.
fn health(world: &World) -> Vec<TargetHealth> {
    let of = |(id, _)| match id {
        1 => TargetHealth {
            state: State::Down,
            results_to_change: 2,
            reason: Some("status 503".into()),
            warning: None,
        },
        _ => TargetHealth { state: State::Up, ..TargetHealth::default() },
    };
    world.targets.iter().enumerate().map(of).collect()
}

async fn node() -> Node {
    let world = world();
    let health = health(&world);
    let prober = Prober::start(Arc::new(Deaf));
    let known = world.targets.iter().zip(&health);
    let carried = known
        .map(|(target, health)| Carried { target: Target::clone(target), health: health.clone() });
    prober.prepare(world.targets.clone(), carried.collect(), Duration::ZERO).await;
    let state = |member: &crate::policy::Member| match member.targets.first() {
        Some(id) => health[id.0 as usize].state,
        None => State::Up,
    };
    let members = world.policies.members.iter();
    let members = members.map(|m| MemberHealth { probed: state(m), ..MemberHealth::default() });
    let snapshot = Snapshot::of(Arc::clone(&world), members.collect());
    let (orders, inbox) = orders::orders();
    let published = Arc::new(Published::from_pointee(snapshot));
    let ground = Ground::new(Path::new(""));
    let events = Events::start();
    let anycast = Anycast::start(
        None,
        Default::default(),
        ground.clone(),
        Arc::clone(&published),
        events.clone(),
    )
    .await;
    let control = Control {
        pair: Pair::start(&[], ground.clone(), events.clone()).expect("nothing to start"),
        anycast: anycast.expect("nothing to start"),
        ecmp: Ecmp::start(&[], Path::new("")).expect("nothing to start"),
        ground,
        events,
        node: "test".into(),
        published,
        counters: Arc::new(Counters::new(1)),
        metrics: Arc::new(Metrics::default()),
        prober,
        tcp_connections: Arc::new(|| 3),
        orders,
        started: Instant::now(),
        ready: Arc::new(AtomicBool::new(true)),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let token = Token::read_or_make(&folder.path().join("token")).expect("a token");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(serve(listener, token, control.clone()));
    Node { control, address, inbox, folder }
}

impl Node {
    /// Sends a request as written, but for its end; gives status, headers and body.
    async fn ask(&self, head: &str) -> (StatusCode, String, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        let request = format!("{head}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.expect("a status"), head.to_ascii_lowercase(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let (status, _, body) = self.ask(&format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1")).await;
        (status, body)
    }

    fn client(&self, token_file: &Path) -> crate::cli::client::Client {
        crate::cli::client::Client { address: self.address, token_file: token_file.into() }
    }
}

#[tokio::test]
async fn a_change_needs_the_token_and_says_where_it_is_kept() {
    let mut node = node().await;
    let authorization = |value: &str| format!("\r\nauthorization: {value}");
    for (header, error) in [
        (String::new(), "needs its token"),
        (authorization("Bearer 0123456789abcdef0123456789abcdef"), "the token is wrong"),
        (authorization("Bearer "), "no bearer token"),
        (authorization("Basic eDp4"), "no bearer token"),
    ] {
        let head = format!("POST /v1/reload HTTP/1.1\r\nhost: localhost{header}");
        let (status, head, body) = node.ask(&head).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{header:?}");
        assert!(head.contains("www-authenticate: bearer"), "{head}");
        let body: failure::Body = serde_json::from_str(&body).expect("JSON");
        assert!(body.error.contains(error), "{header:?}: {body:?}");
        assert!(body.help.contains("token in "), "{body:?}");
        assert!(node.inbox.try_recv().is_err(), "{header:?}: it was let through");
    }
}

#[tokio::test]
async fn the_right_token_reloads_and_both_outcomes_come_back() {
    let mut node = node().await;
    let client = node.client(&node.folder.path().join("token"));
    let published = Reloaded {
        generation: 9,
        zones: 2,
        warnings: vec!["a warning".into()],
        incomplete: Vec::new(),
    };
    let refused = ReloadRefused { errors: vec!["a.yaml:1:1: error: wrong".into()] };
    for outcome in [Ok(published.clone()), Err(refused.clone())] {
        let asking = tokio::spawn({
            let client = client.clone();
            async move { client.post("/v1/reload").await }
        });
        match node.inbox.recv().await {
            Some(Order::Reload(tell)) => tell.send(outcome.clone()).expect("it waits"),
            other => panic!("a reload is asked for, not {other:?}"),
        }
        let answer = asking.await.expect("no panic").expect("an answer");
        match outcome {
            Ok(_) => {
                assert_eq!(answer.status, StatusCode::OK);
                assert_eq!(client.read::<Reloaded>(&answer).expect("JSON"), published);
            }
            Err(_) => {
                assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
                assert_eq!(client.read::<ReloadRefused>(&answer).expect("JSON"), refused);
            }
        }
    }
}

#[tokio::test]
async fn a_client_says_what_to_do_when_nothing_listens_or_the_token_is_wrong() {
    let node = node().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut client = node.client(&node.folder.path().join("token"));
    client.address = closed.local_addr().expect("its address");
    drop(closed);
    let error = client.get("/v1/status").await.expect_err("nobody there");
    assert!(error.to_string().starts_with("no rhumb answers at 127.0.0.1:"), "{error}");

    let other = node.folder.path().join("other");
    Token::read_or_make(&other).expect("made");
    let error = node.client(&other).post("/v1/reload").await.expect_err("a wrong token");
    assert!(error.to_string().contains("the token is wrong"), "{error}");
    let missing = node.folder.path().join("missing");
    let error = node.client(&missing).post("/v1/reload").await.expect_err("no token");
    assert!(error.to_string().contains(&missing.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_read_a_loopback_address_under_its_own_name() {
    let node = node().await;
    for (host, status) in [
        ("evil.example", StatusCode::FORBIDDEN),
        ("evil.example:8053", StatusCode::FORBIDDEN),
        ("localhost:8053", StatusCode::OK),
        ("127.0.0.1", StatusCode::OK),
        ("[::1]", StatusCode::OK),
    ] {
        let head = format!("GET /v1/status HTTP/1.1\r\nhost: {host}");
        assert_eq!(node.ask(&head).await.0, status, "{host}");
    }
}

#[tokio::test]
async fn readiness_follows_the_first_round_and_liveness_does_not() {
    let node = node().await;
    node.control.ready.store(false, Relaxed);
    assert_eq!(node.get("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(node.get("/healthz").await, (StatusCode::OK, "alive\n".into()));
    node.control.ready.store(true, Relaxed);
    assert_eq!(node.get("/readyz").await, (StatusCode::OK, "ready\n".into()));
}

#[tokio::test]
async fn status_shows_members_as_probed_with_the_reason_and_survives_json() {
    let node = node().await;
    node.control.metrics.reload(&Err(ReloadRefused { errors: vec!["bad".into()] }));
    let (status, body) = node.get("/v1/status").await;
    assert_eq!(status, StatusCode::OK);
    let status: Status = serde_json::from_str(&body).expect("JSON");
    assert_eq!(status.node, "test");
    assert_eq!(status.zones[0].name, "example.com.");
    let east = &status.pools[0];
    assert_eq!((east.ipv4_up, east.ipv6_up, east.capacity), (Some(true), Some(true), Some(10.0)));
    assert_eq!(east.members[1].probed, "down");
    assert_eq!(east.members[1].reason.as_deref(), Some("status 503"));
    assert!(!east.members[1].serving && east.members[0].serving);
    let west = &status.pools[1];
    assert_eq!((west.ipv4_up, west.ipv6_up), (Some(true), None));
    assert!(!west.members[0].has_probe);
    let last = status.last_reload.as_ref().expect("a reload");
    assert_eq!((last.published, last.errors.as_slice()), (false, &["bad".to_owned()][..]));
    let text = status.to_string();
    for line in [
        "test: rhumb ",
        "example.com.  serial ",
        "  example.com/east: up",
        "192.0.2.2    down: status 503",
        "192.0.2.3    up (not probed)",
        "refused, nothing was changed\n  bad",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
}

/// A node that answers on one service and not on another, and asks itself on a third in vain.
fn node_state() -> NodeState {
    let no = ServiceState {
        answering: Answering::No,
        failure: Some("192.0.2.100:53 does not answer example.com. SOA in 200ms".into()),
        tcp_failing: Some("nothing listens on 192.0.2.100:53".into()),
        ..ServiceState::default()
    };
    let overloaded = Some("too busy".into());
    let yes = ServiceState { answering: Answering::Yes, overloaded, ..ServiceState::default() };
    let no_result = Some("192.0.2.101 is not an address of this host".into());
    let unknown = ServiceState { no_result, ..ServiceState::default() };
    let services = [("vip".into(), no), ("anycast".into(), yes), ("new".into(), unknown)].into();
    NodeState { services, drained: true, stale: true }
}

#[tokio::test]
async fn the_node_tells_what_it_knows_of_itself() {
    let node = node().await;
    let text = Status::of(&node.control).to_string();
    assert!(!["services", "drained", "stale"].iter().any(|word| text.contains(word)), "{text}");
    let mut snapshot = Snapshot::clone(&node.control.published.load());
    snapshot.node = Arc::new(node_state());
    node.control.published.store(Arc::new(snapshot));
    let (_, body) = node.get("/v1/status").await;
    let text = serde_json::from_str::<Status>(&body).expect("JSON").to_string();
    for lines in [
        "\nservices: 3\n  anycast: this node answers\n    overloaded, others are answered: too busy\n",
        "  new: not known yet whether this node answers\n    no result: 192.0.2.101 is not an",
        "  vip: this node cannot answer: 192.0.2.100:53 does not answer example.com. SOA in 200ms\n",
        "    fails over TCP: nothing listens on 192.0.2.100:53\n",
        "\ndrained: ",
        "\nstale: ",
    ] {
        assert!(text.contains(lines), "no {lines:?} in\n{text}");
    }
    let wrong = Finding::Wrong("refused".into());
    node.control.metrics.asked("vip", crate::node::Transport::Tcp, &wrong);
    let (_, body) = node.get("/metrics").await;
    let samples = samples(&body);
    for (series, value) in [
        (r#"rhumb_node_answering{service="vip"}"#, Some(0.0)),
        (r#"rhumb_node_answering{service="anycast"}"#, Some(1.0)),
        (r#"rhumb_node_answering{service="new"}"#, None),
        (r#"rhumb_node_overloaded{service="anycast"}"#, Some(1.0)),
        (r#"rhumb_node_overloaded{service="vip"}"#, Some(0.0)),
        (r#"rhumb_node_no_result{service="new"}"#, Some(1.0)),
        (r#"rhumb_node_tcp_failing{service="vip"}"#, Some(1.0)),
        (r#"rhumb_node_asks_total{service="vip",transport="tcp",result="wrong"}"#, Some(1.0)),
        ("rhumb_node_drained", Some(1.0)),
        ("rhumb_node_stale", Some(1.0)),
    ] {
        let found = samples.iter().find(|(name, _)| name == series);
        assert_eq!(found.map(|(_, value)| *value), value, "{series} in\n{body}");
    }
}

#[tokio::test]
async fn wrong_questions_are_refused_with_what_would_be_right() {
    let node = node().await;
    for (path, status, error) in [
        ("/nothing", StatusCode::NOT_FOUND, "nothing stands"),
        ("/v1/explain", StatusCode::BAD_REQUEST, "name is missing"),
        ("/v1/explain?name=www.example.com", StatusCode::BAD_REQUEST, "client is missing"),
        ("/v1/explain?name=a..b", StatusCode::BAD_REQUEST, "a label is empty"),
        ("/v1/explain?client=here", StatusCode::BAD_REQUEST, "\"here\""),
        ("/v1/explain?type=MX", StatusCode::BAD_REQUEST, "\"MX\""),
        ("/v1/explain?colour=red", StatusCode::BAD_REQUEST, "\"colour\""),
        (
            "/v1/explain?name=www.example.com&client=192.0.2.9&down=eats",
            StatusCode::BAD_REQUEST,
            "no pool is called eats",
        ),
        ("/v1/reload", StatusCode::METHOD_NOT_ALLOWED, "another method"),
    ] {
        let (found, body) = node.get(path).await;
        assert_eq!(found, status, "{path}: {body}");
        let body: failure::Body = serde_json::from_str(&body).expect("JSON");
        assert!(body.error.contains(error) && !body.help.is_empty(), "{path}: {body:?}");
    }
    let eats = explain::UnknownPool { name: "x".into(), similar: vec!["example.com/east".into()] };
    assert_eq!(eats.help(), "did you mean example.com/east?");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let node = node().await;
    let filler = "x".repeat(64 * 1024);
    let (status, _, _) = node.ask(&format!("GET /healthz HTTP/1.1\r\nhost: {filler}")).await;
    assert!(status.is_client_error(), "{status}");
}

/// The samples of an OpenMetrics text, each as its series; checks the form of every line.
fn samples(text: &str) -> Vec<(String, f64)> {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut families = HashSet::new();
    let mut current = String::new();
    let mut samples = Vec::new();
    for line in text.lines() {
        match line.split_once(' ').expect("two words") {
            ("#", rest) => {
                let mut words = rest.split(' ');
                match (words.next(), words.next()) {
                    (Some("HELP"), Some(name)) => {
                        assert!(families.insert(name.to_owned()), "{name} stands twice");
                        assert!(rest.ends_with('.'), "{line}");
                        current = name.to_owned();
                    }
                    (Some("TYPE" | "UNIT"), Some(name)) => assert_eq!(name, current),
                    (Some("EOF"), None) => {}
                    _ => panic!("{line}"),
                }
            }
            _ => {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                assert!(series.starts_with(&current), "{line} under {current}");
                assert!(current.starts_with("rhumb_"), "{current}");
                samples.push((series.to_owned(), value.parse().expect("a number")));
            }
        }
    }
    let distinct: HashSet<_> = samples.iter().map(|(series, _)| series).collect();
    assert_eq!(distinct.len(), samples.len(), "a series stands twice in\n{text}");
    samples
}

#[tokio::test]
async fn metrics_tell_what_happened_in_the_format_of_prometheus() {
    let node = node().await;
    let Control { counters, metrics, published, .. } = &node.control;
    let outcome = Outcome {
        rcode: Some(Rcode::NoError),
        qtype: Rtype::A,
        zone: None,
        pool: Some(PoolId(0)),
        truncated: false,
    };
    (0..3).for_each(|_| counters.count(0, Transport::Udp, &outcome));
    (0..3).for_each(|_| published.load().world.answers.add(0, PoolId(0)));
    metrics.probed("http", Duration::from_millis(20), false);
    metrics.probed("http", Duration::from_secs(1), true);
    metrics.brake(true);
    metrics.reload(&Err(ReloadRefused { errors: Vec::new() }));
    let (status, head, body) = node.ask("GET /metrics HTTP/1.1\r\nhost: 127.0.0.1").await;
    assert_eq!(status, StatusCode::OK);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    let samples = samples(&body);
    for (series, value) in [
        (r#"rhumb_queries_total{transport="udp",type="A",rcode="NOERROR"}"#, 3.0),
        (r#"rhumb_answers_total{pool="example.com/east"}"#, 3.0),
        (r#"rhumb_answers_total{pool="example.com/west"}"#, 0.0),
        (r#"rhumb_member_state{pool="example.com/east",member="192.0.2.2",state="down"}"#, 1.0),
        (r#"rhumb_member_state{pool="example.com/east",member="192.0.2.2",state="up"}"#, 0.0),
        (r#"rhumb_member_serving{pool="example.com/east",member="2001:db8::1"}"#, 1.0),
        (r#"rhumb_pool_up{pool="example.com/east",family="ipv6"}"#, 1.0),
        (r#"rhumb_probe_duration_seconds_count{kind="http",result="failure"}"#, 1.0),
        (r#"rhumb_probe_duration_seconds_bucket{le="0.025",kind="http",result="success"}"#, 1.0),
        (r#"rhumb_reloads_total{result="refused"}"#, 1.0),
        (r#"rhumb_reloads_total{result="published"}"#, 0.0),
        ("rhumb_last_reload_success", 0.0),
        ("rhumb_brake", 1.0),
        ("rhumb_brakes_total", 1.0),
        ("rhumb_zones", 1.0),
        ("rhumb_tcp_connections", 3.0),
        ("rhumb_receive_drops_total", 0.0),
        ("rhumb_truncated_total", 0.0),
        ("rhumb_ready", 1.0),
    ] {
        let found = samples.iter().find(|(name, _)| name == series);
        assert_eq!(found.map(|(_, value)| *value), Some(value), "{series} in\n{body}");
    }
    let down = samples
        .iter()
        .find(|(name, _)| name.starts_with("rhumb_target_up{") && name.contains("192.0.2.2:8080"));
    assert_eq!(down.map(|(_, value)| *value), Some(0.0), "{body}");
}

#[tokio::test]
async fn a_strange_name_cannot_break_the_text_of_the_metrics() {
    let node = node().await;
    let world = Arc::new(world_of_pools(&["a\"} 1\nrhumb_forged 1\\"]));
    node.control.published.store(Arc::new(Snapshot::of(world, Vec::new())));
    let (_, body) = node.get("/metrics").await;
    assert!(samples(&body).iter().all(|(series, _)| series != "rhumb_forged"), "{body}");
    assert!(body.contains(r#"{pool="a\"} 1\nrhumb_forged 1\\"} 0"#), "{body}");
}

/// Reads from a stream of events until these words have come.
async fn read_until(stream: &mut TcpStream, words: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(words) {
        let read = stream.read(&mut buffer).await.expect("a stream");
        assert_ne!(read, 0, "it ends after {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

#[tokio::test]
async fn events_are_told_from_where_a_listener_was_and_then_as_they_happen() {
    let node = node().await;
    let events = &node.control.events;
    events.tell(Kind::Bgp, "tor-1", "the first");
    events.tell(Kind::Bgp, "tor-1", "the second");
    let mut stream = TcpStream::connect(node.address).await.expect("connected");
    let request = "GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nlast-event-id: 1\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let head = read_until(&mut stream, "the second").await;
    assert!(head.to_ascii_lowercase().contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("id: 2\nevent: bgp\ndata: {\"id\":2,"), "{head}");
    assert!(!head.contains("the first"), "{head}");
    events.tell(Kind::Vrrp, "vip", "Backup → Active");
    let live = read_until(&mut stream, "Backup → Active").await;
    assert!(live.contains("id: 3\nevent: vrrp\n"), "{live}");
}
