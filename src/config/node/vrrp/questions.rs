//! Where a node asks itself whether it can answer for a group.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use vrrp::config::{Config, Priority};

use crate::config::node::{DnsConfig, services};

/// The addresses and ports to ask.
pub(super) fn of(group: &Config, dns: &DnsConfig) -> Vec<SocketAddr> {
    if group.priority == Priority::OWNER {
        return Vec::new();
    }
    if group.resident {
        // A link-local address means nothing without its interface.
        let is_asked = |address: &IpAddr| !is_link_local(*address);
        let asked: Vec<_> = group.addresses.iter().copied().filter(is_asked).collect();
        return services::of(&asked, dns);
    }
    services::of(&[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()], dns)
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
