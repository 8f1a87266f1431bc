//! Rhumb as both: the DNS server and the VRRP speaker.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::contender::{Node, PORT, Seat, Settings, VRID};
use crate::lab::{VIP, until};
use crate::message::IDENTITY;

/// Where each node's commands are taken; every host has its own loopback.
const ADMIN: &str = "127.0.0.1:8053";
/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the server and waits until it is ready.
pub fn start(seat: Seat<'_>, settings: &Settings) -> Result<Node, String> {
    std::fs::write(config_file(seat), config(seat, settings)).expect("its folder");
    std::fs::write(seat.folder.join("lab.yaml"), zone(seat)).expect("its folder");
    let mut command = seat.host.command(&settings.rhumb);
    command.args(["run", "--log-format", "json", "-c"]).arg(config_file(seat));
    let mut vrrp = seat.host.start("rhumb", &mut command);
    let mut ended = false;
    let ready = until(PATIENCE, || {
        ended = vrrp.wait(Duration::ZERO).is_some();
        ended || vrrp.log().contains("\"ready\"")
    });
    if ready && !ended {
        return Ok(Node { vrrp, dns: None });
    }
    Err(format!("{}: rhumb is not ready:\n{}", seat.host.name(), vrrp.log()))
}

/// Hands the address over, or with `--release` ends that.
pub fn failover(seat: Seat<'_>, settings: &Settings, words: &[&str]) {
    let mut command = seat.host.command(&settings.rhumb);
    command.arg("failover").args(words).args(["--admin", ADMIN, "--token-file"]);
    tell(command.arg(seat.folder.join("state/token")));
}

/// Undoes what a process that died has left.
pub fn release(seat: Seat<'_>, settings: &Settings) {
    tell(seat.host.command(&settings.rhumb).args(["release", "-c"]).arg(config_file(seat)));
}

/// A command that fails is said; what became of it is in the table.
fn tell(command: &mut Command) {
    let output = command.output().expect("rhumb runs");
    if !output.status.success() {
        eprintln!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn config_file(seat: Seat<'_>) -> PathBuf {
    seat.folder.join("node.conf")
}

fn config(seat: Seat<'_>, settings: &Settings) -> String {
    let name = seat.host.name();
    let (peer, address) = (seat.peer.name(), seat.peer.address());
    let unicast = format!("    peers: [{{ name: {peer}, addresses: [{address}] }}]\n");
    let transport = if settings.multicast { "" } else { &unicast };
    let (priority, advertise) = (seat.priority, settings.interval.as_millis());
    format!(
        "node: {name}\n\
         dns: {{ listen: [\"0.0.0.0:{PORT}\", \"[::]:{PORT}\"] }}\n\
         zones: [\"*.yaml\"]\n\
         admin: {{ listen: {ADMIN} }}\n\
         state: state\n\
         vrrp:\n  \
         - name: lab\n    \
         id: {VRID}\n    \
         interface: eth0\n    \
         addresses: [{VIP}]\n    \
         priority: {priority}\n    \
         advertise: {advertise}ms\n\
         {transport}"
    )
}

/// `who` is the address that says which node this is.
fn zone(seat: Seat<'_>) -> String {
    let [a, b, c] = IDENTITY;
    format!(
        "zone: lab.test\n\
         soa: {{ primary: ns1, contact: hostmaster@lab.test }}\n\
         ns: [ns1]\n\
         names:\n  \
         ns1: {{ A: 192.0.2.53 }}\n  \
         who: {{ A: {a}.{b}.{c}.{number} }}\n",
        number = seat.host.number()
    )
}
