//! UDP: one thread per core and socket; the hot loop.
//!
//! Each listen address has as many sockets as there are threads, and each socket has a thread of
//! its own: with several addresses there are threads × addresses of both. The kernel spreads the
//! clients over an address's sockets (`SO_REUSEPORT`).
//!
//! A turn of the loop: receive as many datagrams as there are, look once whether there is a new
//! snapshot, write each reply into its own slot, send them all, count. A thread without work wakes
//! four times a second, so that it holds no old snapshot and notices that it is to end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use super::counters::Counters;
use crate::answer::{self, Query, Transport};
use crate::dns::encode::Reply;
use crate::sys::{Batch, DatagramSocket, PATIENCE, Round, Wait};
use crate::world::Snapshot;
use crate::world::publish::Published;

/// How often a thread that is to end looks for datagrams still waiting: more turns than a whole
/// receive buffer is worth, so that only what comes in meanwhile can be left behind.
const LAST_TURNS: usize = 256;

/// What answers the datagrams of one thread.
pub trait Responder: Send + 'static {
    /// Called after every wait, before the first answer, also when nothing came: takes up what is
    /// new, lets go of what is old.
    fn refresh(&mut self);

    /// Writes the reply to `message` at the start of `reply` (1,232 octets); its length, 0 for
    /// silence.
    fn respond(&mut self, message: &[u8], from: IpAddr, reply: &mut [u8]) -> usize;

    /// Called after every turn with what was done.
    fn count(&mut self, round: &Round);
}

/// The running UDP threads. Dropped, they end within a quarter of a second; [`Self::stop`] waits
/// for them.
#[derive(Debug)]
pub struct UdpServer {
    addresses: Vec<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
    stopping: Arc<AtomicBool>,
}

/// How many sockets, and so threads and rows of [`Counters`], there are for these arguments of
/// [`UdpServer::start`].
#[must_use]
pub fn sockets(listen: &[SocketAddr], threads: usize) -> usize {
    listen.len() * threads.max(1)
}

impl UdpServer {
    /// Binds every address once per thread (`SO_REUSEPORT`) and starts the threads. Port 0 takes
    /// one free port for all threads of that address. `counters` has at least
    /// [`sockets`]`(listen, threads)` rows beside TCP's.
    ///
    /// # Errors
    /// When a socket cannot be made or bound; the address is in the message.
    pub fn start(
        listen: &[SocketAddr],
        threads: usize,
        published: &Arc<Published>,
        counters: &Arc<Counters>,
    ) -> io::Result<Self> {
        let (rows, sockets) = (counters.tcp_row(), sockets(listen, threads));
        if rows < sockets {
            let error = format!("{sockets} udp sockets need as many rows of counters, not {rows}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        Self::start_with(listen, threads, |row| Answers {
            published: arc_swap::Cache::new(Arc::clone(published)),
            counters: Arc::clone(counters),
            row,
            rng: fastrand::Rng::new(),
        })
    }

    /// [`Self::start`] with another responder for each thread; its argument is the thread's number.
    ///
    /// # Errors
    /// As there.
    pub fn start_with<R: Responder>(
        listen: &[SocketAddr],
        threads: usize,
        mut responder: impl FnMut(usize) -> R,
    ) -> io::Result<Self> {
        let (addresses, sockets) = bind(listen, threads.max(1))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let mut server = Self { addresses, threads: Vec::new(), stopping };
        for (number, socket) in sockets.into_iter().enumerate() {
            let (responder, stopping) = (responder(number), Arc::clone(&server.stopping));
            let thread = std::thread::Builder::new()
                .name(format!("udp-{number}"))
                .spawn(move || serve(socket, responder, &stopping))?;
            server.threads.push(thread);
        }
        Ok(server)
    }

    /// The addresses in fact bound, in the order asked.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers what has been received, ends the threads and waits for them.
    pub fn stop(mut self) {
        self.stopping.store(true, Relaxed);
        for thread in std::mem::take(&mut self.threads) {
            // A thread survives what its responder does; see `serve`.
            let _ = thread.join();
        }
    }
}

impl Drop for UdpServer {
    fn drop(&mut self) {
        self.stopping.store(true, Relaxed);
    }
}

/// `threads` sockets for each address, those of one address together.
fn bind(
    listen: &[SocketAddr],
    threads: usize,
) -> io::Result<(Vec<SocketAddr>, Vec<DatagramSocket>)> {
    let mut addresses = Vec::new();
    let mut sockets = Vec::new();
    for &asked in listen {
        let first = DatagramSocket::bind(asked)?;
        let address = first.local_address();
        addresses.push(address);
        sockets.push(first);
        for _ in 1..threads {
            sockets.push(DatagramSocket::bind(address)?);
        }
    }
    if let Some(socket) = sockets.first() {
        let octets = socket.receive_buffer();
        if socket.has_whole_buffer() {
            tracing::info!(octets, "udp receive buffer");
        } else {
            tracing::warn!(
                octets,
                "udp receive buffer is smaller than wanted: raise net.core.rmem_max to 4194304 or \
                 grant CAP_NET_ADMIN"
            );
        }
    }
    Ok((addresses, sockets))
}

/// One thread's life. A panic would be a mistake of ours, but it must cost no more than the
/// datagrams at hand: a dead thread would leave its share of the clients without answers.
fn serve(socket: DatagramSocket, mut responder: impl Responder, stopping: &AtomicBool) {
    let mut batch = Batch::new(socket);
    while catch_unwind(AssertUnwindSafe(|| turns(&mut batch, &mut responder, stopping))).is_err() {
        tracing::error!(address = %batch.local_address(), "a query made the server panic");
    }
}

/// The hot loop.
fn turns(batch: &mut Batch, responder: &mut impl Responder, stopping: &AtomicBool) {
    let mut turns_left = LAST_TURNS;
    while turns_left > 0 {
        let ending = stopping.load(Relaxed);
        let wait = if ending { Wait::Never } else { Wait::ForOne };
        let received = batch.receive(wait).unwrap_or_else(|error| {
            tracing::warn!(address = %batch.local_address(), %error, "cannot receive");
            // The network may need a while; the next error should not come at once.
            std::thread::sleep(PATIENCE);
            0
        });
        responder.refresh();
        if received > 0 {
            batch.answer(|message, from, reply| responder.respond(message, from, reply));
            batch.send();
            responder.count(&batch.take_round());
        }
        if ending {
            turns_left = if received == 0 { 0 } else { turns_left - 1 };
        }
    }
}

/// Answers from what is published, and counts.
struct Answers {
    published: arc_swap::Cache<Arc<Published>, Arc<Snapshot>>,
    counters: Arc<Counters>,
    /// The thread's row in every counter.
    row: usize,
    rng: fastrand::Rng,
}

impl Responder for Answers {
    fn refresh(&mut self) {
        self.published.load();
        self.counters.count_turn(self.row);
    }

    fn respond(&mut self, message: &[u8], from: IpAddr, reply: &mut [u8]) -> usize {
        let snapshot = self.published.load();
        let query = Query { bytes: message, from, transport: Transport::Udp };
        let mut reply = Reply::new(reply);
        let outcome = answer::answer(&query, snapshot, &mut self.rng, &mut reply);
        self.counters.count(self.row, Transport::Udp, &outcome);
        if let Some(pool) = outcome.pool {
            snapshot.world.answers.add(self.row, pool);
        }
        reply.message().len()
    }

    fn count(&mut self, round: &Round) {
        self.counters.count_round(self.row, round);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use super::*;

    /// Sends every message back with its thread's number in front.
    struct Echo {
        number: usize,
        seen: Arc<Seen>,
    }

    #[derive(Default)]
    struct Seen {
        refreshes: AtomicU64,
        rounds: Mutex<Vec<Round>>,
    }

    impl Responder for Echo {
        fn refresh(&mut self) {
            self.seen.refreshes.fetch_add(1, Relaxed);
        }

        fn respond(&mut self, message: &[u8], _: IpAddr, reply: &mut [u8]) -> usize {
            assert_ne!(message, b"panic");
            if message == b"silence" {
                return 0;
            }
            reply[0] = self.number as u8;
            reply[1..=message.len()].copy_from_slice(message);
            1 + message.len()
        }

        fn count(&mut self, round: &Round) {
            self.seen.rounds.lock().expect("not poisoned").push(*round);
        }
    }

    fn start(listen: &[&str], threads: usize) -> (UdpServer, Arc<Seen>) {
        let listen: Vec<_> = listen.iter().map(|text| text.parse().expect("an address")).collect();
        let seen = Arc::new(Seen::default());
        let echo = |number| Echo { number, seen: Arc::clone(&seen) };
        (UdpServer::start_with(&listen, threads, echo).expect("started"), seen)
    }

    /// A socket that hears `to` alone.
    fn client(to: SocketAddr) -> UdpSocket {
        let from: IpAddr =
            if to.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let socket = UdpSocket::bind((from, 0)).expect("bound");
        socket.connect(to).expect("connected");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        socket
    }

    fn ask(client: &UdpSocket, message: &[u8]) -> (usize, Vec<u8>) {
        client.send(message).expect("sent");
        let mut reply = [0; 2048];
        let len = client.recv(&mut reply).expect("answered");
        (reply[0].into(), reply[1..len].to_vec())
    }

    #[test]
    fn wildcards_answer_from_the_address_asked() {
        let (server, _) = start(&["0.0.0.0:0", "[::]:0"], 1);
        let [v4, v6] = server.addresses() else { panic!("two addresses") };
        for asked in [[127, 0, 0, 5], [127, 0, 0, 1]] {
            let client = client(SocketAddr::from((asked, v4.port())));
            assert_eq!(ask(&client, b"hello"), (0, b"hello".to_vec()));
        }
        let client = client((Ipv6Addr::LOCALHOST, v6.port()).into());
        assert_eq!(ask(&client, b"hello"), (1, b"hello".to_vec()));
        server.stop();
    }

    #[test]
    fn burst_is_answered_to_the_last_datagram() {
        let (server, seen) = start(&["127.0.0.1:0"], 2);
        let clients: Vec<_> = (0..10).map(|_| client(server.addresses()[0])).collect();
        for number in 0..1000u16 {
            clients[usize::from(number % 10)].send(&number.to_be_bytes()).expect("sent");
        }
        for number in 0..1000u16 {
            let mut reply = [0; 8];
            let len = clients[usize::from(number % 10)].recv(&mut reply).expect("answered");
            assert_eq!(reply[1..len], number.to_be_bytes());
        }
        server.stop();
        let rounds = seen.rounds.lock().expect("not poisoned");
        assert_eq!(rounds.iter().map(|round| round.received).sum::<u64>(), 1000);
        assert_eq!(rounds.iter().map(|round| round.sent).sum::<u64>(), 1000);
        assert_eq!(rounds.iter().map(|round| round.received_octets).sum::<u64>(), 2000);
    }

    #[test]
    fn threads_share_the_port_and_the_clients() {
        let (server, _) = start(&["127.0.0.1:0"], 3);
        let address = server.addresses()[0];
        let mut numbers = std::collections::HashSet::new();
        // The kernel chooses by a hash of both ports: 200 clients leave no thread out.
        for _ in 0..200 {
            numbers.insert(ask(&client(address), b"who").0);
        }
        assert_eq!(numbers.len(), 3);
        server.stop();
    }

    #[test]
    fn silence_is_kept_and_the_rest_answered() {
        let (server, _) = start(&["127.0.0.1:0"], 1);
        let client = client(server.addresses()[0]);
        client.send(b"silence").expect("sent");
        assert_eq!(ask(&client, b"heard").1, b"heard");
        server.stop();
    }

    #[test]
    fn panic_costs_no_more_than_its_datagrams() {
        let (server, _) = start(&["127.0.0.1:0"], 1);
        let client = client(server.addresses()[0]);
        client.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
        client.send(b"panic").expect("sent");
        let answered = (0..500).any(|_| {
            client.send(b"alive").expect("sent");
            client.recv(&mut [0; 16]).is_ok()
        });
        assert!(answered);
        server.stop();
    }

    #[test]
    fn idle_thread_refreshes_and_ends_when_told() {
        let (server, seen) = start(&["127.0.0.1:0"], 1);
        while seen.refreshes.load(Relaxed) < 2 {
            std::thread::yield_now();
        }
        server.stop();
        assert!(seen.rounds.lock().expect("not poisoned").is_empty());
    }

    #[test]
    fn what_was_received_before_the_stop_is_answered() {
        let socket = DatagramSocket::bind("127.0.0.1:0".parse().expect("an address"));
        let socket = socket.expect("bound");
        let client = client(socket.local_address());
        for number in 0..100u8 {
            client.send(&[number]).expect("sent");
        }
        let echo = Echo { number: 0, seen: Arc::default() };
        serve(socket, echo, &AtomicBool::new(true));
        for number in 0..100u8 {
            let mut reply = [0; 2];
            client.recv(&mut reply).expect("answered");
            assert_eq!(reply, [0, number]);
        }
    }

    #[test]
    fn address_in_use_is_named_in_the_error() {
        let taken = UdpSocket::bind("127.0.0.1:0").expect("bound");
        let address = taken.local_addr().expect("bound");
        let responder = |number| Echo { number, seen: Arc::default() };
        let error = UdpServer::start_with(&[address], 1, responder).expect_err("taken");
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
