//! Two sessions and a network between them, with a clock that jumps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Something on its way to an end.
#[derive(Clone, Debug)]
enum Event {
    /// A SYN of this attempt.
    Syn(ConnectionId),
    /// The other end took it, and calls it so.
    Took(ConnectionId, ConnectionId),
    Bytes(ConnectionId, Vec<u8>),
    Closed(ConnectionId),
}

/// One end: a session and what its connections are called at the other end.
struct End {
    session: Session,
    other: BTreeMap<ConnectionId, ConnectionId>,
}

struct World {
    ends: [End; 2],
    now: Instant,
    /// By arrival, then order; to which end.
    wire: BTreeMap<(Instant, u64), (usize, Event)>,
    count: u64,
    rng: fastrand::Rng,
    /// The longest way, in microseconds.
    delay: u64,
    /// The latest arrival at each end of each direction: TCP keeps the order.
    latest: [Instant; 2],
}

impl World {
    fn new(seed: u64, delay: u64, identifiers: [u8; 2], asns: [u32; 2]) -> Self {
        let now = Instant::now();
        let end = |us: usize, them: usize| {
            let id = Ipv4Addr::new(192, 0, 2, identifiers[us]);
            let config = Config::new(Asn(asns[us]), id, Asn(asns[them]));
            let rng = fastrand::Rng::with_seed(seed + us as u64);
            End { session: Session::new(config, rng), other: BTreeMap::new() }
        };
        let rng = fastrand::Rng::with_seed(!seed);
        let (ends, wire) = ([end(0, 1), end(1, 0)], BTreeMap::new());
        Self { ends, now, wire, count: 0, rng, delay, latest: [now; 2] }
    }

    fn post(&mut self, to: usize, event: Event) {
        self.count += 1;
        let way = Duration::from_micros(self.rng.u64(1..=self.delay));
        self.latest[to] = self.latest[to].max(self.now + way);
        self.wire.insert((self.latest[to], self.count), (to, event));
    }

    fn act(&mut self, at: usize) {
        while let Some(action) = self.ends[at].session.poll_action() {
            match action {
                Action::Connect { id } => self.post(1 - at, Event::Syn(id)),
                Action::Send { id, message } => {
                    self.ends[at].session.handle_sent(self.now, id, message.len());
                    if let Some(&theirs) = self.ends[at].other.get(&id) {
                        self.post(1 - at, Event::Bytes(theirs, message));
                    }
                }
                Action::Close { id } => {
                    if let Some(theirs) = self.ends[at].other.remove(&id) {
                        self.post(1 - at, Event::Closed(theirs));
                    }
                }
                Action::Transition(_) => {}
                Action::Unsendable { prefix, why } => panic!("{prefix}: {why}"),
            }
        }
    }

    fn arrives(&mut self, at: usize, event: Event) {
        let (now, end) = (self.now, &mut self.ends[at]);
        match event {
            Event::Syn(theirs) => match end.session.handle_accepted(now, local()) {
                None => self.post(1 - at, Event::Closed(theirs)),
                Some(ours) => {
                    end.other.insert(ours, theirs);
                    self.post(1 - at, Event::Took(theirs, ours));
                }
            },
            Event::Took(ours, theirs) => {
                end.other.insert(ours, theirs);
                end.session.handle_connected(now, ours, local());
                if !end.session.open().any(|connection| connection.id == ours) {
                    end.other.remove(&ours);
                    self.post(1 - at, Event::Closed(theirs));
                }
            }
            Event::Bytes(ours, bytes) => end.session.handle_received(now, ours, &bytes),
            Event::Closed(ours) => {
                end.other.remove(&ours);
                end.session.handle_closed(now, ours);
            }
        }
        self.act(at);
    }

    /// What comes next: an arrival, or else a timer.
    fn step(&mut self) {
        let arrival = self.wire.keys().next().copied();
        let timer =
            (0..2).filter_map(|at| Some((self.ends[at].session.next_deadline()?, at))).min();
        match (arrival, timer) {
            (Some(key), timer) if timer.is_none_or(|(due, _)| key.0 <= due) => {
                let (at, event) = self.wire.remove(&key).expect("it is there");
                self.now = self.now.max(key.0);
                self.arrives(at, event);
            }
            (_, Some((due, at))) => {
                self.now = self.now.max(due);
                self.ends[at].session.handle_timeout(self.now);
                self.act(at);
            }
            (_, None) => panic!("both wait for ever"),
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step();
        }
    }

    /// The connections that are Established at one end, by their names at end 0.
    fn established(&self, at: usize) -> Vec<ConnectionId> {
        let up = |c: &&Connection| c.stage.state() == State::Established;
        let ids = self.ends[at].session.open().filter(up).map(|connection| connection.id);
        ids.map(|id| if at == 0 { id } else { self.ends[1].other[&id] }).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn two_that_connect_at_once_end_with_one_connection_that_stays(
        seed: u64,
        delay in prop_oneof![1_u64..100, 1_u64..100_000, 100_000_u64..400_000],
        apart in prop_oneof![Just(0), 0_u64..400_000],
        identifiers in prop_oneof![Just([1, 9]), Just([9, 1]), Just([5, 5])],
    ) {
        let mut world = World::new(seed >> 1, delay, identifiers, [64512, 64500]);
        world.ends[0].session.handle_start(world.now);
        world.act(0);
        world.now += Duration::from_micros(apart);
        world.ends[1].session.handle_start(world.now);
        world.act(1);
        world.run(Duration::from_secs(20));
        let (zero, one) = (world.established(0), world.established(1));
        prop_assert_eq!(zero.len(), 1);
        prop_assert_eq!(&zero, &one);
        for end in &world.ends {
            prop_assert_eq!(end.session.open().count(), 1, "no other connection is left");
        }
        world.run(Duration::from_secs(60));
        prop_assert_eq!((&world.established(0), &world.established(1)), (&zero, &zero));
    }
}
