//! An operator takes a node out, and brings it back.

use crate::client::Client;
use crate::lab::{Lab, VIP, until};
use crate::node::{Entry, Node, PATIENCE, said};

#[test]
fn a_drained_node_gives_its_address_away_and_no_query_is_lost() {
    let Some(lab) = Lab::new(&["n1", "n2", "client"]) else { return };
    // Even where the peer displaces nobody: the node hands over by itself.
    for preempt in ["unhealthy", "never"] {
        let entry = |priority| Entry::ipv4(priority).with("preempt", preempt);
        let first = Node::active(lab.host("n1"), &entry(150));
        let second = Node::backup(lab.host("n2"), &entry(100));
        let client = Client::start(lab.host("client"), VIP);
        client.await_answers_of(first.host);
        let drain = first.rhumb("drain --node");
        assert!(drain.status.success(), "{}", said(&drain));
        let took_over = format!("pair: {} took over", second.host.address());
        assert!(said(&drain).contains(&took_over), "{}", said(&drain));
        client.await_answers_of(second.host);
        let (sent, lost) = client.stop();
        assert_eq!(lost, 0, "of {sent} queries");
        first.await_status("the floor", |group| group["priority"] == 1);
        assert!(first.node_status()["drained"] == true);
    }
}

#[test]
fn a_drained_node_stays_so_over_a_restart_and_serves_when_it_is_alone() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let mut first = Node::active(lab.host("n1"), &Entry::ipv4(150));
    let drain = first.rhumb("drain --node");
    assert!(said(&drain).contains("no peer took over"), "{}", said(&drain));
    assert!(first.stop().success());
    let first = first.start_again();
    first.await_status("the address", |group| group["state"] == "Active" && group["priority"] == 1);
    assert!(first.has_logged("drained since before it was started"));
    let second = Node::start(lab.host("n2"), &Entry::ipv4(100));
    second.await_state("Active");
    first.await_state("Backup");
    let undrain = first.rhumb("undrain --node");
    assert!(undrain.status.success(), "{}", said(&undrain));
    first.await_status("its priority", |group| group["priority"] == 150);
    // It displaces nobody healthy, and takes over from a node that is drained itself.
    assert!(second.rhumb("drain --node").status.success());
    first.await_state("Active");
    assert!(until(PATIENCE, || first.has_vip() && !second.has_vip()));
}
