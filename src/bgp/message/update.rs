//! UPDATE: routes, as this speaker sends them (RFC 4271 §4.3, RFC 4760).
//!
//! An announcement is written for as many prefixes as share their attributes, in as few messages as
//! hold them; no message has more than [`LONGEST`] bytes. IPv4 goes in the classic fields, or in
//! MP_REACH_NLRI when its next hop is an IPv6 address (RFC 8950); IPv6 always in the latter.

mod attributes;

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::capability::{SAFI_UNICAST, afi};
use super::{HEADER, Kind, LONGEST, framed};
use crate::bgp::routes::{Attributes, Family};
use crate::geo::Asn;

use attributes::{Flags, Writer};

const MP_REACH_NLRI: u8 = 14;
const MP_UNREACH_NLRI: u8 = 15;
/// The two lengths in the body.
const LENGTHS: usize = 4;
/// Flags, type and a length of two bytes.
const ATTRIBUTE_HEADER: usize = 4;

/// What the two ends of a session are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Relation {
    /// Our AS.
    pub asn: Asn,
    /// Whether the peer is of the same.
    pub internal: bool,
    /// Whether the peer reads AS numbers of four octets.
    pub four_octet: bool,
}

/// The next hop as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gateway {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, and the link-local one of the same interface (RFC 2545 §3). Where there is
    /// only a link-local one it stands for both.
    V6 {
        /// The address.
        address: Ipv6Addr,
        /// Said only to a peer on the same link.
        link_local: Option<Ipv6Addr>,
    },
}

/// Why an announcement cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unwritable {
    /// There is no room for a prefix beside the attributes.
    #[error(
        "the attributes have {length} bytes, and a message holds {LONGEST}: have fewer communities"
    )]
    TooLong {
        /// The attributes in bytes.
        length: usize,
    },
    /// An IPv6 prefix with an IPv4 next hop.
    #[error("an IPv6 prefix cannot have the IPv4 next hop {0}: set `next_hop.ipv6`")]
    Ipv4NextHop(Ipv4Addr),
}

/// The messages that announce `prefixes`, all of `family`; others are left out.
///
/// # Errors
///
/// No message can hold that.
pub fn announcements(
    relation: Relation,
    family: Family,
    gateway: Gateway,
    attributes: &Attributes,
    prefixes: &[IpNet],
) -> Result<Vec<Vec<u8>>, Unwritable> {
    let (next_hop, reach) = match (family, gateway) {
        (Family::Ipv4, Gateway::V4(address)) => (Some(address), None),
        (Family::Ipv6, Gateway::V4(address)) => return Err(Unwritable::Ipv4NextHop(address)),
        (_, Gateway::V6 { address, link_local }) => (None, Some((address, link_local))),
    };
    let attributes = attributes::encode(relation, next_hop, attributes);
    let head = reach.map(|(address, link_local)| reach_head(family, address, link_local));
    let overhead = head.as_ref().map_or(0, |head| ATTRIBUTE_HEADER + head.len());
    let used = HEADER + LENGTHS + attributes.len() + overhead;
    let longest = 1 + usize::from(width(family));
    let room = LONGEST.checked_sub(used).filter(|&room| room >= longest);
    let room = room.ok_or(Unwritable::TooLong { length: attributes.len() + overhead })?;
    Ok(packed(family, prefixes, room)
        .map(|nlri| match &head {
            None => update(&[], &attributes, &nlri),
            // First of all attributes (RFC 7606 §5.1).
            Some(head) => {
                let mut all = Writer::default();
                all.push(Flags::Optional, MP_REACH_NLRI, &[head, nlri.as_slice()].concat());
                update(&[], &[all.done(), attributes.clone()].concat(), &[])
            }
        })
        .collect())
}

/// The messages that withdraw `prefixes`, all of `family`; others are left out.
#[must_use]
pub fn withdrawals(family: Family, prefixes: &[IpNet]) -> Vec<Vec<u8>> {
    let room = LONGEST - HEADER - LENGTHS;
    match family {
        Family::Ipv4 => {
            packed(family, prefixes, room).map(|nlri| update(&nlri, &[], &[])).collect()
        }
        Family::Ipv6 => {
            let room = room - ATTRIBUTE_HEADER - UNREACH_HEAD;
            packed(family, prefixes, room).map(|nlri| unreach(family, &nlri)).collect()
        }
    }
}

/// The message that says: these were all routes of `family` (RFC 4724 §2).
#[must_use]
pub fn end_of_rib(family: Family) -> Vec<u8> {
    match family {
        Family::Ipv4 => update(&[], &[], &[]),
        Family::Ipv6 => unreach(family, &[]),
    }
}

/// Family and subsequent family.
const UNREACH_HEAD: usize = 3;

fn unreach(family: Family, nlri: &[u8]) -> Vec<u8> {
    let [high, low] = afi(family).to_be_bytes();
    let mut attributes = Writer::default();
    let value = [&[high, low, SAFI_UNICAST], nlri].concat();
    attributes.push(Flags::Optional, MP_UNREACH_NLRI, &value);
    update(&[], &attributes.done(), &[])
}

/// MP_REACH_NLRI without the prefixes (RFC 4760 §3).
fn reach_head(family: Family, address: Ipv6Addr, link_local: Option<Ipv6Addr>) -> Vec<u8> {
    let [high, low] = afi(family).to_be_bytes();
    let mut head = vec![high, low, SAFI_UNICAST];
    head.push(if link_local.is_some() { 32 } else { 16 });
    head.extend_from_slice(&address.octets());
    head.extend(link_local.iter().flat_map(Ipv6Addr::octets));
    head.push(0);
    head
}

fn update(withdrawn: &[u8], attributes: &[u8], nlri: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    let fields: [&[u8]; 5] = [&length(withdrawn), withdrawn, &length(attributes), attributes, nlri];
    framed(Kind::Update, &fields.concat())
}

/// The prefixes of `family` in pieces of `room` bytes at most, which must hold one.
fn packed(family: Family, prefixes: &[IpNet], room: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    for prefix in prefixes.iter().filter(|prefix| Family::of(prefix) == family) {
        let nlri = encode(prefix);
        match pieces.last_mut().filter(|piece| piece.len() + nlri.len() <= room) {
            Some(piece) => piece.extend_from_slice(&nlri),
            None => pieces.push(nlri),
        }
    }
    pieces.into_iter()
}

/// The length in bits, and as many bytes of the address as that takes (RFC 4271 §4.3).
fn encode(prefix: &IpNet) -> Vec<u8> {
    let bits = prefix.prefix_len();
    let bytes = usize::from(bits.div_ceil(8));
    let mut nlri = vec![bits];
    match prefix.trunc() {
        IpNet::V4(net) => nlri.extend(net.addr().octets().into_iter().take(bytes)),
        IpNet::V6(net) => nlri.extend(net.addr().octets().into_iter().take(bytes)),
    }
    nlri
}

/// An address in bytes.
const fn width(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 16,
    }
}
