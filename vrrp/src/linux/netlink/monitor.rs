//! Word of changes to links and addresses, whoever makes them.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::listen::{Heard, Listener};
use super::message::Message;
use super::{Link, LocalAddress, decode};
use crate::linux::{Interface, KernelError, NEEDS_ADMIN};

/// A non-blocking socket that hears of changes.
#[derive(Debug)]
pub struct Monitor {
    listener: Listener,
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
        let listener = Listener::open(groups.cast_unsigned())?;
        Ok(Self { listener, events: VecDeque::new() })
    }

    /// The next change; absent when there is none.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn receive(&mut self) -> io::Result<Option<Event>> {
        while self.events.is_empty() {
            let events = &mut self.events;
            match self.listener.receive(|message| events.extend(event(&message)))? {
                Heard::Something => {}
                Heard::Nothing => return Ok(None),
                Heard::Lost => self.events.push_back(Event::Lost),
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
        self.listener.as_fd()
    }
}
