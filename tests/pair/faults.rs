//! A node that crashes, freezes, is cut off, or cannot answer.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::lab::{Direction, Host, Lab, Signal, VIP, VIP6, until};
use crate::node::{Entry, Folder, NAME, Node, PATIENCE, await_one_active, said};

/// Two nodes, the first of which is Active.
fn pair<'l>(lab: &'l Lab, entry: impl Fn(u8) -> Entry) -> (Node<'l>, Node<'l>) {
    let first = Node::active(lab.host("n1"), &entry(150));
    (first, Node::backup(lab.host("n2"), &entry(100)))
}

fn lab() -> Option<Lab> {
    Lab::new(&["n1", "n2"])
}

#[test]
fn a_killed_node_is_replaced_and_what_it_leaves_is_undone_at_its_next_start() {
    let Some(lab) = lab() else { return };
    let (mut first, second) = pair(&lab, Entry::both);
    let host = first.host;
    first.kill();
    second.await_log("Backup → Active");
    assert!(host.holds("eth0", VIP) && host.holds("lo", VIP6), "its kernel knows nothing yet");
    first.folder.configure(host, &[&Entry::ipv4(150).with("addresses", "[10.0.0.101]")]);
    let first = first.start_again();
    first.await_status("to run", |group| group["addresses"] == serde_json::json!(["10.0.0.101"]));
    for (interface, vip) in [("eth0", VIP), ("eth0", VIP6), ("lo", VIP), ("lo", VIP6)] {
        assert!(!host.holds(interface, vip), "{vip} on {interface}");
    }
}

#[test]
fn a_killed_node_that_comes_back_is_backup() {
    let Some(lab) = lab() else { return };
    let (mut first, second) = pair(&lab, Entry::both);
    first.kill();
    second.await_state("Active");
    let first = first.start_again();
    first.await_state("Backup");
    await_one_active([&first, &second]);
    assert_eq!(second.state(), "Active");
    assert!(!first.has_vip());
}

/// What `eth0` and `lo` have, and how ARP is answered.
fn kernel(host: &Host) -> impl PartialEq + std::fmt::Debug + use<> {
    let sysctl = |knob| host.sysctl_value(&format!("net/ipv4/conf/eth0/{knob}"));
    let knobs = ["arp_ignore", "arp_announce", "rp_filter"].map(sysctl);
    (host.addresses("eth0"), host.addresses("lo"), knobs)
}

#[test]
fn release_undoes_what_a_killed_node_left_and_its_peer_takes_over_at_once() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    n1.sysctl("net/ipv4/conf/eth0/arp_announce", "1");
    let before = kernel(n1);
    // Slow enough for `rhumb release` to come before the peer has noticed anything.
    let slow = |priority, to: &Host| {
        Entry::both(priority).with("advertise", "2s").to(&[to.address(), to.address6()])
    };
    // The skew of the one is next to nothing, that of the other nearly an interval.
    let second = Node::start(n2, &slow(2, n1));
    let mut first = Node::start(n1, &slow(254, n2));
    first.await_state("Active");
    second.await_status("to hear the Active", |group| group["active"] == n1.address().to_string());
    // A take-over does not wait for the disk: what release is to know may be written a little later.
    let record = first.folder.path("state/vrrp.json");
    let text = || std::fs::read_to_string(&record).unwrap_or_default();
    assert!(until(PATIENCE, || text().contains(&format!("\"group\": \"{NAME}\""))), "{}", text());
    first.kill();
    assert_ne!(kernel(n1), before, "it has left something");
    let release = first.rhumb("release");
    assert!(release.status.success(), "{}", said(&release));
    assert_eq!(kernel(n1), before, "{}", said(&release));
    second.await_log("Backup → Active");
    assert!(second.has_logged("gave the role away") && !second.has_logged("is silent"));
    let again = first.rhumb("release");
    assert!(again.status.success() && said(&again).is_empty(), "{}", said(&again));
}

#[test]
fn a_stop_leaves_nothing_in_the_kernel() {
    let Some(lab) = lab() else { return };
    let host = lab.host("n1");
    host.sysctl("net/ipv4/conf/eth0/arp_announce", "1");
    let before = kernel(host);
    let mut node = Node::active(host, &Entry::both(100));
    assert_ne!(kernel(host), before);
    assert!(node.stop().success());
    assert_eq!(kernel(host), before);
}

#[test]
fn a_node_that_is_ended_while_it_starts_leaves_nothing_in_the_kernel() {
    let Some(lab) = lab() else { return };
    let host = lab.host("n1");
    let before = kernel(host);
    let folder = Folder::new(host, &[&Entry::both(100)]);
    // The first round waits for a member that never answers.
    folder.write(
        "slow.zone",
        "zone: slow.test\n\
         soa: { primary: ns1.pair.test., contact: hostmaster@pair.test }\n\
         ns: [ns1.pair.test.]\n\
         probes:\n  slow: { tcp: { port: 80 }, every: 10s, timeout: 9s }\n\
         pools:\n  slow: { probe: slow, members: [10.0.0.77] }\n\
         names:\n  www: { route: slow }\n",
    );
    let mut node = Node::start_in(host, folder);
    assert!(until(PATIENCE, || host.holds("lo", VIP6)));
    assert!(!node.has_logged("ready dns="), "it starts");
    assert!(node.stop().success());
    assert_eq!(kernel(host), before);
}

#[test]
fn release_leaves_a_running_node_alone() {
    let Some(lab) = lab() else { return };
    let node = Node::active(lab.host("n1"), &Entry::ipv4(100));
    let release = node.rhumb("release");
    assert_eq!(release.status.code(), Some(1), "{}", said(&release));
    assert!(node.has_vip());
    assert_eq!(node.state(), "Active");
}

#[test]
fn a_frozen_node_is_replaced_and_thaws_into_a_pair_with_one_active() {
    let Some(lab) = lab() else { return };
    let (first, second) = pair(&lab, Entry::both);
    first.daemon.signal(Signal::Freeze);
    second.await_log("Backup → Active");
    first.daemon.signal(Signal::Thaw);
    await_one_active([&first, &second]);
    let owners = || [&first, &second].map(|node| node.has_vip());
    assert!(until(PATIENCE, || owners().iter().filter(|owns| **owns).count() == 1));
    let active = |node: &Node<'_>| node.state() == "Active";
    assert_eq!(owners(), [active(&first), active(&second)]);
}

#[test]
fn a_frozen_backup_thaws_without_taking_what_it_had_no_time_to_hear_of() {
    let Some(lab) = lab() else { return };
    let (first, second) = pair(&lab, Entry::both);
    second.daemon.signal(Signal::Freeze);
    // Several times what it would wait for an Active that is silent.
    std::thread::sleep(Duration::from_secs(2));
    second.daemon.signal(Signal::Thaw);
    let heard = || second.metric("rhumb_vrrp_received_total{name=\"pair\",family=\"ipv4\"}");
    let before = heard().expect("a series");
    assert!(until(PATIENCE, || heard().is_some_and(|count| count > before + 10.0)));
    assert_eq!((first.state(), second.state()), ("Active".into(), "Backup".into()));
    assert!(!second.has_logged("Backup → Active"));
}

#[test]
fn a_node_that_loses_its_carrier_is_replaced_and_comes_back_as_backup() {
    let Some(lab) = lab() else { return };
    let (first, second) = pair(&lab, Entry::both);
    let unplugged = lab.port("n1").unplug();
    first.await_state("Fault");
    second.await_state("Active");
    assert!(until(PATIENCE, || !first.has_vip()));
    assert!(first.host.holds("lo", VIP), "it serves what stale entries still send it");
    unplugged.heal();
    first.await_state("Backup");
    await_one_active([&first, &second]);
}

#[test]
fn two_that_are_cut_off_from_each_other_are_both_active_until_it_is_over() {
    let Some(lab) = lab() else { return };
    let (first, second) = pair(&lab, Entry::both);
    let silence = lab.port("n1").silence();
    second.await_log("Backup → Active");
    assert_eq!(first.state(), "Active");
    silence.heal();
    await_one_active([&first, &second]);
    assert_eq!(first.state(), "Active", "the better one");
}

#[test]
fn an_active_that_is_not_heard_says_for_how_long_it_heard_another_one() {
    let Some(lab) = lab() else { return };
    let (first, second) = pair(&lab, Entry::both);
    let protocol = "meta l4proto 112";
    let mute = lab.port("n1").lose_of(Direction::FromHost, protocol, 100);
    second.await_log("Backup → Active");
    first.await_log("is Active too, with priority 100");
    let series = format!("rhumb_vrrp_dual_active_seconds_total{{name=\"{NAME}\"}}");
    assert!(until(PATIENCE, || first.metric(&series).is_some_and(|seconds| seconds > 0.5)));
    assert_eq!((first.state(), second.state()), ("Active".into(), "Active".into()));
    mute.heal();
    await_one_active([&first, &second]);
    assert!(said(&first.rhumb("status")).contains("two were Active for "));
}

#[test]
fn a_node_that_cannot_answer_hands_over_and_takes_part_again_when_it_can() {
    let Some(lab) = lab() else { return };
    let (first, second) = pair(&lab, Entry::both);
    let deaf = first.host.drop_udp(53, Some(VIP));
    let since = Instant::now();
    second.await_log("Backup → Active");
    // Two timeouts of 200 ms and a few intervals of 100 ms; the rest is for a busy machine.
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    first.await_status("to stand at the floor", |group| {
        group["priority"] == 1
            && group["unhealthy"] == "cannot answer"
            && group["state"] == "Backup"
    });
    assert!(!first.has_vip() && second.has_vip());
    assert!(said(&first.rhumb("status")).contains("priority 1: cannot answer"));
    deaf.heal();
    first.await_status("to be well", |group| group["priority"] == 150);
    assert_eq!(second.state(), "Active", "it is healthy, so nobody displaces it");
}

#[test]
fn two_nodes_that_cannot_answer_still_have_one_active() {
    let Some(lab) = lab() else { return };
    let (first, second) = pair(&lab, Entry::both);
    let _deaf = [first.host, second.host].map(|host| host.drop_udp(53, None));
    let at_the_floor = |group: &serde_json::Value| group["priority"] == 1;
    first.await_status("to stand at the floor", at_the_floor);
    second.await_status("to stand at the floor", at_the_floor);
    await_one_active([&first, &second]);
}

#[test]
fn a_node_that_answers_others_but_not_itself_is_overloaded_and_keeps_the_address() {
    let Some(lab) = Lab::new(&["n1", "n2", "client"]) else { return };
    let (first, second) = pair(&lab, Entry::ipv4);
    let client = Client::start(lab.host("client"), VIP);
    client.await_answers_of(first.host);
    first.host.run("nft", "add table ip fault");
    first.host.run("nft", "add chain ip fault in { type filter hook input priority 0; }");
    first.host.run("nft", "add rule ip fault in iif lo udp dport 53 drop");
    let overloaded = || !first.node_status()["services"][0]["overloaded"].is_null();
    assert!(until(PATIENCE, overloaded), "{:#}", first.node_status()["services"]);
    // A few more questions that are not answered.
    std::thread::sleep(Duration::from_secs(1));
    assert!(overloaded());
    assert!(!first.has_logged("Active → ") && !second.has_logged("Backup → Active"));
    client.stop();
}

#[test]
fn a_flood_that_is_more_than_a_node_can_take_moves_nothing() {
    let Some(lab) = Lab::new(&["n1", "n2", "client"]) else { return };
    let (first, second) = pair(&lab, Entry::ipv4);
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| flood(lab.host("client"), &ends));
        }
        let before = overflows(first.host);
        let overflowed = until(PATIENCE, || overflows(first.host) > before + 1_000);
        std::thread::sleep(Duration::from_secs(2));
        ends.store(true, Relaxed);
        assert!(overflowed, "the flood is none");
    });
    assert_eq!((first.state(), second.state()), ("Active".into(), "Backup".into()));
    assert!(!first.has_logged("Active → ") && !second.has_logged("Backup → Active"));
}

/// Asks as fast as it can.
fn flood(host: &Host, ends: &AtomicBool) {
    host.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        socket.connect((VIP, 53)).expect("a route");
        let query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x03who\x04pair\x04test\0\0\x01\0\x01";
        while !ends.load(Relaxed) {
            let _ = socket.send(query);
        }
    });
}

/// How many datagrams found no room in a socket (`RcvbufErrors` of /proc/net/snmp).
fn overflows(host: &Host) -> u64 {
    let text = host.run("cat", "/proc/net/snmp");
    let mut udp = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (Some(names), Some(values)) = (udp.next(), udp.next()) else { return 0 };
    let at = names.split(' ').position(|name| name == "RcvbufErrors").expect("a counter");
    values.split(' ').nth(at).and_then(|value| value.parse().ok()).expect("a number")
}
