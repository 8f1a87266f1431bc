//! The node, the router before it and the router behind that one.

use std::time::Duration;

use crate::contender::{ASN, ROUTER_ASN, SERVICE, Seat};
use crate::instrument;
use crate::lab::{Daemon, Host, Lab, until};
use crate::routers::{BIRD_QUICK, Bird};

/// The AS of the router behind the first.
const FAR_ASN: u32 = 64501;
/// How long routers may take to forget a node that is gone.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(20);

/// The network of every trial.
pub struct Network {
    // The routers and monitors end before their hosts do.
    routers: Vec<Daemon>,
    /// Of both routers, the near one first.
    monitors: [Daemon; 2],
    lab: Lab,
}

impl Network {
    /// Builds it. `None`: it cannot be built here, and why was said.
    pub fn open() -> Option<Self> {
        let lab = Lab::with_two_lans(&["n1", "gateway", "client"])?;
        let (node, near, far) = (lab.host("n1"), lab.host("gateway"), lab.host("client"));
        let kernel = "protocol kernel { ipv4 { import none; export all; }; }";
        let near_config = format!(
            "{kernel}\n\
             protocol bgp node {{ local as {ROUTER_ASN}; neighbor {} as {ASN}; {BIRD_QUICK} \
             ipv4 {{ import all; export none; }}; }}\n\
             protocol bgp far {{ local as {ROUTER_ASN}; neighbor {} as {FAR_ASN}; {BIRD_QUICK} \
             ipv4 {{ import none; export all; next hop self; }}; }}",
            node.address(),
            far.address_on(1),
        );
        let far_config = format!(
            "{kernel}\n\
             protocol bgp near {{ local as {FAR_ASN}; neighbor {} as {ROUTER_ASN}; {BIRD_QUICK} \
             ipv4 {{ import all; export none; }}; }}",
            near.address_on(1),
        );
        let routers = [(near, near_config), (far, far_config)];
        let routers = routers.map(|(host, config)| Bird::start(host, &config).daemon);
        let monitors = [near, far].map(instrument::monitor);
        Some(Self { routers: routers.into(), monitors, lab })
    }

    /// Where the node sits.
    pub fn seat<'a>(&'a self, folder: &'a std::path::Path) -> Seat<'a> {
        Seat { host: self.lab.host("n1"), router: self.near(), folder }
    }

    /// The router that the node speaks to.
    pub fn near(&self) -> &Host {
        self.lab.host("gateway")
    }

    /// When the route left the kernels of both routers, the near one first; counted from 1970.
    pub fn left(&self, from: Duration) -> [Option<Duration>; 2] {
        [0, 1].map(|n| crate::kernel::left(&self.monitors[n].log(), SERVICE, from))
    }

    /// Whether the far router would send packets to the node.
    pub fn is_routed(&self) -> bool {
        !self.lab.host("client").ip(&format!("route show {SERVICE}/32")).is_empty()
    }

    /// Waits until nobody knows of the node that was there, and removes what it has left behind.
    pub fn clear(&self) -> Result<(), String> {
        let node = self.lab.host("n1");
        if node.holds("lo", SERVICE.into()) {
            node.ip(&format!("address del {SERVICE}/32 dev lo"));
        }
        let forgotten = until(FORGOTTEN_WITHIN, || !self.is_routed());
        forgotten.then_some(()).ok_or_else(|| format!("{SERVICE} is still routed"))
    }
}
