//! Control messages (`cmsg(3)`) of raw sockets: where a datagram was sent to, on which interface it
//! came and with how many hops left; and from where one is to leave. Read and written as octets, so
//! that nothing is taken on trust.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libc::c_int;

/// A control message begins with its length (a `size_t`), its level and its type.
const HEADER: usize = size_of::<libc::cmsghdr>();
/// Control messages stand at multiples of this (`CMSG_ALIGN`).
const ALIGNMENT: usize = size_of::<usize>();
/// The largest that is asked for: an `in6_pktinfo` (20 octets) and a hop limit (4 octets).
const CAPACITY: usize = 2 * HEADER + 24 + 8;

/// Room for the control messages of one datagram.
#[repr(C, align(8))]
#[derive(Debug)]
pub(super) struct Control([u8; CAPACITY]);

/// What the control messages of a received datagram say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrival {
    /// The index of the interface; 0 where nothing is said.
    pub(super) interface: u32,
    /// The destination in its header.
    pub(super) destination: Option<IpAddr>,
    /// IPv6: the hop limit. IPv4 has it in the header that a raw socket delivers.
    pub(super) hops: Option<u8>,
}

impl Control {
    pub(super) const fn new() -> Self {
        Self([0; CAPACITY])
    }

    /// For the kernel to write to.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Reads what the kernel wrote in the first `length` octets.
    pub(super) fn read(&self, length: usize) -> Arrival {
        let mut arrival = Arrival::default();
        let mut rest = self.0.get(..length).unwrap_or(&self.0);
        while let Some((level, kind, data, next)) = split(rest) {
            match (level, kind) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => arrival.read_ipv4(data),
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => arrival.read_ipv6(data),
                (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => arrival.read_hops(data),
                // Nothing else was asked for.
                _ => {}
            }
            rest = next;
        }
        arrival
    }

    /// Writes the control message that makes a datagram leave from `source`, by `interface` (0: the
    /// one that the routes say); what is to be passed on.
    pub(super) fn write_source(&mut self, source: IpAddr, interface: u32) -> &[u8] {
        match source {
            IpAddr::V4(address) => {
                // ipi_ifindex, ipi_spec_dst, ipi_addr.
                let mut info = [0; 12];
                info[..4].copy_from_slice(&interface.to_ne_bytes());
                info[4..8].copy_from_slice(&address.octets());
                self.write(libc::IPPROTO_IP, libc::IP_PKTINFO, &info)
            }
            IpAddr::V6(address) => {
                // ipi6_addr, ipi6_ifindex.
                let mut info = [0; 20];
                info[..16].copy_from_slice(&address.octets());
                info[16..].copy_from_slice(&interface.to_ne_bytes());
                self.write(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)
            }
        }
    }

    fn write<const N: usize>(&mut self, level: c_int, kind: c_int, data: &[u8; N]) -> &[u8] {
        const { assert!(HEADER + N <= CAPACITY) };
        let (length, rest) = self.0.split_at_mut(ALIGNMENT);
        length.copy_from_slice(&(HEADER + N).to_ne_bytes());
        rest[..4].copy_from_slice(&level.to_ne_bytes());
        rest[4..8].copy_from_slice(&kind.to_ne_bytes());
        rest[HEADER - ALIGNMENT..][..N].copy_from_slice(data);
        &self.0[..HEADER + N.next_multiple_of(ALIGNMENT)]
    }
}

impl Arrival {
    /// From an `in_pktinfo`: the interface, the local address, the address in the header.
    fn read_ipv4(&mut self, info: &[u8]) {
        if let Some((interface, rest)) = info.split_first_chunk::<4>()
            && let Some((_, rest)) = rest.split_first_chunk::<4>()
            && let Some(header) = rest.first_chunk::<4>()
        {
            self.interface = u32::from_ne_bytes(*interface);
            self.destination = Some(Ipv4Addr::from(*header).into());
        }
    }

    /// From an `in6_pktinfo`: the address in the header, the interface.
    fn read_ipv6(&mut self, info: &[u8]) {
        if let Some((header, rest)) = info.split_first_chunk::<16>()
            && let Some(interface) = rest.first_chunk()
        {
            self.interface = u32::from_ne_bytes(*interface);
            self.destination = Some(Ipv6Addr::from(*header).into());
        }
    }

    fn read_hops(&mut self, value: &[u8]) {
        let hops = value.first_chunk().map(|octets| c_int::from_ne_bytes(*octets));
        self.hops = hops.and_then(|hops| u8::try_from(hops).ok());
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
        let mut control = Control::new();
        control.0[..octets.len()].copy_from_slice(&octets);
        (control, octets.len())
    }

    fn info6() -> Vec<u8> {
        let group: Ipv6Addr = "ff02::12".parse().expect("an address");
        [&group.octets()[..], &7u32.to_ne_bytes()].concat()
    }

    #[test]
    fn ipv6_destination_interface_and_hops_are_read_in_any_order() {
        let info = info6();
        let info = (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info[..]);
        let hops = 255i32.to_ne_bytes();
        let hops = (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &hops[..]);
        let expected =
            Arrival { interface: 7, destination: "ff02::12".parse().ok(), hops: Some(255) };
        for messages in [[info, hops], [hops, info]] {
            let (control, length) = control(&messages);
            assert_eq!(control.read(length), expected);
        }
    }

    #[test]
    fn ipv4_destination_is_that_of_the_header() {
        let info = [7u32.to_ne_bytes(), [192, 0, 2, 1], [224, 0, 0, 18]].concat();
        let (control, length) = control(&[(libc::IPPROTO_IP, libc::IP_PKTINFO, &info)]);
        let expected = Arrival { interface: 7, destination: "224.0.0.18".parse().ok(), hops: None };
        assert_eq!(control.read(length), expected);
    }

    #[test]
    fn source_is_written_as_the_kernel_lays_it_out() {
        let mut written = Control::new();
        let length = written.write_source("fe80::1".parse().expect("an address"), 9).len();
        let expected =
            Arrival { interface: 9, destination: "fe80::1".parse().ok(), ..Arrival::default() };
        assert_eq!(written.read(length), expected);
        let octets = written.write_source("192.0.2.1".parse().expect("an address"), 9);
        assert_eq!(octets[HEADER..][..8], [&9u32.to_ne_bytes()[..], &[192, 0, 2, 1]].concat());
    }

    #[test]
    fn damaged_control_data_says_nothing() {
        let info = info6();
        let (mut whole, length) = control(&[(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)]);
        for cut in 0..HEADER + info.len() {
            assert_eq!(whole.read(cut), Arrival::default(), "{cut} octets");
        }
        for bad in [0, HEADER - 1, CAPACITY + 1, usize::MAX] {
            whole.0[..ALIGNMENT].copy_from_slice(&bad.to_ne_bytes());
            assert_eq!(whole.read(length), Arrival::default(), "length {bad}");
        }
    }
}
