//! Can this node answer? The askers on real sockets, over a server that is well, stuck, silent or
//! not there; where addresses and filters are needed, in a network namespace of their own.

#[path = "node/namespace.rs"]
mod namespace;

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rhumb::config::{Config, Known, SourceFile};
use rhumb::geo::mmdb::Databases;
use rhumb::node::question::Finding;
use rhumb::node::{Answering, Askers, Observer, Service, ServiceState, Transport};
use rhumb::server::counters::Counters;
use rhumb::server::tcp::{TcpLimits, TcpServer};
use rhumb::server::udp::{self, UdpServer};
use rhumb::sys::Round;
use rhumb::world::publish::{Published, Publisher};
use rhumb::world::{Snapshot, World};

use crate::namespace::{alone, ip, nft, sysctl};

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(30);
const ZONE: &str = "zone: example.com\nns: [ns1]\npools:\n  a: { members: [192.0.2.1] }\n\
                    names:\n  ns1: { A: 192.0.2.53 }\n  www: { route: a }\n";

fn world(zone: Option<&str>, number: u64) -> Arc<World> {
    let path = PathBuf::from("zone.yaml");
    let config = zone.map_or_else(Config::default, |text| {
        let file = SourceFile { path, text: text.into(), modified: 0 };
        rhumb::config::load(&[file], Known::default()).config.expect("a good zone")
    });
    Arc::new(World::build(config, &Databases::default(), 3, number).named("node-1"))
}

/// What an asker said.
#[derive(Debug, PartialEq)]
enum Heard {
    Added(String, Answering),
    Changed(String, ServiceState),
    Removed(String),
}

/// Keeps what the askers say; results are counted by transport and kind.
struct Ear {
    heard: Mutex<Sender<Heard>>,
    results: Mutex<Vec<(Transport, Finding)>>,
}

impl Observer for Ear {
    fn added(&self, service: &Arc<str>, state: &ServiceState) {
        self.hear(Heard::Added(service.to_string(), state.answering));
    }

    fn asked(&self, _: &str, transport: Transport, finding: &Finding) {
        self.results.lock().expect("no panic").push((transport, finding.clone()));
    }

    fn changed(&self, service: &Arc<str>, _: &ServiceState, now: &ServiceState) {
        self.hear(Heard::Changed(service.to_string(), now.clone()));
    }

    fn removed(&self, service: &Arc<str>) {
        self.hear(Heard::Removed(service.to_string()));
    }
}

impl Ear {
    fn hear(&self, what: Heard) {
        let _ = self.heard.lock().expect("no panic").send(what);
    }
}

/// Askers over some counters and what they said.
struct Asking {
    askers: Askers,
    ear: Arc<Ear>,
    heard: Receiver<Heard>,
    history: Vec<ServiceState>,
}

impl Asking {
    fn start(services: Vec<Service>, published: &Arc<Published>, counters: &Arc<Counters>) -> Self {
        let (tell, heard) = channel();
        let ear = Arc::new(Ear { heard: Mutex::new(tell), results: Mutex::default() });
        let observer = Arc::clone(&ear) as _;
        let askers = Askers::start(services, Arc::clone(published), Arc::clone(counters), observer);
        Self { askers: askers.expect("threads"), ear, heard, history: Vec::new() }
    }

    fn next(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("the askers say something")
    }

    /// Waits for a state; everything up to it is kept in the history.
    fn until(&mut self, wanted: impl Fn(&ServiceState) -> bool) -> ServiceState {
        loop {
            if let Heard::Changed(_, state) = self.next() {
                self.history.push(state.clone());
                if wanted(&state) {
                    return state;
                }
            }
        }
    }

    fn until_answering(&mut self, wanted: Answering) -> ServiceState {
        self.until(|state| state.answering == wanted)
    }

    /// How many questions over this transport ended so.
    fn count(&self, transport: Transport, what: impl Fn(&Finding) -> bool) -> usize {
        let results = self.ear.results.lock().expect("no panic");
        results.iter().filter(|(over, finding)| *over == transport && what(finding)).count()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.askers.stop();
    }
}

fn service(name: &str, addresses: &[SocketAddr]) -> Service {
    Service {
        name: name.into(),
        addresses: addresses.to_vec(),
        every: Duration::from_millis(200),
        timeout: Duration::from_millis(200),
        fall: 2,
        rise: 5,
    }
}

/// A server on one address.
struct Server {
    publisher: Publisher,
    published: Arc<Published>,
    counters: Arc<Counters>,
    udp: UdpServer,
    tcp: TcpServer,
}

impl Server {
    fn start(listen: &str, zone: Option<&str>) -> Self {
        let listen = [listen.parse().expect("an address")];
        let counters = Arc::new(Counters::new(udp::sockets(&listen, 2)));
        let (publisher, published, _) =
            Publisher::start(world(zone, 1), vec![], Box::new(|_| ())).expect("a thread");
        let udp = UdpServer::start(&listen, 2, &published, &counters).expect("udp");
        let tcp = TcpServer::start(udp.addresses(), TcpLimits::default(), &published, &counters);
        Self { publisher, published, counters, udp, tcp: tcp.expect("tcp") }
    }

    fn address(&self) -> SocketAddr {
        self.udp.addresses()[0]
    }

    fn ask(&self, services: Vec<Service>) -> Asking {
        Asking::start(services, &self.published, &self.counters)
    }

    async fn stop(self) {
        self.tcp.stop().await;
        self.udp.stop();
        self.publisher.stop();
    }
}

/// What is published without a server.
fn published() -> Arc<Published> {
    Arc::new(Published::from_pointee(Snapshot::all_up(world(Some(ZONE), 1))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_well_answers_with_zones_and_without() {
    for (zone, questions) in [(Some(ZONE), 2), (None, 1)] {
        let server = Server::start("127.0.0.5:0", zone);
        let mut asking = server.ask(vec![service("vip", &[server.address()])]);
        assert_eq!(asking.next(), Heard::Added("vip".into(), Answering::Unknown));
        let state = asking.until_answering(Answering::Yes);
        assert_eq!(state, ServiceState { answering: Answering::Yes, ..ServiceState::default() });
        let answered = asking.count(Transport::Udp, |finding| *finding == Finding::Answered);
        assert!(answered >= questions, "{answered} questions");
        while asking.count(Transport::Tcp, |finding| *finding == Finding::Answered) == 0 {
            tokio::task::yield_now().await;
        }
        drop(asking);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_questions_follow_the_configuration() {
    let server = Server::start("127.0.0.5:0", Some(ZONE));
    let mut asking = server.ask(vec![service("vip", &[server.address()])]);
    asking.until_answering(Answering::Yes);
    // The old zone would be refused from now on.
    let other = ZONE.replace("example.com", "example.net");
    server.publisher.world(world(Some(&other), 2), vec![]).await.expect("published");
    let before = asking.count(Transport::Udp, |_| true);
    while asking.count(Transport::Udp, |_| true) < before + 10 {
        tokio::task::yield_now().await;
    }
    let wrong = asking.count(Transport::Udp, |finding| matches!(finding, Finding::Wrong(_)));
    // The swap may have come between a question and its answer.
    assert!(wrong <= 1, "{wrong} questions of the old configuration");
    drop(asking);
    server.stop().await;
}

#[test]
fn nothing_that_listens_is_a_failure_with_its_reason() {
    let free = UdpSocket::bind("127.0.0.5:0").expect("bound").local_addr().expect("bound");
    let mut asking =
        Asking::start(vec![service("vip", &[free])], &published(), &Arc::new(Counters::new(0)));
    let state = asking.until_answering(Answering::No);
    assert_eq!(state.failure.as_deref(), Some(&*format!("nothing listens on {free}")));
    let state = asking.until(|state| state.tcp_failing.is_some());
    assert_eq!(state.tcp_failing.as_deref(), Some(&*format!("nothing listens on {free}")));
}

#[test]
fn an_address_that_the_host_does_not_have_gives_no_result() {
    let absent = "192.0.2.53:53".parse().expect("an address");
    let mut asking =
        Asking::start(vec![service("vip", &[absent])], &published(), &Arc::new(Counters::new(0)));
    let state = asking.until(|state| state.no_result.is_some());
    let reason = "192.0.2.53 is not an address of this host";
    assert_eq!(
        state,
        ServiceState { no_result: Some(reason.into()), ..ServiceState::default() },
        "and no verdict"
    );
}

/// A socket that takes questions and answers none; `heard` is called for each.
fn silent_server(heard: impl Fn() + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.5:0").expect("bound");
    let address = socket.local_addr().expect("bound");
    std::thread::spawn(move || {
        while socket.recv(&mut [0; 512]).is_ok() {
            heard();
        }
    });
    address
}

#[test]
fn silence_is_a_failure_although_another_service_of_the_node_is_answered() {
    let counters = Arc::new(Counters::new(1));
    let silent = silent_server(|| ());
    // The other service's answers move the counter, but by no more than was asked for.
    let of_server = Arc::clone(&counters);
    let well = UdpSocket::bind("127.0.0.6:0").expect("bound");
    let address = well.local_addr().expect("bound");
    std::thread::spawn(move || {
        let snapshot = Snapshot::all_up(world(Some(ZONE), 1));
        let mut message = [0; 512];
        while let Ok((len, from)) = well.recv_from(&mut message) {
            well.send_to(&reply(&snapshot, &message[..len]), from).expect("sent");
            of_server.count_round(0, &Round { sent: 1, ..Round::default() });
            of_server.count_turn(0);
        }
    });
    let services = vec![service("silent", &[silent]), service("well", &[address])];
    let mut asking = Asking::start(services, &published(), &counters);
    let state = asking.until_answering(Answering::No);
    let reason = format!("{silent} does not answer example.com. SOA in 200ms");
    assert_eq!(state.failure.as_deref(), Some(&*reason));
}

fn reply(snapshot: &Snapshot, message: &[u8]) -> Vec<u8> {
    let from = [127, 0, 0, 1].into();
    let query =
        rhumb::answer::Query { bytes: message, from, transport: rhumb::answer::Transport::Udp };
    let mut buffer = [0; 1232];
    let mut reply = rhumb::dns::encode::Reply::new(&mut buffer);
    rhumb::answer::answer(&query, snapshot, &mut fastrand::Rng::with_seed(1), &mut reply);
    reply.message().to_vec()
}

#[test]
fn silence_while_others_are_answered_is_an_alarm_and_no_failure() {
    let counters = Arc::new(Counters::new(1));
    let of_flood = Arc::clone(&counters);
    // As many others are answered before each of our questions times out.
    let flooded = silent_server(move || {
        of_flood.count_round(0, &Round { sent: 1_000, ..Round::default() });
        of_flood.count_turn(0);
    });
    let mut asking = Asking::start(vec![service("vip", &[flooded])], &published(), &counters);
    let state = asking.until(|state| state.overloaded.is_some());
    let reason = format!("{flooded} does not answer example.com. SOA in 200ms");
    assert_eq!(state.overloaded.as_deref(), Some(&*reason));
    let failed = asking.history.iter().any(|state| state.answering == Answering::No);
    assert!(!failed, "{:?}", asking.history);
}

/// Answers when the gate is open; holds its thread while it is shut.
struct Gated {
    gate: Arc<Mutex<()>>,
    counters: Arc<Counters>,
    snapshot: Arc<Snapshot>,
    row: usize,
}

impl udp::Responder for Gated {
    fn refresh(&mut self) {
        drop(self.gate.lock().expect("no panic"));
        self.counters.count_turn(self.row);
    }

    fn respond(&mut self, message: &[u8], _: std::net::IpAddr, room: &mut [u8]) -> usize {
        let reply = reply(&self.snapshot, message);
        room[..reply.len()].copy_from_slice(&reply);
        reply.len()
    }

    fn count(&mut self, round: &Round) {
        self.counters.count_round(self.row, round);
    }
}

#[test]
fn one_stuck_thread_of_many_is_a_failure_although_the_others_answer() {
    let counters = Arc::new(Counters::new(4));
    let gates: Vec<Arc<Mutex<()>>> = (0..4).map(|_| Arc::default()).collect();
    let snapshot = Arc::new(Snapshot::all_up(world(Some(ZONE), 1)));
    let listen = ["127.0.0.5:0".parse().expect("an address")];
    let udp = UdpServer::start_with(&listen, 4, |row| Gated {
        gate: Arc::clone(&gates[row]),
        counters: Arc::clone(&counters),
        snapshot: Arc::clone(&snapshot),
        row,
    });
    let udp = udp.expect("udp");
    // A question reaches one thread of four, so it may be answered every time; and so many failures
    // in a row will not be.
    let vip = Service { fall: 1_000, ..service("vip", udp.addresses()) };
    let mut asking = Asking::start(vec![vip], &published(), &counters);
    asking.until_answering(Answering::Yes);
    let shut = gates[2].lock().expect("no panic");
    let state = asking.until_answering(Answering::No);
    assert_eq!(state.failure.as_deref(), Some("thread udp-2 is stuck"));
    drop(shut);
    asking.until_answering(Answering::Yes);
    drop(asking);
    udp.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_disturbs_only_what_it_changes() {
    let server = Server::start("127.0.0.5:0", Some(ZONE));
    let vip = service("vip", &[server.address()]);
    let asking = server.ask(vec![vip.clone()]);
    let yes = ServiceState { answering: Answering::Yes, ..ServiceState::default() };
    assert_eq!(asking.next(), Heard::Added("vip".into(), Answering::Unknown));
    assert_eq!(asking.next(), Heard::Changed("vip".into(), yes.clone()));
    let other = service("other", &[server.address()]);
    asking.askers.set(vec![other.clone(), vip.clone()]).expect("threads");
    assert_eq!(asking.next(), Heard::Added("other".into(), Answering::Unknown));
    assert_eq!(asking.next(), Heard::Changed("other".into(), yes));
    // Asked otherwise: the verdict stays, so nothing is said; then it goes, and the other stays.
    let seldom = Service { every: Duration::from_millis(300), ..vip };
    asking.askers.set(vec![seldom, other.clone()]).expect("threads");
    asking.askers.set(vec![other]).expect("threads");
    assert_eq!(asking.next(), Heard::Removed("vip".into()));
    asking.askers.stop();
    assert!(asking.heard.try_recv().is_err(), "a stop says nothing");
    drop(asking);
    server.stop().await;
}

#[test]
fn an_address_is_asked_wherever_the_host_has_it_and_never_another_host() {
    alone("an_address_is_asked_wherever_the_host_has_it_and_never_another_host", || {
        ip("link add eth0 type veth peer name peer0");
        ip("link set eth0 up");
        ip("link set peer0 up");
        ip("addr add 192.0.2.2/24 dev eth0");
        // The kernel takes every address for a bind now, and so must not be asked that way.
        sysctl("net/ipv4/ip_nonlocal_bind", "1");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let _entered = runtime.enter();
        let server = Server::start("0.0.0.0:53", Some(ZONE));
        let vip = "192.0.2.100:53".parse().expect("an address");
        let mut asking = server.ask(vec![service("vip", &[vip])]);
        let state = asking.until(|state| state.no_result.is_some());
        assert_eq!(state.answering, Answering::Unknown, "there is nobody to ask");
        // On the interface alone, as an Active without resident addresses has it.
        ip("addr add 192.0.2.100/32 dev eth0");
        asking.until_answering(Answering::Yes);
        // On both, as an Active has it.
        ip("addr add 192.0.2.100/32 dev lo");
        asking.until(|state| state.no_result.is_none());
        ip("addr del 192.0.2.100/32 dev eth0");
        ip("addr del 192.0.2.100/32 dev lo");
        let state = asking.until(|state| state.no_result.is_some());
        assert_eq!(state.answering, Answering::Yes, "the last verdict stands");
        let reason = "192.0.2.100 is not an address of this host";
        assert_eq!(state.no_result.as_deref(), Some(reason));
    });
}

#[test]
fn a_filter_that_keeps_queries_from_the_address_is_noticed_and_so_is_its_end() {
    alone("a_filter_that_keeps_queries_from_the_address_is_noticed_and_so_is_its_end", || {
        for vip in ["192.0.2.100/32", "2001:db8::100/128"] {
            ip(&format!("addr add {vip} dev lo"));
        }
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let _entered = runtime.enter();
        let server = Server::start("[::]:53", Some(ZONE));
        let v4 = Server::start("0.0.0.0:53", Some(ZONE));
        let addresses = ["192.0.2.100:53", "[2001:db8::100]:53"];
        let addresses = addresses.map(|text| text.parse().expect("an address"));
        let mut asking = server.ask(vec![service("vip", &addresses)]);
        asking.until_answering(Answering::Yes);
        nft("add table inet fault");
        nft("add chain inet fault in { type filter hook input priority 0; }");
        nft("add rule inet fault in ip6 daddr 2001:db8::100 udp dport 53 drop");
        let state = asking.until_answering(Answering::No);
        let reason = "[2001:db8::100]:53 does not answer example.com. SOA in 200ms";
        assert_eq!(state.failure.as_deref(), Some(reason));
        nft("delete table inet fault");
        asking.until_answering(Answering::Yes);
        drop(v4);
    });
}

#[test]
fn what_comes_in_by_the_wire_is_no_answer_though_the_kernel_delivers_it() {
    alone("what_comes_in_by_the_wire_is_no_answer_though_the_kernel_delivers_it", || {
        ip("link add eth0 type veth peer name peer0 address 02:00:00:00:00:01");
        ip("link set eth0 up");
        ip("link set peer0 up");
        ip("addr add 192.0.2.100/32 dev lo");
        // As an interface with a virtual MAC address is: packets from our own address are let in.
        for interface in ["all", "peer0"] {
            sysctl(&format!("net/ipv4/conf/{interface}/accept_local"), "1");
            sysctl(&format!("net/ipv4/conf/{interface}/rp_filter"), "0");
        }
        ip("neigh add 192.0.2.100 lladdr 02:00:00:00:00:01 dev eth0 nud permanent");
        let vip: SocketAddr = "192.0.2.100:5300".parse().expect("an address");
        let [here, wire] = [None, Some("eth0")].map(|device| answering_on(vip, device));
        let asking = rhumb::sys::ask_udp(vip).expect("ours");
        let credulous = UdpSocket::bind("192.0.2.100:0").expect("ours");
        credulous.connect(vip).expect("ours");
        for socket in [&asking, &credulous] {
            socket.set_read_timeout(Some(PATIENCE)).expect("set");
            wire.send_to(b"wire", socket.local_addr().expect("bound")).expect("sent");
        }
        let mut heard = [0; 4];
        credulous.recv(&mut heard).expect("the kernel delivers it");
        assert_eq!(&heard, b"wire");
        here.send_to(b"here", asking.local_addr().expect("bound")).expect("sent");
        asking.recv(&mut heard).expect("an answer");
        assert_eq!(&heard, b"here");
    });
}

/// A socket on an address, one of several; with a device, what it sends leaves by that.
fn answering_on(address: SocketAddr, device: Option<&str>) -> UdpSocket {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("set");
    socket.bind_device(device.map(str::as_bytes)).expect("bound to the device");
    socket.bind(&address.into()).expect("bound");
    socket.into()
}
