//! Path attributes (RFC 4271 §5), in the order of their numbers.

use std::net::Ipv4Addr;

use super::Relation;
use crate::bgp::message::notification::two_octets;
use crate::bgp::routes::{Attributes, DEFAULT_LOCAL_PREF, LargeCommunity, Origin};
use crate::geo::Asn;

const ORIGIN: u8 = 1;
const AS_PATH: u8 = 2;
const NEXT_HOP: u8 = 3;
const MULTI_EXIT_DISC: u8 = 4;
const LOCAL_PREF: u8 = 5;
const COMMUNITIES: u8 = 8;
const AS4_PATH: u8 = 17;
const LARGE_COMMUNITY: u8 = 32;

/// A segment of a path that is in order.
const AS_SEQUENCE: u8 = 2;
/// A segment counts its members in a byte.
const LONGEST_SEGMENT: usize = 255;

/// What a router that does not know an attribute does with it (RFC 4271 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Flags {
    /// Every router knows it.
    WellKnown = 0x40,
    /// Drops it.
    Optional = 0x80,
    /// Passes it on.
    OptionalTransitive = 0xc0,
}

/// The length has two bytes.
const EXTENDED_LENGTH: u8 = 0x10;

#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn push(&mut self, flags: Flags, kind: u8, value: &[u8]) {
        match u8::try_from(value.len()) {
            Ok(length) => self.0.extend_from_slice(&[flags as u8, kind, length]),
            Err(_) => {
                self.0.extend_from_slice(&[flags as u8 | EXTENDED_LENGTH, kind]);
                let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
                self.0.extend_from_slice(&length.to_be_bytes());
            }
        }
        self.0.extend_from_slice(value);
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// All attributes but MP_REACH_NLRI.
pub(super) fn encode(
    relation: Relation,
    next_hop: Option<Ipv4Addr>,
    attributes: &Attributes,
) -> Vec<u8> {
    let mut out = Writer::default();
    out.push(Flags::WellKnown, ORIGIN, &[origin(attributes.origin)]);
    let path = Path::of(relation, attributes.prepend);
    out.push(Flags::WellKnown, AS_PATH, &path.encode(relation.four_octet));
    if let Some(next_hop) = next_hop {
        out.push(Flags::WellKnown, NEXT_HOP, &next_hop.octets());
    }
    if let Some(med) = attributes.med {
        out.push(Flags::Optional, MULTI_EXIT_DISC, &med.to_be_bytes());
    }
    if relation.internal {
        let preference = attributes.local_pref.unwrap_or(DEFAULT_LOCAL_PREF);
        out.push(Flags::WellKnown, LOCAL_PREF, &preference.to_be_bytes());
    }
    communities(&mut out, attributes);
    if !relation.four_octet && path.needs_four_octets() {
        out.push(Flags::OptionalTransitive, AS4_PATH, &path.encode(true));
    }
    large_communities(&mut out, attributes);
    out.done()
}

const fn origin(origin: Origin) -> u8 {
    match origin {
        Origin::Igp => 0,
        Origin::Egp => 1,
        Origin::Incomplete => 2,
    }
}

fn communities(out: &mut Writer, attributes: &Attributes) {
    if !attributes.communities.is_empty() {
        let value = attributes.communities.iter().flat_map(|community| community.0.to_be_bytes());
        out.push(Flags::OptionalTransitive, COMMUNITIES, &value.collect::<Vec<_>>());
    }
}

fn large_communities(out: &mut Writer, attributes: &Attributes) {
    if !attributes.large_communities.is_empty() {
        let words = |c: &LargeCommunity| [c.administrator, c.data1, c.data2];
        let words = attributes.large_communities.iter().flat_map(words);
        let value: Vec<u8> = words.flat_map(u32::to_be_bytes).collect();
        out.push(Flags::OptionalTransitive, LARGE_COMMUNITY, &value);
    }
}

/// Our AS, so many times.
struct Path {
    asn: Asn,
    count: usize,
}

impl Path {
    /// Empty within an AS (RFC 4271 §5.1.2).
    fn of(relation: Relation, prepend: u8) -> Self {
        let count = if relation.internal { 0 } else { 1 + usize::from(prepend) };
        Self { asn: relation.asn, count }
    }

    fn needs_four_octets(&self) -> bool {
        self.count > 0 && self.asn.0 > u32::from(u16::MAX)
    }

    /// To a peer that reads two octets a longer number is AS_TRANS (RFC 6793 §4.2.2).
    fn encode(&self, four_octet: bool) -> Vec<u8> {
        let member = match four_octet {
            true => self.asn.0.to_be_bytes().to_vec(),
            false => two_octets(self.asn).to_be_bytes().to_vec(),
        };
        let mut out = Vec::with_capacity(2 + self.count * member.len());
        let mut left = self.count;
        while left > 0 {
            let segment = left.min(LONGEST_SEGMENT);
            out.extend_from_slice(&[AS_SEQUENCE, u8::try_from(segment).unwrap_or(u8::MAX)]);
            out.extend(member.repeat(segment));
            left -= segment;
        }
        out
    }
}
