//! Requests and their answers, for any rtnetlink message: [`message`](super::message) is what they
//! are made of.
//!
//! ```no_run
//! use vrrp::linux::netlink::exchange::Exchange;
//!
//! let mut exchange = Exchange::open()?;
//! // RTM_NEWLINK that sets lo up: `struct ifinfomsg` with its index, IFF_UP and the mask IFF_UP.
//! let [one, up] = [1u32, 1u32].map(u32::to_ne_bytes);
//! let structure = [[0; 4], one, up, up].concat();
//! exchange.request(libc::RTM_NEWLINK, 0, &structure, |_| {}).map_err(|refusal| refusal.error)?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io::{self, Read};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::decode::Acknowledgement;
use super::message::{Message, Writer, messages};
use crate::linux::raw;

/// As much as the kernel puts into one datagram of a dump.
pub(super) const BUFFER: usize = 32 << 10;
/// Answers are there when the request returns; longer than this is a fault of the kernel.
const PATIENCE: Duration = Duration::from_secs(1);
/// A dump that others' changes kept interrupting so often is given up.
const DUMP_ATTEMPTS: usize = 8;

/// `NETLINK_GET_STRICT_CHK`: what a dump's structure says is a filter.
const STRICT_CHECK: libc::c_int = 12;

/// Done, or not.
pub type Answer = Result<(), Refusal>;

/// A request was not done.
#[derive(Debug)]
pub struct Refusal {
    /// Why not.
    pub error: io::Error,
    /// The kernel's own words, where it has any.
    pub explanation: Option<String>,
}

/// A socket that asks and waits for what is answered, which lies in it when the question is sent.
#[derive(Debug)]
pub struct Exchange {
    socket: Socket,
    sequence: u32,
    out: Vec<u8>,
    input: Box<[u8]>,
}

impl Exchange {
    /// Opens a socket; needs no privilege, unlike most requests.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn open() -> io::Result<Self> {
        let socket = open_socket(0)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let input = vec![0; BUFFER].into_boxed_slice();
        Ok(Self { socket, sequence: 0, out: Vec::new(), input })
    }

    /// From now on the kernel lists only what a dump's structure describes (its table, protocol …),
    /// and refuses a structure that describes nothing it knows.
    ///
    /// # Errors
    /// On Linux before 4.20.
    pub fn filter_dumps(&self) -> io::Result<()> {
        raw::set(&self.socket, libc::SOL_NETLINK, STRICT_CHECK, 1)
    }

    /// Several requests in one system call, each written by `write` with its number and the flags
    /// `NLM_F_REQUEST` and `NLM_F_ACK`; their answers, in order. So many at once (some 64) that their
    /// acknowledgements fit into the socket's buffer.
    pub fn batch<T>(
        &mut self,
        requests: &[T],
        write: impl Fn(&T, u32, &mut Vec<u8>),
    ) -> Vec<Answer> {
        self.out.clear();
        let first = self.sequence.wrapping_add(1);
        for request in requests {
            self.sequence = self.sequence.wrapping_add(1);
            write(request, self.sequence, &mut self.out);
        }
        self.exchange(first, requests.len())
    }

    /// One request with its acknowledgement. `flags` are those beside `NLM_F_REQUEST` and
    /// `NLM_F_ACK`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn request(
        &mut self,
        kind: u16,
        flags: u16,
        structure: &[u8],
        attributes: impl FnOnce(&mut Writer<'_>),
    ) -> Answer {
        self.out.clear();
        self.sequence = self.sequence.wrapping_add(1);
        let flags = flags | (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let mut writer = Writer::begin(&mut self.out, kind, flags, self.sequence, structure);
        attributes(&mut writer);
        writer.end();
        self.exchange(self.sequence, 1).into_iter().next().unwrap_or(Ok(()))
    }

    /// Sends what is in `out`, `count` requests numbered from `first`; their answers, in order.
    fn exchange(&mut self, first: u32, count: usize) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = (0..count).map(|_| None).collect();
        let outcome = self.send().and_then(|()| {
            while answers.iter().any(Option::is_none) {
                self.receive(|message| {
                    let place = message.sequence.wrapping_sub(first);
                    // Other numbers: answers that an earlier request did not wait for.
                    if let Some(answer) =
                        usize::try_from(place).ok().and_then(|p| answers.get_mut(p))
                        && i32::from(message.kind) == libc::NLMSG_ERROR
                    {
                        *answer = Acknowledgement::read(message).map(Acknowledgement::into_result);
                    }
                })?;
            }
            Ok(())
        });
        let failure = || match &outcome {
            Ok(()) => Ok(()),
            Err(error) => Err(copy(error).into()),
        };
        answers.into_iter().map(|answer| answer.unwrap_or_else(failure)).collect()
    }

    /// A question with one answer, of the type `wanted`; what is read from it, or nothing when it
    /// cannot be.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn ask<T>(
        &mut self,
        kind: u16,
        wanted: u16,
        structure: &[u8],
        attributes: impl FnOnce(&mut Writer<'_>),
        read: impl Fn(&Message<'_>) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        self.out.clear();
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let flags = libc::NLM_F_REQUEST as u16;
        let mut writer = Writer::begin(&mut self.out, kind, flags, sequence, structure);
        attributes(&mut writer);
        writer.end();
        self.send()?;
        let mut answer = None;
        while answer.is_none() {
            self.receive(|message| {
                if message.sequence != sequence {
                    return;
                }
                if message.kind == wanted {
                    answer = Some(Ok(read(message)));
                } else if i32::from(message.kind) == libc::NLMSG_ERROR {
                    let refusal = Acknowledgement::read(message).map(Acknowledgement::into_result);
                    answer = refusal.map(|refusal| refusal.map(|()| None));
                }
            })?;
        }
        answer.unwrap_or(Ok(None))
    }

    /// All that the kernel lists as messages of the type `wanted`; again from the beginning when a
    /// change came between.
    ///
    /// # Errors
    /// When the kernel refuses, or the list changed each time while it was read.
    pub fn dump<T>(
        &mut self,
        request: u16,
        wanted: u16,
        structure: &[u8],
        read: fn(&Message<'_>) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Some(found) = self.try_dump(request, wanted, structure, read)? {
                return Ok(found);
            }
        }
        Err(io::Error::other("it changed each time while it was read"))
    }

    /// Absent when a change came between.
    fn try_dump<T>(
        &mut self,
        request: u16,
        wanted: u16,
        structure: &[u8],
        read: fn(&Message<'_>) -> Option<T>,
    ) -> io::Result<Option<Vec<T>>> {
        self.out.clear();
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
        Writer::begin(&mut self.out, request, flags, sequence, structure).end();
        self.send()?;
        let (mut found, mut whole, mut end) = (Vec::new(), true, None);
        while end.is_none() {
            self.receive(|message| {
                if message.sequence != sequence {
                    return;
                }
                whole &= message.flags & (libc::NLM_F_DUMP_INTR as u16) == 0;
                match i32::from(message.kind) {
                    libc::NLMSG_DONE => end = Some(Ok(())),
                    libc::NLMSG_ERROR => end = Some(refusal(message)),
                    _ if message.kind == wanted => found.extend(read(message)),
                    _ => {}
                }
            })?;
        }
        end.unwrap_or(Ok(()))?;
        Ok(whole.then_some(found))
    }

    fn send(&self) -> io::Result<()> {
        self.socket.send(&self.out).map(drop)
    }

    /// Reads one datagram. The socket takes from the kernel alone: it is connected to it.
    fn receive(&mut self, mut each: impl FnMut(&Message<'_>)) -> io::Result<()> {
        let length = loop {
            match (&self.socket).read(&mut self.input) {
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        messages(self.input.get(..length).unwrap_or_default()).for_each(|message| each(&message));
        Ok(())
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self { error, explanation: None }
    }
}

fn refusal(message: &Message<'_>) -> io::Result<()> {
    match Acknowledgement::read(message).map(Acknowledgement::into_result) {
        Some(Err(refusal)) => Err(refusal.error),
        Some(Ok(())) | None => Ok(()),
    }
}

fn copy(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// A netlink socket connected to the kernel, which hears `groups` (`RTMGRP_*`).
pub(super) fn open_socket(groups: u32) -> io::Result<Socket> {
    let domain = Domain::from(libc::AF_NETLINK);
    let protocol = Protocol::from(libc::NETLINK_ROUTE);
    let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    // The kernel's words for a refusal, and not our request again with each.
    raw::set(&socket, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, 1)?;
    raw::set(&socket, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, 1)?;
    socket.bind(&raw::netlink_address(groups))?;
    socket.connect(&raw::netlink_address(0))?;
    Ok(socket)
}
