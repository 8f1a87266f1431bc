//! `ecmp:` of a node that runs: the kernel's group follows the health of a pool.

use std::net::TcpListener;

use serde_json::Value;

use crate::lab::{Host, Lab, until};
use crate::node::{Folder, Node, PATIENCE, said};
use crate::site::{without_bgp, zone};
use crate::tor::next_hops;

/// What is routed.
const PREFIX: &str = "10.9.9.9/32";
/// Where members are asked.
const PORT: u16 = 8080;

fn folder(host: &Host, members: [&Host; 2]) -> Folder {
    let folder = Folder::new(host, &[]);
    let entry = format!(
        "ecmp:\n  - {{ name: fleet, prefix: {PREFIX}, pool: lab.test/fleet, traffic: dns, \
         buckets: 32, hash_policy: l4 }}\n"
    );
    folder.write("rhumb.yaml", &format!("{}{entry}", without_bgp(host)));
    let [first, second] = members.map(Host::address);
    let pool = format!(
        "probes:\n  open: {{ tcp: {{ port: {PORT} }}, every: 200ms, timeout: 200ms, fall: 1, \
         rise: 1 }}\n\
         pools:\n  fleet: {{ probe: open, members: [{first}, {second}] }}\n"
    );
    folder.write("lab.zone", &zone(host, &pool));
    folder
}

/// A member that is well as long as this lives: the kernel accepts what nobody takes.
fn member(host: &Host) -> TcpListener {
    host.inside(|| TcpListener::bind((host.address(), PORT)).expect("a free port"))
}

fn entry(node: &Node<'_>) -> Value {
    node.node_status()["ecmp"][0].take()
}

/// Waits until the route goes to these hosts, as the kernel says it.
fn await_members(node: &Node<'_>, members: &[&Host]) {
    let mut wanted: Vec<_> = members.iter().map(|host| host.address()).collect();
    wanted.sort();
    let mut seen = Vec::new();
    let found = until(PATIENCE, || {
        seen = next_hops(node.host, PREFIX);
        seen.sort();
        seen == wanted
    });
    assert!(found, "{seen:?}, not {wanted:?}: {:#}", entry(node));
    let counted = || entry(node)["next_hops"] == wanted.len();
    assert!(until(PATIENCE, counted), "the status says so too: {:#}", entry(node));
}

#[test]
fn a_member_that_goes_down_leaves_the_group_and_comes_back() {
    let Some(lab) = Lab::new(&["n1", "n2", "client"]) else { return };
    let (n1, members) = (lab.host("n1"), ["n2", "client"].map(|name| lab.host(name)));
    let policy = n1.sysctl_value("net/ipv4/fib_multipath_hash_policy");
    let mut well = members.map(|host| Some(member(host)));
    let mut node = Node::start_in(n1, folder(n1, members));
    await_members(&node, &members);
    assert_eq!(n1.sysctl_value("net/ipv4/fib_multipath_hash_policy"), "1");
    assert_eq!((&entry(&node)["leads"], &entry(&node)["buckets"]), (&"group".into(), &32.into()));
    well[0] = None;
    await_members(&node, &members[1..]);
    let out = entry(&node)["members"][0].take();
    assert_eq!(out["standing"], "out", "{out}");
    well[0] = Some(member(members[0]));
    await_members(&node, &members);
    // All of them down: those that were up last stay.
    well = [None, None];
    let kept = || entry(&node)["members"].to_string().contains("\"kept\"");
    assert!(until(PATIENCE, kept), "{:#}", entry(&node));
    assert!(!next_hops(n1, PREFIX).is_empty());
    drop(well);
    assert!(node.stop().success());
    assert_eq!(n1.ip(&format!("route show {PREFIX}")), "");
    assert_eq!(n1.ip("nexthop show"), "", "nothing is left");
    assert_eq!(n1.sysctl_value("net/ipv4/fib_multipath_hash_policy"), policy);
}

#[test]
fn a_crash_leaves_the_route_and_release_removes_it() {
    let Some(lab) = Lab::new(&["n1", "n2", "client"]) else { return };
    let (n1, members) = (lab.host("n1"), ["n2", "client"].map(|name| lab.host(name)));
    let _well = members.map(member);
    let mut node = Node::start_in(n1, folder(n1, members));
    await_members(&node, &members);
    node.kill();
    assert_eq!(next_hops(n1, PREFIX).len(), 2, "what it forwards, it forwards on");
    let release = node.rhumb("release");
    assert!(release.status.success(), "{}", said(&release));
    assert_eq!(n1.ip(&format!("route show {PREFIX}")), "");
    assert_eq!(n1.ip("nexthop show"), "");
}
