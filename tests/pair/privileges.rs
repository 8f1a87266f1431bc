//! A node that lacks a capability says which, and leaves nothing behind.

use crate::lab::{Host, Lab, installed};
use crate::node::{Entry, Folder, PATIENCE};

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

/// Starts a node that has every capability but these; what it said when it ended.
fn refused(host: &Host, without: &str) -> String {
    let folder = Folder::new(host, &[&Entry::both(100)]);
    let mut command = host.command("setpriv");
    command.args([&format!("--bounding-set={without}"), &format!("--inh-caps={without}")]);
    command.arg(env!("CARGO_BIN_EXE_rhumb")).args(["run", "-c"]).arg(folder.path("rhumb.yaml"));
    let before = kernel(host);
    let mut daemon = host.start("rhumb", &mut command);
    let status = daemon.wait(PATIENCE).unwrap_or_else(|| panic!("it runs without {without}"));
    assert_eq!(status.code(), Some(1), "{}", daemon.log());
    assert_eq!(kernel(host), before, "{}", daemon.log());
    daemon.log()
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
    let log = refused(lab.host("n1"), "-net_raw");
    assert!(log.contains("CAP_NET_RAW"), "{log}");
}

#[test]
fn without_network_administration_a_node_names_the_capability_and_ends() {
    let Some(lab) = lab() else { return };
    let log = refused(lab.host("n1"), "-net_admin");
    assert!(log.contains("CAP_NET_ADMIN"), "{log}");
}
