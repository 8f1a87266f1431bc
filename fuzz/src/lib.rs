//! What arrives from outside, at random: one target for each decoder.
//!
//! A target takes any octets and panics where something is wrong with what was made of them. Its
//! seeds are good input, made by the program's own encoders where there are some.
//!
//! Two drivers use them: `cargo fuzz`, through the programs in `fuzz_targets/`, and `tests/fuzz.rs`
//! of the main package, which changes the seeds at random and needs nothing but a stable compiler.

mod bfd;
mod bgp_messages;
mod bgp_session;
mod dns_query;
mod dns_reply;
mod netlink;
mod node_yaml;
mod steps;
mod vrrp;
mod zone_yaml;

/// A decoder to be fed with anything.
pub struct Target {
    /// As `cargo fuzz` calls it.
    pub name: &'static str,
    /// Feeds it; panics when something is wrong.
    pub run: fn(&[u8]),
    /// Good input, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target { name: "dns_query", run: dns_query::run, seeds: dns_query::seeds },
    Target { name: "dns_reply", run: dns_reply::run, seeds: dns_reply::seeds },
    Target { name: "bgp_messages", run: bgp_messages::run, seeds: bgp_messages::seeds },
    Target { name: "bgp_session", run: bgp_session::run, seeds: bgp_session::seeds },
    Target { name: "bfd", run: bfd::run, seeds: bfd::seeds },
    Target { name: "vrrp", run: vrrp::run, seeds: vrrp::seeds },
    Target { name: "netlink", run: netlink::run, seeds: netlink::seeds },
    Target { name: "zone_yaml", run: zone_yaml::run, seeds: zone_yaml::seeds },
    Target { name: "node_yaml", run: node_yaml::run, seeds: node_yaml::seeds },
];

/// The target of this name.
///
/// # Panics
/// There is none.
#[must_use]
pub fn target(name: &str) -> &'static Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("no target {name}"))
}
