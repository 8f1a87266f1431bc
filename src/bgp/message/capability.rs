//! Capabilities: what each end can do (RFC 5492).
//!
//! A list of `code, length, value`. What is unknown is ignored, and so is a known code of another
//! length than it has.

use crate::bgp::routes::{Families, Family};
use crate::geo::Asn;

const MULTIPROTOCOL: u8 = 1;
const ROUTE_REFRESH: u8 = 2;
const EXTENDED_NEXT_HOP: u8 = 5;
const GRACEFUL_RESTART: u8 = 64;
const FOUR_OCTET_AS: u8 = 65;
const ENHANCED_ROUTE_REFRESH: u8 = 70;

/// The only SAFI that is spoken.
pub(super) const SAFI_UNICAST: u8 = 1;
/// The restart time has 12 bits (RFC 4724 §3).
const LONGEST_RESTART: u16 = 0x0fff;

/// What one end can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Capabilities {
    /// Multiprotocol (1, RFC 4760). None: IPv4, without a word about it.
    pub families: Families,
    /// ROUTE-REFRESH (2, RFC 2918).
    pub route_refresh: bool,
    /// ROUTE-REFRESH between marks (70, RFC 7313).
    pub enhanced_route_refresh: bool,
    /// IPv4 prefixes with an IPv6 next hop (5, RFC 8950).
    pub extended_next_hop: bool,
    /// AS numbers of four octets, and the sender's (65, RFC 6793).
    pub four_octet_asn: Option<Asn>,
    /// Graceful restart (64, RFC 4724).
    pub graceful_restart: Option<GracefulRestart>,
}

/// How a peer is to treat the routes of one that went without a word (RFC 4724).
///
/// Without families it says only that the sender knows what End-of-RIB is: the routes of a dead
/// node go at once. That is what anycast wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct GracefulRestart {
    /// The sender has restarted.
    pub restarting: bool,
    /// How long to keep its routes, in seconds; 4095 at most.
    pub time: u16,
    /// Of which families. Forwarding goes on meanwhile: the addresses stay where they are.
    pub families: Families,
}

impl Capabilities {
    /// The families spoken, whether said or not.
    #[must_use]
    pub fn spoken(&self) -> Families {
        if self.families.is_empty() { Families::IPV4 } else { self.families }
    }

    /// The list in bytes.
    pub(in crate::bgp) fn encode(&self) -> Vec<u8> {
        let mut list = List::default();
        self.families.iter().for_each(|family| list.push(MULTIPROTOCOL, &multiprotocol(family)));
        if self.route_refresh {
            list.push(ROUTE_REFRESH, &[]);
        }
        if self.extended_next_hop {
            list.push(EXTENDED_NEXT_HOP, &[0, 1, 0, SAFI_UNICAST, 0, 2]);
        }
        if let Some(restart) = self.graceful_restart {
            list.push(GRACEFUL_RESTART, &restart.encode());
        }
        if let Some(Asn(asn)) = self.four_octet_asn {
            list.push(FOUR_OCTET_AS, &asn.to_be_bytes());
        }
        if self.enhanced_route_refresh {
            list.push(ENHANCED_ROUTE_REFRESH, &[]);
        }
        list.0
    }

    /// Adds what a list says. `None`: it ends within a capability.
    pub(super) fn read(&mut self, mut list: &[u8]) -> Option<()> {
        while !list.is_empty() {
            let (&[code, length], rest) = list.split_first_chunk()?;
            let (value, rest) = rest.split_at_checked(usize::from(length))?;
            self.learn(code, value);
            list = rest;
        }
        Some(())
    }

    fn learn(&mut self, code: u8, value: &[u8]) {
        match (code, value) {
            (MULTIPROTOCOL, &[high, low, _, safi]) => {
                if let Some(family) = family(u16::from_be_bytes([high, low]), safi) {
                    self.families.insert(family);
                }
            }
            (ROUTE_REFRESH, []) => self.route_refresh = true,
            (EXTENDED_NEXT_HOP, triples) => {
                self.extended_next_hop |= triples.chunks_exact(6).any(|t| t == [0, 1, 0, 1, 0, 2]);
            }
            (GRACEFUL_RESTART, value) => {
                self.graceful_restart = GracefulRestart::parse(value).or(self.graceful_restart);
            }
            (FOUR_OCTET_AS, &[a, b, c, d]) => {
                self.four_octet_asn = Some(Asn(u32::from_be_bytes([a, b, c, d])));
            }
            (ENHANCED_ROUTE_REFRESH, []) => self.enhanced_route_refresh = true,
            (_, _) => {}
        }
    }
}

impl GracefulRestart {
    fn encode(self) -> Vec<u8> {
        let flags = if self.restarting { 0x8000 } else { 0 };
        let mut value = (flags | self.time.min(LONGEST_RESTART)).to_be_bytes().to_vec();
        for family in self.families.iter() {
            let [high, low] = afi(family).to_be_bytes();
            value.extend_from_slice(&[high, low, SAFI_UNICAST, 0x80]);
        }
        value
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let (&head, tuples) = value.split_first_chunk()?;
        let head = u16::from_be_bytes(head);
        let mut families = Families::default();
        for tuple in tuples.chunks_exact(4) {
            if let &[high, low, safi, _] = tuple
                && let Some(family) = family(u16::from_be_bytes([high, low]), safi)
            {
                families.insert(family);
            }
        }
        Some(Self { restarting: head & 0x8000 != 0, time: head & LONGEST_RESTART, families })
    }
}

#[derive(Default)]
struct List(Vec<u8>);

impl List {
    fn push(&mut self, code: u8, value: &[u8]) {
        self.0.extend_from_slice(&[code, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
        self.0.extend_from_slice(value);
    }
}

fn multiprotocol(family: Family) -> [u8; 4] {
    let [high, low] = afi(family).to_be_bytes();
    [high, low, 0, SAFI_UNICAST]
}

/// The Address Family Identifier.
pub(super) const fn afi(family: Family) -> u16 {
    match family {
        Family::Ipv4 => 1,
        Family::Ipv6 => 2,
    }
}

/// The family, if it is one that is spoken here.
pub(super) const fn family(afi: u16, safi: u8) -> Option<Family> {
    match (afi, safi) {
        (1, SAFI_UNICAST) => Some(Family::Ipv4),
        (2, SAFI_UNICAST) => Some(Family::Ipv6),
        (_, _) => None,
    }
}
