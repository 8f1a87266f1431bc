//! `ExaBGP` with the health-check program that comes with it, and a DNS server beside them.

use crate::contender::{ASN, HOLD, Node, RISE, ROUTER_ASN, SERVICE, Seat, Settings, service};
use crate::instrument;
use crate::lab::Host;

/// Starts the server, then the announcer, which starts the health check.
pub fn start(seat: Seat<'_>, settings: &Settings) -> Node {
    let path = |name: &str| seat.folder.join(name);
    std::fs::write(path("check.conf"), check(settings)).expect("its folder");
    std::fs::write(path("exabgp.conf"), config(seat)).expect("its folder");
    seat.host.ip(&format!("address replace {SERVICE}/32 dev lo"));
    let dns = instrument::responder(seat.host, &[service()]);
    let mut command = daemon(seat.host);
    let announcer = seat.host.start("exabgp", command.arg(path("exabgp.conf")));
    Node { announcer, dns: Some(dns) }
}

/// It neither listens nor gives up its privileges; all else is as Debian has it.
fn daemon(host: &Host) -> std::process::Command {
    let mut command = host.command("exabgp");
    command.env("exabgp.daemon.user", "root").env("exabgp.log.destination", "stderr");
    command.env("exabgp.tcp.bind", "").env("exabgp.api.cli", "false");
    command
}

fn config(seat: Seat<'_>) -> String {
    let (address, router) = (seat.host.address(), seat.router.address());
    let (hold, check) = (HOLD.as_secs(), seat.folder.join("check.conf"));
    format!(
        "process watch {{\n  run /usr/bin/python3 -m exabgp healthcheck --config {};\n  encoder text;\n}}\n\
         neighbor {router} {{\n  router-id {address};\n  local-address {address};\n  \
         local-as {ASN};\n  peer-as {ROUTER_ASN};\n  hold-time {hold};\n  \
         family {{ ipv4 unicast; }}\n  api {{ processes [ watch ]; }}\n}}\n",
        check.display()
    )
}

/// The same questions at the same pace. The program's own time limit is in whole seconds, so the one
/// that counts is the checker's.
fn check(settings: &Settings) -> String {
    let program = std::env::current_exe().expect("this program");
    let (program, service) = (program.display(), service());
    let (every, timeout) = (settings.every.as_secs_f64(), settings.timeout.as_millis());
    let fall = settings.fall;
    format!(
        "no-syslog\nno-ip-setup\nwithdraw-on-down\nname = lab\nip = {SERVICE}/32\n\
         interval = {every}\nfast-interval = {every}\nrise = {RISE}\nfall = {fall}\n\
         timeout = 5\ncommand = {program} check {service} {timeout}\n"
    )
}
