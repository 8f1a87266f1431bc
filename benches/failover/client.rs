//! The client's process: a query each millisecond to the shared address, another to a fixed one.
//!
//! It says `from N` when another node answers than before, and `from 0` when none has for 100 ms. It
//! reads words: `phase` begins a new phase, `end` ends the run, and then it prints a line of JSON for
//! each phase.

use std::io::BufRead;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::gaps::{self, ANSWER_WITHIN, Outage, Sample};
use crate::message;

/// Between two queries of a stream: 1,000 a second.
const PACE: Duration = Duration::from_millis(1);
/// After so many queries without an answer nobody answers.
const NOBODY: u64 = 100;

/// What was seen between two words of the coordinator.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Phase {
    /// Queries sent to the shared address.
    pub sent: usize,
    /// How many of them were not answered.
    pub lost: usize,
    /// The longest outage.
    pub outage: Outage,
    /// How irregular the control stream was, at worst.
    pub control: Duration,
}

/// An answer: which query's, from which node, when.
struct Answer {
    sequence: u64,
    at: Duration,
}

/// A clock that never goes back, and counts from 1970.
#[derive(Clone, Copy)]
struct Clock {
    started: Instant,
    since_1970: Duration,
}

impl Clock {
    fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        Self { started: Instant::now(), since_1970 }
    }

    fn now(self) -> Duration {
        self.since_1970 + self.started.elapsed()
    }
}

/// Asks both until told to end.
pub fn run(shared: SocketAddr, control: SocketAddr) {
    let clock = Clock::start();
    let shared = Stream::open(shared, clock, Source::told());
    let control = Stream::open(control, clock, Source::default());
    let words = words();
    let (mut sent, mut phases) = (Vec::new(), vec![0]);
    let mut due = Instant::now();
    loop {
        match words.try_recv() {
            Ok(word) if word == "phase" => phases.push(sent.len()),
            Ok(_) | Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {}
        }
        let sequence = sent.len() as u64;
        sent.push(clock.now());
        shared.ask(sequence);
        control.ask(sequence);
        shared.source.tell_silence(sequence);
        due = (due + PACE).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    std::thread::sleep(Duration::from_millis(200));
    let (shared, control) = (shared.samples(&sent), control.samples(&sent));
    phases.push(sent.len());
    for bounds in phases.windows(2) {
        let phase = Phase::of(&shared[bounds[0]..bounds[1]], &control[bounds[0]..bounds[1]]);
        println!("{}", serde_json::to_string(&phase).expect("plain values"));
    }
}

impl Phase {
    fn of(shared: &[Sample], control: &[Sample]) -> Self {
        Self {
            sent: shared.len(),
            lost: gaps::lost(shared),
            outage: gaps::longest_outage(shared),
            control: gaps::irregularity(control),
        }
    }
}

/// A socket, and the answers that a thread takes from it.
struct Stream {
    socket: UdpSocket,
    source: Arc<Source>,
    answers: Receiver<Answer>,
}

impl Stream {
    fn open(to: SocketAddr, clock: Clock, source: Source) -> Self {
        let any: SocketAddr = ([0, 0, 0, 0], 0).into();
        let socket = UdpSocket::bind(any).expect("a socket");
        socket.connect(to).expect("a route");
        let receiving = socket.try_clone().expect("a descriptor");
        let source = Arc::new(source);
        let (send, answers) = channel();
        let told = Arc::clone(&source);
        std::thread::spawn(move || receive(&receiving, clock, &told, &send));
        Self { socket, source, answers }
    }

    fn ask(&self, sequence: u64) {
        self.source.asked.store(sequence, Relaxed);
        // An address that nobody has is an error here: a query lost like others.
        let _ = self.socket.send(&message::query(sequence as u16));
    }

    fn samples(self, sent: &[Duration]) -> Vec<Sample> {
        let mut samples: Vec<_> =
            sent.iter().map(|&sent| Sample { sent, answered: None }).collect();
        for Answer { sequence, at } in self.answers.try_iter() {
            let Some(sample) = samples.get_mut(sequence as usize) else { continue };
            if at.saturating_sub(sample.sent) <= ANSWER_WITHIN {
                sample.answered = sample.answered.or(Some(at));
            }
        }
        samples
    }
}

fn receive(socket: &UdpSocket, clock: Clock, source: &Source, answers: &Sender<Answer>) {
    let mut buffer = [0; 512];
    loop {
        // Errors come from the network: refused, unreachable.
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        let at = clock.now();
        let Some((id, node)) = message::identity(&buffer[..length]) else { continue };
        let sequence = sequence(id, source.asked.load(Relaxed));
        source.tell_answer(sequence, node);
        if answers.send(Answer { sequence, at }).is_err() {
            return;
        }
    }
}

/// Who answers now.
#[derive(Default)]
struct Source {
    is_told: bool,
    asked: AtomicU64,
    answered: AtomicU64,
    node: AtomicU8,
}

impl Source {
    /// One whose changes are said.
    fn told() -> Self {
        Self { is_told: true, ..Self::default() }
    }

    fn tell_answer(&self, sequence: u64, node: u8) {
        self.answered.store(sequence, Relaxed);
        self.tell(node);
    }

    fn tell_silence(&self, sequence: u64) {
        if sequence.saturating_sub(self.answered.load(Relaxed)) > NOBODY {
            self.tell(0);
        }
    }

    fn tell(&self, node: u8) {
        if self.node.swap(node, Relaxed) != node && self.is_told {
            println!("from {node}");
        }
    }
}

/// The last query with this ID that was sent: IDs come again every 65 s.
fn sequence(id: u16, last: u64) -> u64 {
    let back = (last as u16).wrapping_sub(id);
    last.saturating_sub(back.into())
}

/// The lines of standard input.
fn words() -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        lines.for_each(|line| drop(send.send(line)));
    });
    receive
}
