//! What `rhumb reload` changes while a node runs, and what it refuses.

use crate::lab::{Lab, Signal, VIP, VIP6, until};
use crate::node::{Entry, Folder, Node, PATIENCE, await_one_active, said};

const OTHER: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 101));

#[test]
fn priority_and_interval_change_without_a_transition() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let first = Node::active(lab.host("n1"), &Entry::both(150));
    let second = Node::backup(lab.host("n2"), &Entry::both(100));
    let reload = first.reload(&[&Entry::both(120).with("advertise", "50ms")]);
    assert!(reload.status.success(), "{}", said(&reload));
    first.await_status("the new priority", |group| group["priority"] == 120);
    let reload = second.reload(&[&Entry::both(110)]);
    assert!(reload.status.success(), "{}", said(&reload));
    second.await_status("the new priority", |group| group["priority"] == 110);
    let heard = || second.metric("rhumb_vrrp_received_total{name=\"pair\",family=\"ipv4\"}");
    let before = heard().expect("a series");
    assert!(until(PATIENCE, || heard().is_some_and(|count| count > before + 10.0)));
    assert_eq!((first.state(), second.state()), ("Active".into(), "Backup".into()));
    assert!(!first.has_logged("Active → ") && !second.has_logged("Backup → Active"));
}

#[test]
fn addresses_change_without_a_transition() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let node = Node::active(lab.host("n1"), &Entry::both(100));
    let entry = Entry::both(100).with("addresses", format!("[{OTHER}, \"{VIP6}\"]"));
    let reload = node.reload(&[&entry]);
    assert!(reload.status.success(), "{}", said(&reload));
    let holds = |vip| node.host.holds("eth0", vip) && node.host.holds("lo", vip);
    let gone = |vip| !node.host.holds("eth0", vip) && !node.host.holds("lo", vip);
    assert!(until(PATIENCE, || holds(OTHER) && holds(VIP6) && gone(VIP)));
    node.await_status("them", |group| group["addresses"][0] == OTHER.to_string());
    assert!(!node.has_logged("Active → "));
    let answer = node.host.run("dig", &format!("@{OTHER} who.pair.test A +short +norec"));
    assert_eq!(answer.trim(), "192.0.2.1", "and it is answered there");
}

#[test]
fn keys_are_replaced_one_node_after_the_other_without_a_transition() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let entry = |priority, keys: &str, send: u8| {
        let auth = format!("{{ keys: {{ {keys} }}, send: {send} }}");
        Entry::both(priority).with("auth", auth)
    };
    let (old, both, new) = ("1: old", "1: old, 2: new", "2: new");
    let start = |name, priority| {
        let folder = Folder::new(lab.host(name), &[&entry(priority, old, 1)]);
        folder.write_secret("old", &format!("hex:{}\n", "11".repeat(32)));
        folder.write_secret("new", &format!("hex:{}\n", "22".repeat(32)));
        Node::start_in(lab.host(name), folder)
    };
    let first = start("n1", 150);
    first.await_state("Active");
    let second = start("n2", 100);
    let heard = || second.metric("rhumb_vrrp_received_total{name=\"pair\",family=\"ipv6\"}");
    for (keys, send) in [(both, 1), (both, 2), (new, 2)] {
        for (node, priority) in [(&first, 150), (&second, 100)] {
            let before = heard().unwrap_or_default();
            assert!(until(PATIENCE, || heard().is_some_and(|count| count > before + 3.0)));
            let reload = node.reload(&[&entry(priority, keys, send)]);
            assert!(reload.status.success(), "{}", said(&reload));
        }
    }
    let before = heard().unwrap_or_default();
    assert!(until(PATIENCE, || heard().is_some_and(|count| count > before + 5.0)));
    assert_eq!((first.state(), second.state()), ("Active".into(), "Backup".into()));
    assert!(!first.has_logged("Active → ") && !second.has_logged("Backup → Active"));
}

#[test]
fn an_entry_is_added_and_removed_beside_one_that_stays() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let (stays, added) = (Entry::ipv4(150), Entry::ipv4(150));
    let added = added.with("name", "added").with("id", 52).with("addresses", format!("[{OTHER}]"));
    let first = Node::active(lab.host("n1"), &stays);
    let second = Node::backup(lab.host("n2"), &stays);
    let reload = first.reload(&[&stays, &added]);
    assert!(reload.status.success(), "{}", said(&reload));
    assert!(until(PATIENCE, || first.host.holds("eth0", OTHER)));
    let reload = second.reload(&[&stays, &added]);
    assert!(reload.status.success(), "{}", said(&reload));
    let state = |node: &Node<'_>| node.node_status()["vrrp"][1]["state"].clone();
    let hears = || {
        let group = second.node_status()["vrrp"][1].take();
        group["state"] == "Backup" && !group["active"].is_null()
    };
    assert!(until(PATIENCE, hears), "{}", state(&second));
    let reload = first.reload(&[&stays]);
    assert!(reload.status.success(), "{}", said(&reload));
    assert!(!first.host.holds("eth0", OTHER) && !first.host.holds("lo", OTHER));
    assert!(until(PATIENCE, || state(&second) == "Active"));
    await_one_active([&first, &second]);
    assert!(first.has_vip(), "the one that stays was not touched");
    assert!(!first.has_logged("Active → Backup"));
}

#[test]
fn an_entry_that_is_removed_raises_no_alarm_while_another_one_takes_its_time_to_leave() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let fast = Entry::ipv4(100).with("health", "{ every: 50ms, timeout: 50ms }");
    // It waits four seconds for somebody to take over.
    let slow = Entry::ipv4(100).with("advertise", "1s").with("name", "slow").with("id", 52);
    let slow = slow.with("addresses", format!("[{OTHER}]"));
    let stays = Entry::ipv6(100).with("name", "stays");
    let folder = Folder::new(lab.host("n1"), &[&fast, &slow, &stays]);
    let node = Node::start_in(lab.host("n1"), folder);
    node.await_state("Active");
    assert!(until(PATIENCE, || node.host.holds("eth0", OTHER)));
    let reload = node.reload(&[&stays]);
    assert!(reload.status.success(), "{}", said(&reload));
    assert!(!node.has_vip() && !node.host.holds("eth0", OTHER));
    assert!(!node.has_logged("alarm: "), "{}", node.daemon.log());
}

/// How ARP is answered and asked on an interface.
fn knobs(node: &Node<'_>, interface: &str) -> [String; 2] {
    let value = |knob| node.host.sysctl_value(&format!("net/ipv4/conf/{interface}/{knob}"));
    ["arp_ignore", "arp_announce"].map(value)
}

#[test]
fn an_interface_gets_its_sysctls_back_with_the_last_entry_that_served_it() {
    let Some(lab) = Lab::with_two_lans(&["n1"]) else { return };
    let entry = |name, id, interface, address| {
        let entry = Entry::ipv4(100).with("name", name).with("id", id).with("interface", interface);
        entry.with("addresses", format!("[{address}]"))
    };
    let stays = entry("stays", 51, "eth0", "10.0.0.100");
    let other = entry("other", 52, "eth1", "10.255.0.100");
    let third = entry("third", 53, "eth1", "10.255.0.101");
    lab.host("n1").sysctl("net/ipv4/conf/eth1/arp_announce", "1");
    let folder = Folder::new(lab.host("n1"), &[&stays, &other, &third]);
    let node = Node::start_in(lab.host("n1"), folder);
    let turned = |interface| knobs(&node, interface) == ["1", "2"];
    assert!(until(PATIENCE, || turned("eth0") && turned("eth1")));
    let all_active = || {
        let groups = node.node_status()["vrrp"].take();
        groups.as_array().is_some_and(|groups| groups.iter().all(|g| g["state"] == "Active"))
    };
    assert!(until(PATIENCE, all_active));
    let reload = node.reload(&[&stays, &third]);
    assert!(reload.status.success(), "{}", said(&reload));
    assert!(turned("eth1"), "one that serves it stays");
    let reload = node.reload(&[&stays]);
    assert!(reload.status.success(), "{}", said(&reload));
    assert_eq!(knobs(&node, "eth1"), ["0", "1"], "as before the start");
    assert!(turned("eth0"));
}

#[test]
fn an_entry_with_another_id_leaves_and_starts() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let node = Node::active(lab.host("n1"), &Entry::ipv4(100));
    let reload = node.reload(&[&Entry::ipv4(100).with("id", 52)]);
    assert!(reload.status.success(), "{}", said(&reload));
    node.await_status("the new id", |group| group["id"] == 52 && group["state"] == "Active");
    assert!(node.has_vip() && node.host.holds("lo", VIP));
}

#[test]
fn a_mistake_refuses_the_whole_reload() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let node = Node::active(lab.host("n1"), &Entry::ipv4(100));
    let wrong = Entry::ipv4(120).with("advertise", "5ms");
    let reload = node.reload(&[&wrong]);
    assert_eq!(reload.status.code(), Some(1), "{}", said(&reload));
    assert!(said(&reload).contains("advertise"), "{}", said(&reload));
    // The command has read the file itself; the node is asked by a signal.
    node.daemon.signal(Signal::Reload);
    assert!(until(PATIENCE, || node.node_status()["stale"] == true));
    assert_eq!(node.status()["priority"], 100);
    assert!(node.has_vip());
    assert_eq!(node.state(), "Active");
}

#[test]
fn the_first_entry_of_a_node_without_any_starts_with_the_reload() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let folder = Folder::new(lab.host("n1"), &[]);
    let node = Node::start_in(lab.host("n1"), folder);
    node.await_log("ready");
    let reload = node.reload(&[&Entry::ipv4(100)]);
    assert!(reload.status.success(), "{}", said(&reload));
    node.await_status("Active", |group| group["state"] == "Active");
    assert!(node.has_vip() && node.host.holds("lo", VIP));
}
