//! How a host asks itself: sockets to an address of its own that the network cannot answer for.
//!
//! A virtual address is at times another host's, which then would answer in our name. Three things
//! keep that out: the kernel is asked whether it would deliver to the address itself
//! ([`is_local`]); the socket is bound to that same address; and it takes nothing but what came in
//! on `lo`. The latter is a filter on the socket: `IP_PKTINFO` tells the interface that *has* the
//! address, also of a datagram that never left the host.

use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use libc::c_int;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// `lo` has this index in every network namespace (the kernel's `LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// The kernel answers a question about a route within the call that asks it.
const NETLINK_PATIENCE: Duration = Duration::from_millis(100);

/// A UDP socket from the address of `to`, connected to `to`, that hears `lo` alone.
///
/// # Errors
/// `AddrNotAvailable` when the host does not have the address; anything else as the kernel has it.
pub fn ask_udp(to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))?;
    socket.attach_filter(&only_loopback())?;
    socket.bind(&source(to).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

/// A TCP connection to `to` from the same address; `patience` bounds connecting, and each read and
/// write afterwards.
///
/// # Errors
/// As [`ask_udp`], and when nobody accepts in time.
pub fn ask_tcp(to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&source(to).into())?;
    socket.connect_timeout(&to.into(), patience)?;
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))?;
    Ok(socket.into())
}

/// The address of `to` with a free port (and with the interface of a link-local one).
fn source(to: SocketAddr) -> SocketAddr {
    let mut source = to;
    source.set_port(0);
    source
}

/// Passes what came in on `lo` whole and drops the rest (`SO_ATTACH_FILTER`, `socket(7)`).
fn only_loopback() -> [SockFilter; 4] {
    let code = |code: u32| u16::try_from(code).expect("the codes of the classic filter are small");
    let load = code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
    let is = code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
    let pass = code(libc::BPF_RET | libc::BPF_K);
    // The interface's index is found at a negative offset, which the instruction has room for.
    let interface = (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX).cast_unsigned();
    [
        SockFilter::new(load, 0, 0, interface),
        SockFilter::new(is, 0, 1, LOOPBACK),
        SockFilter::new(pass, 0, 0, u32::MAX),
        SockFilter::new(pass, 0, 0, 0),
    ]
}

/// Whether a datagram to this address would be delivered to this host (the port is ignored). A
/// `bind` does not tell: with `net.ipv4.ip_nonlocal_bind` it takes every address.
///
/// # Errors
/// When the kernel cannot be asked: no netlink socket, or an answer that is none.
pub fn is_local(address: SocketAddr) -> io::Result<bool> {
    let netlink = Domain::from(libc::AF_NETLINK);
    let socket = Socket::new(netlink, Type::RAW, Some(Protocol::from(libc::NETLINK_ROUTE)))?;
    socket.set_read_timeout(Some(NETLINK_PATIENCE))?;
    socket.send(&route_question(address))?;
    let mut answer = [0; 1024];
    let len = io::Read::read(&mut &socket, &mut answer)?;
    delivered_here(answer.get(..len).unwrap_or_default())
}

/// Octets of a `struct nlmsghdr`, before everything else (`netlink(7)`).
const HEADER: usize = 16;

/// An `RTM_GETROUTE` for one address (`rtnetlink(7)`).
fn route_question(address: SocketAddr) -> Vec<u8> {
    let (family, octets, interface) = match address {
        SocketAddr::V4(v4) => (libc::AF_INET, v4.ip().octets().to_vec(), 0),
        SocketAddr::V6(v6) => (libc::AF_INET6, v6.ip().octets().to_vec(), v6.scope_id()),
    };
    let bits = 8 * octets.len() as u8;
    // rtm_family, rtm_dst_len, then eight octets of zeros: any source, table and scope, no flags.
    let mut body = vec![family as u8, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    attribute(&mut body, libc::RTA_DST, &octets);
    if interface != 0 {
        attribute(&mut body, libc::RTA_OIF, &interface.to_ne_bytes());
    }
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend_from_slice(&((HEADER + body.len()) as u32).to_ne_bytes());
    message.extend_from_slice(&libc::RTM_GETROUTE.to_ne_bytes());
    message.extend_from_slice(&(libc::NLM_F_REQUEST as u16).to_ne_bytes());
    // Sequence and port: the socket has no other message to tell this one from.
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&body);
    message
}

/// Appends a `struct rtattr`; the lengths in use are multiples of 4 already.
fn attribute(body: &mut Vec<u8>, kind: u16, data: &[u8]) {
    body.extend_from_slice(&(4 + data.len() as u16).to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(data);
}

/// What the kernel's answer says: the route's type, or that there is no route.
fn delivered_here(answer: &[u8]) -> io::Result<bool> {
    let bad = || io::Error::other("the kernel's answer about a route cannot be read");
    let (header, body) = answer.split_first_chunk::<HEADER>().ok_or_else(bad)?;
    let kind = u16::from_ne_bytes([header[4], header[5]]);
    if kind == libc::RTM_NEWROUTE {
        // rtm_type is the eighth octet of a `struct rtmsg`.
        return Ok(*body.get(7).ok_or_else(bad)? == libc::RTN_LOCAL);
    }
    let code = body.first_chunk().filter(|_| c_int::from(kind) == libc::NLMSG_ERROR);
    match code.map(|code| -c_int::from_ne_bytes(*code)).ok_or_else(bad)? {
        libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENODEV | libc::EINVAL => Ok(false),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Whether an error says that the host does not have the address asked from.
#[must_use]
pub fn is_absence(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn local(text: &str) -> bool {
        let ip: IpAddr = text.parse().expect("an address");
        is_local(SocketAddr::new(ip, 53)).expect("the kernel answers")
    }

    #[test]
    fn every_loopback_address_is_local_and_one_for_documentation_is_not() {
        assert!(local("127.0.0.1") && local("127.9.8.7"));
        assert!(!local("192.0.2.53") && !local("2001:db8::53"));
    }

    #[test]
    fn what_the_kernel_says_of_a_route_is_read_and_nonsense_is_an_error() {
        let message = |kind: u16, body: &[u8]| {
            let mut message = [0; HEADER].to_vec();
            message[4..6].copy_from_slice(&kind.to_ne_bytes());
            message.extend_from_slice(body);
            message
        };
        let error = |code: c_int| message(2, &(-code).to_ne_bytes());
        let route = |kind: u8| message(libc::RTM_NEWROUTE, &[2, 32, 0, 0, 255, 2, 254, kind]);
        assert!(delivered_here(&route(libc::RTN_LOCAL)).expect("an answer"));
        assert!(!delivered_here(&route(libc::RTN_UNICAST)).expect("an answer"));
        assert!(!delivered_here(&error(libc::ENETUNREACH)).expect("an answer"));
        assert_eq!(delivered_here(&error(libc::EPERM)).expect_err("no").raw_os_error(), Some(1));
        for cut in 0..HEADER + 8 {
            assert!(delivered_here(&route(2)[..cut]).is_err(), "{cut} octets");
        }
        assert!(delivered_here(&message(77, &[0; 40])).is_err());
    }

    #[test]
    fn an_absent_address_cannot_be_asked_from() {
        let error = ask_udp("192.0.2.53:53".parse().expect("one")).expect_err("not ours");
        assert!(is_absence(&error), "{error}");
    }

    #[test]
    fn a_host_hears_its_own_answer() {
        let server = UdpSocket::bind("127.0.0.5:0").expect("bound");
        let asking = ask_udp(server.local_addr().expect("bound")).expect("ours");
        asking.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        asking.send(b"who").expect("sent");
        let mut buffer = [0; 16];
        let (len, from) = server.recv_from(&mut buffer).expect("asked");
        assert_eq!((&buffer[..len], from.ip().to_string()), (&b"who"[..], "127.0.0.5".to_owned()));
        server.send_to(b"me", from).expect("sent");
        assert_eq!(asking.recv(&mut buffer).expect("heard"), 2);
    }
}
