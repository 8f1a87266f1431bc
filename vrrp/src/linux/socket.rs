//! Raw sockets for advertisements (IP protocol 112).
//!
//! One socket speaks one family, by multicast on one interface or by unicast, and hears both on that
//! interface: who uses a VRID in the other way is to be known. It leaves checksums to its user, so
//! that wrong ones can be counted. Sending to the group reaches nobody on this host.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, InterfaceIndexOrAddress, MsgHdr, Protocol, SockAddr, Socket, Type};

use super::control::{Arrival, Control};
use super::{Interface, KernelError, NEEDS_RAW, raw};
use crate::config::Family;

/// The group of all VRRP routers (RFC 9568 §5.1.1.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// The group of all VRRP routers (RFC 9568 §5.1.2.2).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// VRRP's protocol number (RFC 9568 §5.1.1.4).
pub const PROTOCOL: u8 = 112;
/// Room for the longest advertisement, 255 IPv6 addresses and a trailer, or an IPv4 header and its
/// options before as many IPv4 addresses.
pub const BUFFER: usize = 4200;

/// Sent with (RFC 9568 §5.1.1.3); who receives may check that nobody forwarded it.
const HOPS: u32 = 255;
/// DSCP CS6, network control (RFC 4594 §3.1), in the octet that ECN has a part of.
const TRAFFIC_CLASS: u32 = 48 << 2;
/// A second's load of a thousand routers at 10 ms, while the thread waits for a processor.
const RECEIVE_BUFFER: libc::c_int = 1 << 20;

/// How a socket reaches the other routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By the group, on one interface.
    Multicast {
        /// Where advertisements are heard.
        interface: Interface,
        /// Where they leave: the same, or an interface with the virtual MAC address on top of it.
        egress: Interface,
    },
    /// By addresses, as the routes say.
    Unicast {
        /// Where link-local addresses are, and where the group is heard too.
        interface: Interface,
    },
}

/// A non-blocking raw socket.
#[derive(Debug)]
pub struct AdvertSocket {
    socket: Socket,
    family: Family,
    reach: Reach,
    control: Control,
}

/// What arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// From its header.
    pub source: IpAddr,
    /// From its header.
    pub destination: IpAddr,
    /// Its TTL or hop limit.
    pub hops: u8,
    /// The index of the interface that it came in on.
    pub interface: u32,
    /// IPv4: the length of the payload as the header has it, total length less header.
    pub claimed: Option<usize>,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl AdvertSocket {
    /// Opens a socket, and joins the group.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or when the interface is gone.
    pub fn open(family: Family, reach: Reach) -> Result<Self, KernelError> {
        Self::try_open(family, reach.clone()).map_err(|error| {
            let tried = format!("open a socket for advertisements by {family} {reach}");
            KernelError::new(tried, error, NEEDS_RAW)
        })
    }

    fn try_open(family: Family, reach: Reach) -> io::Result<Self> {
        let domain = match family {
            Family::V4 => Domain::IPV4,
            Family::V6 => Domain::IPV6,
        };
        let protocol = Protocol::from(i32::from(PROTOCOL));
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        raw::enlarge_receive_buffer(&socket, RECEIVE_BUFFER)?;
        match family {
            Family::V4 => set_options_v4(&socket)?,
            Family::V6 => set_options_v6(&socket)?,
        }
        let mut opened = Self { socket, family, reach, control: Control::new() };
        opened.join()?;
        Ok(opened)
    }

    /// After the interface was made anew, under another index: joins the group there.
    ///
    /// # Errors
    /// When the interface is gone again.
    pub fn rejoin(&mut self, reach: Reach) -> Result<(), KernelError> {
        self.leave();
        self.reach = reach;
        self.join().map_err(|error| {
            let tried = format!("hear advertisements by {} {}", self.family, self.reach);
            KernelError::new(tried, error, NEEDS_RAW)
        })
    }

    /// Sends a PDU. Nothing is sent when the interface has no room for it, or is down.
    ///
    /// # Errors
    /// When it cannot be sent: the source is no address of this host, no route leads to the
    /// destination, the interface is down or gone.
    pub fn send(
        &mut self,
        payload: &[u8],
        source: IpAddr,
        destination: IpAddr,
    ) -> Result<(), KernelError> {
        self.try_send(payload, source, destination).map_err(|error| {
            let tried = format!("send an advertisement from {source} to {destination}");
            KernelError::new(tried, error, NEEDS_RAW)
        })
    }

    fn try_send(&mut self, payload: &[u8], source: IpAddr, to: IpAddr) -> io::Result<()> {
        let interface = self.reach.egress(source, to);
        let to = socket_address(to, interface);
        let payload = [IoSlice::new(payload)];
        let control = self.control.write_source(source, interface);
        let message = MsgHdr::new().with_addr(&to).with_buffers(&payload).with_control(control);
        self.socket.sendmsg(&message, 0).map(drop)
    }

    /// The group, as a destination.
    #[must_use]
    pub fn group(&self) -> IpAddr {
        match self.family {
            Family::V4 => GROUP_V4.into(),
            Family::V6 => GROUP_V6.into(),
        }
    }

    /// The next datagram that is for this socket, in `buffer` ([`BUFFER`] octets; a longer one is
    /// cut off); absent when there is none.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<Received<'a>>> {
        loop {
            let Some(datagram) = raw::receive(&self.socket, buffer, &mut self.control)? else {
                return Ok(None);
            };
            let arrival = self.control.read(datagram.control);
            if !self.reach.takes(&arrival) {
                continue;
            }
            let octets = buffer.get(..datagram.length).unwrap_or_default();
            let received = match self.family {
                Family::V4 => split_header(octets, arrival.interface),
                Family::V6 => unite(octets, &datagram.source, &arrival),
            };
            return received
                .map_or_else(|| Err(io::ErrorKind::InvalidData.into()), |r| Ok(Some(r)));
        }
    }

    fn join(&mut self) -> io::Result<()> {
        for interface in self.reach.heard_on() {
            let joined = match self.family {
                Family::V4 => {
                    let index = InterfaceIndexOrAddress::Index(interface.index);
                    self.socket.join_multicast_v4_n(&GROUP_V4, &index)
                }
                Family::V6 => self.socket.join_multicast_v6(&GROUP_V6, interface.index),
            };
            match &self.reach {
                Reach::Multicast { .. } => joined?,
                // A tunnel may have no multicast; who is not heard by it is missed by nobody.
                Reach::Unicast { .. } => {}
            }
        }
        if self.family == Family::V6 {
            // On a macvlan the source is its parent's link-local address.
            self.socket.set_freebind_v6(self.heard_on_macvlan())?;
        }
        Ok(())
    }

    fn heard_on_macvlan(&self) -> bool {
        self.reach.heard_on().count() > 1
    }

    /// The membership of a vanished interface counts against the kernel's limit of a socket until
    /// it is given up; whether it still stands does not matter.
    fn leave(&self) {
        for interface in self.reach.heard_on() {
            let index = InterfaceIndexOrAddress::Index(interface.index);
            let _ = match self.family {
                Family::V4 => self.socket.leave_multicast_v4_n(&GROUP_V4, &index),
                Family::V6 => self.socket.leave_multicast_v6(&GROUP_V6, interface.index),
            };
        }
    }
}

impl Reach {
    /// Where the group is joined. What another node sends from the virtual MAC address is taken
    /// for its own by the macvlan that has the same, and is heard on nothing else.
    fn heard_on(&self) -> impl Iterator<Item = &Interface> {
        let (interface, egress) = match self {
            Self::Multicast { interface, egress } => {
                (interface, Some(egress).filter(|&egress| egress != interface))
            }
            Self::Unicast { interface } => (interface, None),
        };
        std::iter::once(interface).chain(egress)
    }

    /// Whether a datagram is for this socket. Raw IPv6 sockets get those to every group that anyone
    /// on the host has joined, on every interface.
    fn takes(&self, arrival: &Arrival) -> bool {
        let is_here = self.heard_on().any(|on| on.index == arrival.interface);
        match self {
            Self::Multicast { .. } => is_here,
            Self::Unicast { .. } => {
                is_here || !arrival.destination.is_some_and(|to| to.is_multicast())
            }
        }
    }

    /// The interface to be named in sending, or 0 for the one of the route.
    fn egress(&self, source: IpAddr, destination: IpAddr) -> u32 {
        match self {
            Self::Multicast { egress, .. } => egress.index,
            Self::Unicast { interface } if is_link_local(source) || is_link_local(destination) => {
                interface.index
            }
            Self::Unicast { .. } => 0,
        }
    }
}

/// An IPv6 datagram as a raw socket delivers it: the payload, and the header in other places.
fn unite<'a>(payload: &'a [u8], source: &SockAddr, arrival: &Arrival) -> Option<Received<'a>> {
    Some(Received {
        source: source.as_socket()?.ip(),
        destination: arrival.destination?,
        // Without a word of it: as if it came from far away.
        hops: arrival.hops.unwrap_or(0),
        interface: arrival.interface,
        claimed: None,
        payload,
    })
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn set_options_v4(socket: &Socket) -> io::Result<()> {
    socket.set_ttl_v4(HOPS)?;
    socket.set_multicast_ttl_v4(HOPS)?;
    socket.set_multicast_loop_v4(false)?;
    // The groups that others on this host have joined are none of ours.
    socket.set_multicast_all_v4(false)?;
    socket.set_tos_v4(TRAFFIC_CLASS)?;
    raw::set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
}

fn set_options_v6(socket: &Socket) -> io::Result<()> {
    socket.set_unicast_hops_v6(HOPS)?;
    socket.set_multicast_hops_v6(HOPS)?;
    socket.set_multicast_loop_v6(false)?;
    socket.set_multicast_all_v6(false)?;
    socket.set_tclass_v6(TRAFFIC_CLASS)?;
    socket.set_recv_hoplimit_v6(true)?;
    raw::set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
}

/// Raw sockets have no ports: a destination's is 0.
fn socket_address(address: IpAddr, scope: u32) -> SockAddr {
    match address {
        IpAddr::V4(_) => SocketAddr::new(address, 0).into(),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, 0, 0, scope).into(),
    }
}

/// An IPv4 datagram as a raw socket delivers it (RFC 791 §3.1): header, options, payload.
pub(super) fn split_header(octets: &[u8], interface: u32) -> Option<Received<'_>> {
    let header: &[u8; 20] = octets.first_chunk()?;
    let length = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    Some(Received {
        source: address_at(header, 12),
        destination: address_at(header, 16),
        hops: header[8],
        interface,
        claimed: Some(total.checked_sub(length)?),
        payload: octets.get(length.max(header.len())..)?,
    })
}

fn address_at(header: &[u8; 20], place: usize) -> IpAddr {
    let octets = header[place..].first_chunk::<4>().expect("the header has 20 octets");
    Ipv4Addr::from(*octets).into()
}

impl AsFd for AdvertSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::fmt::Display for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Multicast { interface, .. } => write!(f, "multicast on {interface}"),
            Self::Unicast { .. } => f.write_str("unicast"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Header length in words, total length, TTL 255, protocol 112, 192.0.2.1 to 224.0.0.18.
    fn datagram(words: u8, total: u16, payload: &[u8]) -> Vec<u8> {
        let mut octets = vec![0x40 | words, 0xc0];
        octets.extend_from_slice(&total.to_be_bytes());
        octets.extend_from_slice(&[0, 0, 0, 0, 255, 112, 0, 0, 192, 0, 2, 1, 224, 0, 0, 18]);
        octets.resize(usize::from(words) * 4, 0);
        octets.extend_from_slice(payload);
        octets
    }

    #[test]
    fn header_is_read_and_stripped_by_its_own_length() {
        for words in [5, 6, 15] {
            let octets = datagram(words, u16::from(words) * 4 + 12, &[7; 12]);
            let expected = Received {
                source: "192.0.2.1".parse().expect("an address"),
                destination: GROUP_V4.into(),
                hops: 255,
                interface: 3,
                claimed: Some(12),
                payload: &[7; 12],
            };
            assert_eq!(split_header(&octets, 3), Some(expected), "{words} words");
        }
    }

    #[test]
    fn length_of_the_header_is_told_from_that_of_the_datagram() {
        let octets = datagram(5, 30, &[7; 12]);
        let received = split_header(&octets, 3).expect("a datagram");
        assert_eq!((received.claimed, received.payload.len()), (Some(10), 12));
    }

    #[test]
    fn header_that_is_none_is_not_read() {
        let whole = datagram(6, 36, &[7; 12]);
        for cut in 0..24 {
            assert_eq!(split_header(&whole[..cut], 3), None, "{cut} octets");
        }
        assert_eq!(split_header(&datagram(15, 20, &[]), 3), None, "shorter than its header");
    }
}
