//! The router `tor`: BIRD on the gateway, with AS 64500, which spreads flows over what it is told.

use std::net::IpAddr;

use crate::lab::{Host, Lab, until};
use crate::node::PATIENCE;
use crate::routers::{BIRD_QUICK, Bird, Program, there};
use crate::site::{ANYCAST, ANYCAST6};

/// A lab where BIRD is installed; else the test is skipped and says so.
pub fn lab(hosts: &[&str]) -> Option<Lab> {
    there(&[Program::Bird]).then(|| Lab::new(hosts)).flatten()
}

/// The router of a lab.
pub struct Tor<'l> {
    pub bird: Bird<'l>,
    pub host: &'l Host,
}

impl<'l> Tor<'l> {
    /// Peers with these hosts; a session has the host's name.
    pub fn start(lab: &'l Lab, hosts: &[&str]) -> Self {
        let host = lab.host("gateway");
        forward(host);
        let session = |name: &&str| {
            let address = lab.host(name).address();
            format!("protocol bgp {name} from node {{ neighbor {address} as 64512; bfd on; }}\n")
        };
        let sessions: String = hosts.iter().map(session).collect();
        let bird = Bird::start(
            host,
            &format!(
                "protocol kernel k4 {{ merge paths on; ipv4 {{ import none; export all; }}; }}\n\
                 protocol kernel k6 {{ merge paths on; ipv6 {{ import none; export all; }}; }}\n\
                 protocol bfd {{ interface \"eth0\" {{ min rx interval 50 ms; \
                 min tx interval 50 ms; multiplier 3; }}; }}\n\
                 template bgp node {{ local as 64500; {BIRD_QUICK}\n\
                 ipv4 {{ import all; export none; }}; ipv6 {{ import all; export none; }}; }}\n\
                 {sessions}"
            ),
        );
        Self { bird, host }
    }

    /// A crash, and another process with the same configuration.
    pub fn restart(self) -> Self {
        Self { bird: self.bird.restart(), host: self.host }
    }

    /// All that it knows about the routes to a prefix.
    pub fn routes(&self, prefix: &str) -> String {
        self.bird.birdc(&format!("show route {prefix} all"))
    }

    /// Of these routes, the one that a session told it.
    pub fn route_of(&self, session: &str, prefix: &str) -> Option<String> {
        let said = self.bird.birdc(&format!("show route {prefix} protocol {session} all"));
        said.contains("BGP.as_path").then_some(said)
    }

    /// Waits until a session has told it of a prefix, and all of this about it.
    pub fn await_route(&self, session: &str, prefix: &str, with: &[&str]) {
        let has = || {
            let route = self.route_of(session, prefix);
            route.is_some_and(|route| with.iter().all(|text| route.contains(text)))
        };
        assert!(until(PATIENCE, has), "{prefix}: no {with:?}: {}", self.routes(prefix));
    }

    /// Waits until a session tells it of a prefix no longer.
    pub fn await_none(&self, session: &str, prefix: &str) {
        let gone = || self.route_of(session, prefix).is_none();
        assert!(until(PATIENCE, gone), "{prefix}: {}", self.routes(prefix));
    }

    /// What it says of a session.
    pub fn session(&self, name: &str) -> String {
        self.bird.birdc(&format!("show protocols all {name}"))
    }

    /// The next hops that the kernel of the router has for a prefix.
    pub fn next_hops(&self, prefix: &str) -> Vec<IpAddr> {
        next_hops(self.host, prefix)
    }

    /// Waits until the kernel of the router spreads a prefix over these hosts.
    pub fn await_next_hops(&self, prefix: &str, hosts: &[&Host]) {
        let mut wanted: Vec<_> = hosts.iter().map(|host| host.address()).collect();
        wanted.sort();
        let mut seen = Vec::new();
        let found = until(PATIENCE, || {
            seen = self.next_hops(prefix);
            seen.sort();
            seen == wanted
        });
        assert!(found, "{prefix}: {seen:?}, not {wanted:?}: {}", self.routes(prefix));
    }
}

/// Makes a host a router that spreads flows by their ports too.
fn forward(host: &Host) {
    host.sysctl("net/ipv4/ip_forward", "1");
    host.sysctl("net/ipv6/conf/all/forwarding", "1");
    host.sysctl("net/ipv4/fib_multipath_hash_policy", "1");
    // The client is on the same link as the nodes, and must not learn of it.
    for all in ["all", "default", "eth0"] {
        host.sysctl(&format!("net/ipv4/conf/{all}/send_redirects"), "0");
    }
}

/// Sends what a host sends to the anycast addresses through the gateway.
pub fn route_through_gateway(host: &Host, lab: &Lab) {
    let gateway = lab.host("gateway");
    for (to, via) in [(ANYCAST, gateway.address()), (ANYCAST6, gateway.address6())] {
        host.ip(&format!("route add {to} via {via}"));
    }
}

/// The gateways of `ip route show PREFIX` on a host.
pub fn next_hops(host: &Host, prefix: &str) -> Vec<IpAddr> {
    let family = if prefix.contains(':') { "-6" } else { "-4" };
    let text = host.ip(&format!("{family} route show {prefix}"));
    let words: Vec<_> = text.split_whitespace().collect();
    let vias = words.windows(2).filter(|pair| pair[0] == "via");
    vias.filter_map(|pair| pair[1].parse().ok()).collect()
}
