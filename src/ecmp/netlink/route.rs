//! Messages of routes (`rtnetlink(7)`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use vrrp::linux::netlink::exchange::{Exchange, Refusal};
use vrrp::linux::netlink::message::{Message, Writer, attributes, number};

use super::super::kernel::{PROTOCOL, RouteKey, Target};

/// `struct rtmsg`: family, destination and source length, TOS, table, protocol, scope, type,
/// flags (u32).
pub(super) const STRUCTURE: usize = 12;
/// `RTA_NH_ID`; not in every libc.
const RTA_NH_ID: u16 = 30;
/// `RTA_IP_PROTO`, `RTA_SPORT`, `RTA_DPORT`: a flow's transport protocol, and its ports in network
/// byte order.
const RTA_IP_PROTO: u16 = 27;
const RTA_SPORT: u16 = 28;
const RTA_DPORT: u16 = 29;
/// `RTA_VIA`: a gateway of the other family.
const RTA_VIA: u16 = 18;

/// A flow that comes in to be forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Where it came in, by index; 0: it begins on this host.
    pub interface: u32,
    /// From whom; of the destination's family. Left out of the question where it begins on this
    /// host.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// TCP or UDP.
    pub transport: Transport,
    /// From which port.
    pub source_port: u16,
    /// To which port.
    pub destination_port: u16,
}

impl Flow {
    /// The same flow, coming in on `lo` to be forwarded.
    #[must_use]
    pub fn coming_in(&self) -> Self {
        Self { interface: super::scratch::LOOPBACK, ..*self }
    }
}

/// What carries a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    fn number(self) -> u8 {
        let number = match self {
            Self::Tcp => libc::IPPROTO_TCP,
            Self::Udp => libc::IPPROTO_UDP,
        };
        number as u8
    }
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// To a neighbour.
    Direct {
        /// On the interface of this index.
        interface: u32,
    },
    /// By way of a router.
    Through {
        /// It.
        gateway: IpAddr,
        /// On the interface of this index.
        interface: u32,
    },
    /// To this host.
    Local,
    /// Nowhere.
    Refused,
}

/// The structure of a list of our routes of a family, in every table.
pub(super) fn ours(family: libc::c_int) -> [u8; STRUCTURE] {
    let mut structure = [0; STRUCTURE];
    structure[0] = family as u8;
    structure[5] = PROTOCOL;
    structure
}

pub(super) fn structure(key: &RouteKey, target: Target) -> [u8; STRUCTURE] {
    let kind = match target {
        Target::Unreachable => libc::RTN_UNREACHABLE,
        Target::NextHop(_) | Target::Stray => libc::RTN_UNICAST,
    };
    let scope = libc::RT_SCOPE_UNIVERSE;
    [family(key.prefix), key.prefix.prefix_len(), 0, 0, 0, PROTOCOL, scope, kind, 0, 0, 0, 0]
}

/// One that matches whatever kind and scope the route has, of our protocol.
pub(super) fn structure_to_remove(key: &RouteKey) -> [u8; STRUCTURE] {
    let scope = libc::RT_SCOPE_NOWHERE;
    [family(key.prefix), key.prefix.prefix_len(), 0, 0, 0, PROTOCOL, scope, 0, 0, 0, 0, 0]
}

/// The attributes of a route.
pub(super) fn write(key: &RouteKey, target: Target, writer: &mut Writer<'_>) {
    writer.attribute(libc::RTA_TABLE, &key.table.to_ne_bytes());
    writer.attribute(libc::RTA_DST, &octets_of(key.prefix.addr()));
    writer.attribute(libc::RTA_PRIORITY, &key.metric.to_ne_bytes());
    match target {
        Target::NextHop(id) => writer.attribute(RTA_NH_ID, &id.to_ne_bytes()),
        Target::Unreachable | Target::Stray => {}
    }
}

/// A route of ours, from `RTM_NEWROUTE` or `RTM_DELROUTE`; absent for anybody else's.
pub(super) fn read_ours(message: &Message<'_>) -> Option<(RouteKey, Target)> {
    let route = read(message)?;
    let target = match (route.kind, route.next_hop) {
        (libc::RTN_UNREACHABLE, _) => Target::Unreachable,
        (libc::RTN_UNICAST, Some(id)) => Target::NextHop(id),
        _ => Target::Stray,
    };
    (route.protocol == PROTOCOL).then_some((route.key, target))
}

/// A route as listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) key: RouteKey,
    pub(super) protocol: u8,
    pub(super) kind: u8,
    pub(super) next_hop: Option<u32>,
    /// Whether it leads over a router, or several.
    pub(super) is_indirect: bool,
}

pub(super) fn read(message: &Message<'_>) -> Option<Route> {
    let (structure, rest) = message.body.split_at_checked(STRUCTURE)?;
    let [family, length, _, _, table, protocol, _, kind] = *structure.first_chunk()?;
    let mut table = u32::from(table);
    let (mut destination, mut metric, mut next_hop) = (None, 0, None);
    let mut is_indirect = false;
    for (attribute, value) in attributes(rest) {
        match attribute {
            libc::RTA_TABLE => table = number(value)?,
            libc::RTA_DST => destination = Some(address_of(value)?),
            libc::RTA_PRIORITY => metric = number(value)?,
            RTA_NH_ID => next_hop = Some(number(value)?),
            libc::RTA_GATEWAY | libc::RTA_MULTIPATH | RTA_VIA => is_indirect = true,
            _ => {}
        }
    }
    let destination = destination.or_else(|| unspecified(family))?;
    let prefix = IpNet::new(destination, length).ok()?;
    let key = RouteKey { table, prefix, metric };
    Some(Route { key, protocol, kind, next_hop, is_indirect })
}

/// A default route has no destination.
fn unspecified(family: u8) -> Option<IpAddr> {
    match libc::c_int::from(family) {
        libc::AF_INET => Some(Ipv4Addr::UNSPECIFIED.into()),
        libc::AF_INET6 => Some(Ipv6Addr::UNSPECIFIED.into()),
        _ => None,
    }
}

type Asked = Result<Option<Way>, Refusal>;

pub(super) fn ask_address(exchange: &mut Exchange, address: IpAddr) -> Asked {
    let structure = question(address, 0);
    exchange.ask(
        libc::RTM_GETROUTE,
        libc::RTM_NEWROUTE,
        &structure,
        |writer| writer.attribute(libc::RTA_DST, &octets_of(address)),
        read_way,
    )
}

pub(super) fn ask_flow(exchange: &mut Exchange, flow: &Flow) -> Asked {
    let comes_in = flow.interface != 0;
    let source_length = if comes_in { width(flow.source) } else { 0 };
    let structure = question(flow.destination, source_length);
    let write = |writer: &mut Writer<'_>| {
        writer.attribute(libc::RTA_DST, &octets_of(flow.destination));
        if comes_in {
            writer.attribute(libc::RTA_SRC, &octets_of(flow.source));
            writer.attribute(libc::RTA_IIF, &flow.interface.to_ne_bytes());
        }
        writer.attribute(RTA_IP_PROTO, &[flow.transport.number()]);
        writer.attribute(RTA_SPORT, &flow.source_port.to_be_bytes());
        writer.attribute(RTA_DPORT, &flow.destination_port.to_be_bytes());
    };
    exchange.ask(libc::RTM_GETROUTE, libc::RTM_NEWROUTE, &structure, write, read_way)
}

/// The structure of a question about one destination.
fn question(destination: IpAddr, source_length: u8) -> [u8; STRUCTURE] {
    let mut structure = [0; STRUCTURE];
    structure[0] = family(destination.into());
    structure[1] = width(destination);
    structure[2] = source_length;
    structure
}

/// That there is no way is an answer too.
pub(super) fn known_way(asked: Asked) -> Asked {
    match asked {
        Err(refusal)
            if matches!(
                refusal.error.raw_os_error(),
                Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES)
            ) =>
        {
            Ok(None)
        }
        asked => asked,
    }
}

fn read_way(message: &Message<'_>) -> Option<Way> {
    let (structure, rest) = message.body.split_at_checked(STRUCTURE)?;
    let kind = *structure.get(7)?;
    let (mut interface, mut gateway) = (None, None);
    for (attribute, value) in attributes(rest) {
        match attribute {
            libc::RTA_OIF => interface = number(value),
            libc::RTA_GATEWAY => gateway = address_of(value),
            // `struct rtvia`: family (u16), address.
            RTA_VIA => gateway = value.get(2..).and_then(address_of),
            _ => {}
        }
    }
    Some(match (kind, gateway, interface) {
        (libc::RTN_UNICAST, None, Some(interface)) => Way::Direct { interface },
        (libc::RTN_UNICAST, Some(gateway), Some(interface)) => Way::Through { gateway, interface },
        (libc::RTN_LOCAL, _, _) => Way::Local,
        _ => Way::Refused,
    })
}

fn family(prefix: IpNet) -> u8 {
    let family = match prefix {
        IpNet::V4(_) => libc::AF_INET,
        IpNet::V6(_) => libc::AF_INET6,
    };
    family as u8
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

pub(super) fn octets_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

pub(super) fn address_of(value: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(value) {
        return Some(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(value).ok().map(|octets| Ipv6Addr::from(octets).into())
}

#[cfg(test)]
mod tests {
    use vrrp::linux::netlink::message::messages;

    use super::*;

    fn key(prefix: &str, table: u32) -> RouteKey {
        RouteKey { table, prefix: prefix.parse().expect("a prefix"), metric: 50 }
    }

    fn octets(structure: [u8; STRUCTURE], attributes: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = Writer::begin(&mut out, libc::RTM_NEWROUTE, 0, 0, &structure);
        attributes(&mut writer);
        writer.end();
        out
    }

    #[test]
    fn routes_are_read_as_they_are_written() {
        for key in [key("10.0.0.100/32", 254), key("2001:db8::/32", 1000), key("0.0.0.0/0", 254)] {
            for target in [Target::NextHop(820_000_001), Target::Unreachable] {
                let octets = octets(structure(&key, target), |w| write(&key, target, w));
                let message = messages(&octets).next().expect("a message");
                assert_eq!(read_ours(&message), Some((key, target)));
            }
        }
    }

    #[test]
    fn a_default_route_needs_no_destination_and_others_routes_are_not_ours() {
        let mut structure = structure(&key("0.0.0.0/0", 254), Target::Unreachable);
        let message =
            |structure| octets(structure, |w| w.attribute(libc::RTA_PRIORITY, &[50, 0, 0, 0]));
        structure[4] = 254;
        let listed = message(structure);
        let read = messages(&listed).next().and_then(|m| read_ours(&m));
        assert_eq!(read, Some((key("0.0.0.0/0", 254), Target::Unreachable)));
        structure[5] = 12;
        let listed = message(structure);
        assert_eq!(messages(&listed).next().and_then(|m| read_ours(&m)), None);
    }

    #[test]
    fn ways_are_told_apart() {
        let gateway = IpAddr::from([192, 0, 2, 1]);
        for (kind, gateway, expected) in [
            (libc::RTN_UNICAST, None, Way::Direct { interface: 3 }),
            (libc::RTN_UNICAST, Some(gateway), Way::Through { gateway, interface: 3 }),
            (libc::RTN_LOCAL, None, Way::Local),
            (libc::RTN_UNREACHABLE, None, Way::Refused),
        ] {
            let mut structure = question(IpAddr::from([192, 0, 2, 9]), 0);
            structure[7] = kind;
            let answer = octets(structure, |writer| {
                writer.attribute(libc::RTA_OIF, &3u32.to_ne_bytes());
                if let Some(gateway) = gateway {
                    writer.attribute(libc::RTA_GATEWAY, &octets_of(gateway));
                }
            });
            let message = messages(&answer).next().expect("a message");
            assert_eq!(read_way(&message), Some(expected), "type {kind}");
        }
    }

    #[test]
    fn what_is_cut_short_is_not_read() {
        let key = key("10.0.0.100/32", 254);
        let whole = octets(structure(&key, Target::Unreachable), |_| {});
        let message = messages(&whole).next().expect("a message");
        for length in 0..STRUCTURE {
            let cut = Message { body: &message.body[..length], ..message };
            assert_eq!(read(&cut), None, "{length} octets");
            assert_eq!(read_way(&cut), None, "{length} octets");
        }
        let damaged = octets([2, 33, 0, 0, 0, PROTOCOL, 0, 1, 0, 0, 0, 0], |_| {});
        let message = messages(&damaged).next().expect("a message");
        assert_eq!(read(&message), None, "a length that no address has");
    }
}
