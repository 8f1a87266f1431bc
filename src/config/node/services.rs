//! Where DNS is answered on virtual and anycast addresses: one that nothing listens on would attract
//! questions and answer none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::DnsConfig;
use crate::config::diagnostic::{Report, Span, Spanned};

/// What a section depends on outside itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// That of the file: relative paths start there.
    pub directory: &'a Path,
    /// Where DNS is answered; absent when that has a mistake in it, and what it lacks is none.
    pub dns: Option<&'a DnsConfig>,
    /// Where `dns.listen` stands.
    pub listen: Option<Span>,
}

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

/// Whether a socket bound to `listen` gets what is sent to `address`: sockets of `::` are for IPv6
/// alone.
fn takes(listen: IpAddr, address: IpAddr) -> bool {
    listen == address || (listen.is_unspecified() && listen.is_ipv4() == address.is_ipv4())
}

/// Reports every address on which nothing listens; `role` is what it is: "virtual address".
pub(super) fn check<'a>(
    role: &str,
    addresses: impl IntoIterator<Item = &'a Spanned<IpAddr>>,
    around: Around<'_>,
    report: &mut Report,
) {
    let Some(dns) = around.dns else { return };
    for address in addresses {
        if of(&[address.value], dns).is_empty() {
            refuse(role, *address, (dns, around.listen), report);
        }
    }
}

fn refuse(
    role: &str,
    address: Spanned<IpAddr>,
    (dns, listen): (&DnsConfig, Option<Span>),
    report: &mut Report,
) {
    let message = format!("nothing answers DNS on {role} {}", address.value);
    let entry = report.error(address.span, message);
    let port = dns.listen.first().map_or(53, SocketAddr::port);
    let own = SocketAddr::new(address.value, port);
    match listen {
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
