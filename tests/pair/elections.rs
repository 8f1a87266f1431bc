//! Who is Active: in each family and on each kind of path, by an operator's word and at a stop.

use crate::lab::until;
use crate::lab::{Host, Lab, VIP, VIP6};
use crate::node::{Entry, NAME, Node, PATIENCE, await_one_active, said};

/// The better node is Active, gives the address away and takes it back as it is told, and the other
/// one has it when the first stops.
fn takes_turns(lab: &Lab, better: &Entry, worse: &Entry) {
    let mut first = Node::active(lab.host("n1"), &better.clone().with("preempt", "always"));
    let second = Node::backup(lab.host("n2"), worse);
    assert_eq!(first.state(), "Active");
    let failover = first.rhumb("failover");
    assert!(failover.status.success(), "{}", said(&failover));
    assert!(said(&failover).contains(" took over"), "{}", said(&failover));
    second.await_state("Active");
    // It may keep the addresses a little for neighbours who have not heard of it.
    first.await_status("to be held", |group| group["state"] == "Backup" && group["held"] == true);
    let release = first.rhumb("failover --release");
    assert!(release.status.success(), "{}", said(&release));
    first.await_state("Active");
    await_one_active([&first, &second]);
    assert!(first.stop().success());
    second.await_log("Backup → Active");
    assert!(second.has_logged("gave the role away"), "a stop is no crash");
    assert_eq!(second.status()["warnings"], serde_json::json!([]));
}

fn lab() -> Option<Lab> {
    Lab::new(&["n1", "n2"])
}

/// The paths to a host.
fn path4(host: &Host) -> [std::net::IpAddr; 1] {
    [host.address()]
}

#[test]
fn ipv4_by_multicast() {
    let Some(lab) = lab() else { return };
    takes_turns(&lab, &Entry::ipv4(150), &Entry::ipv4(100));
}

#[test]
fn ipv6_by_multicast() {
    let Some(lab) = lab() else { return };
    takes_turns(&lab, &Entry::ipv6(150), &Entry::ipv6(100));
}

#[test]
fn both_families_by_multicast() {
    let Some(lab) = lab() else { return };
    takes_turns(&lab, &Entry::both(150), &Entry::both(100));
}

#[test]
fn ipv4_by_unicast() {
    let Some(lab) = lab() else { return };
    let (to_first, to_second) = (path4(lab.host("n1")), path4(lab.host("n2")));
    takes_turns(&lab, &Entry::ipv4(150).to(&to_second), &Entry::ipv4(100).to(&to_first));
}

#[test]
fn ipv6_by_unicast() {
    let Some(lab) = lab() else { return };
    let [to_first, to_second] = ["n1", "n2"].map(|name| [lab.host(name).address6()]);
    takes_turns(&lab, &Entry::ipv6(150).to(&to_second), &Entry::ipv6(100).to(&to_first));
}

#[test]
fn both_families_by_unicast_on_two_networks() {
    let Some(lab) = Lab::with_two_lans(&["n1", "n2"]) else { return };
    let paths = |name| {
        let host = lab.host(name);
        [host.address(), host.address_on(1), host.address6(), host.address6_on(1)]
    };
    let [to_first, to_second] = ["n1", "n2"].map(paths);
    takes_turns(&lab, &Entry::both(150).to(&to_second), &Entry::both(100).to(&to_first));
}

#[test]
fn addresses_that_have_a_mac_address_of_their_own() {
    let Some(lab) = lab() else { return };
    let entry = |priority| Entry::both(priority).with("vmac", true);
    takes_turns(&lab, &entry(150), &entry(100));
}

#[test]
fn addresses_that_are_on_the_active_alone() {
    let Some(lab) = lab() else { return };
    let entry = |priority| Entry::both(priority).with("resident", false);
    takes_turns(&lab, &entry(150), &entry(100));
}

#[test]
fn nobody_takes_over_when_the_peer_is_down_and_the_node_keeps_the_addresses() {
    let Some(lab) = lab() else { return };
    let node = Node::active(lab.host("n1"), &Entry::both(100));
    let failover = node.rhumb(&format!("failover {NAME}"));
    assert_eq!(failover.status.code(), Some(1));
    assert!(said(&failover).contains("no peer took over"), "{}", said(&failover));
    node.await_state("Active");
    assert!([VIP, VIP6].iter().all(|vip| node.host.holds("eth0", *vip)));
}

#[test]
fn a_backup_has_nothing_to_give_and_an_unknown_name_is_named() {
    let Some(lab) = lab() else { return };
    let _active = Node::active(lab.host("n1"), &Entry::ipv4(100));
    let backup = Node::backup(lab.host("n2"), &Entry::ipv4(100));
    let failover = backup.rhumb("failover");
    assert_eq!(failover.status.code(), Some(1));
    assert!(said(&failover).contains("is in state Backup and has nothing to give"));
    let failover = backup.rhumb("failover other");
    assert_eq!(failover.status.code(), Some(1));
    assert!(said(&failover).contains(&format!("there are: {NAME}")), "{}", said(&failover));
}

#[test]
fn a_better_node_that_comes_back_does_not_disturb_a_healthy_one() {
    let Some(lab) = lab() else { return };
    let worse = Node::active(lab.host("n2"), &Entry::both(50));
    let better = Node::backup(lab.host("n1"), &Entry::both(200));
    let heard = "rhumb_vrrp_received_total{name=\"pair\",family=\"ipv4\"}";
    let before = better.metric(heard).expect("a series");
    let enough = || better.metric(heard).is_some_and(|count| count > before + 10.0);
    assert!(until(PATIENCE, enough), "ten intervals pass");
    assert_eq!((better.state(), worse.state()), ("Backup".into(), "Active".into()));
}
