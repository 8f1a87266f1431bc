//! A namespace with its addresses: the part of a machine that a network test sees.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::process::{Command, Output};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{Capture, Daemon, Fault};

/// A host of a [`Lab`](super::Lab). It is removed with the lab.
pub struct Host {
    name: String,
    namespace: String,
    number: u8,
}

impl Host {
    /// Makes the namespace; an error is what `ip` said.
    pub(super) fn create(name: &str, names: &str, number: u8) -> Result<Self, String> {
        let namespace = format!("{names}-{name}");
        let made = Command::new("ip").args(["netns", "add", &namespace]).output();
        let made = made.map_err(|error| format!("ip: {error}"))?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).trim().to_owned());
        }
        let host = Self { name: name.to_owned(), namespace, number };
        // Every address is ours alone: no second of waiting for each, no address from a router.
        host.sysctl("net/ipv6/conf/default/accept_dad", "0");
        host.sysctl("net/ipv6/conf/default/accept_ra", "0");
        host.ip("link set lo up");
        Ok(host)
    }

    /// `n1`, `client`, …
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What `ip netns` calls it.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The last number of its addresses.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Its IPv4 address on `eth0`.
    pub fn address(&self) -> IpAddr {
        self.address_on(0)
    }

    /// Its global IPv6 address on `eth0`.
    pub fn address6(&self) -> IpAddr {
        self.address6_on(0)
    }

    /// Its IPv4 address on the LAN of this index.
    pub fn address_on(&self, lan: u8) -> IpAddr {
        let second = if lan == 0 { 0 } else { 255 };
        Ipv4Addr::new(10, second, 0, self.number).into()
    }

    /// Its global IPv6 address on the LAN of this index.
    pub fn address6_on(&self, lan: u8) -> IpAddr {
        let subnet = if lan == 0 { 1 } else { 0x255 };
        Ipv6Addr::new(0xfd00, subnet, 0, 0, 0, 0, 0, self.number.into()).into()
    }

    /// Its link-local address on `eth0`, made of the MAC address (RFC 4291 appendix A).
    pub fn link_local(&self) -> IpAddr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, self.number.into()).into()
    }

    /// A command that will run in this host.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }

    /// Starts a command that came from [`Host::command`]. `name` stands before its log.
    pub fn start(&self, name: &str, command: &mut Command) -> Daemon {
        Daemon::start(&format!("{} {name}", self.name), command)
    }

    /// Runs `ip` with these words on this host; what it printed.
    pub fn ip(&self, words: &str) -> String {
        run(Command::new("ip").args(["-n", &self.namespace]).args(words.split_whitespace()))
    }

    /// Runs a program with these words in this host; what it printed. It must succeed.
    pub fn run(&self, program: &str, words: &str) -> String {
        run(self.command(program).args(words.split_whitespace()))
    }

    /// Does something in this host, in a thread of its own: sockets that it opens stay there.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = std::fs::File::open(format!("/run/netns/{}", self.namespace));
        let namespace = file.expect("its namespace");
        let outcome = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), kind).expect("permission");
                work()
            });
            thread.join()
        });
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// What stands at this path below `/proc/sys`.
    pub fn sysctl_value(&self, path: &str) -> String {
        self.run("sysctl", &format!("-n {path}")).trim().to_owned()
    }

    /// Sets what stands at this path below `/proc/sys`.
    pub fn sysctl(&self, path: &str, value: &str) {
        run(self.command("sysctl").args(["-q", "-w", &format!("{path}={value}")]));
    }

    /// The addresses of an interface, both families; none if there is no such interface.
    pub fn addresses(&self, interface: &str) -> BTreeSet<IpAddr> {
        let output = Command::new("ip")
            .args(["-n", &self.namespace, "-o", "address", "show", "dev", interface])
            .output()
            .expect("ip runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter_map(address_of).collect()
    }

    /// Whether an interface has this address now.
    pub fn holds(&self, interface: &str, address: IpAddr) -> bool {
        self.addresses(interface).contains(&address)
    }

    /// The processes that run in it.
    pub fn processes(&self) -> Vec<u32> {
        let text = run(Command::new("ip").args(["netns", "pids", &self.namespace]));
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Forgets who has which address.
    pub fn forget_neighbours(&self) {
        self.ip("neighbour flush all");
    }

    /// From now on UDP to this port (of that address, or any) does not reach its sockets.
    pub fn drop_udp(&self, port: u16, address: Option<IpAddr>) -> Fault {
        let family = |ip: IpAddr| if ip.is_ipv4() { "ip" } else { "ip6" };
        let to = address.map(|ip| format!("{} daddr {ip} ", family(ip))).unwrap_or_default();
        let chain = "{ type filter hook input priority 0; }";
        Fault::nft(&self.namespace, "inet", chain, &format!("{to}udp dport {port} drop"))
    }

    /// Records what an interface sees of `filter`, in tcpdump's words.
    pub fn capture(&self, interface: &str, filter: &str) -> Capture {
        Capture::start(self, interface, filter)
    }

    /// Whether every address can be used: none waits for duplicate address detection.
    pub(super) fn is_settled(&self) -> bool {
        self.ip("-6 -o address show tentative").is_empty() && self.holds("eth0", self.link_local())
    }
}

/// The address of a line of `ip -o address`: `2: eth0    inet 10.0.0.1/24 …`.
pub fn address_of(line: &str) -> Option<IpAddr> {
    let mut words = line.split_whitespace().skip_while(|word| !word.starts_with("inet"));
    words.nth(1)?.split('/').next()?.parse().ok()
}

pub(super) fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}: {said}");
    String::from_utf8_lossy(&stdout).into_owned()
}
