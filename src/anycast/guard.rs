//! Routes that lead nowhere, for announced prefixes that are wider than the addresses that this node
//! has of them: a router would send the rest here, and this host would send it back to the router.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use tracing::info;
use vrrp::linux::netlink::exchange::{Exchange, Refusal};
use vrrp::linux::netlink::message::{Message, attributes};

/// The routing protocol number of these routes: by it they are found again after a crash. Free in
/// `/etc/iproute2/rt_protos`, and not that of [`ecmp`](crate::ecmp::kernel::PROTOCOL).
const PROTOCOL: u8 = 83;

/// The last resort: any other route to the same prefix is preferred.
const METRIC: u32 = u32::MAX;

/// The octets of `struct rtmsg`.
const STRUCTURE: usize = 12;

/// Makes these the prefixes for which there is such a route, and no others; how many were missing.
///
/// # Errors
/// What the kernel refuses, for people.
pub(super) fn set(wanted: &BTreeSet<IpNet>) -> Result<usize, String> {
    let said = |error: std::io::Error| format!("routes for anycast prefixes: {error}");
    let mut exchange = Exchange::open().map_err(said)?;
    // Of a host with a full table only ours are listed; an older kernel lists all.
    let _ = exchange.filter_dumps();
    let present = present(&mut exchange).map_err(said)?;
    for prefix in present.difference(wanted) {
        change(&mut exchange, libc::RTM_DELROUTE, 0, prefix)?;
        info!("undone: unreachable {prefix}");
    }
    for prefix in wanted.difference(&present) {
        let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
        change(&mut exchange, libc::RTM_NEWROUTE, flags, prefix)?;
    }
    Ok(wanted.difference(&present).count())
}

fn present(exchange: &mut Exchange) -> std::io::Result<BTreeSet<IpNet>> {
    let mut found = BTreeSet::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut structure = [0; STRUCTURE];
        structure[0] = family as u8;
        structure[5] = PROTOCOL;
        found.extend(exchange.dump(libc::RTM_GETROUTE, libc::RTM_NEWROUTE, &structure, read)?);
    }
    Ok(found)
}

/// The prefix of a route of ours.
fn read(message: &Message<'_>) -> Option<IpNet> {
    let (structure, rest) = message.body.split_at_checked(STRUCTURE)?;
    let [_, length, _, _, _, protocol] = *structure.first_chunk()?;
    let mut destination = attributes(rest).filter(|(kind, _)| *kind == libc::RTA_DST);
    let address = address(destination.next()?.1)?;
    (protocol == PROTOCOL).then(|| IpNet::new(address, length).ok()).flatten()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn change(
    exchange: &mut Exchange,
    kind: u16,
    flags: libc::c_int,
    prefix: &IpNet,
) -> Result<(), String> {
    let (family, octets) = match prefix.network() {
        IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
    };
    let (table, scope) = (libc::RT_TABLE_MAIN, libc::RT_SCOPE_UNIVERSE);
    let length = prefix.prefix_len();
    let kind_of_route = libc::RTN_UNREACHABLE;
    let structure = [family as u8, length, 0, 0, table, PROTOCOL, scope, kind_of_route, 0, 0, 0, 0];
    let done = exchange.request(kind, flags as u16, &structure, |writer| {
        writer.attribute(libc::RTA_DST, &octets);
        writer.attribute(libc::RTA_PRIORITY, &METRIC.to_ne_bytes());
    });
    match done {
        // Nobody misses a route that is gone already.
        Err(Refusal { error, .. }) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        Err(Refusal { error, .. }) => Err(format!("unreachable {prefix}: {error}")),
        Ok(()) => Ok(()),
    }
}
