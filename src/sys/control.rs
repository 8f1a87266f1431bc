//! Control messages (`cmsg(3)`): to which of our addresses a datagram was sent, from which one its
//! reply leaves, and how many datagrams the kernel had to drop; or by which way it came. Read and
//! written as octets, so that nothing the kernel says is taken on trust.

use std::net::{Ipv4Addr, Ipv6Addr};

use libc::c_int;

/// A control message begins with its length (a `size_t`), its level and its type.
const HEADER: usize = size_of::<libc::cmsghdr>();
/// Control messages stand at multiples of this (`CMSG_ALIGN`).
const ALIGNMENT: usize = size_of::<usize>();
/// The largest that is asked for: an `in6_pktinfo` (20 octets) and a count of drops (4 octets).
const CAPACITY: usize = 2 * HEADER + 24 + 8;

/// Room for the control messages of one datagram.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub(super) struct Control([u8; CAPACITY]);

/// What the control messages of a received datagram say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Where it was sent to.
    pub(super) to: Destination,
    /// How many datagrams this socket had dropped before it (`SO_RXQ_OVFL`; wraps).
    pub(super) drops: Option<u32>,
}

/// By which way a datagram came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Where it was sent to.
    pub(super) to: Destination,
    /// The index of the interface that it came in on; 0 where nothing is said.
    pub(super) interface: u32,
    /// What was left of its TTL or hop limit.
    pub(super) hops: Option<u8>,
}

/// The address of ours that a datagram was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// The one the socket is bound to; nothing needs to be said when replying.
    Bound,
    /// One of the host's IPv4 addresses.
    V4(Ipv4Addr),
    /// One of the host's IPv6 addresses, and the interface where the address means nothing
    /// without it (link-local), else 0: the way back need not be the way in.
    V6(Ipv6Addr, u32),
    /// A broadcast or multicast address: not ours alone, and no source for a reply.
    Shared,
}

impl Control {
    /// How many octets there is room for.
    pub(super) const CAPACITY: usize = CAPACITY;

    /// Reads what the kernel wrote in the first `len` octets.
    pub(super) fn read(&self, len: usize) -> Arrival {
        let mut arrival = Arrival { to: Destination::Bound, drops: None };
        let mut rest = self.0.get(..len).unwrap_or(&self.0);
        while let Some((level, kind, data, next)) = split(rest) {
            match (level, kind) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    arrival.to = ipv4_destination(data).unwrap_or(arrival.to);
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    arrival.to = ipv6_destination(data).unwrap_or(arrival.to);
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                    arrival.drops = number(data);
                }
                _ => {}
            }
            rest = next;
        }
        arrival
    }

    /// For the kernel to write to.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Reads what the kernel wrote in the first `len` octets of a datagram whose way counts.
    pub(super) fn read_way(&self, len: usize) -> Way {
        let mut way = Way { to: Destination::Bound, interface: 0, hops: None };
        let mut rest = self.0.get(..len).unwrap_or(&self.0);
        while let Some((level, kind, data, next)) = split(rest) {
            match (level, kind) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    way.to = ipv4_destination(data).unwrap_or(way.to);
                    way.interface = number(data).unwrap_or(0);
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    way.to = ipv6_destination(data).unwrap_or(way.to);
                    way.interface = data.get(16..).and_then(number).unwrap_or(0);
                }
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    way.hops = number(data).and_then(|hops| u8::try_from(hops).ok());
                }
                _ => {}
            }
            rest = next;
        }
        way
    }

    /// Writes the control message that makes a reply leave from `source`; how many octets it
    /// takes, 0 where none is needed.
    pub(super) fn write_source(&mut self, source: Destination) -> usize {
        match source {
            Destination::Bound | Destination::Shared => 0,
            Destination::V4(address) => {
                // ipi_ifindex, ipi_spec_dst, ipi_addr.
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&address.octets());
                self.write(libc::IPPROTO_IP, libc::IP_PKTINFO, &info)
            }
            Destination::V6(address, interface) => {
                // ipi6_addr, ipi6_ifindex.
                let mut info = [0; 20];
                info[..16].copy_from_slice(&address.octets());
                info[16..].copy_from_slice(&interface.to_ne_bytes());
                self.write(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)
            }
        }
    }

    fn write<const N: usize>(&mut self, level: c_int, kind: c_int, data: &[u8; N]) -> usize {
        const { assert!(HEADER + N <= CAPACITY) };
        let (length, rest) = self.0.split_at_mut(ALIGNMENT);
        length.copy_from_slice(&(HEADER + N).to_ne_bytes());
        rest[..4].copy_from_slice(&level.to_ne_bytes());
        rest[4..8].copy_from_slice(&kind.to_ne_bytes());
        rest[HEADER - ALIGNMENT..][..N].copy_from_slice(data);
        HEADER + N.next_multiple_of(ALIGNMENT)
    }
}

/// The first control message of `octets`: its level, its type, its data, and what follows.
fn split(octets: &[u8]) -> Option<(c_int, c_int, &[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk()?;
    let (level, rest) = rest.split_first_chunk()?;
    let (kind, _) = rest.split_first_chunk()?;
    let length = usize::from_ne_bytes(*length);
    let data = octets.get(HEADER..length)?;
    let next = octets.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
    Some((c_int::from_ne_bytes(*level), c_int::from_ne_bytes(*kind), data, next))
}

/// The number at the beginning.
fn number(octets: &[u8]) -> Option<u32> {
    octets.first_chunk().map(|octets| u32::from_ne_bytes(*octets))
}

/// From an `in_pktinfo`: the interface, the local address of the packet, the address in its header.
/// The two differ when it was sent to a group.
fn ipv4_destination(info: &[u8]) -> Option<Destination> {
    let (_, rest) = info.split_first_chunk::<4>()?;
    let (local, rest) = rest.split_first_chunk::<4>()?;
    let (header, _) = rest.split_first_chunk::<4>()?;
    Some(if local == header { Destination::V4((*local).into()) } else { Destination::Shared })
}

/// From an `in6_pktinfo`: the address in the header, the interface.
fn ipv6_destination(info: &[u8]) -> Option<Destination> {
    let (address, rest) = info.split_first_chunk::<16>()?;
    let address = Ipv6Addr::from(*address);
    let interface = u32::from_ne_bytes(*rest.first_chunk()?);
    Some(if address.is_multicast() {
        Destination::Shared
    } else if address.is_unicast_link_local() {
        Destination::V6(address, interface)
    } else {
        Destination::V6(address, 0)
    })
}

impl Default for Control {
    fn default() -> Self {
        Self([0; CAPACITY])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would write: messages one after another, and their length.
    fn control(messages: &[(c_int, c_int, &[u8])]) -> (Control, usize) {
        let mut octets = Vec::new();
        for (level, kind, data) in messages {
            octets.extend_from_slice(&(HEADER + data.len()).to_ne_bytes());
            octets.extend_from_slice(&level.to_ne_bytes());
            octets.extend_from_slice(&kind.to_ne_bytes());
            octets.extend_from_slice(data);
            octets.resize(octets.len().next_multiple_of(ALIGNMENT), 0);
        }
        let mut control = Control::default();
        control.0[..octets.len()].copy_from_slice(&octets);
        (control, octets.len())
    }

    fn pktinfo(interface: u32, local: [u8; 4], header: [u8; 4]) -> Vec<u8> {
        [interface.to_ne_bytes(), local, header].concat()
    }

    fn pktinfo6(address: &str, interface: u32) -> Vec<u8> {
        let address: Ipv6Addr = address.parse().expect("an address");
        [&address.octets()[..], &interface.to_ne_bytes()].concat()
    }

    #[test]
    fn destination_and_drops_are_read_in_any_order() {
        let info = pktinfo(7, [192, 0, 2, 1], [192, 0, 2, 1]);
        let address = (libc::IPPROTO_IP, libc::IP_PKTINFO, &info[..]);
        let drops = 5u32.to_ne_bytes();
        let drops = (libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &drops[..]);
        let expected = Arrival { to: Destination::V4(Ipv4Addr::new(192, 0, 2, 1)), drops: Some(5) };
        for messages in [[address, drops], [drops, address]] {
            let (control, len) = control(&messages);
            assert_eq!(control.read(len), expected);
        }
    }

    #[test]
    fn way_of_a_datagram_is_read_in_any_order_and_in_both_families() {
        let v4 = pktinfo(7, [192, 0, 2, 1], [192, 0, 2, 1]);
        let v6 = pktinfo6("2001:db8::1", 7);
        let hops = 254i32.to_ne_bytes();
        let table = [
            [
                (libc::IPPROTO_IP, libc::IP_PKTINFO, &v4[..]),
                (libc::IPPROTO_IP, libc::IP_TTL, &hops[..]),
            ],
            [
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &v6[..]),
                (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &hops[..]),
            ],
        ];
        for [info, hops] in table {
            for messages in [[info, hops], [hops, info]] {
                let (control, len) = control(&messages);
                let way = control.read_way(len);
                assert_eq!((way.interface, way.hops), (7, Some(254)));
                assert_ne!(way.to, Destination::Bound);
            }
        }
    }

    #[test]
    fn way_that_is_not_told_or_cannot_be_is_unknown() {
        let unknown = Way { to: Destination::Bound, interface: 0, hops: None };
        for hops in [-1i32, 256] {
            let octets = hops.to_ne_bytes();
            let (control, len) = control(&[(libc::IPPROTO_IP, libc::IP_TTL, &octets)]);
            assert_eq!(control.read_way(len), unknown);
            assert_eq!(control.read_way(len - 5), unknown);
        }
    }

    #[test]
    fn interface_is_kept_for_link_local_addresses_only() {
        for (address, interface) in [("fe80::1", 3), ("2001:db8::1", 0), ("::1", 0)] {
            let info = pktinfo6(address, 3);
            let (control, len) = control(&[(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)]);
            let expected = Destination::V6(address.parse().expect("an address"), interface);
            assert_eq!(control.read(len).to, expected, "{address}");
        }
    }

    #[test]
    fn groups_are_told_from_addresses_of_our_own() {
        let broadcast = pktinfo(1, [192, 0, 2, 1], [255, 255, 255, 255]);
        let multicast = pktinfo6("ff02::1", 1);
        for message in [
            (libc::IPPROTO_IP, libc::IP_PKTINFO, &broadcast[..]),
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &multicast[..]),
        ] {
            let (control, len) = control(&[message]);
            assert_eq!(control.read(len).to, Destination::Shared);
        }
    }

    #[test]
    fn source_is_written_as_it_is_read() {
        for source in [
            Destination::V4(Ipv4Addr::new(192, 0, 2, 53)),
            Destination::V6("2001:db8::53".parse().expect("an address"), 0),
            Destination::V6("fe80::53".parse().expect("an address"), 9),
        ] {
            let mut control = Control::default();
            let len = control.write_source(source);
            // The reader wants both addresses of an in_pktinfo, the writer leaves the second out.
            if let Destination::V4(address) = source {
                control.0[HEADER + 8..][..4].copy_from_slice(&address.octets());
            }
            assert_eq!(control.read(len), Arrival { to: source, drops: None });
        }
        assert_eq!(Control::default().write_source(Destination::Bound), 0);
    }

    #[test]
    fn damaged_control_data_says_nothing() {
        let info = pktinfo(7, [192, 0, 2, 1], [192, 0, 2, 1]);
        let (whole, len) = control(&[(libc::IPPROTO_IP, libc::IP_PKTINFO, &info)]);
        let nothing = Arrival { to: Destination::Bound, drops: None };
        for cut in 0..HEADER + info.len() {
            assert_eq!(whole.read(cut), nothing, "{cut} octets");
        }
        for length in [0, HEADER - 1, CAPACITY + 1, usize::MAX] {
            let mut bad = whole;
            bad.0[..ALIGNMENT].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(bad.read(len), nothing, "length {length}");
        }
    }
}
