//! Sockets with every option that a DNS server wants.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use libc::c_int;
use socket2::{Domain, Protocol, Socket, Type};

/// How long a receive waits for the first datagram: the longest that a thread takes to notice that
/// it is to end, or that there is a new snapshot.
pub const PATIENCE: Duration = Duration::from_millis(250);

/// What the kernel may keep for us: some 5,000 small queries, 15 ms at 350,000 a second.
const BUFFER: usize = 4 << 20;

/// Connections that the kernel may complete ahead of `accept`; it has a limit of its own
/// (`net.core.somaxconn`, 4096 by default).
const BACKLOG: c_int = 4096;

/// A UDP socket, one of as many on its address as there are threads (`SO_REUSEPORT`).
///
/// A wildcard address answers from the address asked, so that addresses which come and go (a VIP,
/// an anycast loopback) need no restart. An explicit one may be bound before the host has it.
#[derive(Debug)]
pub struct DatagramSocket {
    socket: Socket,
    address: SocketAddr,
}

impl DatagramSocket {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the socket cannot be made or bound; the message has the address.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::try_bind(address).map_err(|error| explain("udp", address, &error))
    }

    fn try_bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_port(true)?;
        set_family_options(&socket, address)?;
        if address.ip().is_unspecified() {
            match address {
                SocketAddr::V4(_) => set(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
                SocketAddr::V6(_) => set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?,
            }
        }
        // A path MTU that anyone can forge must not decide how replies are cut, and they are never
        // longer than every path takes: send them without DF and believe no one.
        match address {
            SocketAddr::V4(_) => {
                set(&socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)?;
            }
            SocketAddr::V6(_) => {
                let omit = libc::IPV6_PMTUDISC_OMIT;
                set(&socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, omit)?;
            }
        }
        set(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
        enlarge_buffers(&socket)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.bind(&address.into())?;
        let address = local_address(&socket)?;
        Ok(Self { socket, address })
    }

    /// The address in fact bound.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// The octets of the receive buffer in fact obtained. The kernel counts its own headers in it
    /// and so doubles what it is asked for; without privilege it caps it (`net.core.rmem_max`).
    #[must_use]
    pub fn receive_buffer(&self) -> usize {
        self.socket.recv_buffer_size().unwrap_or(0)
    }

    /// Whether that is as much as was asked for.
    #[must_use]
    pub fn has_whole_buffer(&self) -> bool {
        self.receive_buffer() >= 2 * BUFFER
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// A TCP listener on `address`, ready for an asynchronous runtime. An explicit address may be bound
/// before the host has it; port 0 takes a free one.
///
/// # Errors
/// When the socket cannot be made or bound; the message has the address.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    try_listen(address).map_err(|error| explain("tcp", address, &error))
}

fn try_listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait until the old connections are forgotten.
    socket.set_reuse_address(true)?;
    set_family_options(&socket, address)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// IPv6 sockets are for IPv6 alone; an explicit address may be bound before it exists.
pub(super) fn set_family_options(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    let explicit = !address.ip().is_unspecified();
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(explicit),
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_freebind_v6(explicit)
        }
    }
}

/// The large buffers need CAP_NET_ADMIN; else as much as the kernel's limits give. The send buffer
/// is as large, so that replies which wait for a neighbour's link-layer address do not take the
/// room of all the others.
fn enlarge_buffers(socket: &Socket) -> io::Result<()> {
    let size = c_int::try_from(BUFFER).expect("4 MiB fit");
    if set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, size).is_err() {
        socket.set_recv_buffer_size(BUFFER)?;
    }
    if set(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, size).is_err() {
        socket.set_send_buffer_size(BUFFER)?;
    }
    Ok(())
}

pub(super) fn set(socket: &Socket, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    set_bytes(socket, level, option, &value.to_ne_bytes())
}

/// Sets an option that has a structure for its value.
#[expect(unsafe_code, reason = "socket2 has no words for these options")]
pub(super) fn set_bytes(
    socket: &Socket,
    level: c_int,
    option: c_int,
    value: &[u8],
) -> io::Result<()> {
    let len = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open while `socket` lives; the kernel reads `len` octets from the
    // pointer within the call, and `value` has as many.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value.as_ptr().cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an option that has a structure for its value; how much of `value` it filled.
#[expect(unsafe_code, reason = "socket2 has no words for these options")]
pub(super) fn get_bytes(
    socket: &Socket,
    level: c_int,
    option: c_int,
    value: &mut [u8],
) -> io::Result<usize> {
    let mut len = libc::socklen_t::try_from(value.len()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open while `socket` lives; the kernel writes at most `len` octets to
    // the pointer within the call, and `value` has as many.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, option, value.as_mut_ptr().cast(), &raw mut len)
    };
    if result == 0 { Ok((len as usize).min(value.len())) } else { Err(io::Error::last_os_error()) }
}

pub(super) fn local_address(socket: &Socket) -> io::Result<SocketAddr> {
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::other("the bound address is not of an internet family"))
}

fn explain(protocol: &str, address: SocketAddr, error: &io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "; is another server running there?",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
        }
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot listen on {protocol} {address}: {error}{advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_an_address_and_its_port() {
        let first = DatagramSocket::bind("127.0.0.1:0".parse().expect("an address")).expect("free");
        let second = DatagramSocket::bind(first.local_address()).expect("shared");
        assert_ne!(first.local_address().port(), 0);
        assert_eq!(first.local_address(), second.local_address());
        assert!(first.receive_buffer() > 0);
    }

    #[test]
    fn both_families_take_the_same_port() {
        // Somebody else's IPv6 socket may have the port; not every time.
        let shared = (0..8).find_map(|_| {
            let v4 = DatagramSocket::bind("0.0.0.0:0".parse().expect("an address")).expect("free");
            let port = v4.local_address().port();
            DatagramSocket::bind(SocketAddr::new("::".parse().expect("an address"), port)).ok()
        });
        assert!(shared.is_some());
    }

    #[test]
    fn address_may_come_later() {
        for absent in ["192.0.2.53:0", "[2001:db8::53]:0"] {
            let absent = absent.parse().expect("an address");
            DatagramSocket::bind(absent).expect("bound ahead");
            listen(absent).expect("bound ahead");
        }
    }

    #[test]
    fn failure_names_the_address() {
        let taken = listen("127.0.0.1:0".parse().expect("an address")).expect("free");
        let address = taken.local_addr().expect("bound");
        let error = listen(address).expect_err("taken").to_string();
        assert!(error.starts_with(&format!("cannot listen on tcp {address}: ")), "{error}");
    }
}
