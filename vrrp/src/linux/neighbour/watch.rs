//! What neighbours say: who claims a virtual address, whether a witness is there, which MAC address
//! an advertiser has.
//!
//! Three sockets, none of which sees the traffic that the host serves: ARP frames of one interface,
//! ICMP echo replies, ICMPv6 echo replies and neighbour advertisements.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, MsgHdr, Protocol, SockAddr, Socket, Type};

use super::{Announcer, frame};
use crate::linux::control::Control;
use crate::linux::socket::split_header;
use crate::linux::{Interface, KernelError, Mac, NEEDS_RAW, raw};

/// `SOL_RAW` and its option `ICMP_FILTER` (`raw(7)`): a bit for each type that is kept out.
const ICMP_FILTER: (libc::c_int, libc::c_int) = (255, 1);
/// `ICMPV6_FILTER`, of the level `IPPROTO_ICMPV6` (RFC 3542 §3.2): likewise, 256 bits.
const ICMPV6_FILTER: libc::c_int = 1;
/// A neighbour advertisement's type.
const ADVERTISEMENT: usize = 136;
/// No message that is of interest is longer.
const BUFFER: usize = 1500;
/// So many datagrams without interest are read from each socket before others have their turn.
const PATIENCE: usize = 64;
/// More advertisers than any group has; the one heard first is forgotten.
const ADVERTISERS: usize = 16;

/// Watches one interface; non-blocking.
#[derive(Debug)]
pub struct Watch {
    interface: Interface,
    own: Mac,
    identifier: u16,
    sockets: Sockets,
    asker: Announcer,
    virtuals: Vec<IpAddr>,
    witnesses: Vec<IpAddr>,
    advertisers: VecDeque<IpAddr>,
    sightings: VecDeque<Sighting>,
}

#[derive(Debug)]
struct Sockets {
    arp: Socket,
    icmp: Socket,
    /// Absent on a host without IPv6.
    icmpv6: Option<Socket>,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Another MAC address than ours claims a virtual address.
    Claimed {
        /// The virtual address.
        address: IpAddr,
        /// Who claims it.
        mac: Mac,
    },
    /// A witness is there.
    WitnessAnswered {
        /// Which.
        address: IpAddr,
    },
    /// Where an advertiser is.
    Advertiser {
        /// The address that it advertises from.
        address: IpAddr,
        /// Its MAC address.
        mac: Mac,
    },
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// An address of ours, not a virtual one, of the family that is asked for.
    pub source: IpAddr,
    /// The interface's MAC address.
    pub mac: Mac,
}

/// How far away the one who is asked is; see
/// [`LocalAddress::is_on_link`](crate::linux::netlink::LocalAddress::is_on_link).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// A neighbour: asked by ARP or neighbour solicitation.
    OnLink,
    /// Behind routers: asked by ICMP echo.
    Routed,
}

impl Watch {
    /// Begins to watch. What `own` claims, the interface's MAC address, is not reported. After the
    /// interface was made anew, a new watch is needed.
    ///
    /// # Errors
    /// Without CAP_NET_RAW, or when the interface is gone.
    pub fn open(interface: &Interface, own: Mac) -> Result<Self, KernelError> {
        let sockets = Sockets::open(interface).map_err(|error| {
            KernelError::new(format!("watch the neighbours on {interface}"), error, NEEDS_RAW)
        })?;
        Ok(Self {
            interface: interface.clone(),
            own,
            // Tells our echo replies from those of other programs; 16 bits are what there is.
            identifier: (std::process::id() & 0xffff) as u16,
            sockets,
            asker: Announcer::open()?,
            virtuals: Vec::new(),
            witnesses: Vec::new(),
            advertisers: VecDeque::new(),
            sightings: VecDeque::new(),
        })
    }

    /// The interface has another MAC address now.
    pub fn set_own(&mut self, own: Mac) {
        self.own = own;
    }

    /// Reports claims of these addresses from now on.
    pub fn set_virtual(&mut self, addresses: &[IpAddr]) {
        self.virtuals = addresses.to_vec();
    }

    /// Reports answers of these addresses from now on.
    pub fn set_witnesses(&mut self, addresses: &[IpAddr]) {
        self.witnesses = addresses.to_vec();
    }

    /// Reports where this address is from now on; [`Watch::ask`] it to learn it at once. For an
    /// advertiser on the link: where it is says whose claims of a virtual address are legitimate.
    pub fn add_advertiser(&mut self, address: IpAddr) {
        if self.advertisers.contains(&address) {
            return;
        }
        if self.advertisers.len() == ADVERTISERS {
            self.advertisers.pop_front();
        }
        self.advertisers.push_back(address);
    }

    /// Asks an address for a sign of life.
    ///
    /// # Errors
    /// When the question cannot be sent: no route, the interface down or gone, or a source of the
    /// other family.
    pub fn ask(
        &mut self,
        address: IpAddr,
        asker: Asker,
        distance: Distance,
    ) -> Result<(), KernelError> {
        let sent = match distance {
            Distance::OnLink => self.ask_neighbour(address, asker),
            Distance::Routed => self.ask_far(address, asker.source),
        };
        sent.map_err(|error| {
            KernelError::new(format!("ask {address} on {}", self.interface), error, NEEDS_RAW)
        })
    }

    /// The next sighting; absent when there is none, or when a flood says nothing of interest: the
    /// descriptors stay readable then, and others have their turn.
    ///
    /// # Errors
    /// When a socket fails; [`io::ErrorKind::NetworkDown`] when the interface went down, which is
    /// reported once.
    pub fn receive(&mut self) -> io::Result<Option<Sighting>> {
        let mut control = Control::new();
        let mut input = [0; BUFFER];
        for _ in 0..PATIENCE {
            if !self.sightings.is_empty() {
                break;
            }
            let read = self.read_arp(&mut input, &mut control)?
                | self.read_icmp(&mut input, &mut control)?
                | self.read_icmpv6(&mut input, &mut control)?;
            if !read {
                break;
            }
        }
        Ok(self.sightings.pop_front())
    }

    /// What is to be waited for.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let Sockets { arp, icmp, icmpv6 } = &self.sockets;
        [Some(arp), Some(icmp), icmpv6.as_ref()].into_iter().flatten().map(AsFd::as_fd)
    }

    fn ask_neighbour(&self, address: IpAddr, asker: Asker) -> io::Result<()> {
        let question = match (address, asker.source) {
            (IpAddr::V4(target), IpAddr::V4(source)) => {
                frame::arp_question(asker.mac, source, target)
            }
            (IpAddr::V6(target), IpAddr::V6(source)) => {
                frame::neighbour_solicitation(asker.mac, source, target)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
        };
        self.asker.send(&self.interface, &question)
    }

    fn ask_far(&self, address: IpAddr, source: IpAddr) -> io::Result<()> {
        let (socket, question) = match address {
            IpAddr::V4(_) => (&self.sockets.icmp, frame::echo_question(self.identifier)),
            IpAddr::V6(_) => {
                let socket = self.sockets.icmpv6.as_ref().ok_or(io::ErrorKind::Unsupported)?;
                (socket, frame::echo_question_v6(self.identifier))
            }
        };
        let to = SockAddr::from(SocketAddr::new(address, 0));
        let mut control = Control::new();
        let control = control.write_source(source, 0);
        let question = [IoSlice::new(&question)];
        let message = MsgHdr::new().with_addr(&to).with_buffers(&question).with_control(control);
        socket.sendmsg(&message, 0).map(drop)
    }

    /// Whether there was a datagram; so below.
    fn read_arp(&mut self, input: &mut [u8], control: &mut Control) -> io::Result<bool> {
        let Some(datagram) = raw::receive(&self.sockets.arp, input, control)? else {
            return Ok(false);
        };
        let packet = input.get(..datagram.length).unwrap_or_default();
        if let Some((address, mac)) = frame::read_arp(packet) {
            self.note(address.into(), mac);
        }
        Ok(true)
    }

    fn read_icmp(&mut self, input: &mut [u8], control: &mut Control) -> io::Result<bool> {
        let Some(datagram) = raw::receive(&self.sockets.icmp, input, control)? else {
            return Ok(false);
        };
        let packet = input.get(..datagram.length).unwrap_or_default();
        if let Some(received) = split_header(packet, 0)
            && frame::is_echo_reply(received.payload, frame::ECHO_REPLY, self.identifier)
        {
            self.note_answer(received.source);
        }
        Ok(true)
    }

    fn read_icmpv6(&mut self, input: &mut [u8], control: &mut Control) -> io::Result<bool> {
        let Some(socket) = &self.sockets.icmpv6 else { return Ok(false) };
        let Some(datagram) = raw::receive(socket, input, control)? else { return Ok(false) };
        let arrival = control.read(datagram.control);
        let message = input.get(..datagram.length).unwrap_or_default();
        if frame::is_echo_reply(message, frame::ECHO_REPLY_V6, self.identifier) {
            if let Some(source) = datagram.source.as_socket_ipv6() {
                self.note_answer((*source.ip()).into());
            }
        } else if arrival.hops == Some(frame::HOPS)
            && arrival.interface == self.interface.index
            && let Some((address, mac)) = frame::read_neighbour_advertisement(message)
        {
            self.note(address.into(), mac);
        }
        Ok(true)
    }

    /// A neighbour says that an address is at `mac`.
    fn note(&mut self, address: IpAddr, mac: Mac) {
        if mac == self.own {
            return;
        }
        if self.virtuals.contains(&address) {
            self.sightings.push_back(Sighting::Claimed { address, mac });
        }
        if self.advertisers.contains(&address) {
            self.sightings.push_back(Sighting::Advertiser { address, mac });
        }
        self.note_answer(address);
    }

    fn note_answer(&mut self, address: IpAddr) {
        if self.witnesses.contains(&address) {
            self.sightings.push_back(Sighting::WitnessAnswered { address });
        }
    }
}

impl Sockets {
    fn open(interface: &Interface) -> io::Result<Self> {
        let icmpv6 = match open_icmpv6() {
            Ok(socket) => Some(socket),
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { arp: open_arp(interface)?, icmp: open_icmp()?, icmpv6 })
    }
}

/// Bound in a second step: with the protocol given in the first it would get every interface's
/// frames in between.
fn open_arp(interface: &Interface) -> io::Result<Socket> {
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(0)))?;
    socket.set_nonblocking(true)?;
    socket.bind(&raw::packet_address(interface.index, frame::ARP, Mac::BROADCAST))?;
    Ok(socket)
}

fn open_icmp() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    socket.set_nonblocking(true)?;
    let kept_out = !(1u32 << frame::ECHO_REPLY);
    raw::set_octets(&socket, ICMP_FILTER.0, ICMP_FILTER.1, &kept_out.to_ne_bytes())?;
    Ok(socket)
}

fn open_icmpv6() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
    socket.set_nonblocking(true)?;
    raw::set_octets(&socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &icmpv6_filter())?;
    socket.set_recv_hoplimit_v6(true)?;
    raw::set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
    Ok(socket)
}

/// Eight words of 32 bits: a set bit keeps its type out.
fn icmpv6_filter() -> [u8; 32] {
    let mut words = [u32::MAX; 8];
    for kind in [usize::from(frame::ECHO_REPLY_V6), ADVERTISEMENT] {
        words[kind / 32] &= !(1 << (kind % 32));
    }
    let mut octets = [0; 32];
    for (place, word) in octets.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    octets
}
