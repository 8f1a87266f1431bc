//! A pair of Rhumb and keepalived 2.2.7, in both directions.

use crate::lab::{Daemon, Host, Lab, Signal, VIP, VIP6, installed, until};
use crate::node::{Entry, Folder, Node, PATIENCE};

/// Two hosts, where keepalived is installed.
fn lab() -> Option<Lab> {
    if installed("keepalived") {
        return Lab::new(&["n1", "n2"]);
    }
    let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|value| value == "1");
    assert!(!required, "keepalived (Debian package keepalived) is required and not installed");
    eprintln!("skipped: keepalived (Debian package keepalived) is not installed");
    None
}

/// keepalived with priority 100; `more` is the rest of its instance.
struct Keepalived<'l> {
    host: &'l Host,
    daemon: Daemon,
    _folder: tempfile::TempDir,
}

impl<'l> Keepalived<'l> {
    fn start(host: &'l Host, version: u8, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let interval = if version == 2 { "1" } else { "0.1" };
        let text = format!(
            "global_defs {{\n vrrp_version {version}\n}}\n\
             vrrp_instance pair {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n\
             priority 100\n advert_int {interval}\n{more}\n}}\n"
        );
        std::fs::write(path("keepalived.conf"), text).expect("a file");
        let mut command = host.command("keepalived");
        command.args(["-n", "-P", "-l", "-f"]).arg(path("keepalived.conf"));
        command.arg("-p").arg(path("pid")).arg("-r").arg(path("vrrp.pid"));
        let daemon = host.start("keepalived", &mut command);
        Self { host, daemon, _folder: folder }
    }

    fn await_owner(&self, vip: std::net::IpAddr, owns: bool) {
        let as_wanted = until(PATIENCE, || self.host.holds("eth0", vip) == owns);
        assert!(as_wanted, "keepalived: {vip}: not {owns}\n{}", self.daemon.log());
    }
}

/// Takes over from keepalived, which is worse; gives back by a stop; takes over when keepalived
/// stops, although it is better now.
fn takes_turns(mut keepalived: Keepalived<'_>, folder: Folder, host: &Host, entry: &Entry) {
    let vip = if entry.is_ipv6() { VIP6 } else { VIP };
    let better = entry.clone().with("priority", 150).with("preempt", "always");
    let worse = entry.clone().with("priority", 50);
    keepalived.await_owner(vip, true);
    folder.configure(host, &[&better]);
    let mut node = Node::start_in(host, folder);
    node.await_log("Backup → Active");
    assert!(node.has_logged("has a lower priority"), "it heard keepalived, and pre-empted");
    keepalived.await_owner(vip, false);
    assert!(node.stop().success());
    keepalived.await_owner(vip, true);
    node.folder.configure(host, &[&worse]);
    let node = node.start_again();
    node.await_status("to hear keepalived", |group| {
        group["state"] == "Backup" && !group["active"].is_null()
    });
    keepalived.daemon.signal(Signal::Terminate);
    node.await_log("Backup → Active");
    assert!(node.has_logged("gave the role away"), "and not: is silent");
    assert_eq!(node.status()["warnings"], serde_json::json!([]));
    assert!(keepalived.daemon.wait(PATIENCE).is_some());
}

#[test]
fn version_3_over_ipv4_by_multicast() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let keepalived = Keepalived::start(n2, 3, &format!("virtual_ipaddress {{\n {VIP}\n}}"));
    takes_turns(keepalived, Folder::new(n1, &[]), n1, &Entry::ipv4(100));
}

#[test]
fn version_3_over_ipv6_by_multicast() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let more = format!("virtual_ipaddress {{\n fe80::100\n {VIP6}\n}}");
    let keepalived = Keepalived::start(n2, 3, &more);
    let entry = Entry::ipv6(100).with("addresses", format!("[\"fe80::100\", \"{VIP6}\"]"));
    takes_turns(keepalived, Folder::new(n1, &[]), n1, &entry);
}

#[test]
fn version_3_over_ipv4_by_unicast() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let more = format!(
        "unicast_src_ip {}\n unicast_peer {{\n {}\n}}\n virtual_ipaddress {{\n {VIP}\n}}",
        n2.address(),
        n1.address()
    );
    let keepalived = Keepalived::start(n2, 3, &more);
    takes_turns(keepalived, Folder::new(n1, &[]), n1, &Entry::ipv4(100).to(&[n2.address()]));
}

#[test]
fn version_2_with_a_password() {
    let Some(lab) = lab() else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let more = format!(
        "authentication {{\n auth_type PASS\n auth_pass secret\n}}\n\
         virtual_ipaddress {{\n {VIP}\n}}"
    );
    let keepalived = Keepalived::start(n2, 2, &more);
    let folder = Folder::new(n1, &[]);
    folder.write_secret("password", "secret\n");
    let entry = Entry::ipv4(100).with("version", 2).with("advertise", "1s");
    let entry = entry.with("auth", "{ password_file: password }");
    takes_turns(keepalived, folder, n1, &entry);
}
