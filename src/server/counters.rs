//! What was answered, counted without a lock: a padded row for each thread, one writer each.
//!
//! A row is written by its own thread alone, with a plain load and store, and read by anyone at any
//! time: numbers are right, but not of one instant.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::answer::{Outcome, Transport};
use crate::dns::{Rcode, Rtype};
use crate::sys::Round;

/// The types counted by name; every other one is `other`.
const QTYPES: [(Rtype, &str); 14] = [
    (Rtype::A, "A"),
    (Rtype::AAAA, "AAAA"),
    (Rtype::NS, "NS"),
    (Rtype::SOA, "SOA"),
    (Rtype::MX, "MX"),
    (Rtype::TXT, "TXT"),
    (Rtype::CNAME, "CNAME"),
    (Rtype::PTR, "PTR"),
    (Rtype::SRV, "SRV"),
    (Rtype(257), "CAA"),
    (Rtype::SVCB, "SVCB"),
    (Rtype::HTTPS, "HTTPS"),
    (Rtype::DS, "DS"),
    (Rtype::ANY, "ANY"),
];

/// The class of all other types, behind those by name.
const OTHER: usize = QTYPES.len();

/// The series of one row: every transport, type and code.
const SERIES: usize = Transport::ALL.len() * (QTYPES.len() + 1) * Rcode::ALL.len();

/// The rows of every counting thread: UDP threads first, then one for TCP, whose tasks take turns.
#[derive(Debug)]
pub struct Counters {
    rows: Box<[Row]>,
}

/// One series of the query counter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the metric's labels")]
pub struct QueryCount {
    pub transport: Transport,
    /// A mnemonic of a common type, or `other`.
    pub qtype: &'static str,
    pub rcode: Rcode,
    pub count: u64,
}

/// What a thread counts. Two cache lines apart from its neighbours, for processors fetch lines in
/// pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Row {
    queries: [Count; SERIES],
    silenced: Count,
    truncated: Count,
    received_octets: Count,
    sent_octets: Count,
    lost: Count,
    dropped: Count,
    /// Replies that a UDP thread handed to the kernel.
    answered: Count,
    /// Turns of a UDP thread's loop.
    turns: Count,
}

/// A counter with one writer.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, more: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(more), Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    /// Zeros for this many UDP threads (one for each socket, see
    /// [`sockets`](super::udp::sockets)), and a row for TCP behind them.
    #[must_use]
    pub fn new(udp_threads: usize) -> Self {
        Self { rows: (0..=udp_threads).map(|_| Row::default()).collect() }
    }

    /// How many rows there are: what `PoolCounters::new` wants.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The row of TCP, the last.
    #[must_use]
    pub fn tcp_row(&self) -> usize {
        self.rows.len() - 1
    }

    /// Counts one outcome in a row; only the row's own writer may call this.
    pub fn count(&self, row: usize, transport: Transport, outcome: &Outcome) {
        let Some(row) = self.rows.get(row) else { return };
        match outcome.rcode {
            Some(rcode) => row.queries[series(transport, class(outcome.qtype), rcode)].add(1),
            None => row.silenced.add(1),
        }
        if outcome.truncated {
            row.truncated.add(1);
        }
    }

    /// Counts what a turn of a UDP thread did; only the row's own writer may call this.
    pub fn count_round(&self, row: usize, round: &Round) {
        let Some(row) = self.rows.get(row) else { return };
        row.received_octets.add(round.received_octets);
        row.sent_octets.add(round.sent_octets);
        row.silenced.add(round.unanswerable);
        row.lost.add(round.lost);
        row.dropped.add(round.dropped);
        row.answered.add(round.sent);
    }

    /// Counts a turn of a UDP thread's loop, also when nothing came; only the row's own writer may
    /// call this.
    pub fn count_turn(&self, row: usize) {
        if let Some(row) = self.rows.get(row) {
            row.turns.add(1);
        }
    }

    /// Counts the octets of a TCP message and its reply; only the row's own writer may call this.
    pub fn count_octets(&self, row: usize, received: usize, sent: usize) {
        let Some(row) = self.rows.get(row) else { return };
        row.received_octets.add(received as u64);
        row.sent_octets.add(sent as u64);
    }

    /// Every series that is not zero.
    #[must_use]
    pub fn queries(&self) -> Vec<QueryCount> {
        let mut found = Vec::new();
        for transport in Transport::ALL {
            for class in 0..=OTHER {
                for rcode in Rcode::ALL {
                    let series = series(transport, class, rcode);
                    let count = self.sum(|row| &row.queries[series]);
                    if count > 0 {
                        let qtype = QTYPES.get(class).map_or("other", |(_, mnemonic)| mnemonic);
                        found.push(QueryCount { transport, qtype, rcode, count });
                    }
                }
            }
        }
        found
    }

    /// Messages that were dropped in silence.
    #[must_use]
    pub fn silenced(&self) -> u64 {
        self.sum(|row| &row.silenced)
    }

    /// Replies cut with TC=1.
    #[must_use]
    pub fn truncated(&self) -> u64 {
        self.sum(|row| &row.truncated)
    }

    /// Datagrams that the kernel dropped because a receive buffer was full (`SO_RXQ_OVFL`).
    #[must_use]
    pub fn receive_drops(&self) -> u64 {
        self.sum(|row| &row.dropped)
    }

    /// Replies over UDP that the kernel refused to send: no route, no room, a filter.
    #[must_use]
    pub fn send_failures(&self) -> u64 {
        self.sum(|row| &row.lost)
    }

    /// Replies that UDP threads handed to the kernel.
    #[must_use]
    pub fn udp_answered(&self) -> u64 {
        self.of(Transport::Udp).iter().map(|row| row.answered.value()).sum()
    }

    /// How often each UDP thread has gone through its loop: at least four times a second.
    #[must_use]
    pub fn udp_turns(&self) -> Vec<u64> {
        self.of(Transport::Udp).iter().map(|row| row.turns.value()).collect()
    }

    /// Octets of DNS messages received, by transport.
    #[must_use]
    pub fn received_octets(&self, transport: Transport) -> u64 {
        self.of(transport).iter().map(|row| row.received_octets.value()).sum()
    }

    /// Octets of DNS messages sent, by transport.
    #[must_use]
    pub fn sent_octets(&self, transport: Transport) -> u64 {
        self.of(transport).iter().map(|row| row.sent_octets.value()).sum()
    }

    fn of(&self, transport: Transport) -> &[Row] {
        let (udp, tcp) = self.rows.split_at(self.tcp_row());
        match transport {
            Transport::Udp => udp,
            Transport::Tcp => tcp,
        }
    }

    fn sum(&self, count: impl Fn(&Row) -> &Count) -> u64 {
        self.rows.iter().map(|row| count(row).value()).sum()
    }
}

impl Default for Row {
    fn default() -> Self {
        Self {
            queries: std::array::from_fn(|_| Count::default()),
            silenced: Count::default(),
            truncated: Count::default(),
            received_octets: Count::default(),
            sent_octets: Count::default(),
            lost: Count::default(),
            dropped: Count::default(),
            answered: Count::default(),
            turns: Count::default(),
        }
    }
}

fn class(qtype: Rtype) -> usize {
    QTYPES.iter().position(|(named, _)| *named == qtype).unwrap_or(OTHER)
}

fn series(transport: Transport, class: usize, rcode: Rcode) -> usize {
    (transport as usize * (QTYPES.len() + 1) + class) * Rcode::ALL.len() + rcode.index()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(qtype: Rtype, rcode: Option<Rcode>) -> Outcome {
        Outcome { rcode, qtype, zone: None, pool: None, truncated: false }
    }

    #[test]
    fn every_series_is_counted_apart() {
        let counters = Counters::new(2);
        let unnamed = [(Rtype(99), "other")];
        let mut expected = Vec::new();
        for transport in Transport::ALL {
            for (qtype, mnemonic) in QTYPES.into_iter().chain(unnamed) {
                for rcode in Rcode::ALL {
                    let count = expected.len() as u64 + 1;
                    for _ in 0..count {
                        counters.count(1, transport, &outcome(qtype, Some(rcode)));
                    }
                    expected.push(QueryCount { transport, qtype: mnemonic, rcode, count });
                }
            }
        }
        assert_eq!(expected.len(), SERIES);
        assert_eq!(counters.queries(), expected);
        assert_eq!(counters.silenced(), 0);
    }

    #[test]
    fn rows_add_up() {
        let counters = Counters::new(2);
        assert_eq!((counters.rows(), counters.tcp_row()), (3, 2));
        for (row, transport) in [(0, Transport::Udp), (1, Transport::Udp), (2, Transport::Tcp)] {
            counters.count(row, transport, &outcome(Rtype::A, None));
            let cut = Outcome { truncated: true, ..outcome(Rtype::A, Some(Rcode::NoError)) };
            counters.count(row, transport, &cut);
        }
        assert_eq!((counters.silenced(), counters.truncated()), (3, 3));
        let counts: Vec<u64> = counters.queries().iter().map(|series| series.count).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn rounds_and_messages_are_counted_by_transport() {
        let counters = Counters::new(1);
        let round = Round {
            received: 3,
            received_octets: 100,
            unanswerable: 1,
            sent: 1,
            sent_octets: 250,
            lost: 1,
            dropped: 7,
        };
        counters.count_round(0, &round);
        counters.count_octets(counters.tcp_row(), 40, 60_000);
        assert_eq!(counters.silenced(), 1);
        assert_eq!(counters.send_failures(), 1);
        assert_eq!(counters.receive_drops(), 7);
        assert_eq!(counters.udp_answered(), 1);
        assert_eq!(counters.received_octets(Transport::Udp), 100);
        assert_eq!(counters.sent_octets(Transport::Udp), 250);
        assert_eq!(counters.received_octets(Transport::Tcp), 40);
        assert_eq!(counters.sent_octets(Transport::Tcp), 60_000);
    }

    #[test]
    fn turns_are_told_thread_by_thread() {
        let counters = Counters::new(2);
        (0..3).for_each(|_| counters.count_turn(1));
        assert_eq!(counters.udp_turns(), [0, 3], "TCP has no loop to count");
    }

    #[test]
    fn absent_row_counts_nothing() {
        let counters = Counters::new(0);
        counters.count(5, Transport::Udp, &outcome(Rtype::A, None));
        counters.count_round(5, &Round { lost: 1, ..Round::default() });
        assert_eq!((counters.silenced(), counters.send_failures()), (0, 0));
    }
}
