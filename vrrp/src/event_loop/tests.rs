#![expect(clippy::disallowed_methods, reason = "the tests set deadlines on the real clock")]

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::*;

/// So long that only a hang reaches it.
const HANG: Duration = Duration::from_secs(20);

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Added(&'static str),
    Read(&'static str, Vec<u8>),
    TimedOut(&'static str),
    Dropped(&'static str),
}

/// Tells what happens to it.
struct Probe {
    name: &'static str,
    socket: OwnedFd,
    deadline: Option<Instant>,
    tolerance: Duration,
    seen: Sender<Seen>,
    /// Written to when something was read.
    forward: Option<OwnedFd>,
    finish_after: bool,
}

fn pair() -> (OwnedFd, OwnedFd) {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None).unwrap()
}

/// A probe without deadline, and the other end of its socket.
fn probe(name: &'static str, seen: &Sender<Seen>) -> (Probe, OwnedFd) {
    let (socket, other) = pair();
    let seen = seen.clone();
    let tolerance = Duration::from_secs(3600);
    let probe =
        Probe { name, socket, deadline: None, tolerance, seen, forward: None, finish_after: false };
    (probe, other)
}

impl Handler for Probe {
    fn added(&mut self, context: &mut Context<'_>) {
        context.watch(&self.socket, Token(9)).unwrap();
        self.seen.send(Seen::Added(self.name)).unwrap();
    }

    fn readable(&mut self, context: &mut Context<'_>, token: Token) {
        assert_eq!(token, Token(9));
        let mut buffer = [0; 16];
        loop {
            match rustix::io::read(&self.socket, &mut buffer) {
                Ok(n) => self.seen.send(Seen::Read(self.name, buffer[..n].to_vec())).unwrap(),
                Err(error) => break assert_eq!(error, Errno::AGAIN),
            }
        }
        if let Some(forward) = &self.forward {
            rustix::io::write(forward, b"forwarded").unwrap();
        }
        if self.finish_after {
            context.finish();
        }
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        assert!(self.deadline.is_some_and(|deadline| deadline <= context.now()));
        self.deadline = None;
        self.seen.send(Seen::TimedOut(self.name)).unwrap();
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn tolerance(&self) -> Duration {
        self.tolerance
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // The test that does not look any more has dropped the receiver.
        let _ = self.seen.send(Seen::Dropped(self.name));
    }
}

/// A loop that the test turns by hand.
struct Bench {
    turner: Turner,
    handle: LoopHandle,
    seen: Sender<Seen>,
    sight: Receiver<Seen>,
}

impl Bench {
    fn new() -> Self {
        let (orders, inbox) = mailbox().unwrap();
        let (seen, sight) = channel();
        let handle = LoopHandle::new(orders, Ok(()));
        Self { turner: Turner::new(inbox).unwrap(), handle, seen, sight }
    }

    fn probe(&self, name: &'static str) -> (Probe, OwnedFd) {
        probe(name, &self.seen)
    }

    fn turn(&mut self) -> Vec<Seen> {
        assert!(self.turner.turn().unwrap().is_continue());
        self.sight.try_iter().collect()
    }
}

#[test]
fn a_packet_that_waits_is_read_before_a_deadline_that_is_over() {
    let mut bench = Bench::new();
    let (mut probe, other) = bench.probe("a");
    probe.deadline = Some(Instant::now());
    rustix::io::write(&other, b"advertisement").unwrap();
    bench.handle.add(Box::new(probe));
    // The deadline is over when the handler comes, so it is read and times out in its first turn.
    let expected =
        [Seen::Added("a"), Seen::Read("a", b"advertisement".to_vec()), Seen::TimedOut("a")];
    assert_eq!(bench.turn(), expected);
}

#[test]
fn what_arrives_during_the_reading_is_read_before_a_deadline_that_is_over() {
    let mut bench = Bench::new();
    let (mut late, to_late) = bench.probe("late");
    let (mut early, to_early) = bench.probe("early");
    early.forward = Some(to_late);
    bench.handle.add(Box::new(early));
    bench.turn();
    late.deadline = Some(Instant::now());
    bench.handle.add(Box::new(late));
    rustix::io::write(&to_early, b"first").unwrap();
    let expected = [
        Seen::Read("early", b"first".to_vec()),
        Seen::Added("late"),
        Seen::Read("late", b"forwarded".to_vec()),
        Seen::TimedOut("late"),
    ];
    assert_eq!(bench.turn(), expected);
}

#[test]
fn a_deadline_to_come_wakes_the_loop() {
    let mut bench = Bench::new();
    let (mut probe, _other) = bench.probe("a");
    probe.deadline = Some(Instant::now() + Duration::from_millis(20));
    let (_, lateness) = bench.handle.add(Box::new(probe));
    let mut seen = bench.turn();
    while !seen.contains(&Seen::TimedOut("a")) {
        seen.extend(bench.turn());
    }
    assert_eq!(seen, [Seen::Added("a"), Seen::TimedOut("a")]);
    assert_eq!(lateness.count(), 0, "an hour is tolerated");
}

#[test]
fn a_timeout_later_than_tolerated_is_counted() {
    let mut bench = Bench::new();
    let (mut probe, _other) = bench.probe("a");
    let second = Duration::from_secs(1);
    probe.deadline = Instant::now().checked_sub(second);
    probe.tolerance = Duration::from_millis(100);
    let (_, lateness) = bench.handle.add(Box::new(probe));
    bench.turn();
    assert_eq!(lateness.count(), 1);
    assert!(lateness.worst() >= second);
}

#[test]
fn a_handler_that_finishes_or_is_removed_is_dropped_and_called_no_more() {
    let mut bench = Bench::new();
    let (mut first, to_first) = bench.probe("first");
    first.finish_after = true;
    first.deadline = Some(Instant::now() + HANG * 10);
    let (second, to_second) = bench.probe("second");
    bench.handle.add(Box::new(first));
    let (id, _) = bench.handle.add(Box::new(second));
    bench.turn();
    rustix::io::write(&to_first, b"x").unwrap();
    bench.handle.remove(id);
    let seen = bench.turn();
    assert!(seen.contains(&Seen::Dropped("first")), "{seen:?}");
    assert!(seen.contains(&Seen::Dropped("second")), "{seen:?}");
    // Their descriptors went with them.
    assert_eq!(rustix::io::write(&to_second, b"x"), Err(Errno::CONNREFUSED));
}

#[test]
fn a_thread_runs_its_handlers_until_it_is_stopped() {
    let (seen, sight) = channel();
    let (mut probe, other) = probe("a", &seen);
    probe.deadline = Some(Instant::now() + Duration::from_millis(1));
    let running = Loop::spawn("vrrp-test", Scheduling::Normal).unwrap();
    running.handle().add(Box::new(probe));
    assert_eq!(sight.recv_timeout(HANG), Ok(Seen::Added("a")));
    assert_eq!(sight.recv_timeout(HANG), Ok(Seen::TimedOut("a")));
    rustix::io::write(&other, b"x").unwrap();
    assert_eq!(sight.recv_timeout(HANG), Ok(Seen::Read("a", b"x".to_vec())));
    assert!(running.is_running());
    assert!(running.handle().realtime().unwrap_err().contains("not asked for"));
    running.stop().unwrap();
    assert_eq!(sight.recv_timeout(HANG), Ok(Seen::Dropped("a")));
}

#[test]
fn marks_keep_handlers_and_their_descriptors_apart() {
    for (id, token) in [(1, 0), (1, u32::MAX), (u32::MAX - 1, 7)] {
        assert_eq!(unmark(mark(HandlerId(id), Token(token))), (HandlerId(id), Token(token)));
    }
}
