//! keepalived (Debian package `keepalived`) beside a DNS server, as a careful operator runs it.

use std::net::SocketAddr;

use crate::contender::{Node, PORT, Seat, Settings, VRID};
use crate::lab::{Daemon, VIP};
use crate::observer;

/// Starts the DNS server and the daemon that watches it.
pub fn start(seat: Seat<'_>, settings: &Settings) -> Result<Node, String> {
    // The address itself, before the node has it, and one that the check can always ask.
    let listen = [VIP, [127, 0, 0, 1].into()].map(|ip| SocketAddr::new(ip, PORT));
    let dns = observer::responder(seat.host, &listen);
    Ok(Node { vrrp: start_daemon(seat, settings), dns: Some(dns) })
}

/// Starts the daemon alone.
pub fn start_daemon(seat: Seat<'_>, settings: &Settings) -> Daemon {
    let file = |name: &str| seat.folder.join(name);
    std::fs::write(file("keepalived.conf"), config(seat, settings)).expect("its folder");
    let mut command = seat.host.command("keepalived");
    command.args(["--dont-fork", "--vrrp", "--log-console", "--log-detail", "--no-syslog"]);
    command.arg("--use-file").arg(file("keepalived.conf"));
    command.arg("--pid").arg(file("pid")).arg("--vrrp_pid").arg(file("vrrp.pid"));
    seat.host.start("keepalived", &mut command)
}

/// Its configuration: version 3, no `nopreempt`, and a check of the DNS server each second.
fn config(seat: Seat<'_>, settings: &Settings) -> String {
    let (own, peer) = (seat.host.address(), seat.peer.address());
    let unicast = format!("unicast_src_ip {own}\n    unicast_peer {{\n        {peer}\n    }}");
    let transport = if settings.multicast { "" } else { &unicast };
    format!(
        r#"global_defs {{
    router_id {name}
    vrrp_version 3
    script_user root
}}
vrrp_script dns {{
    script "/usr/bin/dig +tries=1 +time=1 @127.0.0.1 -p {PORT} who.lab.test A"
    interval 1
    timeout 2
    fall 2
    rise 2
}}
vrrp_instance lab {{
    state BACKUP
    interface eth0
    virtual_router_id {VRID}
    priority {priority}
    advert_int {seconds}
    {transport}
    virtual_ipaddress {{
        {VIP}/32
    }}
    track_script {{
        dns
    }}
}}
"#,
        name = seat.host.name(),
        priority = seat.priority,
        seconds = settings.interval.as_secs_f64(),
    )
}
