//! Datagrams whose hops count: a receiver that tells how far each has come and by which interface,
//! and senders whose datagrams nobody can send from farther away. For BFD (RFC 5881, RFC 5883).

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use libc::c_int;
use socket2::{Domain, MaybeUninitSlice, MsgHdrMut, Protocol, SockAddr, SockAddrStorage};
use socket2::{Socket, Type};

use super::control::{Control, Destination, Way};
use super::socket::set;

/// The most there is: who receives can tell that nobody forwarded it (RFC 5082).
const HOPS: u32 = 255;
/// DSCP CS6, network control (RFC 4594 §3.1), in the octet that ECN has a part of.
const TRAFFIC_CLASS: u32 = 48 << 2;
/// A thousand sessions' packets of a second, while the thread waits for a processor.
const RECEIVE_BUFFER: c_int = 1 << 20;

/// A non-blocking UDP socket on a port, on every address of one family.
#[derive(Debug)]
pub struct HopReceiver {
    socket: Socket,
    control: Control,
}

/// A datagram that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// Who sent it, if that is true.
    pub source: IpAddr,
    /// Whether it was sent to an address that is this host's alone.
    pub is_unicast: bool,
    /// The index of the interface that it came in on; 0 where the kernel does not say.
    pub interface: u32,
    /// What was left of its TTL or hop limit; 0 where the kernel does not say.
    pub hops: u8,
    /// As much of it as the buffer holds.
    pub payload: &'a [u8],
}

/// A non-blocking UDP socket from one address and port of this host to one of another's.
#[derive(Debug)]
pub struct HopSender {
    socket: Socket,
    local: IpAddr,
}

impl HopReceiver {
    /// Takes a port on all addresses of the wildcard's family, for itself alone.
    ///
    /// # Errors
    /// When somebody has it ([`io::ErrorKind::AddrInUse`]), or no descriptor is left.
    pub fn bind(wildcard: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(wildcard), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        match wildcard {
            SocketAddr::V4(_) => {
                set(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
                set(&socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1)?;
            }
            SocketAddr::V6(_) => {
                socket.set_only_v6(true)?;
                socket.set_recv_hoplimit_v6(true)?;
                set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
            }
        }
        if set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER).is_err() {
            set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER)?;
        }
        socket.bind(&wildcard.into())?;
        Ok(Self { socket, control: Control::default() })
    }

    /// The next datagram, in `buffer`; absent when there is none.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<Heard<'a>>> {
        let (length, source, way) = loop {
            match self.try_receive(buffer) {
                Ok(received) => break received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        Ok(Some(Heard {
            source,
            is_unicast: way.to != Destination::Shared,
            interface: way.interface,
            hops: way.hops.unwrap_or(0),
            payload: buffer.get(..length).unwrap_or_default(),
        }))
    }

    fn try_receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, IpAddr, Way)> {
        let mut source = unspecified(SockAddrStorage::zeroed());
        let mut buffers = [MaybeUninitSlice::new(as_uninit(buffer))];
        let mut message = MsgHdrMut::new()
            .with_addr(&mut source)
            .with_buffers(&mut buffers)
            .with_control(as_uninit(self.control.room()));
        let length = self.socket.recvmsg(&mut message, 0)?;
        let told = message.control_len();
        let way = self.control.read_way(told);
        let source = source.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        Ok((length, source.ip(), way))
    }
}

impl HopSender {
    /// Opens a socket to `to` (with the interface of a link-local address as its scope) from this
    /// port, and from `source`, or else from what the routes say.
    ///
    /// # Errors
    /// When the port is taken ([`io::ErrorKind::AddrInUse`]); when `source` is no address of this
    /// host; when no route leads there.
    pub fn open(source: Option<IpAddr>, port: u16, to: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // Nothing is to come in here, and nobody reads it.
        socket.set_recv_buffer_size(0)?;
        match to {
            SocketAddr::V4(_) => {
                socket.set_ttl_v4(HOPS)?;
                socket.set_tos_v4(TRAFFIC_CLASS)?;
            }
            SocketAddr::V6(_) => {
                socket.set_only_v6(true)?;
                socket.set_unicast_hops_v6(HOPS)?;
                socket.set_tclass_v6(TRAFFIC_CLASS)?;
            }
        }
        socket.bind(&from(source, port, to).into())?;
        socket.connect(&to.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::InvalidData)?.ip();
        Ok(Self { socket, local })
    }

    /// The address that it sends from.
    #[must_use]
    pub fn local(&self) -> IpAddr {
        self.local
    }

    /// Sends a datagram. What an ICMP message said of one before is no error of this one.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn send(&self, payload: &[u8]) -> io::Result<()> {
        // Such a message is an error of whatever the socket does next (`udp(7)`), once.
        let sent = self.socket.send(payload).or_else(|_| self.socket.send(payload));
        sent.map(drop)
    }
}

/// What to bind: an address of the same family and, if it is link-local, on the same link.
fn from(source: Option<IpAddr>, port: u16, to: SocketAddr) -> SocketAddr {
    match (source, to) {
        (Some(IpAddr::V6(v6)), SocketAddr::V6(to)) if v6.is_unicast_link_local() => {
            SocketAddrV6::new(v6, port, 0, to.scope_id()).into()
        }
        (Some(source), _) => SocketAddr::new(source, port),
        (None, SocketAddr::V4(_)) => (Ipv4Addr::UNSPECIFIED, port).into(),
        (None, SocketAddr::V6(_)) => (Ipv6Addr::UNSPECIFIED, port).into(),
    }
}

#[expect(unsafe_code, reason = "a buffer for the kernel to write an address to")]
fn unspecified(storage: SockAddrStorage) -> SockAddr {
    let length = storage.size_of();
    // SAFETY: zeros are an address of the family AF_UNSPEC; the length is the storage's own.
    unsafe { SockAddr::new(storage, length) }
}

#[expect(unsafe_code, reason = "socket2 receives into octets that need not be initialised")]
fn as_uninit(octets: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    let pointer: *mut [u8] = octets;
    // SAFETY: the layouts are the same, and socket2 hands the slice to the kernel alone, which
    // never makes an octet uninitialised.
    unsafe { &mut *(pointer as *mut [MaybeUninit<u8>]) }
}

impl AsFd for HopReceiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A receiver on a free port, and that port on the loopback address.
    fn receiver(wildcard: &str, loopback: &str) -> (HopReceiver, SocketAddr) {
        let wildcard: SocketAddr = wildcard.parse().expect("an address");
        let receiver = HopReceiver::bind(wildcard).expect("free");
        let bound = receiver.socket.local_addr().ok().and_then(|bound| bound.as_socket());
        let loopback: IpAddr = loopback.parse().expect("an address");
        (receiver, SocketAddr::new(loopback, bound.expect("bound").port()))
    }

    #[test]
    fn a_datagram_tells_where_it_comes_from_by_which_interface_and_how_far() {
        for (wildcard, loopback) in [("0.0.0.0:0", "127.0.0.1"), ("[::]:0", "::1")] {
            let (mut receiver, to) = receiver(wildcard, loopback);
            let sender = HopSender::open(None, 0, to).expect("a route");
            assert_eq!(sender.local(), to.ip());
            sender.send(b"hello").expect("sent");
            let mut buffer = [0; 16];
            let heard = receiver.receive(&mut buffer).expect("a socket");
            let expected = Heard {
                source: to.ip(),
                is_unicast: true,
                interface: 1,
                hops: 255,
                payload: b"hello",
            };
            assert_eq!(heard, Some(expected));
            assert_eq!(receiver.receive(&mut buffer).expect("a socket"), None);
        }
    }

    #[test]
    fn an_icmp_error_is_none_of_the_next_datagram() {
        let (receiver, to) = receiver("0.0.0.0:0", "127.0.0.1");
        let sender = HopSender::open(None, 0, to).expect("a route");
        drop(receiver);
        for _ in 0..4 {
            sender.send(b"nobody is there").expect("sent all the same");
        }
    }

    #[test]
    fn a_port_is_taken_by_one_alone_and_an_absent_source_is_refused() {
        let (_receiver, taken) = receiver("0.0.0.0:0", "127.0.0.1");
        let wildcard = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), taken.port());
        let kind = |error: io::Error| error.kind();
        assert_eq!(HopReceiver::bind(wildcard).map_err(kind).err(), Some(io::ErrorKind::AddrInUse));
        let absent = Some(IpAddr::from([192, 0, 2, 53]));
        let refused = HopSender::open(absent, 0, taken).map_err(kind).err();
        assert_eq!(refused, Some(io::ErrorKind::AddrNotAvailable));
    }
}
