//! One connection's socket, and what waits to be written to it.

use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::net::TcpStream;

use crate::bgp::session::ConnectionId;

/// What is kept of an empty queue for the next messages, in bytes. All but a large set of routes
/// fits.
const SPARE: usize = 16 << 10;

/// One connection's socket. What waits is bounded: a session gives messages about routes only when
/// nothing waits.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: ConnectionId,
    pub(super) stream: TcpStream,
    /// This end.
    pub(super) local: SocketAddr,
    queue: Vec<u8>,
    /// So much of the queue is written.
    written: usize,
}

/// What was read.
#[derive(Debug)]
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// None for now.
    Nothing,
    /// The peer will send no more.
    Closed,
    /// The connection is broken.
    Broken(io::Error),
}

impl Link {
    pub(super) fn new(id: ConnectionId, stream: TcpStream, local: SocketAddr) -> Self {
        Self { id, stream, local, queue: Vec::new(), written: 0 }
    }

    pub(super) fn queue(&mut self, message: &[u8]) {
        self.queue.extend_from_slice(message);
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.queue.is_empty()
    }

    /// Writes what the kernel takes now; how many bytes that was.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(super) fn write(&mut self) -> io::Result<usize> {
        let before = self.written;
        while let Some(rest) = self.queue.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.try_write(rest) {
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let bytes = self.written - before;
        if self.written == self.queue.len() {
            self.queue.clear();
            self.queue.shrink_to(SPARE);
            self.written = 0;
        }
        Ok(bytes)
    }

    /// Reads once, so that no peer is heard for longer than a buffer.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Read {
        Read::of(self.stream.try_read(buffer))
    }

    /// The same without the runtime, which may not have noticed yet that there is something: a
    /// process that was stopped for a while finds its timers expired and its sockets full.
    pub(super) fn read_now(&self, buffer: &mut [u8]) -> Read {
        Read::of((&*SockRef::from(&self.stream)).read(buffer))
    }

    /// Whether there may be something to read, or what waits may be written.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let readable = self.stream.poll_read_ready(cx).is_ready();
        let writable = !self.is_flushed() && self.stream.poll_write_ready(cx).is_ready();
        if readable || writable { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Read {
    fn of(outcome: io::Result<usize>) -> Self {
        match outcome {
            Ok(0) => Self::Closed,
            Ok(bytes) => Self::Bytes(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Self::Nothing,
            Err(error) => Self::Broken(error),
        }
    }
}
