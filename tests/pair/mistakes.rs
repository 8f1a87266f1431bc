//! Two nodes whose configurations do not fit: each names what is wrong, and counts it.

use crate::lab::{Host, Lab, until};
use crate::node::{Entry, Folder, Node, PATIENCE, said};

fn lab() -> Option<Lab> {
    Lab::new(&["n1", "n2"])
}

/// Waits until a node says these words in its log and in its status, and counts them as `reason`.
fn names(node: &Node<'_>, words: &str, reason: &str) {
    node.await_warning(words);
    node.daemon.wait_for_log(words, PATIENCE);
    assert!(said(&node.rhumb("status")).contains(words), "and `rhumb status`");
    node.await_dropped(reason);
    assert!(node.metric("rhumb_vrrp_warnings{name=\"pair\"}").is_some_and(|count| count >= 1.0));
}

#[test]
fn a_peer_on_the_other_version() {
    let Some(lab) = lab() else { return };
    let old = Entry::ipv4(100).with("version", 2).with("advertise", "1s");
    let old = Node::start(lab.host("n1"), &old);
    let new = Node::start(lab.host("n2"), &Entry::ipv4(100));
    names(&old, "10.0.0.2 speaks version 3, this node version 2: set the same on both", "version");
    names(&new, "10.0.0.1 speaks version 2, this node version 3: set the same on both", "version");
}

#[test]
fn another_interval_in_version_2() {
    let Some(lab) = lab() else { return };
    let entry = |interval| Entry::ipv4(100).with("version", 2).with("advertise", interval);
    let _slow = Node::start(lab.host("n1"), &entry("2s"));
    let fast = Node::start(lab.host("n2"), &entry("1s"));
    let words = "10.0.0.1 advertises every 2 s, this node every 1 s";
    names(&fast, words, "interval");
}

#[test]
fn other_addresses_are_a_warning_and_still_elect_one() {
    let Some(lab) = lab() else { return };
    let first = Node::active(lab.host("n1"), &Entry::ipv4(150));
    let more = Entry::ipv4(100).with("addresses", "[10.0.0.100, 10.0.0.101]");
    let second = Node::backup(lab.host("n2"), &more);
    let words = "10.0.0.1 advertises other addresses (without 10.0.0.101): set the same on both";
    second.await_warning(words);
    second.daemon.wait_for_log(words, PATIENCE);
    assert_eq!((first.state(), second.state()), ("Active".into(), "Backup".into()));
}

#[test]
fn other_addresses_are_dropped_where_that_is_asked_for() {
    let Some(lab) = lab() else { return };
    let entry = Entry::ipv4(100).with("address_mismatch", "drop");
    let more = entry.clone().with("addresses", "[10.0.0.100, 10.0.0.101]");
    let _first = Node::start(lab.host("n1"), &entry);
    let second = Node::start(lab.host("n2"), &more);
    names(&second, "(without 10.0.0.101): set the same on both", "address_mismatch");
}

/// Starts a node that authenticates with a key of its own under this id.
pub(super) fn with_key<'l>(host: &'l Host, id: u8, fill: &str) -> Node<'l> {
    let folder = Folder::new(host, &[]);
    folder.write_secret("key", &format!("hex:{}\n", fill.repeat(32)));
    let entry = Entry::ipv4(100).with("auth", format!("{{ keys: {{ {id}: key }} }}"));
    folder.configure(host, &[&entry]);
    Node::start_in(host, folder)
}

#[test]
fn another_key_under_the_same_id() {
    let Some(lab) = lab() else { return };
    let _first = with_key(lab.host("n1"), 1, "11");
    let second = with_key(lab.host("n2"), 1, "22");
    names(&second, "10.0.0.1 sends a wrong MAC: it has another key 1, or", "wrong_mac");
}

#[test]
fn a_key_that_the_other_node_does_not_have() {
    let Some(lab) = lab() else { return };
    let _first = with_key(lab.host("n1"), 2, "11");
    let second = with_key(lab.host("n2"), 1, "11");
    names(&second, "authenticates with key 2, which this node does not have", "unknown_key");
}

#[test]
fn no_authentication_where_the_other_node_insists() {
    let Some(lab) = lab() else { return };
    let _first = Node::active(lab.host("n1"), &Entry::ipv4(200));
    let second = with_key(lab.host("n2"), 1, "11");
    names(&second, "10.0.0.1 sends no authentication trailer", "unauthenticated");
}

#[test]
fn another_password_in_version_2() {
    let Some(lab) = lab() else { return };
    let node = |host, password| {
        let folder = Folder::new(host, &[]);
        folder.write_secret("password", password);
        let entry = Entry::ipv4(100).with("version", 2).with("advertise", "1s");
        folder.configure(host, &[&entry.with("auth", "{ password_file: password }")]);
        Node::start_in(host, folder)
    };
    let _first = node(lab.host("n1"), "secret");
    let second = node(lab.host("n2"), "Secret");
    names(&second, "10.0.0.1 sends another password: set the same on both", "password");
}

#[test]
fn a_vrid_that_others_use() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    // Somebody who speaks to us and whom we do not know.
    let _stranger = Node::start(n1, &Entry::ipv4(200).to(&[n2.address()]));
    let entry = Entry::ipv4(100).to(&["10.0.0.3".parse().expect("an address")]);
    let node = Node::start(n2, &entry);
    names(&node, "VRID 51 is in use by 10.0.0.1, which is not among the `peers`", "unknown_sender");
    node.await_state("Active");
}

#[test]
fn peers_here_and_multicast_there() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let unicast = Node::start(n1, &Entry::ipv4(100).to(&[n2.address()]));
    let multicast = Node::start(n2, &Entry::ipv4(100));
    names(&multicast, "10.0.0.1 advertises VRID 51 to 10.0.0.2, this node by multicast", "unicast");
    let words = "10.0.0.2 advertises VRID 51 to 224.0.0.18, this node to its `peers`";
    names(&unicast, words, "multicast");
}

#[test]
fn peers_here_and_multicast_there_in_ipv6() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let unicast = Node::start(n1, &Entry::ipv6(100).to(&[n2.address6()]));
    let _multicast = Node::start(n2, &Entry::ipv6(100));
    let words = "fe80::ff:fe00:2 advertises VRID 51 to ff02::12, this node to its `peers`";
    names(&unicast, words, "multicast");
}

#[test]
fn another_interval_in_version_3_is_adopted() {
    let Some(lab) = lab() else { return };
    let slow = Node::active(lab.host("n1"), &Entry::ipv4(150).with("advertise", "500ms"));
    // Before it has heard the other one it waits for three intervals of its own.
    let fast = Node::backup(lab.host("n2"), &Entry::ipv4(100).with("advertise", "200ms"));
    // Now those would be 150 ms: several pass between two advertisements.
    let reload = fast.reload(&[&Entry::ipv4(100).with("advertise", "50ms")]);
    assert!(reload.status.success(), "{}", said(&reload));
    let heard = || fast.metric("rhumb_vrrp_received_total{name=\"pair\",family=\"ipv4\"}");
    let before = heard().expect("a series");
    assert!(until(PATIENCE, || heard().is_some_and(|count| count >= before + 4.0)));
    assert_eq!((slow.state(), fast.state()), ("Active".into(), "Backup".into()));
    assert!(!fast.has_logged("Backup → Active"));
    assert_eq!(fast.status()["warnings"], serde_json::json!([]), "which is nothing to warn of");
}
