//! The servers on real sockets, over worlds that the publisher swaps: what is answered, what is
//! counted, and who still holds a world that is gone.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rhumb::answer::Transport;
use rhumb::config::{Known, SourceFile};
use rhumb::dns::Rcode;
use rhumb::geo::mmdb::Databases;
use rhumb::policy::PoolId;
use rhumb::server::counters::{Counters, QueryCount};
use rhumb::server::tcp::{TcpLimits, TcpServer};
use rhumb::server::udp::{self, UdpServer};
use rhumb::world::World;
use rhumb::world::publish::{Published, Publisher};

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(20);
const THREADS: usize = 2;

/// A publisher, and the servers on what it publishes.
struct Node {
    publisher: Publisher,
    published: Arc<Published>,
    counters: Arc<Counters>,
    /// The number of each world that nobody holds any more.
    retired: Receiver<u64>,
    udp: UdpServer,
    tcp: TcpServer,
}

impl Node {
    fn start(answer: Ipv4Addr) -> Self {
        let listen: Vec<SocketAddr> =
            ["127.0.0.1:0", "0.0.0.0:0"].map(|a| a.parse().expect("an address")).into();
        let counters = Arc::new(Counters::new(udp::sockets(&listen, THREADS)));
        let (gone, retired) = channel();
        let on_retire = Box::new(move |world: &World| {
            let _ = gone.send(world.configuration);
        });
        let world = world(answer, &counters, 1);
        let (publisher, published, _) =
            Publisher::start(world, vec![], on_retire).expect("a thread");
        let udp = UdpServer::start(&listen, THREADS, &published, &counters).expect("udp");
        let tcp = TcpServer::start(&listen, TcpLimits::default(), &published, &counters);
        Self { publisher, published, counters, retired, udp, tcp: tcp.expect("tcp") }
    }

    async fn stop(self) {
        self.tcp.stop().await;
        self.udp.stop();
        self.publisher.stop();
    }
}

/// `www.example.com` routed to a pool of one address; anything else does not exist.
fn world(answer: Ipv4Addr, counters: &Counters, number: u64) -> Arc<World> {
    let text = format!(
        "zone: example.com\n\
         soa: {{ primary: ns1, contact: hostmaster@example.com }}\n\
         ns: [ns1]\n\
         pools:\n  only: {{ members: [{answer}] }}\n\
         names:\n  ns1: {{ A: 192.0.2.53 }}\n  www: {{ route: only }}\n"
    );
    let file = SourceFile { path: PathBuf::from("zone.yaml"), text, modified: 0 };
    let databases = Databases::default();
    let loaded = rhumb::config::load(&[file], Known { facts: databases.facts() });
    let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    Arc::new(World::build(config, &databases, counters.rows(), number))
}

/// A query for an A record, RFC 1035 §4.1.
fn query(name: &str) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message
}

fn ask_udp(to: SocketAddr, message: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bound");
    socket.connect(to).expect("connected");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    socket.send(message).expect("sent");
    let mut reply = vec![0; 1232];
    let len = socket.recv(&mut reply).expect("answered");
    reply.truncate(len);
    reply
}

fn ask_tcp(to: SocketAddr, message: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let length = (message.len() as u16).to_be_bytes();
    stream.write_all(&[&length, message].concat()).expect("sent");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a length");
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut reply).expect("a reply");
    reply
}

/// The address that ends a reply with one A record and nothing behind it.
fn address(reply: &[u8]) -> Ipv4Addr {
    assert_eq!(reply[..2], [0xab, 0xcd], "the id");
    assert_eq!((reply[3] & 15, reply[6..12].to_vec()), (0, vec![0, 1, 0, 0, 0, 0]), "{reply:?}");
    Ipv4Addr::from(*reply.last_chunk::<4>().expect("an address"))
}

fn count(transport: Transport, rcode: Rcode, count: u64) -> QueryCount {
    QueryCount { transport, qtype: "A", rcode, count }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_and_their_pools_are_counted_for_each_transport() {
    let answer = Ipv4Addr::new(192, 0, 2, 1);
    let node = Node::start(answer);
    for _ in 0..50 {
        for to in node.udp.addresses() {
            let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), to.port());
            assert_eq!(address(&ask_udp(to, &query("www.example.com"))), answer);
        }
    }
    for to in node.tcp.addresses() {
        let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), to.port());
        assert_eq!(address(&ask_tcp(to, &query("www.example.com"))), answer);
        assert_eq!(ask_tcp(to, &query("none.example.com"))[3] & 15, 3);
    }
    let (world, counters) = (Arc::clone(&node.published.load().world), Arc::clone(&node.counters));
    // A reply is on its way before it is counted; a thread that has ended has counted.
    node.stop().await;
    assert_eq!(
        counters.queries(),
        [
            count(Transport::Udp, Rcode::NoError, 100),
            count(Transport::Tcp, Rcode::NoError, 2),
            count(Transport::Tcp, Rcode::NxDomain, 2),
        ]
    );
    assert_eq!(world.answers.total(PoolId(0)), 102);
    let asked = query("www.example.com").len() as u64;
    assert_eq!(counters.received_octets(Transport::Udp), 100 * asked);
    assert_eq!(counters.sent_octets(Transport::Udp), 100 * (asked + 16));
    assert_eq!((counters.silenced(), counters.send_failures()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn next_query_sees_a_new_world_and_idle_threads_let_the_old_one_go() {
    let (before, after) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 1));
    let node = Node::start(before);
    let (udp, tcp) = (node.udp.addresses()[0], node.tcp.addresses()[0]);
    assert_eq!(address(&ask_udp(udp, &query("www.example.com"))), before);

    node.publisher.world(world(after, &node.counters, 2), vec![]).await.expect("published");
    assert_eq!(address(&ask_udp(udp, &query("www.example.com"))), after);
    assert_eq!(address(&ask_tcp(tcp, &query("www.example.com"))), after);
    // Three of the four UDP threads are never asked; they must look for themselves.
    assert_eq!(node.retired.recv_timeout(PATIENCE), Ok(1));
    node.stop().await;
}

#[test]
fn rows_that_two_threads_would_share_are_refused() {
    let listen = ["127.0.0.1:0", "127.0.0.1:0"].map(|a| a.parse().expect("an address"));
    let counters = Arc::new(Counters::new(3));
    let world = world(Ipv4Addr::LOCALHOST, &counters, 1);
    let (publisher, published, _) =
        Publisher::start(world, vec![], Box::new(|_| ())).expect("a thread");
    let error = UdpServer::start(&listen, 2, &published, &counters).expect_err("one row short");
    assert_eq!(error.to_string(), "4 udp sockets need as many rows of counters, not 3");
    publisher.stop();
}
