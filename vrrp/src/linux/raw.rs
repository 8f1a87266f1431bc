//! System calls that neither the standard library nor socket2 has words for. The only unsafe code
//! of the crate.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use libc::c_int;
use socket2::{MaybeUninitSlice, MsgHdrMut, SockAddr, SockAddrStorage, Socket};

use super::Mac;
use super::control::Control;

/// What [`receive`] found.
pub(super) struct Datagram {
    /// How much of the buffer is filled.
    pub(super) length: usize,
    /// Who sent it.
    pub(super) source: SockAddr,
    /// How much of the control buffer is filled.
    pub(super) control: usize,
}

/// Sets a socket option to a structure's octets.
#[expect(unsafe_code, reason = "socket2 has no words for these options")]
pub(super) fn set_octets(
    socket: &Socket,
    level: c_int,
    option: c_int,
    value: &[u8],
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(value.len())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the descriptor is open while `socket` lives; pointer and length are those of `value`,
    // which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, value.as_ptr().cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets a socket option to a number.
pub(super) fn set(socket: &Socket, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    set_octets(socket, level, option, &value.to_ne_bytes())
}

/// A large receive buffer: as asked with CAP_NET_ADMIN, else what the kernel's limit gives
/// (`net.core.rmem_max`).
pub(super) fn enlarge_receive_buffer(socket: &Socket, octets: c_int) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, octets)
        .or_else(|_| set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, octets))
}

/// The kernel's end of a netlink socket, or with `groups` (`RTMGRP_*`) our own.
#[expect(unsafe_code, reason = "socket2 does not know this family")]
pub(super) fn netlink_address(groups: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_nl` is one of the structures that a `sockaddr_storage` has room for.
    let address = unsafe { storage.view_as::<libc::sockaddr_nl>() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = groups;
    // SAFETY: the family is set, and the length is that of its structure.
    unsafe { SockAddr::new(storage, length_of::<libc::sockaddr_nl>()) }
}

/// Whether a netlink message was sent by the kernel.
#[expect(unsafe_code, reason = "socket2 does not know this family")]
pub(super) fn is_from_kernel(source: &SockAddr) -> bool {
    if c_int::from(source.family()) != libc::AF_NETLINK {
        return false;
    }
    let mut storage = source.clone().as_storage();
    // SAFETY: the family says that the storage holds this structure.
    let address = unsafe { storage.view_as::<libc::sockaddr_nl>() };
    address.nl_pid == 0
}

/// An interface as a packet socket addresses it (`packet(7)`): frames of `protocol` (an EtherType;
/// 0: none), sent to `to`.
#[expect(unsafe_code, reason = "socket2 does not know this family")]
pub(super) fn packet_address(interface: u32, protocol: u16, to: Mac) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_ll` is one of the structures that a `sockaddr_storage` has room for.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = interface.cast_signed();
    address.sll_halen = 6;
    address.sll_addr[..6].copy_from_slice(&to.0);
    // SAFETY: the family is set, and the length is that of its structure.
    unsafe { SockAddr::new(storage, length_of::<libc::sockaddr_ll>()) }
}

fn length_of<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).expect("socket addresses have 128 octets at most")
}

/// Receives one datagram with its control messages; absent when there is none.
pub(super) fn receive(
    socket: &Socket,
    buffer: &mut [u8],
    control: &mut Control,
) -> io::Result<Option<Datagram>> {
    loop {
        match try_receive(socket, buffer, control) {
            Ok(datagram) => return Ok(Some(datagram)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn try_receive(socket: &Socket, buffer: &mut [u8], control: &mut Control) -> io::Result<Datagram> {
    let storage = SockAddrStorage::zeroed();
    let mut source = unspecified(storage);
    let mut buffers = [MaybeUninitSlice::new(as_uninit(buffer))];
    let mut message = MsgHdrMut::new()
        .with_addr(&mut source)
        .with_buffers(&mut buffers)
        .with_control(as_uninit(control.room()));
    let length = socket.recvmsg(&mut message, 0)?;
    let filled = message.control_len();
    Ok(Datagram { length, source, control: filled })
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

/// Makes the calling thread `SCHED_FIFO`; what it starts is of the ordinary kind again.
#[expect(unsafe_code, reason = "a system call")]
pub(super) fn schedule_fifo(priority: c_int) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: priority };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the pointer is to a `sched_param` that lives through the call; 0 is this thread.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The state of the kernel's clock (`adjtimex(2)`, "Return value").
#[expect(unsafe_code, reason = "a system call")]
pub(super) fn clock_state() -> io::Result<c_int> {
    let mut request = MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: zeros are a `timex` that asks for nothing to be changed; the kernel writes to it
    // during the call alone.
    let state = unsafe { libc::adjtimex(request.as_mut_ptr()) };
    if state < 0 { Err(io::Error::last_os_error()) } else { Ok(state) }
}
