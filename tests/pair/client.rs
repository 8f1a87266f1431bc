//! A client that asks the shared address all the time.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::lab::{Host, until};
use crate::node::PATIENCE;

/// 200 queries a second.
const PACE: Duration = Duration::from_millis(5);
/// An answer later than this is none.
const LATE: Duration = Duration::from_secs(1);

/// The length of a DNS header (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// `who.pair.test`, type A, class IN.
const QUESTION: &[u8] = b"\x03who\x04pair\x04test\x00\x00\x01\x00\x01";
/// A pointer to the name, type, class, TTL, length: the address follows.
const RECORD: usize = 12;

/// A stream of queries.
pub struct Client {
    seen: Arc<Mutex<Seen>>,
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    /// By ID, which counts up from 0: who answered, the last number of the node's address.
    answers: Vec<Option<u8>>,
    last: u8,
}

impl Client {
    /// Begins to ask an address from a host.
    pub fn start(host: &Host, address: IpAddr) -> Self {
        let any: SocketAddr =
            if address.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
        let socket = host.inside(|| UdpSocket::bind(any)).expect("a socket");
        socket.set_read_timeout(Some(PACE)).expect("set");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let ends = Arc::new(AtomicBool::new(false));
        let receiving = socket.try_clone().expect("a descriptor");
        let asks = {
            let (seen, ends, to) = (Arc::clone(&seen), Arc::clone(&ends), (address, 53).into());
            std::thread::spawn(move || ask(&socket, to, &seen, &ends))
        };
        let hears = {
            let (seen, ends) = (Arc::clone(&seen), Arc::clone(&ends));
            std::thread::spawn(move || hear(&receiving, &seen, &ends))
        };
        Self { seen, ends, threads: vec![asks, hears] }
    }

    /// Waits until a host answers.
    pub fn await_answers_of(&self, host: &Host) {
        let answers = || lock(&self.seen).last == host.number();
        assert!(until(PATIENCE, answers), "{} does not answer", host.name());
    }

    /// Ends it: how many queries were sent, and how many of them nobody answered.
    pub fn stop(mut self) -> (usize, usize) {
        self.ends.store(true, Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().expect("no panic"));
        let seen = lock(&self.seen);
        (seen.answers.len(), seen.answers.iter().filter(|answer| answer.is_none()).count())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.ends.store(true, Relaxed);
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(socket: &UdpSocket, to: SocketAddr, seen: &Mutex<Seen>, ends: &AtomicBool) {
    while !ends.load(Relaxed) {
        let id = {
            let mut seen = lock(seen);
            seen.answers.push(None);
            u16::try_from(seen.answers.len() - 1).expect("five minutes at most")
        };
        // An address that nobody has is an error here: a query lost like others.
        let _ = socket.send_to(&query(id), to);
        std::thread::sleep(PACE);
    }
}

fn hear(socket: &UdpSocket, seen: &Mutex<Seen>, ends: &AtomicBool) {
    let mut buffer = [0; 512];
    let mut until = None;
    loop {
        if let Ok(length) = socket.recv(&mut buffer)
            && let Some((id, node)) = answer(&buffer[..length])
        {
            let mut seen = lock(seen);
            seen.last = node;
            if let Some(answer) = seen.answers.get_mut(usize::from(id)) {
                *answer = Some(node);
            }
        }
        if ends.load(Relaxed) {
            let until = *until.get_or_insert_with(|| Instant::now() + LATE);
            if Instant::now() >= until || lock(seen).answers.iter().all(Option::is_some) {
                return;
            }
        }
    }
}

fn query(id: u16) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend_from_slice(QUESTION);
    message
}

/// The ID of an answer, and the last number of the address in it.
fn answer(message: &[u8]) -> Option<(u16, u8)> {
    let (header, rest) = message.split_at_checked(HEADER)?;
    let record = rest.strip_prefix(QUESTION)?;
    let address = record.get(RECORD..RECORD + 4)?;
    Some((u16::from_be_bytes([header[0], header[1]]), address[3]))
}
