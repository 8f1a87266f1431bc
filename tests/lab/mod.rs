//! A network of namespaces: hosts on one bridge, each with its own kernel tables, and its faults.
//!
//! ```ignore
//! mod lab;                                          // a bench: #[path = "../../tests/lab/mod.rs"]
//! let Some(lab) = Lab::new(&["n1", "n2", "client"]) else { return };   // None: said why
//! let n1 = lab.host("n1");                          // n1 n2 n3 client gateway, on eth0:
//! n1.address();  n1.address6();  n1.link_local();   // 10.0.0.N, fd00:1::N, fe80::ff:fe00:N
//! n1.command("dig");  n1.ip("route add …");  n1.sysctl("net/ipv4/ip_forward", "1");
//! n1.inside(|| UdpSocket::bind("0.0.0.0:0"));       // a socket of that host
//! n1.addresses("eth0");  n1.holds("eth0", VIP);     // what the interface has now
//! let daemon = n1.start("keepalived", &mut command);    // command from n1.command(…); logs kept
//! daemon.wait_for_log("MASTER", patience);  daemon.log();  daemon.signal(Signal::Terminate);
//! signal(&[&daemon, &dns], Signal::Kill);           // both, with their children, in one instant
//! let fault = lab.port("n1").silence();             // healed by fault.heal() or when dropped
//! lab.port("n1").unplug();  lab.port("n1").lose(Direction::FromHost, 30);
//! n1.drop_udp(53, Some(VIP));                       // sent to that address: never arrives
//! let capture = n1.capture("eth0", "ip proto 112"); let packets = capture.stop();
//! let second = lab.second_port("n1");               // with Lab::with_two_lans: eth1, 10.255.0.N
//! until(patience, || n1.holds("eth0", VIP));        // whether it became true in time
//! ```
//!
//! A lab needs root, or `unshare -Urnm` with a tmpfs on `/run/netns`. Names carry the process's
//! number, so labs stand side by side; what a killed test left behind goes with the next lab.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each binary uses a part; nothing leaves it"
)]
#![allow(clippy::disallowed_methods, reason = "it waits for kernels and processes")]

mod capture;
mod daemon;
mod fault;
mod host;

pub use capture::{Capture, Packet};
pub use daemon::{Daemon, Signal, signal};
pub use fault::{Direction, Fault, Port};
pub use host::Host;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The address that hosts share.
pub const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 100));
/// The same in the other family.
pub const VIP6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, 0x100));

/// The hosts there can be, and the last number of their addresses.
const HOSTS: [(&str, u8); 5] = [("n1", 1), ("n2", 2), ("n3", 3), ("client", 10), ("gateway", 254)];
/// Every namespace of a lab begins with this, then `PID-COUNT-HOST`.
const PREFIX: &str = "rhumb-lab-";
/// What the lab and its faults are made with, and the Debian package of each.
const PROGRAMS: [(&str, &str); 6] = [
    ("ip", "iproute2"),
    ("bridge", "iproute2"),
    ("nft", "nftables"),
    ("sysctl", "procps"),
    ("tcpdump", "tcpdump"),
    ("ping", "iputils-ping"),
];
/// How long the kernel may take to finish an address or a link.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hosts on a bridge. Dropping it ends what runs in it and removes it.
pub struct Lab {
    switch: Host,
    hosts: Vec<Host>,
}

impl Lab {
    /// Hosts on one LAN. `None` where namespaces cannot be made: the test is skipped and says so,
    /// and fails instead with `RHUMB_REQUIRE_PEERS=1`.
    pub fn new(hosts: &[&str]) -> Option<Self> {
        Self::build(hosts, 1)
    }

    /// Hosts that have a second LAN between them, on `eth1`: 10.255.0.N and fd00:255::N.
    pub fn with_two_lans(hosts: &[&str]) -> Option<Self> {
        Self::build(hosts, 2)
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> &Host {
        let host = self.hosts.iter().find(|host| host.name() == name);
        host.unwrap_or_else(|| panic!("no host {name} in this lab"))
    }

    /// Where the host is plugged into the first LAN.
    pub fn port(&self, host: &str) -> Port {
        Port::new(&self.switch, self.host(host), 0)
    }

    /// Where the host is plugged into the second LAN.
    pub fn second_port(&self, host: &str) -> Port {
        Port::new(&self.switch, self.host(host), 1)
    }

    fn build(hosts: &[&str], lans: u8) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if let Some((program, package)) = PROGRAMS.iter().find(|(program, _)| !installed(program)) {
            return skipped(&format!("{program} (Debian package {package}) is not installed"));
        }
        sweep();
        let names = format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let switch = match Host::create("sw", &names, 0) {
            Ok(switch) => switch,
            Err(reason) => return skipped(&reason),
        };
        // From here on a failure panics, and what was made goes with `lab`.
        let mut lab = Self { switch, hosts: Vec::new() };
        for lan in 0..lans {
            // `mcast_snooping 0`: there is no querier, and multicast must reach every port.
            let bridge = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0";
            lab.switch.ip(&format!("link add br{lan} {bridge}"));
            lab.switch.ip(&format!("link set br{lan} up"));
        }
        for name in hosts {
            let number = HOSTS.iter().find(|(known, _)| known == name);
            let (_, number) = number.unwrap_or_else(|| panic!("a lab knows no host {name}"));
            lab.hosts.push(Host::create(name, &names, *number).expect("a second namespace"));
            (0..lans).for_each(|lan| lab.plug(name, lan));
        }
        let settled = || lab.hosts.iter().all(Host::is_settled);
        assert!(until(PATIENCE, settled), "addresses are still tentative after {PATIENCE:?}");
        Some(lab)
    }

    fn plug(&self, name: &str, lan: u8) {
        let (host, switch) = (self.host(name), self.switch.namespace());
        let (port, number) = (fault::port_name(name, lan), host.number());
        // Locally administered, so that addresses made from it are the same in every run.
        let mac = format!("02:00:00:00:{lan:02x}:{number:02x}");
        let peer = format!("peer name {port} netns {switch}");
        host.ip(&format!("link add eth{lan} address {mac} type veth {peer}"));
        self.switch.ip(&format!("link set {port} master br{lan} up"));
        host.ip(&format!("link set eth{lan} up"));
        for (address, length) in [(host.address_on(lan), 24), (host.address6_on(lan), 64)] {
            host.ip(&format!("address add {address}/{length} dev eth{lan}"));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for host in self.hosts.iter().chain([&self.switch]) {
            remove(host.namespace());
        }
    }
}

/// Looks every 5 ms whether `condition` holds; whether it did before `patience` was over.
pub fn until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if started.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a program can be run here.
pub fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--help").output();
    !found.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn skipped(reason: &str) -> Option<Lab> {
    let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|v| v == "1");
    assert!(!required, "root, network namespaces and their programs are required: {reason}");
    eprintln!("skipped: needs root and network namespaces: {reason}");
    None
}

/// Removes the labs of processes that are gone.
fn sweep() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let alive = rest.split('-').next().is_some_and(|pid| Path::new("/proc").join(pid).exists());
        if !alive {
            remove(&name);
        }
    }
}

/// Ends what runs in a namespace and removes it, without a word: it runs while tests panic.
fn remove(namespace: &str) {
    if let Ok(output) = Command::new("ip").args(["netns", "pids", namespace]).output() {
        let pids = String::from_utf8_lossy(&output.stdout).into_owned();
        let pids: Vec<_> = pids.split_whitespace().collect();
        if !pids.is_empty() {
            let _ = Command::new("kill").args(["-s", "KILL"]).args(pids).output();
        }
    }
    let _ = Command::new("ip").args(["netns", "delete", namespace]).output();
}
