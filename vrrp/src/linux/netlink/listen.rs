//! Notifications: what the kernel says of changes, whoever makes them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;

use super::exchange::{BUFFER, open_socket};
use super::message::{Message, messages};
use crate::linux::control::Control;
use crate::linux::raw;

/// Room for some thousand changes while the thread is busy; beyond, [`Heard::Lost`] is said.
const RECEIVE_BUFFER: libc::c_int = 1 << 20;

/// A non-blocking socket that is told of changes.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    input: Box<[u8]>,
    control: Control,
}

/// What there was to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Some messages; there may be more.
    Something,
    /// Nothing, for now.
    Nothing,
    /// There were more changes than the kernel could keep: what is known is to be listed anew.
    Lost,
}

impl Listener {
    /// Begins to listen to `groups`, a mask: `RTNLGRP_LINK` is 1, and each number after it the next
    /// bit. List what is to be known after this, not before, to miss nothing.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn open(groups: u32) -> io::Result<Self> {
        let socket = open_socket(groups)?;
        raw::enlarge_receive_buffer(&socket, RECEIVE_BUFFER)?;
        socket.set_nonblocking(true)?;
        let input = vec![0; BUFFER].into_boxed_slice();
        Ok(Self { socket, input, control: Control::new() })
    }

    /// Takes one datagram and tells `each` of its messages. What other programs send here is not
    /// told: only the kernel is believed.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn receive(&mut self, each: impl FnMut(Message<'_>)) -> io::Result<Heard> {
        match raw::receive(&self.socket, &mut self.input, &mut self.control) {
            Ok(Some(datagram)) => {
                if raw::is_from_kernel(&datagram.source) {
                    let octets = self.input.get(..datagram.length).unwrap_or_default();
                    messages(octets).for_each(each);
                }
                Ok(Heard::Something)
            }
            Ok(None) => Ok(Heard::Nothing),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(Heard::Lost),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
