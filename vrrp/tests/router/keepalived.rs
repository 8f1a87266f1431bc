//! A group with keepalived.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vrrp::auth::{Auth, Password};
use vrrp::config::{Config, Peer, Preempt, Version};
use vrrp::machine::State;

use crate::lab::{Directory, Lab, Namespace, address};
use crate::node::{Node, VIP, config, ipv4, wait_until};

/// keepalived on host b, with priority 100.
struct Keepalived {
    child: Child,
    _directory: Directory,
}

impl Keepalived {
    /// Absent, with a word why, where it is not installed.
    fn start(host: &Namespace, version: u8, interval: &str, more: &str) -> Option<Self> {
        if !Path::new("/usr/sbin/keepalived").exists() {
            let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|value| value == "1");
            assert!(!required, "keepalived is required");
            eprintln!("skipped: keepalived is not installed");
            return None;
        }
        let directory = Directory::new();
        let file = |name: &str| directory.path().join(name);
        let text = format!(
            "global_defs {{ vrrp_version {version} }}\n\
             vrrp_instance V {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n\
             priority 100\n advert_int {interval}\n {more}\n}}\n"
        );
        std::fs::write(file("conf"), text).expect("a file");
        let mut command = Command::new("keepalived");
        command.args(["-n", "-P", "-l", "-f"]).arg(file("conf"));
        command.arg("-p").arg(file("pid")).arg("-r").arg(file("vrrp.pid"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = host.inside(|| command.spawn());
        Some(Self { child: child.expect("keepalived"), _directory: directory })
    }

    /// By SIGTERM: it releases its role.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").arg(pid).status();
        assert!(killed.expect("kill").success());
        self.child.wait().expect("a child");
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        // Already gone, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_vip(host: &Namespace) -> bool {
    host.has(&host.interface("eth0").0, VIP)
}

/// Takes over from keepalived, gives back by a stop, and takes over when keepalived stops.
fn takes_turns(lab: &Lab, keepalived: Keepalived, better: Config, worse: Config) {
    wait_until("keepalived to be Active", || has_vip(&lab.b));
    let node = Node::start(&lab.a, Config { preempt: Preempt::Always, ..better });
    assert_eq!(node.await_state(State::Active), "preempted");
    wait_until("keepalived to be Backup", || !has_vip(&lab.b));
    node.stop();
    wait_until("keepalived to be Active again", || has_vip(&lab.b));
    assert!(!has_vip(&lab.a));
    let node = Node::start(&lab.a, worse);
    node.await_state(State::Backup);
    wait_until("keepalived to be heard", || node.handle.status().active.is_some());
    keepalived.stop();
    assert_eq!(node.await_state(State::Active), "released");
    let dropped = node.handle.status().dropped;
    assert!(dropped.is_empty(), "{dropped:?}");
    node.stop();
}

#[test]
fn version_3_by_multicast() {
    let Some(lab) = Lab::new() else { return };
    let more = "virtual_ipaddress { 192.0.2.100 }";
    let Some(keepalived) = Keepalived::start(&lab.b, 3, "0.1", more) else { return };
    takes_turns(&lab, keepalived, ipv4(150), ipv4(50));
}

#[test]
fn version_3_over_ipv6() {
    let Some(lab) = Lab::new() else { return };
    let vips = [address("fe80::100"), VIP];
    let over_ipv6 = |priority| Config { addresses: vec![vips[0]], ..config(priority) };
    let more = "virtual_ipaddress { fe80::100 }\n virtual_ipaddress_excluded { 192.0.2.100 }";
    let Some(keepalived) = Keepalived::start(&lab.b, 3, "0.1", more) else { return };
    takes_turns(&lab, keepalived, over_ipv6(150), over_ipv6(50));
}

#[test]
fn version_2_by_unicast_with_a_password() {
    let Some(lab) = Lab::new() else { return };
    let more = "unicast_src_ip 192.0.2.2\n unicast_peer { 192.0.2.1 }\n\
                authentication { auth_type PASS\n auth_pass secret }\n\
                virtual_ipaddress { 192.0.2.100 }";
    let Some(keepalived) = Keepalived::start(&lab.b, 2, "1", more) else { return };
    let with_password = |priority| Config {
        version: Version::V2,
        advertise: Duration::from_secs(1),
        auth: Auth::Password(Password(*b"secret\0\0")),
        peers: vec![Peer { name: "b".to_owned(), addresses: vec![address("192.0.2.2")], hops: 1 }],
        ..ipv4(priority)
    };
    takes_turns(&lab, keepalived, with_password(150), with_password(50));
}
