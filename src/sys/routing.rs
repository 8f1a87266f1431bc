//! TCP as routing protocols want it: packets that are not dropped first, a bound on how far away
//! the other end may be (GTSM, RFC 5082), and signed segments (TCP MD5, RFC 2385).
//!
//! What is set on a listener is inherited by what it accepts. The kernel answers a SYN in the
//! listener's name, so what a peer must see in the answer is set there.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::Duration;

use libc::c_int;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::socket::{get_bytes, local_address, set, set_bytes, set_family_options};

/// DSCP CS6, network control (RFC 4594 §3.2), in the upper six bits.
const NETWORK_CONTROL: u32 = 48 << 2;

/// Connections that the kernel may complete ahead of `accept`. A flood of strangers is reset as
/// fast as it is accepted; a peer's connection has to find a place among them.
const BACKLOG: c_int = 1024;

/// `TCP_SAVE_SYN` and `TCP_SAVED_SYN` (Linux 4.2): a listener keeps the headers of SYNs.
const TCP_SAVE_SYN: c_int = 27;
const TCP_SAVED_SYN: c_int = 28;

/// The headers of a SYN: IPv6 with some extensions, TCP with all options.
const LONGEST_HEADERS: usize = 512;

/// The longest key of TCP MD5 signatures, in octets (`TCP_MD5SIG_MAXKEYLEN`).
pub const LONGEST_KEY: usize = 80;

/// How far packets go, and how far they may have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hops {
    /// The TTL or hop limit of what is sent.
    pub send: u8,
    /// What is received with less is dropped by the kernel; 0: nothing is.
    pub least: u8,
}

/// A socket that has an address and can listen there: see [`listen`]. An explicit address may be
/// bound before the host has it; port 0 takes a free one.
///
/// It answers with the largest TTL, so that every peer takes the answer; see [`set_hops`] for what
/// it accepts.
///
/// # Errors
/// When the socket cannot be made or bound: as the kernel has it.
pub fn listening(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait until the old connections are forgotten.
    socket.set_reuse_address(true)?;
    set_family_options(&socket, address)?;
    set_traffic_class(&socket, address.ip())?;
    set_hops(&socket, address.ip(), Hops { send: u8::MAX, least: 0 })?;
    set(&socket, libc::IPPROTO_TCP, TCP_SAVE_SYN, 1)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Listens, ready for an asynchronous runtime. What connections are to be taken was set before.
///
/// # Errors
/// When another program listens there.
pub fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The TTL or hop limit with which the first packet of an accepted connection came. What came before
/// a bound was set on the connection itself was not checked by the kernel; who is as near as this
/// says is as near for the rest of it. To be asked once; absent where the kernel kept nothing.
#[must_use]
pub fn first_hops(accepted: &impl AsFd) -> Option<u8> {
    let mut headers = [0; LONGEST_HEADERS];
    let socket = SockRef::from(accepted);
    let length = get_bytes(&socket, libc::IPPROTO_TCP, TCP_SAVED_SYN, &mut headers).ok()?;
    let headers = headers.get(..length)?;
    match headers.first()? >> 4 {
        4 => headers.get(8).copied(),
        6 => headers.get(7).copied(),
        _ => None,
    }
}

/// A socket for a connection to `peer`, ready for an asynchronous runtime; not bound yet.
///
/// # Errors
/// When the socket cannot be made.
pub fn dialling(peer: IpAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(SocketAddr::new(peer, 0));
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    set_traffic_class(&socket, peer)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Binds a socket that will connect to an address of ours. The port is chosen as late as the
/// connection, so that many may share it.
///
/// # Errors
/// When the host does not have the address.
pub fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    set(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
    socket.bind(&address.into())
}

/// The address that the kernel would connect from; nothing is sent.
///
/// # Errors
/// When there is no way to `peer`.
pub fn preferred_source(peer: SocketAddr) -> io::Result<SocketAddr> {
    let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))?;
    socket.connect(&peer.into())?;
    local_address(&socket)
}

/// Bounds the way of packets of a socket whose other end is `peer`.
///
/// # Errors
/// When the kernel refuses.
pub fn set_hops(socket: &impl AsFd, peer: IpAddr, hops: Hops) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let least = c_int::from(hops.least);
    match peer {
        IpAddr::V4(_) => {
            socket.set_ttl_v4(hops.send.into())?;
            set(&socket, libc::IPPROTO_IP, libc::IP_MINTTL, least)
        }
        IpAddr::V6(_) => {
            socket.set_unicast_hops_v6(hops.send.into())?;
            set(&socket, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, least)
        }
    }
}

/// Small messages leave at once, and what is not acknowledged for so long ends the connection;
/// without a bound the kernel's own holds.
///
/// # Errors
/// When the kernel refuses.
pub fn set_pace(socket: &impl AsFd, patience: Option<Duration>) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(patience)
}

/// Segments from and to `peer` are signed with this key from now on, and others are dropped; an
/// empty key takes the demand back. On a listener: for the connections of that peer.
///
/// # Errors
/// When the kernel has no TCP MD5 signatures, or the key is longer than [`LONGEST_KEY`].
pub fn set_signature_key(socket: &impl AsFd, peer: IpAddr, key: &[u8]) -> io::Result<()> {
    let request = signature_request(peer, key).ok_or(io::ErrorKind::InvalidInput)?;
    match set_bytes(&SockRef::from(socket), libc::IPPROTO_TCP, libc::TCP_MD5SIG, &request) {
        // There was no demand.
        Err(error) if key.is_empty() && error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        outcome => outcome,
    }
}

/// When the socket is dropped the connection is reset, whatever is still queued.
pub fn reset_on_close(socket: &impl AsFd) {
    // Without it the close is an ordinary one.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// A `tcp_md5sig`: `sockaddr_storage`, flags, length of prefix, length of key, interface, key.
fn signature_request(peer: IpAddr, key: &[u8]) -> Option<[u8; 216]> {
    let mut request = [0; 216];
    let (address, rest) = request.split_at_mut(128);
    match peer {
        IpAddr::V4(peer) => {
            address[..2].copy_from_slice(&family(libc::AF_INET));
            address[4..8].copy_from_slice(&peer.octets());
        }
        IpAddr::V6(peer) => {
            address[..2].copy_from_slice(&family(libc::AF_INET6));
            address[8..24].copy_from_slice(&peer.octets());
        }
    }
    let length = u16::try_from(key.len()).ok()?;
    rest[2..4].copy_from_slice(&length.to_ne_bytes());
    rest[8..].get_mut(..key.len())?.copy_from_slice(key);
    Some(request)
}

fn family(number: c_int) -> [u8; 2] {
    libc::sa_family_t::try_from(number).expect("families are small").to_ne_bytes()
}

fn set_traffic_class(socket: &Socket, peer: IpAddr) -> io::Result<()> {
    match peer {
        IpAddr::V4(_) => socket.set_tos_v4(NETWORK_CONTROL),
        IpAddr::V6(_) => socket.set_tclass_v6(NETWORK_CONTROL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_the_kernel_reads_it() {
        let request = signature_request("192.0.2.1".parse().expect("an address"), b"secret");
        let request = request.expect("short");
        assert_eq!(request[4..8], [192, 0, 2, 1]);
        assert_eq!(request[130..132], 6_u16.to_ne_bytes());
        assert_eq!(request[136..142], *b"secret");
        assert!(request[142..].iter().all(|&octet| octet == 0));
        let peer = "2001:db8::1".parse().expect("an address");
        let request = signature_request(peer, &[7; LONGEST_KEY]).expect("just short enough");
        assert_eq!(request[8..12], [0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(request[136..], [7; 80]);
        assert_eq!(signature_request(peer, &[7; LONGEST_KEY + 1]), None);
    }

    #[test]
    fn every_option_is_taken_in_both_families() {
        for (here, peer) in [("127.0.0.1:0", "192.0.2.1"), ("[::1]:0", "2001:db8::1")] {
            let listener = listening(here.parse().expect("an address")).expect("free");
            let peer = peer.parse().expect("an address");
            set_hops(&listener, peer, Hops { send: 255, least: 254 }).expect("taken");
            let socket = dialling(peer).expect("a socket");
            set_hops(&socket, peer, Hops { send: 1, least: 0 }).expect("taken");
            set_pace(&socket, Some(Duration::from_secs(9))).expect("taken");
            bind(&socket, here.parse().expect("an address")).expect("ours");
        }
    }
}
