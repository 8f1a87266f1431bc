//! A hand-over as clients see it, and what the node does around it.

use std::net::IpAddr;

use crate::client::Client;
use crate::lab::{Lab, VIP, VIP6, until};
use crate::node::{Entry, Folder, Node, PATIENCE, said};
use crate::target::{Mood, Target};

/// Both nodes, and a client that asks an address which moves twice: by a failover, by a stop.
fn loses_nothing(vip: IpAddr, entry: impl Fn(u8) -> Entry) {
    let Some(lab) = Lab::new(&["n1", "n2", "client"]) else { return };
    let mut first = Node::active(lab.host("n1"), &entry(150));
    let second = Node::backup(lab.host("n2"), &entry(100));
    let client = Client::start(lab.host("client"), vip);
    client.await_answers_of(first.host);
    let failover = first.rhumb("failover");
    assert!(failover.status.success(), "{}", said(&failover));
    client.await_answers_of(second.host);
    let failover = second.rhumb("failover");
    assert!(failover.status.success(), "{}", said(&failover));
    client.await_answers_of(first.host);
    assert!(first.stop().success());
    client.await_answers_of(second.host);
    let (sent, lost) = client.stop();
    assert!(sent > 10, "{sent} queries in all");
    assert_eq!(lost, 0, "of {sent} queries");
}

#[test]
fn planned_hand_overs_lose_no_query_over_ipv4() {
    loses_nothing(VIP, Entry::ipv4);
}

#[test]
fn planned_hand_overs_lose_no_query_over_ipv6() {
    loses_nothing(VIP6, Entry::both);
}

/// `fleet.pair.test`, which two machines serve.
const FLEET: &str = "\
zone: pair.test
soa: { primary: ns1, contact: hostmaster@pair.test }
ns: [ns1]
probes:
  web: { http: { path: /, port: 8080 }, every: 200ms, timeout: 150ms, fall: 2, rise: 2 }
pools:
  fleet: { probe: web, members: [10.0.0.201, 10.0.0.202] }
names:
  ns1: { A: 192.0.2.53 }
  fleet: { route: fleet, answers: 2 }
";

#[test]
fn the_first_answer_after_a_take_over_knows_which_member_is_down() {
    let Some(lab) = Lab::new(&["n1", "n2", "client", "gateway"]) else { return };
    let fleet = lab.host("gateway");
    let machine = |last: u8| {
        fleet.ip(&format!("address add 10.0.0.{last}/24 dev eth0"));
        fleet.inside(|| Target::start(([10, 0, 0, last], 8080).into()))
    };
    let (well, mut broken) = (machine(201), machine(202));
    fleet.inside(|| broken.set(Mood::Unavailable));
    let start = |name, priority| {
        let entry = Entry::ipv4(priority);
        let folder = Folder::new(lab.host(name), &[&entry]);
        folder.write("pair.zone", FLEET);
        Node::start_in(lab.host(name), folder)
    };
    let mut first = start("n1", 150);
    first.await_state("Active");
    let second = start("n2", 100);
    second.await_state("Backup");
    first.kill();
    let mut answer = String::new();
    let words = format!("@{VIP} fleet.pair.test A +short +norec +tries=1 +time=1");
    let answered = until(PATIENCE, || {
        let output = lab.host("client").command("dig").args(words.split(' ')).output();
        let output = output.expect("dig runs");
        answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        // dig says so in standard output when nobody answers.
        output.status.success()
    });
    assert!(answered, "{answer}");
    assert_eq!(answer, "10.0.0.201");
    second.await_log("Backup → Active");
    fleet.inside(|| drop((well, broken)));
}

#[test]
fn a_command_is_told_of_every_state_in_the_words_of_keepalived() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let folder = Folder::new(lab.host("n1"), &[]);
    let told = folder.path("told");
    let command = format!("[/bin/sh, -c, 'echo \"$@\" >>{}', notify]", told.display());
    let entry = Entry::ipv4(150).with("notify", format!("{{ command: {command} }}"));
    folder.configure(lab.host("n1"), &[&entry]);
    let mut node = Node::start_in(lab.host("n1"), folder);
    node.await_state("Active");
    let peer = Node::backup(lab.host("n2"), &Entry::ipv4(100));
    let failover = node.rhumb("failover");
    assert!(failover.status.success(), "{}", said(&failover));
    let unplugged = lab.port("n1").unplug();
    node.await_state("Fault");
    unplugged.heal();
    node.await_status("to hear its peer", |group| group["state"] == "Backup");
    assert!(node.stop().success());
    let expected =
        ["BACKUP 150", "MASTER 150", "BACKUP 150", "FAULT 150", "BACKUP 150", "STOP 150"];
    let expected = expected.map(|end| format!("INSTANCE pair {end}"));
    let mut lines = Vec::new();
    until(PATIENCE, || {
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        lines = text.lines().map(str::to_owned).collect();
        lines.len() >= expected.len()
    });
    assert_eq!(lines, expected);
    drop(peer);
}
