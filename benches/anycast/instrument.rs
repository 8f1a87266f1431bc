//! What measures: programs that must not wait for what is measured.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use crate::lab::{Daemon, Host, until};

/// Above any daemon.
const PRIORITY: &str = "60";
/// How long an instrument may take to be ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts a responder in a host and waits until it listens. An ordinary program: it is a part of
/// what is measured.
pub fn responder(host: &Host, addresses: &[SocketAddr]) -> Daemon {
    let mut command = host.command(std::env::current_exe().expect("this program"));
    command.args(["responder", &host.number().to_string()]);
    command.args(addresses.iter().map(SocketAddr::to_string));
    let daemon = host.start("responder", &mut command);
    daemon.wait_for_log("ready", PATIENCE);
    daemon
}

/// Starts to record which routes a host's kernel loses, and when.
pub fn monitor(host: &Host) -> Daemon {
    let mut command = first(host, "ip".as_ref());
    command.args(["-ts", "-o", "monitor", "route"]).env("TZ", "UTC");
    let daemon = host.start("monitor", &mut command);
    // It says nothing by itself: give it something to say.
    let said = until(PATIENCE, || {
        host.ip("route replace unreachable 192.0.2.9/32");
        host.ip("route delete unreachable 192.0.2.9/32");
        daemon.log().contains("Deleted")
    });
    assert!(said, "ip monitor says nothing");
    daemon
}

/// A program before which nothing goes but the kernel's own threads, where that is permitted.
pub fn first(host: &Host, program: &OsStr) -> Command {
    static PERMITTED: LazyLock<bool> = LazyLock::new(|| {
        let tried = Command::new("chrt").args(["-f", PRIORITY, "true"]).output();
        let permitted = tried.is_ok_and(|output| output.status.success());
        if !permitted {
            eprintln!("chrt -f is refused: the instruments share the processor like any program");
        }
        permitted
    });
    if !*PERMITTED {
        return host.command(program);
    }
    let mut command = host.command("chrt");
    command.args(["-f", PRIORITY]).arg(program);
    command
}
