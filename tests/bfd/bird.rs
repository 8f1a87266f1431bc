//! Sessions with BIRD.

use std::net::IpAddr;
use std::time::Duration;

use rhumb::bfd::auth::{Auth, AuthType, Key};
use rhumb::bfd::driver::Distance;
use rhumb::bfd::session::{Event, Failure};
use rhumb::bfd::{BfdOptions, Watched};

use crate::lab::{Daemon, Host, Lab, Signal, until};
use crate::node::{Node, PATIENCE, far_addresses, lab, on_eth0, options, to};

/// BIRD with 200 ms and 5, and these neighbours.
struct Bird<'l> {
    host: &'l Host,
    daemon: Daemon,
    folder: tempfile::TempDir,
}

/// What BIRD says of a session: its state, interval and detection time in seconds.
#[derive(Debug, PartialEq)]
struct Told {
    state: String,
    interval: f64,
    timeout: f64,
}

impl<'l> Bird<'l> {
    /// `neighbours` and `auth` in BIRD's words.
    fn start(host: &'l Host, neighbours: &str, auth: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let pace = "min rx interval 200 ms; min tx interval 200 ms; multiplier 5;";
        let text = format!(
            "log stderr all;\nrouter id 10.0.0.2;\nprotocol device {{ scan time 1; }}\n\
             protocol bfd {{\n interface \"eth0\" {{ {pace} {auth} }};\n\
             multihop {{ {pace} {auth} }};\n{neighbours}\n}}\n"
        );
        std::fs::write(path("bird.conf"), text).expect("a file");
        let mut command = host.command("bird");
        command.args(["-f", "-c"]).arg(path("bird.conf"));
        command.arg("-s").arg(path("ctl")).arg("-P").arg(path("pid"));
        let daemon = host.start("bird", &mut command);
        let answers = until(PATIENCE, || path("ctl").exists());
        assert!(answers, "BIRD does not start: {}", daemon.log());
        Self { host, daemon, folder }
    }

    fn told(&self, neighbour: IpAddr) -> Option<Told> {
        let mut command = self.host.command("birdc");
        command.arg("-s").arg(self.folder.path().join("ctl")).args(["show", "bfd", "sessions"]);
        let output = command.output().expect("birdc runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().find_map(|line| row(line, neighbour))
    }

    fn await_told(&self, neighbour: IpAddr, wanted: &Told) {
        let mut last = None;
        let found = until(PATIENCE, || {
            last = self.told(neighbour);
            last.as_ref() == Some(wanted)
        });
        assert!(found, "{last:?} and not {wanted:?}\n{}", self.daemon.log());
    }
}

/// `10.0.0.1  eth0  Up  16:11:34.123  0.200  0.600`
fn row(line: &str, neighbour: IpAddr) -> Option<Told> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [address, _, state, _, interval, timeout] = words[..] else { return None };
    let number = |text: &str| text.parse().ok();
    let wanted = address.parse() == Ok(neighbour);
    let told = || {
        let state = state.to_owned();
        Some(Told { state, interval: number(interval)?, timeout: number(timeout)? })
    };
    wanted.then(told).flatten()
}

fn up(interval: f64, timeout: f64) -> Told {
    Told { state: "Up".to_owned(), interval, timeout }
}

fn pair(hosts: &[&str]) -> Option<Lab> {
    lab(hosts, &[("bird", "bird2")])
}

fn keyed(auth_type: AuthType, secret: &str) -> BfdOptions {
    let send = Key::new(auth_type, 7, secret.as_bytes().to_vec()).expect("not too long");
    BfdOptions { auth: Some(Auth { auth_type, send, accept: Vec::new() }), ..options(50, 3) }
}

#[test]
fn both_families_and_link_local_come_up_and_agree_on_the_slower_intervals() {
    let Some(lab) = pair(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let paths = [Host::address, Host::address6, Host::link_local];
    let neighbours = paths.map(|address| format!("neighbor {} dev \"eth0\";\n", address(n1)));
    let bird = Bird::start(n2, &neighbours.concat(), "");
    let node = Node::start(n1);
    let watching = paths.map(|address| node.watch(on_eth0(address(n2))));
    for (address, watching) in paths.into_iter().zip(&watching) {
        assert_eq!(watching.next(), Event::Up, "{}", address(n2));
        // We send every max(50, 200), they are lost after their 5 times max(50, 200); and they send
        // every max(200, 50), and we are lost after our 3 times that.
        let status = node.await_pace(address(n2), 200, 1000);
        assert_eq!((status.source, status.problem), (Some(address(n1)), None));
        bird.await_told(address(n1), &up(0.2, 0.6));
    }
    // A neighbour may speak before its path is watched, where another of its family is already.
    let strangers = node.status().strangers;
    assert!(strangers.keys().all(|&reason| reason == "no_session"), "{strangers:?}");
}

#[test]
fn keys_of_every_type_are_understood() {
    for (auth_type, words) in [
        (AuthType::KeyedMd5, "keyed md5"),
        (AuthType::MeticulousKeyedMd5, "meticulous keyed md5"),
        (AuthType::KeyedSha1, "keyed sha1"),
        (AuthType::MeticulousKeyedSha1, "meticulous keyed sha1"),
    ] {
        let Some(lab) = pair(&["n1", "n2"]) else { return };
        let (n1, n2) = (lab.host("n1"), lab.host("n2"));
        let auth = format!("authentication {words}; password \"secret\" {{ id 7; }};");
        let neighbour = format!("neighbor {} dev \"eth0\";", n1.address());
        let _bird = Bird::start(n2, &neighbour, &auth);
        let node = Node::start(n1);
        let options = keyed(auth_type, "secret");
        let watching = node.watch(Watched { options, ..on_eth0(n2.address()) });
        assert_eq!(watching.next(), Event::Up, "{words}");
        let status = node.await_pace(n2.address(), 200, 1000);
        assert!(status.discarded.is_empty(), "{words}: {:?}", status.discarded);
    }
}

#[test]
fn another_key_keeps_the_session_down_and_is_counted() {
    let Some(lab) = pair(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let auth = "authentication meticulous keyed sha1; password \"secret\" { id 7; };";
    let _bird = Bird::start(n2, &format!("neighbor {} dev \"eth0\";", n1.address()), auth);
    let node = Node::start(n1);
    let options = keyed(AuthType::MeticulousKeyedSha1, "another");
    let watching = node.watch(Watched { options, ..on_eth0(n2.address()) });
    node.await_session(n2.address(), "refusing digests", |session| {
        session.discarded.get("digest").is_some_and(|&count| count >= 3)
    });
    assert_eq!(watching.told(), []);
    watching.watch.reconfigure(keyed(AuthType::MeticulousKeyedSha1, "secret"));
    assert_eq!(watching.next(), Event::Up);
}

#[test]
fn several_hops_are_bridged_and_no_more_than_allowed() {
    let Some(lab) = pair(&["n1", "n2", "gateway"]) else { return };
    let [ours, theirs] = far_addresses(&lab);
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let neighbour = format!("neighbor {ours} local {theirs} multihop on;");
    let bird = Bird::start(n2, &neighbour, "");
    let node = Node::start(n1);
    let within = |hops| Watched { distance: Distance::Multihop { hops }, ..to(theirs) };
    // BIRD begins with a TTL of 64, of which 63 is left: as if it was 193 hops away.
    let watching = node.watch(within(192));
    node.await_session(theirs, "too far away", |session| {
        session.discarded.get("hops").is_some_and(|&count| count >= 2)
    });
    assert_eq!(watching.told(), []);
    drop(watching);
    let watching = node.watch(within(193));
    assert_eq!(watching.next(), Event::Up);
    node.await_pace(theirs, 200, 1000);
    bird.await_told(ours, &up(0.2, 0.6));
}

#[test]
fn a_frozen_neighbour_is_down_when_the_detection_time_is_over() {
    let Some(lab) = pair(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let bird = Bird::start(n2, &format!("neighbor {} dev \"eth0\";", n1.address()), "");
    let node = Node::start(n1);
    let watching = node.watch(on_eth0(n2.address()));
    assert_eq!(watching.next(), Event::Up);
    node.await_pace(n2.address(), 200, 1000);
    bird.daemon.signal(Signal::Freeze);
    let expected = Duration::from_secs(1);
    // On a machine that is busy with other things a stall may be told before.
    let event = std::iter::repeat_with(|| watching.next())
        .find(|event| !matches!(event, Event::Stalled { .. }));
    let Some(Event::Down(Failure::DetectionTimeExpired { silent, detection })) = event else {
        panic!("{event:?}");
    };
    assert_eq!(detection, expected);
    assert!(silent >= expected, "{silent:?}");
    assert_eq!(node.session(n2.address()).map(|session| session.downs), Some(1));
    bird.daemon.signal(Signal::Thaw);
    let next = std::iter::repeat_with(|| watching.next()).find(|event| *event == Event::Up);
    assert!(next.is_some());
}
