//! Word of changes to links and addresses, whoever makes them.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;

use super::exchange::{BUFFER, open_socket};
use super::message::{Message, messages};
use super::{Link, LocalAddress, decode};
use crate::linux::control::Control;
use crate::linux::{Interface, KernelError, NEEDS_ADMIN, raw};

/// Room for some thousand changes while the thread is busy; beyond, [`Event::Lost`] is said.
const RECEIVE_BUFFER: libc::c_int = 1 << 20;

/// A non-blocking socket that hears of changes.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    input: Box<[u8]>,
    control: Control,
    events: VecDeque<Event>,
}

/// Something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A link is new or changed: its name, its state, its hardware address.
    Link(Link),
    /// A link is gone.
    LinkGone(Interface),
    /// An address is new or changed: renewed, or no longer tentative.
    Address(LocalAddress),
    /// An address is gone: removed, or expired.
    AddressGone(LocalAddress),
    /// There were more changes than the kernel could keep: list links and addresses anew.
    Lost,
}

impl Monitor {
    /// Begins to listen. List links and addresses after this, not before, to miss nothing.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn open() -> Result<Self, KernelError> {
        Self::try_open().map_err(|error| {
            KernelError::new("listen to changes of the network configuration", error, NEEDS_ADMIN)
        })
    }

    fn try_open() -> io::Result<Self> {
        let groups = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
        let socket = open_socket(groups.cast_unsigned())?;
        raw::enlarge_receive_buffer(&socket, RECEIVE_BUFFER)?;
        socket.set_nonblocking(true)?;
        let input = vec![0; BUFFER].into_boxed_slice();
        Ok(Self { socket, input, control: Control::new(), events: VecDeque::new() })
    }

    /// The next change; absent when there is none.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn receive(&mut self) -> io::Result<Option<Event>> {
        while self.events.is_empty() {
            match raw::receive(&self.socket, &mut self.input, &mut self.control) {
                Ok(Some(datagram)) => {
                    // Privileged programs may send here too; they are not to be believed.
                    if raw::is_from_kernel(&datagram.source) {
                        let octets = self.input.get(..datagram.length).unwrap_or_default();
                        self.events.extend(messages(octets).filter_map(|m| event(&m)));
                    }
                }
                Ok(None) => return Ok(None),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.events.push_back(Event::Lost);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.events.pop_front())
    }
}

fn event(message: &Message<'_>) -> Option<Event> {
    match message.kind {
        libc::RTM_NEWLINK => decode::link(message).map(Event::Link),
        libc::RTM_DELLINK => decode::link(message).map(|link| Event::LinkGone(link.interface)),
        libc::RTM_NEWADDR => decode::address(message).map(Event::Address),
        libc::RTM_DELADDR => decode::address(message).map(Event::AddressGone),
        _ => None,
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
