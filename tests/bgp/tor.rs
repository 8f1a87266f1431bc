//! BIRD on n2, as the router of n1.

use std::net::IpAddr;

use crate::lab::{Host, Lab, until};
use crate::node::PATIENCE;
use crate::routers::{BIRD_QUICK, Bird, Program, there};

/// Both families, nothing announced.
pub const CHANNELS: &str = "ipv4 { import all; export none; }; ipv6 { import all; export none; };";

/// Two hosts, where BIRD is installed.
pub fn lab() -> Option<Lab> {
    there(&[Program::Bird]).then(|| Lab::new(&["n1", "n2"])).flatten()
}

/// BIRD with one session, of AS 64500 with 64512.
pub struct Tor<'l> {
    pub bird: Bird<'l>,
}

impl<'l> Tor<'l> {
    /// A session of both families over IPv4; `more` is added to it.
    pub fn start(lab: &'l Lab, more: &str) -> Self {
        Self::with(lab, lab.host("n1").address(), &format!("{CHANNELS} {more}"))
    }

    /// A session with this address of n1, and these channels and options.
    pub fn with(lab: &'l Lab, n1: IpAddr, more: &str) -> Self {
        let scope = if is_link_local(n1) { "%eth0" } else { "" };
        Self::of(lab.host("n2"), &format!("local as 64500; neighbor {n1}{scope} as 64512; {more}"))
    }

    /// A session that is wholly described.
    pub fn of(host: &'l Host, session: &str) -> Self {
        let text = format!("protocol bgp rhumb {{ {BIRD_QUICK} {session} }}");
        Self { bird: Bird::start(host, &text) }
    }

    pub fn restart(self) -> Self {
        Self { bird: self.bird.restart() }
    }

    /// What it says of a prefix; empty where it has none.
    pub fn route(&self, prefix: &str) -> String {
        let text = self.bird.birdc(&format!("show route {prefix} all"));
        if text.contains("BGP.as_path") { text } else { String::new() }
    }

    /// Waits until it has a route with all of this, and returns what it says of it.
    pub fn await_route(&self, prefix: &str, with: &[&str]) -> String {
        let has = || {
            let route = self.route(prefix);
            !route.is_empty() && with.iter().all(|text| route.contains(text))
        };
        assert!(
            until(PATIENCE, has),
            "{prefix} with {with:?}: {}",
            self.bird.birdc("show route all")
        );
        self.route(prefix)
    }

    pub fn await_no_route(&self, prefix: &str) {
        let none = until(PATIENCE, || self.route(prefix).is_empty());
        assert!(none, "{prefix} is there: {}", self.route(prefix));
    }

    /// Waits until it says this of the session.
    pub fn await_word(&self, text: &str) {
        let said = || self.bird.birdc("show protocols all rhumb");
        assert!(until(PATIENCE, || said().contains(text)), "no {text:?}: {}", said());
    }
}

pub fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
