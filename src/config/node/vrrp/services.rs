//! Where DNS is answered on the virtual addresses: a virtual address that nothing listens on would
//! attract questions and answer none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use vrrp::config::{Config, Priority};

use super::Around;
use super::entry::Entry;
use crate::config::diagnostic::{Report, Spanned};
use crate::config::node::DnsConfig;

/// Each address with the ports of what listens on it, on it alone or on every address.
pub(super) fn of(addresses: &[IpAddr], dns: &DnsConfig) -> Vec<SocketAddr> {
    let mut services = Vec::with_capacity(addresses.len());
    for address in addresses {
        for listen in dns.listen.iter().filter(|listen| takes(listen.ip(), *address)) {
            let service = SocketAddr::new(*address, listen.port());
            if !services.contains(&service) {
                services.push(service);
            }
        }
    }
    services
}

/// Where a node asks itself whether it can answer for a group.
pub(super) fn questions(group: &Config, dns: &DnsConfig) -> Vec<SocketAddr> {
    if group.priority == Priority::OWNER {
        return Vec::new();
    }
    if group.resident {
        // A link-local address means nothing without its interface.
        let is_asked = |address: &IpAddr| !is_link_local(*address);
        let asked: Vec<_> = group.addresses.iter().copied().filter(is_asked).collect();
        return of(&asked, dns);
    }
    of(&[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()], dns)
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Whether a socket bound to `listen` gets what is sent to `address`: sockets of `::` are for IPv6
/// alone.
fn takes(listen: IpAddr, address: IpAddr) -> bool {
    listen == address || (listen.is_unspecified() && listen.is_ipv4() == address.is_ipv4())
}

/// Reports every virtual address on which nothing listens.
pub(super) fn check(entries: &[Entry], around: Around<'_>, report: &mut Report) {
    let Some(dns) = around.dns else { return };
    for address in entries.iter().flat_map(|entry| &entry.addresses.list) {
        if of(&[address.value], dns).is_empty() {
            refuse(*address, dns, around, report);
        }
    }
}

fn refuse(address: Spanned<IpAddr>, dns: &DnsConfig, around: Around<'_>, report: &mut Report) {
    let message = format!("nothing answers DNS on virtual address {}", address.value);
    let entry = report.error(address.span, message);
    let port = dns.listen.first().map_or(53, SocketAddr::port);
    let own = SocketAddr::new(address.value, port);
    match around.listen {
        Some(listen) => {
            let every = SocketAddr::new(every(address.value), port);
            entry
                .label(listen, "nothing here takes it")
                .help(format!("add \"{own}\" to `dns.listen`, or \"{every}\" for every address"))
        }
        None => {
            let built_in: Vec<_> = dns.listen.iter().map(ToString::to_string).collect();
            entry
                .here(format!("`dns.listen` is {} when not given", built_in.join(" and ")))
                .help("add `dns: { listen: [\"0.0.0.0:53\", \"[::]:53\"] }`")
        }
    };
}

/// The address that stands for every one of the same family.
fn every(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
