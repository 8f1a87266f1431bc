//! Siblings on loopback sockets: what the thread makes of what they answer.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::RecvTimeoutError;

use super::*;
use crate::announce::fixture::{snapshot, world};
use crate::answer::{Query, Transport, answer};
use crate::dns::encode::Reply;
use crate::node::Answering;
use crate::world::Snapshot;

/// Longer than anything here takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

type Known = BTreeMap<SocketAddr, Sibling>;

/// Another node, which answers as this one would until it is told to be silent.
struct Node {
    address: SocketAddr,
    silent: Arc<AtomicBool>,
}

impl Node {
    fn start(address: &str) -> Option<Self> {
        let socket = UdpSocket::bind(address).ok()?;
        let address = socket.local_addr().expect("its address");
        let silent = Arc::new(AtomicBool::new(false));
        let node = Self { address, silent: Arc::clone(&silent) };
        std::thread::spawn(move || serve(&socket, &silent));
        Some(node)
    }

    fn new() -> Self {
        Self::start("127.0.0.1:0").expect("a free port")
    }
}

fn serve(socket: &UdpSocket, silent: &AtomicBool) {
    let snapshot = Snapshot::all_up(world());
    let mut message = [0; 512];
    while let Ok((len, from)) = socket.recv_from(&mut message) {
        let query = Query { bytes: &message[..len], from: from.ip(), transport: Transport::Udp };
        let mut buffer = [0; 1232];
        let mut reply = Reply::new(&mut buffer);
        answer(&query, &snapshot, &mut fastrand::Rng::with_seed(1), &mut reply);
        if !silent.load(SeqCst) {
            let _ = socket.send_to(reply.message(), from);
        }
    }
}

fn asked(siblings: &[SocketAddr]) -> Asked {
    Asked { siblings: siblings.iter().copied().collect(), shared: BTreeSet::new() }
}

/// Asks them, and what is heard of it.
fn ask(asked: Asked) -> (Siblings, Receiver<Known>) {
    let published = Arc::new(Published::from_pointee(snapshot(Answering::Yes, [true; 3])));
    let (tell, heard) = channel();
    let on_change: OnChange = Box::new(move |known| {
        let _ = tell.send(known.clone());
    });
    (Siblings::start(asked, published, on_change).expect("a thread"), heard)
}

/// Waits until a sibling is known to answer, or not to; why it does not.
fn wait(heard: &Receiver<Known>, of: SocketAddr, answering: bool) -> Option<Reason> {
    loop {
        let known = heard.recv_timeout(PATIENCE).expect("it becomes known");
        match known.get(&of) {
            Some(sibling) if sibling.answering == Some(answering) => {
                return sibling.failure.clone();
            }
            Some(_) | None => {}
        }
    }
}

#[test]
fn a_sibling_that_falls_silent_is_missed_and_one_that_comes_back_is_noticed() {
    let (one, other) = (Node::new(), Node::new());
    let (_siblings, heard) = ask(asked(&[one.address, other.address]));
    wait(&heard, one.address, true);
    one.silent.store(true, SeqCst);
    let failure = wait(&heard, one.address, false).expect("a reason");
    let expected = format!("{} does not answer example.com. SOA in 800ms", one.address);
    assert_eq!(*failure, *expected);
    one.silent.store(false, SeqCst);
    loop {
        let known = heard.recv_timeout(PATIENCE).expect("it is noticed");
        assert_eq!(known[&other.address].answering, Some(true), "the other one never left");
        if known[&one.address].answering == Some(true) {
            break;
        }
    }
}

#[test]
fn a_sibling_that_refuses_or_is_not_there_does_not_answer() {
    let refusing = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = refusing.local_addr().expect("its address");
    std::thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((len, from)) = refusing.recv_from(&mut message) {
            message[2] |= 0x80;
            message[3] = 5;
            let _ = refusing.send_to(&message[..len], from);
        }
    });
    let (_siblings, heard) = ask(asked(&[address]));
    let failure = wait(&heard, address, false).expect("a reason");
    assert_eq!(*failure, *format!("{address} answers example.com. SOA with REFUSED"));

    let nobody = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let nobody = nobody.expect("a port that was free");
    let (_siblings, heard) = ask(asked(&[nobody]));
    let failure = wait(&heard, nobody, false).expect("a reason");
    assert!(failure.starts_with(&format!("{nobody} cannot be reached: ")), "{failure}");
}

#[test]
fn nobody_is_asked_from_an_address_that_others_have_too() {
    let node = Node::new();
    let shared = [node.address.ip()].into();
    let (_siblings, heard) = ask(Asked { shared, ..asked(&[node.address]) });
    let failure = wait(&heard, node.address, false).expect("a reason");
    assert!(failure.ends_with("from 127.0.0.1, which other nodes have too"), "{failure}");
}

#[test]
fn siblings_of_ipv6_are_asked_too() {
    let Some(node) = Node::start("[::1]:0") else {
        return println!("skipped: this host has no IPv6");
    };
    let (_siblings, heard) = ask(asked(&[node.address]));
    wait(&heard, node.address, true);
}

#[test]
fn another_list_is_asked_from_then_on_and_what_is_known_of_those_that_stay_is_kept() {
    let [gone, stays, new] = [(); 3].map(|()| Node::new());
    let (siblings, heard) = ask(asked(&[gone.address, stays.address]));
    wait(&heard, stays.address, true);
    siblings.set(asked(&[stays.address, new.address]));
    loop {
        let known = heard.recv_timeout(PATIENCE).expect("the new one is asked");
        assert_eq!(known[&stays.address].answering, Some(true));
        if known.get(&new.address).is_some_and(|new| new.answering == Some(true)) {
            assert!(!known.contains_key(&gone.address));
            break;
        }
    }
}

#[test]
fn nobody_is_asked_after_the_end() {
    let node = Node::new();
    let (siblings, heard) = ask(asked(&[node.address]));
    wait(&heard, node.address, true);
    drop(siblings);
    let end = loop {
        match heard.recv_timeout(PATIENCE) {
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    assert_eq!(end, RecvTimeoutError::Disconnected, "the thread has ended");
}
