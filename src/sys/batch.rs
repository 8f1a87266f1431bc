//! Many datagrams in one system call: `recvmmsg`, then a reply to each in a place of its own, then
//! `sendmmsg`.
//!
//! The kernel is given pointers into one block of memory, [`Slots`], that is allocated once and
//! never moves. Every access goes through the block's one raw pointer; references into it are made
//! for as long as one datagram is looked at.

use std::alloc::{self, Layout};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ptr::NonNull;

use super::control::{Control, Destination};
use super::socket::DatagramSocket;

/// Datagrams per system call; twice as many gain nothing measurable.
pub const WIDTH: usize = 32;

/// Octets kept of a received datagram. Queries have some hundred at most, and a server that offers
/// 1,232 (EDNS) is sent no more; of a longer one the beginning is kept and judged as it stands.
pub const MESSAGE_SIZE: usize = 2048;

/// The longest reply: what every path carries without fragments (1,280 less the IPv6 and UDP
/// headers).
pub const REPLY_SIZE: usize = 1232;

/// Whether a receive waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For the first datagram, at most [`PATIENCE`](super::PATIENCE).
    ForOne,
    /// Not at all.
    Never,
}

/// What one turn of receive, answer and send did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Datagrams received.
    pub received: u64,
    /// Their octets.
    pub received_octets: u64,
    /// Of those, the ones that no reply could ever reach: source port 0, or sent to a group.
    pub unanswerable: u64,
    /// Replies handed to the kernel.
    pub sent: u64,
    /// The octets of all replies made.
    pub sent_octets: u64,
    /// Replies that the kernel refused: no route, no room, a filter.
    pub lost: u64,
    /// Datagrams dropped since the last round because the receive buffer was full.
    pub dropped: u64,
}

/// A socket and the memory for [`WIDTH`] datagrams and their replies.
pub struct Batch {
    socket: DatagramSocket,
    slots: NonNull<Slots>,
    /// How many slots the last receive filled: those that the next must make ready again.
    received: usize,
    /// How many replies are ready to be sent.
    ready: usize,
    /// The last value of the kernel's counter of drops.
    drops: u32,
    round: Round,
}

/// All that the kernel reads and writes. All zeros is a valid value.
#[repr(C)]
struct Slots {
    received: [libc::mmsghdr; WIDTH],
    replies: [libc::mmsghdr; WIDTH],
    received_data: [libc::iovec; WIDTH],
    reply_data: [libc::iovec; WIDTH],
    senders: [Sender; WIDTH],
    arrivals: [Control; WIDTH],
    departures: [Control; WIDTH],
    messages: [[u8; MESSAGE_SIZE]; WIDTH],
    reply_messages: [[u8; REPLY_SIZE]; WIDTH],
}

/// A `sockaddr_in` or `sockaddr_in6`, as octets.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Sender([u8; SENDER_SIZE]);

const SENDER_SIZE: usize = size_of::<libc::sockaddr_in6>();

impl Batch {
    /// Takes a socket into service.
    #[must_use]
    pub fn new(socket: DatagramSocket) -> Self {
        let (received, ready, drops) = (0, 0, 0);
        Self { socket, slots: allocate(), received, ready, drops, round: Round::default() }
    }

    /// The address of the socket.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.socket.local_address()
    }

    /// Receives as many datagrams as there are, and says how many; 0 when none came in time or a
    /// signal came instead. Forgets those received before.
    ///
    /// # Errors
    /// What the kernel reports of the socket or the network; the next call may do better.
    #[expect(unsafe_code, reason = "no safe wrapper of recvmmsg exists")]
    pub fn receive(&mut self, wait: Wait) -> io::Result<usize> {
        self.ready_again();
        let flags = match wait {
            Wait::ForOne => libc::MSG_WAITFORONE,
            Wait::Never => libc::MSG_DONTWAIT,
        };
        // SAFETY: the headers, and all that they point to, lie in the block, which lives as long as
        // `self` and is not referenced from anywhere else now; their lengths are those of the
        // arrays they point to. Without a timeout argument the socket's own holds.
        let result = unsafe {
            libc::recvmmsg(
                self.socket.descriptor(),
                (&raw mut (*self.slots.as_ptr()).received).cast(),
                WIDTH as libc::c_uint,
                flags as _,
                std::ptr::null_mut(),
            )
        };
        match usize::try_from(result) {
            Ok(received) => self.received = received.min(WIDTH),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => {}
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
        Ok(self.received)
    }

    /// Calls `respond` for each datagram received, in order, with its octets, its sender and room
    /// for the reply; `respond` returns the reply's length, 0 for silence.
    #[expect(unsafe_code, reason = "the block is reached through its raw pointer only")]
    pub fn answer(&mut self, mut respond: impl FnMut(&[u8], IpAddr, &mut [u8]) -> usize) {
        for slot in 0..self.received {
            // SAFETY: `slot` is below WIDTH; the kernel is not using the block, and these two
            // headers' plain values are only read.
            let (control_len, len): (usize, usize) = unsafe {
                let header = &raw const (*self.slots.as_ptr()).received[slot];
                ((*header).msg_hdr.msg_controllen as _, (*header).msg_len as _)
            };
            // SAFETY: as above; the references are to four different fields, and end with this
            // turn, before the block is used otherwise.
            let (message, reply, sender, arrival) = unsafe {
                let slots = self.slots.as_ptr();
                (
                    &(&(*slots).messages)[slot],
                    &mut (&mut (*slots).reply_messages)[slot],
                    &(&(*slots).senders)[slot],
                    (&(*slots).arrivals)[slot].read(control_len),
                )
            };
            let message = message.get(..len).unwrap_or(message);
            self.round.received += 1;
            self.round.received_octets += message.len() as u64;
            if let Some(drops) = arrival.drops {
                self.round.dropped += u64::from(drops.wrapping_sub(self.drops));
                self.drops = drops;
            }
            let (Some(from), false) = (sender.address(), arrival.to == Destination::Shared) else {
                self.round.unanswerable += 1;
                continue;
            };
            let len = respond(message, from, reply).min(REPLY_SIZE);
            if len > 0 {
                self.prepare(slot, len, arrival.to);
            }
        }
    }

    /// Sends the replies. One that the kernel refuses is lost and counted; the rest go on.
    #[expect(unsafe_code, reason = "no safe wrapper of sendmmsg exists")]
    pub fn send(&mut self) {
        let mut next = 0;
        while next < self.ready {
            // SAFETY: the `ready` first headers, and all that they point to, lie in the block and
            // were written by `prepare`; `next` is below `ready`, which is at most WIDTH.
            let result = unsafe {
                libc::sendmmsg(
                    self.socket.descriptor(),
                    (&raw mut (*self.slots.as_ptr()).replies).cast::<libc::mmsghdr>().add(next),
                    (self.ready - next) as libc::c_uint,
                    // To wait for room would let one neighbour that does not answer hold up all.
                    libc::MSG_DONTWAIT as _,
                )
            };
            // An error is of the first message; one of a later message shows when its turn comes.
            match usize::try_from(result) {
                Ok(sent) if sent > 0 => {
                    self.round.sent += sent as u64;
                    next += sent;
                }
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                _ => {
                    self.round.lost += 1;
                    next += 1;
                }
            }
        }
        self.ready = 0;
    }

    /// What was done since this was last called.
    pub fn take_round(&mut self) -> Round {
        std::mem::take(&mut self.round)
    }

    /// Gives the kernel back the whole lengths that it shortened in the last receive.
    #[expect(unsafe_code, reason = "the block is reached through its raw pointer only")]
    fn ready_again(&mut self) {
        for slot in 0..std::mem::take(&mut self.received) {
            // SAFETY: `slot` is below WIDTH, and the kernel is not using the block.
            unsafe {
                let header = &raw mut (*self.slots.as_ptr()).received[slot].msg_hdr;
                (*header).msg_namelen = SENDER_SIZE as libc::socklen_t;
                (*header).msg_controllen = Control::CAPACITY as _;
            }
        }
        self.ready = 0;
    }

    /// Makes the next header one of `slot`'s reply, to whom the datagram came from and from where
    /// it was sent to.
    #[expect(unsafe_code, reason = "the block is reached through its raw pointer only")]
    fn prepare(&mut self, slot: usize, len: usize, source: Destination) {
        // SAFETY: `slot` and `self.ready` are below WIDTH (at most one reply to each datagram), the
        // kernel is not using the block, and all pointers derive from its own and stay inside it.
        unsafe {
            let slots = self.slots.as_ptr();
            let data = &raw mut (*slots).reply_data[slot];
            (*data).iov_base = (&raw mut (*slots).reply_messages[slot]).cast();
            (*data).iov_len = len;
            let control = &raw mut (*slots).departures[slot];
            let control_len = (*control).write_source(source);
            let header = &raw mut (*slots).replies[self.ready].msg_hdr;
            (*header).msg_name = (&raw mut (*slots).senders[slot]).cast();
            (*header).msg_namelen = (*slots).received[slot].msg_hdr.msg_namelen;
            (*header).msg_iov = data;
            (*header).msg_iovlen = 1;
            (*header).msg_control =
                if control_len == 0 { std::ptr::null_mut() } else { control.cast() };
            (*header).msg_controllen = control_len as _;
        }
        self.ready += 1;
        self.round.sent_octets += len as u64;
    }
}

/// A block whose receiving headers point to its own arrays.
#[expect(unsafe_code, reason = "the block is too large for the stack and points into itself")]
fn allocate() -> NonNull<Slots> {
    let layout = Layout::new::<Slots>();
    // SAFETY: the layout's size is not zero.
    let memory = unsafe { alloc::alloc_zeroed(layout) };
    let Some(slots) = NonNull::new(memory.cast::<Slots>()) else {
        alloc::handle_alloc_error(layout)
    };
    for slot in 0..WIDTH {
        // SAFETY: the block is whole (zeros are valid for all of it) and ours alone; `slot` is
        // below WIDTH; all pointers derive from the block's own and stay inside it.
        unsafe {
            let slots = slots.as_ptr();
            let data = &raw mut (*slots).received_data[slot];
            (*data).iov_base = (&raw mut (*slots).messages[slot]).cast();
            (*data).iov_len = MESSAGE_SIZE;
            let header = &raw mut (*slots).received[slot].msg_hdr;
            (*header).msg_name = (&raw mut (*slots).senders[slot]).cast();
            (*header).msg_namelen = SENDER_SIZE as libc::socklen_t;
            (*header).msg_iov = data;
            (*header).msg_iovlen = 1;
            (*header).msg_control = (&raw mut (*slots).arrivals[slot]).cast();
            (*header).msg_controllen = Control::CAPACITY as _;
        }
    }
    slots
}

impl Drop for Batch {
    #[expect(unsafe_code, reason = "the block was allocated by hand")]
    fn drop(&mut self) {
        // SAFETY: allocated in `allocate` with this layout, freed only here, and nothing in it
        // needs to be dropped.
        unsafe { alloc::dealloc(self.slots.as_ptr().cast(), Layout::new::<Slots>()) }
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Sender {
    /// Who sent it, unless nothing can be sent back there: port 0, or a family that is not ours.
    fn address(&self) -> Option<IpAddr> {
        // Both structures begin with the family and the port.
        let (family, rest) = self.0.split_first_chunk()?;
        let (port, rest) = rest.split_first_chunk::<2>()?;
        if *port == [0, 0] {
            return None;
        }
        match i32::from(u16::from_ne_bytes(*family)) {
            libc::AF_INET => rest.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets).into()),
            // sin6_flowinfo stands between the port and the address.
            libc::AF_INET6 => {
                rest.get(4..)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    fn batch(address: &str) -> Batch {
        Batch::new(DatagramSocket::bind(address.parse().expect("an address")).expect("bound"))
    }

    fn client(address: &str, to: SocketAddr) -> UdpSocket {
        let socket = UdpSocket::bind((address, 0)).expect("bound");
        socket.connect(to).expect("connected");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        socket
    }

    fn echo(message: &[u8], _: IpAddr, reply: &mut [u8]) -> usize {
        let len = message.len().min(reply.len());
        reply[..len].copy_from_slice(&message[..len]);
        len
    }

    /// One turn; waits for a datagram that is sure to come.
    fn turn(batch: &mut Batch, respond: impl FnMut(&[u8], IpAddr, &mut [u8]) -> usize) -> Round {
        while batch.receive(Wait::ForOne).expect("received") == 0 {}
        batch.answer(respond);
        batch.send();
        batch.take_round()
    }

    #[test]
    fn nothing_waiting_is_no_error() {
        let mut batch = batch("127.0.0.1:0");
        assert_eq!(batch.receive(Wait::Never).expect("none"), 0);
        assert_eq!(batch.receive(Wait::ForOne).expect("none"), 0);
        batch.answer(|_, _, _| panic!("nothing was received"));
        batch.send();
        assert_eq!(batch.take_round(), Round::default());
    }

    #[test]
    fn slots_are_whole_again_in_every_round() {
        let mut batch = batch("127.0.0.1:0");
        let client = client("127.0.0.1", batch.local_address());
        let mut buffer = [0; 2 * MESSAGE_SIZE];
        for len in [1, 40, REPLY_SIZE, 3] {
            let sent: Vec<u8> = (0..len).map(|i| i as u8).collect();
            client.send(&sent).expect("sent");
            turn(&mut batch, |message, from, reply| {
                assert_eq!(from, IpAddr::from([127, 0, 0, 1]));
                echo(message, from, reply)
            });
            assert_eq!(client.recv(&mut buffer).expect("answered"), len);
            assert_eq!(buffer[..len], sent);
        }
    }

    #[test]
    fn long_datagram_is_cut_to_its_beginning() {
        let mut batch = batch("127.0.0.1:0");
        let client = client("127.0.0.1", batch.local_address());
        client.send(&[7; MESSAGE_SIZE + 1]).expect("sent");
        let round = turn(&mut batch, |message, _, _| {
            assert_eq!(message, [7; MESSAGE_SIZE]);
            usize::MAX
        });
        assert_eq!(client.recv(&mut [0; 4096]).expect("answered"), REPLY_SIZE);
        assert_eq!(round.received_octets, MESSAGE_SIZE as u64);
    }

    #[test]
    fn replies_leave_from_the_address_asked_on_a_wildcard() {
        let mut batch = batch("0.0.0.0:0");
        let port = batch.local_address().port();
        for asked in ["127.0.0.5", "127.0.0.1", "127.3.2.1"] {
            // A connected socket takes replies from that address alone.
            let client = client("127.0.0.1", SocketAddr::new(asked.parse().expect("ip"), port));
            client.send(b"where").expect("sent");
            turn(&mut batch, echo);
            assert_eq!(client.recv(&mut [0; 16]).expect(asked), 5);
        }
        let mut batch = self::batch("[::]:0");
        let port = batch.local_address().port();
        let client = client("::1", SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port));
        client.send(b"where").expect("sent");
        turn(&mut batch, echo);
        assert_eq!(client.recv(&mut [0; 16]).expect("::1"), 5);
    }

    #[test]
    fn datagram_to_a_broadcast_address_gets_no_answer() {
        let mut batch = batch("0.0.0.0:0");
        let broadcast = SocketAddr::from(([127, 255, 255, 255], batch.local_address().port()));
        let client = UdpSocket::bind("127.0.0.1:0").expect("bound");
        client.set_broadcast(true).expect("set");
        client.send_to(b"anyone", broadcast).expect("sent");
        let round = turn(&mut batch, |_, _, _| panic!("not to be answered"));
        assert_eq!((round.received, round.unanswerable, round.sent), (1, 1, 0));
    }

    #[test]
    fn refused_reply_does_not_stop_those_behind_it() {
        let mut batch = batch("127.0.0.1:0");
        let client = client("127.0.0.1", batch.local_address());
        for number in 0..8u8 {
            client.send(&[number]).expect("sent");
        }
        let mut round = Round::default();
        while round.received < 8 {
            assert!(batch.receive(Wait::ForOne).expect("received") > 0);
            batch.answer(echo);
            spoil_odd_slots(&mut batch);
            batch.send();
            let turn = batch.take_round();
            round.received += turn.received;
            round.sent += turn.sent;
            round.lost += turn.lost;
        }
        assert_eq!((round.sent, round.lost), (4, 4));
        let mut answered = [0; 1];
        for number in [0, 2, 4, 6] {
            client.recv(&mut answered).expect("answered");
            assert_eq!(answered, [number]);
        }
    }

    /// Gives every other prepared reply, by its content, a destination that the kernel refuses.
    #[expect(unsafe_code, reason = "the block is reached through its raw pointer only")]
    fn spoil_odd_slots(batch: &mut Batch) {
        for slot in 0..batch.received {
            // SAFETY: `slot` is below WIDTH, and the kernel is not using the block.
            unsafe {
                let slots = batch.slots.as_ptr();
                if (&(*slots).messages)[slot][0] % 2 == 1 {
                    (&raw mut (*slots).senders[slot]).cast::<u16>().write(0xffff);
                }
            }
        }
    }

    #[test]
    fn senders_that_cannot_be_answered_are_told() {
        let sender = |family: i32, port: u16| {
            let mut octets = [0; SENDER_SIZE];
            octets[..2].copy_from_slice(&(family as u16).to_ne_bytes());
            octets[2..4].copy_from_slice(&port.to_be_bytes());
            octets[4..8].copy_from_slice(&[192, 0, 2, 7]);
            octets[23] = 1;
            Sender(octets).address()
        };
        assert_eq!(sender(libc::AF_INET, 53), Some(IpAddr::from([192, 0, 2, 7])));
        assert_eq!(sender(libc::AF_INET6, 53), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(sender(libc::AF_INET, 0), None);
        assert_eq!(sender(libc::AF_UNIX, 53), None);
    }

    #[test]
    fn drops_of_the_kernel_are_counted() {
        let mut batch = batch("127.0.0.1:0");
        let client = client("127.0.0.1", batch.local_address());
        // More than the buffer holds: the kernel charges a datagram with its headers.
        let sent = 2 * batch.socket.receive_buffer() / 1024;
        for _ in 0..sent {
            client.send(&[0; 1024]).expect("sent");
        }
        let mut round = Round::default();
        while batch.receive(Wait::Never).expect("received") > 0 {
            batch.answer(|_, _, _| 0);
        }
        // Drops are told with the next datagram that finds room.
        client.send(b"after").expect("sent");
        while batch.receive(Wait::ForOne).expect("received") == 0 {}
        batch.answer(|_, _, _| 0);
        let turn = batch.take_round();
        round.received += turn.received;
        round.dropped += turn.dropped;
        assert!(round.dropped > 0);
        assert_eq!(round.received + round.dropped, sent as u64 + 1);
    }
}
