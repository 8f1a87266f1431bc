//! Rhumb as all of it: the DNS server, the health check and the BGP speaker.

use std::path::PathBuf;

use crate::contender::{ASN, HOLD, Node, PORT, RISE, ROUTER_ASN, SERVICE, Seat, Settings};

/// Where the node's commands are taken; the host has its own loopback.
pub const ADMIN_PORT: u16 = 8053;

/// Starts the server.
pub fn start(seat: Seat<'_>, settings: &Settings) -> Node {
    std::fs::write(config_file(seat), config(seat, settings)).expect("its folder");
    std::fs::write(seat.folder.join("lab.yaml"), ZONE).expect("its folder");
    let mut command = seat.host.command(&settings.rhumb);
    command.args(["run", "-c"]).arg(config_file(seat));
    Node { announcer: seat.host.start("rhumb", &mut command), dns: None }
}

/// Takes the node out; does not wait until it has left.
pub fn drain(seat: Seat<'_>, settings: &Settings) -> Result<(), String> {
    let mut command = seat.host.command(&settings.rhumb);
    let admin = format!("127.0.0.1:{ADMIN_PORT}");
    command.args(["drain", "--node", "--no-wait", "--admin", &admin, "--token-file"]);
    let output = command.arg(seat.folder.join("state/token")).output().expect("rhumb runs");
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("rhumb drain: {said}")) }
}

fn config_file(seat: Seat<'_>) -> PathBuf {
    seat.folder.join("node.conf")
}

fn config(seat: Seat<'_>, settings: &Settings) -> String {
    let (address, router) = (seat.host.address(), seat.router.address());
    let Settings { every, timeout, fall, rhumb: _ } = settings;
    let [every, timeout, hold] = [every, timeout, &HOLD].map(|time| time.as_millis());
    format!(
        "node: n1\n\
         dns: {{ listen: [\"0.0.0.0:{PORT}\"] }}\n\
         zones: [\"*.yaml\"]\n\
         admin: {{ listen: \"127.0.0.1:{ADMIN_PORT}\" }}\n\
         state: state\n\
         bgp:\n  \
           asn: {ASN}\n  \
           router_id: {address}\n  \
           allow: [{SERVICE}/32]\n  \
           peers:\n    \
             - {{ name: r1, address: {router}, asn: {ROUTER_ASN}, families: [ipv4], hold: {hold}ms }}\n  \
           announce:\n    \
             - name: lab\n      \
               prefixes: [{SERVICE}/32]\n      \
               when: dns\n      \
               health: {{ every: {every}ms, timeout: {timeout}ms, fall: {fall}, rise: {RISE} }}\n      \
               keep_last: false\n"
    )
}

const ZONE: &str = "zone: lab.test\n\
                    soa: { primary: ns1, contact: hostmaster@lab.test }\n\
                    ns: [ns1]\n\
                    names:\n  \
                    ns1: { A: 192.0.2.53 }\n";
