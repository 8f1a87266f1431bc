//! Messages of next hops and groups (the kernel's `include/uapi/linux/nexthop.h`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use vrrp::linux::netlink::exchange::{Answer, Exchange};
use vrrp::linux::netlink::message::{Message, Writer, attributes, number};

use super::super::kernel::{Group, Id, NextHop, Object, PROTOCOL, Shape};
use super::route::{address_of, octets_of};

/// Not in every libc.
pub(super) const RTM_NEWNEXTHOP: u16 = 104;
pub(super) const RTM_DELNEXTHOP: u16 = 105;
pub(super) const RTM_GETNEXTHOP: u16 = 106;

/// `struct nhmsg`: family, scope, protocol, reserved, flags (u32).
const STRUCTURE: usize = 8;
/// `RTNH_F_ONLINK`: the gateway is a neighbour whatever the routes say.
const ON_LINK: u32 = 4;

const NHA_ID: u16 = 1;
/// Of `struct nexthop_grp`: id (u32), weight − 1 (u8), its high octet (u8), reserved (u16).
const NHA_GROUP: u16 = 2;
const NHA_GROUP_TYPE: u16 = 3;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
const NHA_ENCAP: u16 = 8;
const NHA_FDB: u16 = 11;
const NHA_RES_GROUP: u16 = 12;

/// `NEXTHOP_GRP_TYPE_*`.
const TYPE_MULTIPATH: u16 = 0;
const TYPE_RESILIENT: u16 = 1;

/// Within `NHA_RES_GROUP`: u16, and u32 in 1/100 s (`clock_t` at `USER_HZ` 100).
const BUCKETS: u16 = 1;
const IDLE_TIMER: u16 = 2;
const UNBALANCED_TIMER: u16 = 3;

/// The octets of a `struct nexthop_grp`.
const GROUP_ENTRY: usize = 8;

/// A next hop or group as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: Id,
    /// Who made it.
    pub protocol: u8,
    /// What it is; absent: nothing that we would make.
    pub kind: Option<Kind>,
}

/// What a next hop is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A gateway on a link.
    NextHop(NextHop),
    /// A group of them.
    Group(Group),
}

/// Whether a group is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    New,
    InPlace,
}

/// Whether a gateway's being a neighbour is the kernel's to find out, or is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Neighbour {
    ByRoutes,
    Claimed,
}

impl From<Listed> for Object {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed { protocol, .. } if protocol != PROTOCOL => Self::Foreign(protocol),
            Listed { kind: Some(Kind::NextHop(next_hop)), .. } => Self::NextHop(next_hop),
            Listed { kind: Some(Kind::Group(group)), .. } => Self::Group(group),
            Listed { kind: None, .. } => Self::Stray,
        }
    }
}

/// The structure of a list of all.
pub(super) fn any() -> [u8; STRUCTURE] {
    [0; STRUCTURE]
}

fn structure(family: u8, flags: u32) -> [u8; STRUCTURE] {
    let mut structure = [family, 0, PROTOCOL, 0, 0, 0, 0, 0];
    structure[4..].copy_from_slice(&flags.to_ne_bytes());
    structure
}

fn family(address: IpAddr) -> u8 {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    family as u8
}

pub(super) fn add(exchange: &mut Exchange, id: Id, next_hop: NextHop) -> Answer {
    add_as(exchange, id, next_hop, Neighbour::ByRoutes)
}

pub(super) fn add_as(
    exchange: &mut Exchange,
    id: Id,
    NextHop { gateway, interface }: NextHop,
    neighbour: Neighbour,
) -> Answer {
    let flags = match neighbour {
        Neighbour::ByRoutes => 0,
        Neighbour::Claimed => ON_LINK,
    };
    let create = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
    exchange.request(RTM_NEWNEXTHOP, create, &structure(family(gateway), flags), |writer| {
        writer.attribute(NHA_ID, &id.to_ne_bytes());
        writer.attribute(NHA_OIF, &interface.to_ne_bytes());
        writer.attribute(NHA_GATEWAY, &octets_of(gateway));
    })
}

pub(super) fn set_group(
    exchange: &mut Exchange,
    id: Id,
    group: &Group,
    setting: Setting,
) -> Answer {
    let flags = match setting {
        Setting::New => libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        Setting::InPlace => libc::NLM_F_REPLACE,
    };
    let structure = structure(libc::AF_UNSPEC as u8, 0);
    exchange.request(RTM_NEWNEXTHOP, flags as u16, &structure, |writer| {
        writer.attribute(NHA_ID, &id.to_ne_bytes());
        write_group(group, writer);
    })
}

pub(super) fn remove(exchange: &mut Exchange, id: Id) -> Answer {
    exchange.request(RTM_DELNEXTHOP, 0, &any(), |writer| {
        writer.attribute(NHA_ID, &id.to_ne_bytes());
    })
}

fn write_group(group: &Group, writer: &mut Writer<'_>) {
    let mut entries = Vec::with_capacity(group.members.len() * GROUP_ENTRY);
    for (id, weight) in &group.members {
        let [low, high] = weight.saturating_sub(1).to_le_bytes();
        entries.extend_from_slice(&id.to_ne_bytes());
        entries.extend_from_slice(&[low, high, 0, 0]);
    }
    writer.attribute(NHA_GROUP, &entries);
    match group.shape {
        Shape::Multipath => writer.attribute(NHA_GROUP_TYPE, &TYPE_MULTIPATH.to_ne_bytes()),
        Shape::Resilient { buckets, idle, unbalanced } => {
            writer.attribute(NHA_GROUP_TYPE, &TYPE_RESILIENT.to_ne_bytes());
            writer.nest(NHA_RES_GROUP, |inner| {
                inner.attribute(BUCKETS, &buckets.to_ne_bytes());
                inner.attribute(IDLE_TIMER, &idle.to_ne_bytes());
                inner.attribute(UNBALANCED_TIMER, &unbalanced.to_ne_bytes());
            });
        }
    }
}

/// From `RTM_NEWNEXTHOP` or `RTM_DELNEXTHOP`.
pub(super) fn read(message: &Message<'_>) -> Option<Listed> {
    let (structure, rest) = message.body.split_at_checked(STRUCTURE)?;
    let protocol = *structure.get(2)?;
    let mut found = Found::default();
    for (kind, value) in attributes(rest) {
        match kind {
            NHA_ID => found.id = number(value),
            NHA_OIF => found.interface = number(value),
            NHA_GATEWAY => found.gateway = address_of(value),
            NHA_GROUP => found.members = read_members(value),
            NHA_GROUP_TYPE => found.group_type = short(value),
            NHA_RES_GROUP => found.resilient = Some(read_resilient(value)),
            NHA_BLACKHOLE | NHA_ENCAP | NHA_FDB => found.odd = true,
            _ => {}
        }
    }
    Some(Listed { id: found.id?, protocol, kind: found.kind() })
}

#[derive(Debug, Default)]
struct Found {
    id: Option<Id>,
    interface: Option<u32>,
    gateway: Option<IpAddr>,
    members: Option<BTreeMap<Id, u16>>,
    group_type: Option<u16>,
    resilient: Option<Shape>,
    odd: bool,
}

impl Found {
    fn kind(self) -> Option<Kind> {
        if self.odd {
            return None;
        }
        let Some(members) = self.members else {
            let next_hop = NextHop { gateway: self.gateway?, interface: self.interface? };
            return Some(Kind::NextHop(next_hop));
        };
        let shape = match self.group_type? {
            TYPE_MULTIPATH => Shape::Multipath,
            TYPE_RESILIENT => self.resilient?,
            _ => return None,
        };
        Some(Kind::Group(Group { shape, members }))
    }
}

fn read_members(value: &[u8]) -> Option<BTreeMap<Id, u16>> {
    let entry = |octets: &[u8]| {
        let id = number(octets)?;
        let weight = u16::from_le_bytes([*octets.get(4)?, *octets.get(5)?]);
        Some((id, weight.saturating_add(1)))
    };
    value.chunks_exact(GROUP_ENTRY).map(entry).collect()
}

fn read_resilient(value: &[u8]) -> Shape {
    let (mut buckets, mut idle, mut unbalanced) = (0, 0, 0);
    for (kind, value) in attributes(value) {
        match kind {
            BUCKETS => buckets = short(value).unwrap_or(0),
            IDLE_TIMER => idle = number(value).unwrap_or(0),
            UNBALANCED_TIMER => unbalanced = number(value).unwrap_or(0),
            _ => {}
        }
    }
    Shape::Resilient { buckets, idle, unbalanced }
}

fn short(value: &[u8]) -> Option<u16> {
    value.first_chunk().map(|octets| u16::from_ne_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use vrrp::linux::netlink::message::messages;

    use super::*;

    fn listed(family: u8, protocol: u8, attributes: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        let structure = [family, 0, protocol, 0, 0, 0, 0, 0];
        let mut writer = Writer::begin(&mut out, RTM_NEWNEXTHOP, 0, 0, &structure);
        attributes(&mut writer);
        writer.end();
        out
    }

    fn read_octets(octets: &[u8]) -> Option<Listed> {
        messages(octets).next().and_then(|message| read(&message))
    }

    #[test]
    fn groups_are_read_as_they_are_written() {
        let resilient = Shape::Resilient { buckets: 256, idle: 3000, unbalanced: 30_000 };
        for shape in [Shape::Multipath, resilient] {
            let members = [(820_000_001, 1), (820_000_002, 256)].into();
            let group = Group { shape, members };
            let octets = listed(0, PROTOCOL, |writer| {
                writer.attribute(NHA_ID, &820_000_009u32.to_ne_bytes());
                write_group(&group, writer);
            });
            let read = read_octets(&octets).expect("a group");
            assert_eq!(Object::from(read), Object::Group(group));
        }
    }

    /// As `ip nexthop add id 820000001 group 1/2,5` sends its `NHA_GROUP`: weights less one.
    #[cfg(target_endian = "little")]
    #[test]
    fn a_weight_of_one_is_a_zero_on_the_wire() {
        let mut out = Vec::new();
        let mut writer = Writer::begin(&mut out, RTM_NEWNEXTHOP, 0, 0, &any());
        let members = [(1, 1), (2, 5)].into();
        write_group(&Group { shape: Shape::Multipath, members }, &mut writer);
        writer.end();
        let expected =
            [20, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 6, 0, 3, 0, 0, 0, 0, 0];
        assert_eq!(out.get(24..), Some(&expected[..]));
    }

    #[test]
    fn what_we_would_not_make_is_stray_and_what_others_make_is_foreign() {
        let gateway = |writer: &mut Writer<'_>| {
            writer.attribute(NHA_ID, &820_000_001u32.to_ne_bytes());
            writer.attribute(NHA_OIF, &3u32.to_ne_bytes());
            writer.attribute(NHA_GATEWAY, &[192, 0, 2, 1]);
        };
        let next_hop = NextHop { gateway: IpAddr::from([192, 0, 2, 1]), interface: 3 };
        let plain = read_octets(&listed(2, PROTOCOL, gateway)).expect("a next hop");
        assert_eq!(Object::from(plain), Object::NextHop(next_hop));
        let blackhole = listed(2, PROTOCOL, |writer| {
            writer.attribute(NHA_ID, &820_000_001u32.to_ne_bytes());
            writer.attribute(NHA_BLACKHOLE, &[]);
        });
        assert_eq!(Object::from(read_octets(&blackhole).expect("read")), Object::Stray);
        let foreign = read_octets(&listed(2, 11, gateway)).expect("a next hop");
        assert_eq!(Object::from(foreign), Object::Foreign(11));
    }

    #[test]
    fn what_is_cut_short_or_has_no_id_is_not_read() {
        let octets = listed(2, PROTOCOL, |writer| writer.attribute(NHA_OIF, &[3, 0, 0, 0]));
        assert_eq!(read_octets(&octets), None);
        for length in 0..STRUCTURE {
            let message = Message { kind: RTM_NEWNEXTHOP, flags: 0, sequence: 0, body: &[0; 8] };
            let message = Message { body: &message.body[..length], ..message };
            assert_eq!(read(&message), None, "{length} octets");
        }
    }
}
