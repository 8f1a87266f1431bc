//! A client of many flows: 1,000 queries a second from 200 ports to the anycast address, and as
//! many to a fixed address, by which the machine itself is judged.
//!
//! Answers of the flows are read at the end: what matters is whether they came, not when. (Some 50
//! fit a socket many times over.) The control stream is read as it comes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::gaps::{Sample, irregularity};
use crate::lab::Host;
use crate::message;

/// Each a port of its own, so a hash of its own.
const FLOWS: usize = 200;
/// Between two queries.
const PACE: Duration = Duration::from_millis(1);
/// So long the last answers may be on their way.
const LATE: Duration = Duration::from_millis(300);
/// Beyond this, IDs would come again.
const MOST: usize = 1 << 16;

/// The streams.
pub struct Flows {
    started: Instant,
    ends: Arc<AtomicBool>,
    sockets: Vec<UdpSocket>,
    sends: JoinHandle<Vec<Duration>>,
    hears: JoinHandle<BTreeMap<u16, Duration>>,
}

/// What was seen. Times count from the first query.
pub struct Seen {
    /// When each query was sent, and which node answered it.
    pub queries: Vec<(Duration, Option<u8>)>,
    control: Vec<Sample>,
}

impl Flows {
    /// Begins to ask from a host.
    pub fn start(host: &Host, anycast: IpAddr, control: IpAddr) -> Self {
        let any: SocketAddr = ([0; 4], 0).into();
        let open = || UdpSocket::bind(any).expect("a socket");
        let sockets: Vec<_> = host.inside(|| (0..FLOWS).map(|_| open()).collect());
        let fixed = host.inside(open);
        let clone = |socket: &UdpSocket| socket.try_clone().expect("a descriptor");
        let (sending, listening) = (sockets.iter().map(clone).collect::<Vec<_>>(), clone(&fixed));
        let (started, ends) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let hears = {
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || hear(&listening, started, &ends))
        };
        let sends = {
            let ends = Arc::clone(&ends);
            let ask = move |sequence: usize| {
                let query = message::query(sequence as u16);
                // Not connected, so that what an earlier query met is nothing to this one.
                let _ = sending[sequence % FLOWS].send_to(&query, (anycast, 53));
                let _ = fixed.send_to(&query, (control, 53));
            };
            std::thread::spawn(move || send(ask, started, &ends))
        };
        Self { started, ends, sockets, sends, hears }
    }

    /// The time by which queries are dated.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends them.
    pub fn stop(self) -> Seen {
        self.ends.store(true, Relaxed);
        let sent = self.sends.join().expect("no panic");
        let heard = self.hears.join().expect("no panic");
        let mut queries: Vec<_> = sent.iter().map(|&at| (at, None)).collect();
        for (id, node) in self.sockets.iter().flat_map(answers) {
            if let Some(query) = queries.get_mut(usize::from(id)) {
                query.1 = Some(node);
            }
        }
        let sample = |(id, &sent): (usize, &Duration)| Sample {
            sent,
            answered: heard.get(&(id as u16)).copied(),
        };
        Seen { queries, control: sent.iter().enumerate().map(sample).collect() }
    }
}

impl Seen {
    /// When each query was sent that nobody answered.
    pub fn lost(&self) -> Vec<Duration> {
        self.queries.iter().filter(|(_, by)| by.is_none()).map(|(at, _)| *at).collect()
    }

    /// From the first query without an answer to the last.
    pub fn window(&self) -> Duration {
        let lost = self.lost();
        lost.last().zip(lost.first()).map_or(Duration::ZERO, |(last, first)| *last - *first)
    }

    /// Which part of the queries sent before `until` this node answered.
    pub fn share(&self, number: u8, until: Duration) -> f64 {
        let before: Vec<_> = self.queries.iter().filter(|(at, _)| *at < until).collect();
        let its = before.iter().filter(|(_, by)| *by == Some(number)).count();
        its as f64 / before.len().max(1) as f64
    }

    /// How irregular the control stream was, at worst, from `since` on.
    pub fn control(&self, since: Duration) -> Duration {
        let first = self.control.iter().position(|sample| sample.sent >= since);
        irregularity(&self.control[first.unwrap_or_default()..])
    }
}

/// Asks until told to end; when each query was sent.
fn send(ask: impl Fn(usize), started: Instant, ends: &AtomicBool) -> Vec<Duration> {
    let mut sent = Vec::new();
    let mut due = Instant::now();
    while !ends.load(Relaxed) && sent.len() < MOST {
        sent.push(started.elapsed());
        ask(sent.len() - 1);
        due = (due + PACE).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    sent
}

/// When each answer came, by ID.
fn hear(socket: &UdpSocket, started: Instant, ends: &AtomicBool) -> BTreeMap<u16, Duration> {
    socket.set_read_timeout(Some(LATE)).expect("set");
    let mut heard = BTreeMap::new();
    let mut buffer = [0; 512];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                if let Some((id, _)) = message::identity(&buffer[..length]) {
                    heard.insert(id, started.elapsed());
                }
            }
            // It was silent for so long.
            Err(_) if ends.load(Relaxed) => return heard,
            Err(_) => {}
        }
    }
}

/// All answers that wait in a socket: their IDs, and who gave them.
fn answers(socket: &UdpSocket) -> Vec<(u16, u8)> {
    socket.set_nonblocking(true).expect("set");
    let mut buffer = [0; 512];
    let read = || socket.recv(&mut buffer).ok().map(|length| message::identity(&buffer[..length]));
    std::iter::from_fn(read).flatten().collect()
}
