//! Which of this host's addresses a connection has, and which one it is to have.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use vrrp::linux::netlink::LocalAddress;

use crate::bgp::session::Local;

/// This end of a connection, as next hops need it (RFC 2545 §3): an address that can be reached
/// from elsewhere, and the link-local one of the same interface if the peer is on that link.
pub(super) fn local(
    own: IpAddr,
    scope: u32,
    peer: IpAddr,
    addresses: &[LocalAddress],
    services: &BTreeSet<IpAddr>,
) -> Local {
    let own = match own {
        IpAddr::V4(own) => return Local::V4(own),
        IpAddr::V6(own) => own,
    };
    if own.is_unicast_link_local() {
        let usable =
            |address: &Ipv6Addr| is_global(address) && !services.contains(&(*address).into());
        let global = ipv6_of(addresses, scope).find(usable);
        return Local::V6 { global, link_local: Some(own) };
    }
    let interface = addresses.iter().find(|has| has.address == own).map(|has| has.interface);
    let on_link = |interface: &u32| {
        addresses.iter().any(|has| has.interface == *interface && has.is_on_link(peer))
    };
    let link_local = interface
        .filter(on_link)
        .and_then(|it| ipv6_of(addresses, it).find(Ipv6Addr::is_unicast_link_local));
    Local::V6 { global: Some(own), link_local }
}

/// The address to connect from: what the kernel prefers, unless that is one of a service. Then
/// another one of the peer's network, or else of the same interface.
///
/// # Errors
/// There is none; what to do.
pub(super) fn source(
    preferred: IpAddr,
    peer: IpAddr,
    addresses: &[LocalAddress],
    services: &BTreeSet<IpAddr>,
) -> Result<IpAddr, String> {
    if !services.contains(&preferred) {
        return Ok(preferred);
    }
    let home = addresses.iter().find(|has| has.address == preferred).map(|has| has.interface);
    let usable = |has: &&LocalAddress| {
        has.address.is_ipv4() == peer.is_ipv4()
            && !services.contains(&has.address)
            && !is_link_local(has.address)
    };
    let near = |has: &&LocalAddress| has.is_on_link(peer);
    let beside = |has: &&LocalAddress| Some(has.interface) == home && !has.address.is_loopback();
    let mut candidates = addresses.iter().filter(usable);
    let found = candidates.clone().find(near).or_else(|| candidates.find(beside));
    found.map(|has| has.address).ok_or_else(|| {
        format!("the only way to {peer} is from the service address {preferred}: set `source`")
    })
}

/// The scope of a link-local address.
pub(super) fn scope(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

fn ipv6_of(addresses: &[LocalAddress], interface: u32) -> impl Iterator<Item = Ipv6Addr> {
    addresses.iter().filter(move |has| has.interface == interface).filter_map(|has| {
        match has.address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        }
    })
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn is_global(address: &Ipv6Addr) -> bool {
    !address.is_unicast_link_local() && !address.is_loopback()
}

#[cfg(test)]
mod tests {
    use vrrp::linux::netlink::AddressState;

    use super::*;

    /// `1 192.0.2.1/24`: the interface's index, the address, its prefix.
    fn addresses(list: &[&str]) -> Vec<LocalAddress> {
        let parse = |text: &&str| {
            let (interface, rest) = text.split_once(' ').expect("an index");
            let (address, prefix) = rest.split_once('/').expect("a prefix");
            LocalAddress {
                interface: interface.parse().expect("an index"),
                address: ip(address),
                prefix: prefix.parse().expect("a length"),
                state: AddressState::Usable,
                valid: None,
            }
        };
        list.iter().map(parse).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn v6(text: &str) -> Option<Ipv6Addr> {
        Some(text.parse().expect("an address"))
    }

    const HOST: [&str; 9] = [
        "1 127.0.0.1/8",
        "1 2001:db8:ffff::1/128",
        "2 192.0.2.100/32",
        "2 192.0.2.1/24",
        "2 2001:db8::100/128",
        "2 2001:db8::1/64",
        "2 fe80::1/64",
        "3 fe80::1/64",
        "3 2001:db8:3::1/64",
    ];

    #[test]
    fn a_connection_over_ipv6_has_a_link_local_address_only_where_the_peer_is_on_the_link() {
        let services = [ip("2001:db8::100")].into();
        for (own, scope, peer, expected) in [
            ("2001:db8::1", 0, "2001:db8::9", (v6("2001:db8::1"), v6("fe80::1"))),
            ("2001:db8::1", 0, "2001:db8:9::9", (v6("2001:db8::1"), None)),
            ("2001:db8:ffff::1", 0, "2001:db8::9", (v6("2001:db8:ffff::1"), None)),
            ("fe80::1", 2, "fe80::9", (v6("2001:db8::1"), v6("fe80::1"))),
            ("fe80::1", 3, "fe80::9", (v6("2001:db8:3::1"), v6("fe80::1"))),
            ("fe80::1", 4, "fe80::9", (None, v6("fe80::1"))),
        ] {
            let (global, link_local) = expected;
            let found = local(ip(own), scope, ip(peer), &addresses(&HOST), &services);
            assert_eq!(found, Local::V6 { global, link_local }, "{own}%{scope} to {peer}");
        }
    }

    #[test]
    fn no_connection_begins_at_a_service_address_unless_told_to() {
        let services: BTreeSet<IpAddr> =
            ["192.0.2.100", "2001:db8::100", "2001:db8:3::1"].map(ip).into();
        for (preferred, peer, expected) in [
            ("192.0.2.1", "192.0.2.9", Some("192.0.2.1")),
            ("192.0.2.100", "192.0.2.9", Some("192.0.2.1")),
            ("192.0.2.100", "198.51.100.9", Some("192.0.2.1")),
            ("2001:db8::100", "2001:db8::101", Some("2001:db8::1")),
            ("2001:db8:3::1", "2001:db8:9::9", None),
        ] {
            let found = source(ip(preferred), ip(peer), &addresses(&HOST), &services);
            assert_eq!(found.ok(), expected.map(ip), "from {preferred} to {peer}");
        }
    }
}
