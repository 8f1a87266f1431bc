//! Sessions with FRR's bfdd.

use std::net::IpAddr;

use rhumb::bfd::driver::Distance;
use rhumb::bfd::session::{Event, Side};
use rhumb::bfd::{State, Watched};
use serde_json::Value;

use crate::lab::{Daemon, Host, Lab, until};
use crate::node::{Node, PATIENCE, far_addresses, lab, on_eth0, to};

/// bfdd, and zebra, which tells it the interfaces.
struct Frr<'l> {
    host: &'l Host,
    bfdd: Daemon,
    _zebra: Daemon,
    folder: tempfile::TempDir,
}

/// How often it sends and how many it may lose, in its words.
const PACE: &str = "receive-interval 200\n transmit-interval 200\n detect-multiplier 5\n";

impl<'l> Frr<'l> {
    /// `peers` in its words.
    fn start(host: &'l Host, peers: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("zebra.conf"), "!\n").expect("a file");
        std::fs::write(path("bfdd.conf"), format!("bfd\n{peers}!\n")).expect("a file");
        // It gives up root at once.
        host.run("chown", &format!("-R frr:frr {}", folder.path().display()));
        let zebra = daemon(host, &folder, "zebra");
        assert!(until(PATIENCE, || path("zserv.api").exists()), "{}", zebra.log());
        let bfdd = daemon(host, &folder, "bfdd");
        let frr = Self { host, bfdd, _zebra: zebra, folder };
        assert!(until(PATIENCE, || frr.peers().is_some()), "{}", frr.bfdd.log());
        frr
    }

    /// Runs these lines; what it printed.
    fn tell(&self, lines: &[&str]) -> String {
        let mut command = self.host.command("vtysh");
        command.arg("--vty_socket").arg(self.folder.path()).args(["-d", "bfdd"]);
        for line in lines {
            command.args(["-c", line]);
        }
        let output = command.output().expect("vtysh runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn peers(&self) -> Option<Vec<Value>> {
        serde_json::from_str(&self.tell(&["show bfd peers json"])).ok()
    }

    fn peer(&self, neighbour: IpAddr) -> Option<Value> {
        let wanted = Value::from(neighbour.to_string());
        self.peers()?.into_iter().find(|peer| peer["peer"] == wanted)
    }

    /// Waits until its session with this neighbour is as wanted.
    fn await_peer(&self, neighbour: IpAddr, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        let found = until(PATIENCE, || {
            last = self.peer(neighbour);
            last.as_ref().is_some_and(&wanted)
        });
        assert!(found, "{neighbour}: {last:#?}\n{}", self.bfdd.log());
        last.expect("found")
    }
}

fn daemon(host: &Host, folder: &tempfile::TempDir, name: &str) -> Daemon {
    let path = |name: String| folder.path().join(name);
    let mut command = host.command(format!("/usr/lib/frr/{name}"));
    command.arg("-f").arg(path(format!("{name}.conf"))).arg("-i").arg(path(format!("{name}.pid")));
    command.arg("-z").arg(path("zserv.api".to_owned())).arg("--vty_socket").arg(folder.path());
    command.args(["-A", "127.0.0.1", "-P", "0", "--log", "stdout"]);
    if name == "bfdd" {
        command.arg("--bfdctl").arg(path("bfdd.sock".to_owned()));
    }
    host.start(name, &mut command)
}

fn on_the_link(neighbour: IpAddr, own: IpAddr) -> String {
    let local = if own.is_ipv6() { format!(" local-address {own}") } else { String::new() };
    format!(" peer {neighbour}{local} interface eth0\n {PACE} !\n")
}

fn pair(hosts: &[&str]) -> Option<Lab> {
    lab(hosts, &[("/usr/lib/frr/bfdd", "frr"), ("vtysh", "frr")])
}

#[test]
fn both_families_and_link_local_come_up_and_agree_on_the_slower_intervals() {
    let Some(lab) = pair(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let paths = [Host::address, Host::address6, Host::link_local];
    let peers = paths.map(|address| on_the_link(address(n1), address(n2)));
    let frr = Frr::start(n2, &peers.concat());
    let node = Node::start(n1);
    let watching = paths.map(|address| node.watch(on_eth0(address(n2))));
    for (address, watching) in paths.into_iter().zip(&watching) {
        assert_eq!(watching.next(), Event::Up, "{}", address(n2));
        node.await_pace(address(n2), 200, 1000);
        let peer = frr.await_peer(address(n1), |peer| {
            peer["status"] == "up" && peer["remote-transmit-interval"] == 50
        });
        assert_eq!(peer["remote-receive-interval"], 50);
        assert_eq!(peer["remote-detect-multiplier"], 3);
    }
}

#[test]
fn several_hops_are_bridged() {
    let Some(lab) = pair(&["n1", "n2", "gateway"]) else { return };
    let [ours, theirs] = far_addresses(&lab);
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let peer = format!(" peer {ours} multihop local-address {theirs}\n {PACE} !\n");
    let frr = Frr::start(n2, &peer);
    let node = Node::start(n1);
    let distance = Distance::Multihop { hops: 2 };
    let watching = node.watch(Watched { distance, source: Some(ours), ..to(theirs) });
    assert_eq!(watching.next(), Event::Up);
    node.await_pace(theirs, 200, 1000);
    frr.await_peer(ours, |peer| peer["status"] == "up");
}

#[test]
fn an_operators_end_over_there_is_no_failure() {
    let Some(lab) = pair(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let frr = Frr::start(n2, &on_the_link(n1.address(), n2.address()));
    let node = Node::start(n1);
    let watching = node.watch(on_eth0(n2.address()));
    assert_eq!(watching.next(), Event::Up);
    let peer = format!("peer {} interface eth0", n1.address());
    frr.tell(&["configure terminal", "bfd", &peer, "shutdown"]);
    assert_eq!(watching.next(), Event::AdminDown(Side::Neighbour));
    let late = node.watch(on_eth0(n2.address()));
    assert_eq!(late.next(), Event::AdminDown(Side::Neighbour), "told when it joins");
    let status = node.await_session(n2.address(), "down", |session| {
        session.session.state == State::Down && session.session.remote_state == State::AdminDown
    });
    assert_eq!((status.ups, status.downs), (1, 0));
    frr.tell(&["configure terminal", "bfd", &peer, "no shutdown"]);
    assert_eq!([watching.next(), watching.next()], [Event::Enabled, Event::Up]);
    assert_eq!([late.next(), late.next()], [Event::Enabled, Event::Up]);
}

#[test]
fn our_end_is_told_as_an_operators() {
    let Some(lab) = pair(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let frr = Frr::start(n2, &on_the_link(n1.address(), n2.address()));
    let node = Node::start(n1);
    let watching = node.watch(on_eth0(n2.address()));
    assert_eq!(watching.next(), Event::Up);
    frr.await_peer(n1.address(), |peer| peer["status"] == "up");
    drop(watching);
    frr.await_peer(n1.address(), |peer| {
        peer["status"] == "down" && peer["remote-diagnostic"] == "administratively down"
    });
    assert!(node.status().sessions.is_empty());
    // And begins anew for whoever comes next, farewell or not.
    let watching = node.watch(on_eth0(n2.address()));
    assert_eq!(watching.next(), Event::Up);
}
