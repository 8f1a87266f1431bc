//! TCP (RFC 7766): pipelining, limits on connections and on idle time.
//!
//! - `connection`: one connection's life; a [`Handler`] answers its messages.
//! - `register`: who is connected, and who must leave when there are too many.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::counters::Counters;
use crate::answer::{self, Query, Transport};
use crate::dns::encode::Reply;
use crate::sys;
use crate::world::publish::Published;

mod connection;
mod register;

use connection::Connection;
pub use connection::Handler;
use register::Register;

/// How long `accept` rests when the process or the host has run out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long [`TcpServer::stop`] waits for connections that still have something to write.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// The limits of TCP service.
#[derive(Clone, Copy, Debug)]
pub struct TcpLimits {
    /// Connections at once; at the limit the one idle longest is closed for a new one.
    pub connections: usize,
    /// Connections at once from one client: an IPv4 address, or an IPv6 /64. At the limit its own
    /// longest idle one is closed.
    pub connections_per_client: usize,
    /// How long a connection may stand without a whole query, and how long a client may take to
    /// read the replies to what it asked.
    pub idle: Duration,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self { connections: 4096, connections_per_client: 256, idle: Duration::from_secs(10) }
    }
}

/// The running TCP listeners; dropped or stopped, they close.
#[derive(Debug)]
pub struct TcpServer {
    addresses: Vec<SocketAddr>,
    register: Arc<Register>,
    listeners: Vec<JoinHandle<()>>,
    /// Changed or dropped, it ends every listener and connection.
    stop: watch::Sender<()>,
}

impl TcpServer {
    /// Binds and starts serving on the current tokio runtime.
    ///
    /// # Errors
    /// When a socket cannot be made or bound; the address is in the message.
    pub fn start(
        listen: &[SocketAddr],
        limits: TcpLimits,
        published: &Arc<Published>,
        counters: &Arc<Counters>,
    ) -> io::Result<Self> {
        let (published, counters) = (Arc::clone(published), Arc::clone(counters));
        Self::start_with(listen, limits, Answers { published, counters, turn: Mutex::new(()) })
    }

    /// [`Self::start`] with something else that answers.
    ///
    /// # Errors
    /// As there.
    pub fn start_with(
        listen: &[SocketAddr],
        limits: TcpLimits,
        handler: impl Handler,
    ) -> io::Result<Self> {
        let listeners = listen.iter().map(|address| sys::listen(*address));
        let listeners = listeners.collect::<io::Result<Vec<_>>>()?;
        let addresses = listeners.iter().map(|listener| listener.local_addr());
        let addresses = addresses.collect::<io::Result<_>>()?;

        let register = Register::new(limits.connections, limits.connections_per_client);
        let register = Arc::new(register);
        let (stop, stopped) = watch::channel(());
        let service = Service { handler, register: Arc::clone(&register), idle: limits.idle };
        let service = Arc::new(service);
        let listeners = listeners
            .into_iter()
            .map(|listener| {
                let listener = TcpListener::from_std(listener)?;
                let (service, stopped) = (Arc::clone(&service), stopped.clone());
                Ok(tokio::spawn(accept(listener, service, stopped)))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { addresses, register, listeners, stop })
    }

    /// The addresses in fact bound, in the order asked.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Counts the connections open now, for as long as the server stands and after.
    #[must_use]
    pub fn open_connections(&self) -> OpenConnections {
        OpenConnections(Arc::clone(&self.register))
    }

    /// Stops accepting, answers what is already read, closes.
    pub async fn stop(self) {
        self.stop.send_replace(());
        for listener in self.listeners {
            // Nothing in it can panic; a connection's panic stays its own.
            let _ = listener.await;
        }
    }
}

/// A view of how many connections are open.
#[derive(Clone, Debug)]
pub struct OpenConnections(Arc<Register>);

impl OpenConnections {
    /// Connections open now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// What every connection shares.
struct Service<H> {
    handler: H,
    register: Arc<Register>,
    idle: Duration,
}

/// One listener's life; its connections end with it.
async fn accept<H: Handler>(
    listener: TcpListener,
    service: Arc<Service<H>>,
    mut stop: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let mut troubled = false;
    loop {
        let accepted = tokio::select! {
            _ = stop.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                troubled = false;
                let service = Arc::clone(&service);
                connections.spawn(serve(stream, from.ip(), service, stop.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    tracing::warn!(%error, "cannot accept tcp connections; trying again");
                }
                // Most likely out of descriptors: give one back.
                service.register.dismiss_one();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // Those that are not done then are aborted as the set is dropped.
    let all_done = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_PATIENCE, all_done).await;
}

async fn serve<H: Handler>(
    stream: TcpStream,
    from: IpAddr,
    service: Arc<Service<H>>,
    stop: watch::Receiver<()>,
) {
    let seat = service.register.admit(from);
    // Replies are written many at once already.
    let _ = stream.set_nodelay(true);
    let connection = Connection::new(stream, from, &service.handler, &seat, service.idle);
    if let Err(error) = connection.run(stop).await {
        tracing::trace!(%from, %error, "tcp connection closed");
    }
}

/// Whether an error of `accept` tells of a connection that broke before it was taken, and not of
/// us: `accept(2)`, "Error handling".
fn is_of_one_connection(error: &io::Error) -> bool {
    let ours = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EINVAL, libc::EBADF];
    error.raw_os_error().is_some_and(|number| !ours.contains(&number))
}

/// Answers from what is published, and counts.
struct Answers {
    published: Arc<Published>,
    counters: Arc<Counters>,
    /// Who holds it may count: rows have a single writer, and these tasks run on many threads.
    turn: Mutex<()>,
}

impl Handler for Answers {
    fn respond(&self, message: &[u8], from: IpAddr, reply: &mut [u8]) -> usize {
        let snapshot = self.published.load();
        let query = Query { bytes: message, from, transport: Transport::Tcp };
        let mut reply = Reply::new(reply);
        let mut rng = fastrand::Rng::new();
        let outcome = answer::answer(&query, &snapshot, &mut rng, &mut reply);
        let len = reply.message().len();

        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let row = self.counters.tcp_row();
        self.counters.count(row, Transport::Tcp, &outcome);
        self.counters.count_octets(row, message.len(), len);
        if let Some(pool) = outcome.pool {
            snapshot.world.answers.add(row, pool);
        }
        len
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Sends messages back.
    struct Echo;

    impl Handler for Echo {
        fn respond(&self, message: &[u8], _: IpAddr, reply: &mut [u8]) -> usize {
            assert_ne!(message, b"panic");
            reply[..message.len()].copy_from_slice(message);
            message.len()
        }
    }

    fn start(listen: &[&str], limits: TcpLimits) -> TcpServer {
        let listen: Vec<_> = listen.iter().map(|text| text.parse().expect("an address")).collect();
        TcpServer::start_with(&listen, limits, Echo).expect("started")
    }

    async fn connect(to: SocketAddr) -> TcpStream {
        TcpStream::connect(to).await.expect("connected")
    }

    async fn ask(stream: &mut TcpStream, message: &[u8]) -> io::Result<Vec<u8>> {
        let length = u16::try_from(message.len()).expect("short");
        stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
        let mut reply = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut reply).await?;
        Ok(reply)
    }

    /// Whether the server closes the connection; waits for it.
    async fn is_closed(stream: &mut TcpStream) -> bool {
        matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
    }

    #[tokio::test]
    async fn both_families_are_served_on_the_address_asked() {
        let server = start(&["0.0.0.0:0", "[::]:0"], TcpLimits::default());
        let [v4, v6] = server.addresses() else { panic!("two addresses") };
        for to in [
            SocketAddr::from(([127, 0, 0, 5], v4.port())),
            SocketAddr::from(([127, 0, 0, 1], v4.port())),
            SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6.port())),
        ] {
            let mut stream = connect(to).await;
            assert_eq!(ask(&mut stream, b"hello").await.expect("answered"), b"hello");
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn pipelined_queries_come_back_in_order() {
        let server = start(&["127.0.0.1:0"], TcpLimits::default());
        let mut stream = connect(server.addresses()[0]).await;
        let queries: Vec<u8> =
            (0..500u16).flat_map(|n| [[0, 2], n.to_be_bytes()].concat()).collect();
        stream.write_all(&queries).await.expect("sent");
        let mut replies = vec![0; queries.len()];
        stream.read_exact(&mut replies).await.expect("answered");
        assert_eq!(replies, queries);
        server.stop().await;
    }

    #[tokio::test]
    async fn newcomer_takes_the_seat_of_the_longest_idle() {
        let server = start(&["127.0.0.1:0"], TcpLimits { connections: 2, ..TcpLimits::default() });
        let to = server.addresses()[0];
        let (mut first, mut second) = (connect(to).await, connect(to).await);
        ask(&mut first, b"first").await.expect("answered");
        ask(&mut second, b"second").await.expect("answered");
        ask(&mut first, b"again").await.expect("answered");
        let mut third = connect(to).await;
        ask(&mut third, b"new").await.expect("answered");
        assert!(is_closed(&mut second).await);
        ask(&mut first, b"still here").await.expect("answered");
        assert_eq!(server.open_connections().count(), 2);
        server.stop().await;
    }

    #[tokio::test]
    async fn idle_connection_is_closed_and_forgotten() {
        let idle = Duration::from_millis(50);
        let server = start(&["127.0.0.1:0"], TcpLimits { idle, ..TcpLimits::default() });
        let mut stream = connect(server.addresses()[0]).await;
        assert!(is_closed(&mut stream).await);
        while server.open_connections().count() > 0 {
            tokio::task::yield_now().await;
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn stop_drains_and_closes_the_port() {
        let server = start(&["127.0.0.1:0"], TcpLimits::default());
        let to = server.addresses()[0];
        let mut stream = connect(to).await;
        ask(&mut stream, b"accepted").await.expect("answered");
        stream.write_all(b"\x00\x04last").await.expect("sent");
        server.stop().await;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("closed in order");
        assert_eq!(rest, b"\x00\x04last");
        assert!(TcpStream::connect(to).await.is_err());
    }

    #[tokio::test]
    async fn dropped_server_closes() {
        let server = start(&["127.0.0.1:0"], TcpLimits::default());
        let mut stream = connect(server.addresses()[0]).await;
        ask(&mut stream, b"accepted").await.expect("answered");
        drop(server);
        assert!(is_closed(&mut stream).await);
    }

    #[tokio::test]
    async fn panic_costs_its_own_connection_alone() {
        let server = start(&["127.0.0.1:0"], TcpLimits::default());
        let to = server.addresses()[0];
        let (mut bad, mut good) = (connect(to).await, connect(to).await);
        ask(&mut good, b"fine").await.expect("answered");
        assert!(ask(&mut bad, b"panic").await.is_err());
        ask(&mut good, b"still fine").await.expect("answered");
        server.stop().await;
    }

    #[test]
    fn running_out_of_descriptors_is_told_from_a_broken_connection() {
        for (number, expected) in [
            (libc::EMFILE, false),
            (libc::ENFILE, false),
            (libc::ENOMEM, false),
            (libc::ECONNABORTED, true),
            (libc::EPERM, true),
            (libc::EHOSTUNREACH, true),
        ] {
            assert_eq!(is_of_one_connection(&io::Error::from_raw_os_error(number)), expected);
        }
    }
}
