//! `addresses`: the virtual addresses of a group.

use std::net::IpAddr;

use vrrp::auth::Auth;
use vrrp::config::{Family, Version};

use super::values::{self, Addresses};
use crate::config::diagnostic::{Report, Spanned};
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::{Node, quote};

/// The count in an advertisement has one octet (RFC 9568 §5.2.5).
const MOST: usize = 255;

/// What one Ethernet frame carries; advertisements are never fragmented on purpose.
const MTU: usize = 1500;

/// The IPv6 header, the VRRP header, one address, and the keyed trailer of an advertisement.
const IPV6_HEADER: usize = 40;
const VRRP_HEADER: usize = 8;
const IPV6_ADDRESS: usize = 16;
const TRAILER: usize = 28;

/// Reads the addresses and checks what they are to the version.
pub(super) fn read(
    fields: &Fields<'_>,
    version: Option<Version>,
    report: &mut Report,
) -> Addresses {
    let Some(node) = fields.require("addresses", super::entry::WHAT, report) else {
        return Addresses::broken();
    };
    let addresses = Addresses::read(node, read_one, report);
    if version == Some(Version::V2) {
        refuse_ipv6(&addresses, report);
    }
    link_local_first(&addresses, report);
    addresses
}

/// `192.0.2.1`, or `192.0.2.1/32`.
fn read_one(node: &Node, report: &mut Report) -> Option<IpAddr> {
    let text = node.text().unwrap_or("");
    let (bare, length) = match text.split_once('/') {
        Some((bare, length)) => (bare, Some(length)),
        None => (text, None),
    };
    let Ok(address) = bare.parse::<IpAddr>() else {
        scalar::expected(node, "a virtual address such as 192.0.2.1 or 192.0.2.1/32", report);
        return None;
    };
    let whole = if address.is_ipv4() { "32" } else { "128" };
    if length.is_some_and(|length| length != whole) {
        let message =
            format!("a virtual address is a single one (/{whole}), found {}", quote(text));
        report
            .error(node.span, message)
            .help(format!("write {address}; the interface's own address has the network's length"));
        return None;
    }
    values::is_host_address(node.span, "virtual address", address, report).then_some(address)
}

fn refuse_ipv6(addresses: &Addresses, report: &mut Report) {
    for address in addresses.list.iter().filter(|address| address.value.is_ipv6()) {
        report
            .error(address.span, format!("version 2 has no IPv6, found {}", address.value))
            .help("speak version 3, or put the IPv6 addresses in an entry of their own");
    }
}

/// An IPv6 advertisement starts with the link-local address where the group has one.
fn link_local_first(addresses: &Addresses, report: &mut Report) {
    let mut ipv6 = addresses.list.iter().filter(|address| address.value.is_ipv6());
    let Some(first) = ipv6.next().filter(|first| !is_link_local(first)) else { return };
    if let Some(late) = ipv6.find(|address| is_link_local(address)) {
        let message = format!("{} is link-local and does not stand first", late.value);
        report
            .warning(late.span, message)
            .label(first.span, "the first IPv6 address")
            .help("receivers expect the link-local address first (RFC 9568 §5.2.9)");
    }
}

fn is_link_local(address: &Spanned<IpAddr>) -> bool {
    matches!(address.value, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// Reports the first address of a family that no advertisement has room for.
pub(super) fn check_room(addresses: &Addresses, auth: Option<&Auth>, report: &mut Report) {
    let trailer = if matches!(auth, Some(Auth::Hmac(_))) { TRAILER } else { 0 };
    let ipv6 = (MTU - IPV6_HEADER - VRRP_HEADER - trailer) / IPV6_ADDRESS;
    for (family, most) in [(Family::V4, MOST), (Family::V6, ipv6)] {
        let mut own = addresses.list.iter().filter(|a| Family::of(a.value) == family);
        if let Some(first) = own.nth(most) {
            report
                .error(
                    first.span,
                    format!("an advertisement has room for {most} {family} addresses"),
                )
                .help("divide them between entries with ids of their own");
        }
    }
}
