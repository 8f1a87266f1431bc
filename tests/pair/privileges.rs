//! A node that may not do all that it would: what it cannot do without it names, and ends with
//! nothing left behind; what it can do without it names in its status.

use crate::lab::{Host, Lab, VIP, VIP6, installed};
use crate::node::{Entry, Folder, Node, PATIENCE, said};

/// A lab, where a program can be deprived of capabilities.
fn lab() -> Option<Lab> {
    if installed("setpriv") {
        return Lab::new(&["n1"]);
    }
    let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|value| value == "1");
    assert!(!required, "setpriv (Debian package util-linux) is required and not installed");
    eprintln!("skipped: setpriv (Debian package util-linux) is not installed");
    None
}

/// Starts a node that has every capability but these, with commas between.
fn without<'l>(host: &'l Host, capabilities: &str) -> Node<'l> {
    let less = format!("-{}", capabilities.replace(',', ",-"));
    let [bounding, inherited] = ["bounding-set", "inh-caps"].map(|of| format!("--{of}={less}"));
    let folder = Folder::new(host, &[&Entry::both(100)]);
    Node::start_by(host, folder, &["setpriv", &bounding, &inherited])
}

/// A node does not start without capabilities, says these words, and leaves nothing behind.
fn refuses(host: &Host, capabilities: &str, words: &str) {
    let before = kernel(host);
    let mut node = without(host, capabilities);
    let status = node.daemon.wait(PATIENCE);
    let status = status.unwrap_or_else(|| panic!("runs without {capabilities}"));
    // What it said last may still be on its way.
    node.daemon.wait_for_log(words, PATIENCE);
    assert_eq!(status.code(), Some(1), "{}", node.daemon.log());
    assert_eq!(kernel(host), before, "{}", node.daemon.log());
}

/// What a node changes: addresses, and how ARP is answered.
fn kernel(host: &Host) -> impl PartialEq + std::fmt::Debug + use<> {
    let sysctl = |knob| host.sysctl_value(&format!("net/ipv4/conf/eth0/{knob}"));
    let addresses = ["eth0", "lo"].map(|interface| host.addresses(interface));
    (addresses, ["arp_ignore", "arp_announce"].map(sysctl))
}

#[test]
fn without_raw_sockets_a_node_names_the_capability_and_ends() {
    let Some(lab) = lab() else { return };
    refuses(lab.host("n1"), "net_raw", "the capability CAP_NET_RAW is needed");
}

#[test]
fn without_network_administration_a_node_names_the_capability_and_ends() {
    let Some(lab) = lab() else { return };
    refuses(lab.host("n1"), "net_admin", "the capability CAP_NET_ADMIN is needed");
}

#[test]
fn without_both_a_node_names_both_at_once() {
    let Some(lab) = lab() else { return };
    refuses(lab.host("n1"), "net_raw,net_admin", "CAP_NET_RAW and CAP_NET_ADMIN are needed");
}

#[test]
fn without_a_writable_state_directory_a_node_says_what_it_is_for_and_ends() {
    let Some(lab) = lab() else { return };
    let host = lab.host("n1");
    let folder = Folder::new(host, &[&Entry::both(100)]);
    std::fs::create_dir(folder.path("state")).expect("a directory");
    let before = kernel(host);
    // As systemd's ProtectSystem does.
    let state = folder.path("state").display().to_string();
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
    let mut node = Node::start_by(host, folder, &["sh", "-c", script, &state]);
    let status = node.daemon.wait(PATIENCE).expect("it does not run");
    assert_eq!(status.code(), Some(1), "{}", node.daemon.log());
    for words in ["state/vrrp.lock: Read-only file system", "need a `state:` directory"] {
        node.daemon.wait_for_log(words, PATIENCE);
    }
    assert_eq!(kernel(host), before, "{}", node.daemon.log());
}

#[test]
fn without_the_right_to_its_port_a_node_names_the_capability_and_undoes_what_it_did() {
    let Some(lab) = lab() else { return };
    refuses(lab.host("n1"), "net_bind_service", "CAP_NET_BIND_SERVICE");
}

#[test]
fn a_node_that_cannot_start_every_group_undoes_those_that_it_started() {
    let Some(lab) = lab() else { return };
    let host = lab.host("n1");
    let entry = |id: u8| {
        let entry = Entry::ipv4(100).with("name", format!("vip-{id}")).with("id", id);
        entry.with("addresses", format!("[10.0.0.{}]", 100 + id))
    };
    let entries: Vec<_> = (1..=40).map(entry).collect();
    let folder = Folder::new(host, &entries.iter().collect::<Vec<_>>());
    let before = kernel(host);
    // Enough descriptors for the first group, and not for forty.
    let mut node = Node::start_by(host, folder, &["prlimit", "--nofile=100:100"]);
    let status = node.daemon.wait(PATIENCE).expect("it does not run");
    assert_eq!(status.code(), Some(1), "{}", node.daemon.log());
    node.daemon.wait_for_log("Too many open files", PATIENCE);
    assert!(!node.has_logged("VRRP group vip-1:"), "the first was started: {}", node.daemon.log());
    assert_eq!(kernel(host), before, "{}", node.daemon.log());
}

#[test]
fn without_real_time_a_node_takes_part_and_says_so() {
    let Some(lab) = lab() else { return };
    let node = without(lab.host("n1"), "sys_nice");
    node.await_state("Active");
    let words = "CAP_SYS_NICE or LimitRTPRIO";
    assert!(said(&node.rhumb("status")).contains(words), "{}", said(&node.rhumb("status")));
    assert!(node.has_logged(words));
}

#[test]
fn without_writable_sysctls_the_addresses_do_not_stay_and_the_status_says_why() {
    let Some(lab) = lab() else { return };
    let host = lab.host("n1");
    let folder = Folder::new(host, &[&Entry::both(100)]);
    // As systemd's ProtectKernelTunables does; `ip netns exec` has mounts of its own.
    let script = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys \
                  && exec \"$@\"";
    let mut node = Node::start_by(host, folder, &["sh", "-c", script, "sh"]);
    node.await_state("Active");
    assert!(host.holds("eth0", VIP) && !host.holds("lo", VIP) && !host.holds("lo", VIP6));
    let status = said(&node.rhumb("status"));
    let why = "not resident: cannot write 1 to /proc/sys/net/ipv4/conf/eth0/arp_ignore: Read-only";
    assert!(status.contains(why), "{status}");
    assert!(node.stop().success());
    assert!(!host.holds("eth0", VIP));
}
