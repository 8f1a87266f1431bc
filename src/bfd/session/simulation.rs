//! Two machines, a network between them that delays, loses and cuts, and a clock that jumps from one
//! deadline to the next.

use std::num::NonZeroU8;

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

/// One of the two.
struct Node {
    session: Session,
    events: Vec<(Duration, Event)>,
    sent: Vec<(Duration, Control)>,
}

struct World {
    start: Instant,
    now: Instant,
    nodes: [Node; 2],
    rng: Rng,
    /// Arrival, receiver, bytes.
    wire: Vec<(Instant, usize, Vec<u8>)>,
    /// Chance that a packet is lost.
    loss: f64,
    longest_delay: Duration,
}

fn config(tx: u64, rx: u64, mult: u8) -> Config {
    Config {
        role: Role::Active,
        desired_min_tx: Duration::from_millis(tx),
        required_min_rx: Duration::from_millis(rx),
        detect_mult: DetectMult(NonZeroU8::new(mult).unwrap()),
        auth: None,
        least_hops: 255,
    }
}

impl World {
    fn new(configs: [Config; 2], seed: u64) -> Self {
        let now = Instant::now();
        let mut rng = Rng::with_seed(seed);
        let mut number = 0;
        let nodes = configs.map(|config| {
            number += 1;
            let name = Discriminator::new(number).unwrap();
            let session = Session::new(config, name, rng.u32(..));
            Node { session, events: Vec::new(), sent: Vec::new() }
        });
        let longest_delay = Duration::from_millis(2);
        Self { start: now, now, nodes, rng, wire: Vec::new(), loss: 0.0, longest_delay }
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.deliver();
            (0..2).for_each(|node| self.turn(node));
            let due = self.nodes.iter().filter_map(|node| node.session.next_deadline(self.now));
            let next = due.chain(self.wire.iter().map(|packet| packet.0)).min();
            match next.filter(|&next| next <= end) {
                Some(next) => self.now = self.now.max(next),
                None => break,
            }
        }
        self.now = end;
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (due, later) =
            std::mem::take(&mut self.wire).into_iter().partition(|packet| packet.0 <= now);
        self.wire = later;
        for (_, to, bytes) in Vec::from_iter::<Vec<_>>(due) {
            let packet = Packet::parse(&bytes).unwrap();
            // A remainder of an old discriminator never occurs: nobody is restarted here.
            self.nodes[to].session.handle_packet(now, 255, &packet).unwrap();
        }
    }

    fn turn(&mut self, node: usize) {
        let (now, elapsed) = (self.now, self.elapsed());
        let Node { session, events, sent } = &mut self.nodes[node];
        session.handle_timeout(now);
        loop {
            let mut bytes = Vec::new();
            let Some(control) = session.poll_transmit(now, self.rng.u32(..), &mut bytes) else {
                break;
            };
            sent.push((elapsed, control));
            if self.rng.f64() >= self.loss {
                let arrival = now + self.longest_delay.mul_f64(self.rng.f64());
                // Nothing overtakes: a Down from before an Up would rightly end the session.
                let before = self.wire.iter().rev().find(|packet| packet.1 == 1 - node);
                let arrival = before.map_or(arrival, |before| arrival.max(before.0));
                self.wire.push((arrival, 1 - node, bytes));
            }
        }
        events.extend(std::iter::from_fn(|| session.poll_event()).map(|event| (elapsed, event)));
    }

    fn states(&self) -> [State; 2] {
        [0, 1].map(|node| self.nodes[node].session.state())
    }

    fn failures(&self) -> usize {
        let all = self.nodes.iter().flat_map(|node| &node.events);
        all.filter(|(_, event)| matches!(event, Event::Down(_) | Event::Lapsed(_))).count()
    }
}

/// Transmit and receive interval in milliseconds, multiplier.
fn settings() -> impl Strategy<Value = Config> {
    (10..3000_u64, 10..3000_u64, 1..6_u8).prop_map(|(tx, rx, mult)| config(tx, rx, mult))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_agree_on_every_interval_whatever_they_are_set_to(
        a in settings(), b in settings(), seed: u64
    ) {
        let mut world = World::new([a.clone(), b.clone()], seed);
        world.run(Duration::from_secs(60));
        prop_assert_eq!(world.states(), [State::Up; 2]);
        let status = [0, 1].map(|node| world.nodes[node].session.status());
        let (a_to_b, b_to_a) =
            (a.desired_min_tx.max(b.required_min_rx), b.desired_min_tx.max(a.required_min_rx));
        prop_assert_eq!(status[0].transmit_interval, Some(a_to_b));
        prop_assert_eq!(status[1].transmit_interval, Some(b_to_a));
        prop_assert_eq!(status[0].detection_time, b_to_a * u32::from(b.detect_mult.0.get()));
        prop_assert_eq!(status[1].detection_time, a_to_b * u32::from(a.detect_mult.0.get()));
    }

    #[test]
    fn without_loss_nothing_ever_goes_down_whatever_changes(
        a in settings(), b in settings(),
        changes in prop::collection::vec((0..2_usize, settings(), 0..5000_u64), 0..12),
        seed: u64
    ) {
        // A multiplier of 1 leaves 10 % of the interval for the delay.
        let mut world = World::new([a, b], seed);
        world.longest_delay = Duration::from_micros(800);
        for (node, config, pause) in changes {
            world.run(Duration::from_millis(pause));
            world.nodes[node].session.handle_config(config);
        }
        world.run(Duration::from_secs(60));
        prop_assert_eq!(world.failures(), 0, "{:?} {:?}", world.nodes[0].events, world.nodes[1].events);
        prop_assert_eq!(world.states(), [State::Up; 2]);
    }

    #[test]
    fn an_operators_end_is_never_a_failure_on_either_side(
        a in settings(), b in settings(), after in 0..20_000_u64, seed: u64
    ) {
        let mut world = World::new([a, b], seed);
        world.longest_delay = Duration::from_micros(800);
        world.run(Duration::from_millis(after));
        world.nodes[0].session.handle_command(Command::Disable);
        world.run(Duration::from_secs(60));
        prop_assert_eq!(world.states(), [State::AdminDown, State::Down]);
        prop_assert_eq!(world.failures(), 0);
        let told = world.nodes[1].events.last().map(|event| event.1);
        prop_assert_eq!(told, Some(Event::AdminDown(Side::Neighbour)));
        // Nor is it that the node ended and its session with it.
        world.loss = 1.0;
        world.run(Duration::from_secs(60));
        prop_assert_eq!(world.failures(), 0);
        world.loss = 0.0;
        world.nodes[0].session.handle_command(Command::Enable);
        world.run(Duration::from_secs(60));
        prop_assert_eq!(world.states(), [State::Up; 2]);
        prop_assert_eq!(world.failures(), 0);
    }

    #[test]
    fn a_cut_is_noticed_within_the_detection_time(a in settings(), b in settings(), seed: u64) {
        let mut world = World::new([a, b], seed);
        world.run(Duration::from_secs(60));
        let detection = [0, 1].map(|node| world.nodes[node].session.status().detection_time);
        let cut = world.elapsed();
        let last = [1, 0].map(|node| world.nodes[node].sent.last().unwrap().0);
        world.loss = 1.0;
        world.run(Duration::from_secs(60));
        prop_assert_eq!(world.states(), [State::Down; 2]);
        for node in 0..2 {
            let &(at, event) = world.nodes[node].events.last().unwrap();
            let expired = matches!(event, Event::Down(Failure::DetectionTimeExpired { .. }));
            prop_assert!(expired, "{event:?}");
            prop_assert!(at <= cut + world.longest_delay + detection[node]);
            prop_assert!(at >= last[node] + detection[node]);
        }
    }

    #[test]
    fn periodic_packets_keep_to_the_jitter(a in settings(), b in settings(), seed: u64) {
        let mult = a.detect_mult.0.get();
        let mut world = World::new([a, b], seed);
        world.run(Duration::from_secs(60));
        let interval = world.nodes[0].session.status().transmit_interval.unwrap();
        world.nodes[0].sent.clear();
        world.run(interval * 50);
        let periodic = world.nodes[0].sent.iter().filter(|sent| !sent.1.final_);
        let times: Vec<_> = periodic.map(|sent| sent.0).collect();
        prop_assert!(times.len() >= 50);
        let most = if mult == 1 { 0.9 } else { 1.0 };
        for pair in times.windows(2) {
            let gap = (pair[1] - pair[0]).as_secs_f64() / interval.as_secs_f64();
            prop_assert!((0.75 - 1e-6..=most + 1e-6).contains(&gap), "{gap}");
        }
    }

    #[test]
    fn it_comes_up_again_after_any_loss(a in settings(), b in settings(), seed: u64) {
        let mut world = World::new([a, b], seed);
        world.loss = 0.6;
        world.run(Duration::from_secs(300));
        world.loss = 0.0;
        world.run(Duration::from_secs(60));
        prop_assert_eq!(world.states(), [State::Up; 2]);
        for node in &world.nodes {
            // Up and the end of it take turns.
            let ups = node.events.iter().filter(|event| event.1 == Event::Up).count();
            let downs =
                node.events.iter().filter(|event| matches!(event.1, Event::Down(_))).count();
            prop_assert_eq!(ups, downs + 1);
        }
    }
}

#[test]
fn it_is_up_within_a_few_packets() {
    for seed in 0..50 {
        let mut world = World::new([config(100, 100, 3), config(100, 100, 3)], seed);
        world.run(Duration::from_millis(1010));
        assert_eq!(world.states(), [State::Up; 2]);
        for node in &world.nodes {
            let &(at, event) = &node.events[0];
            assert_eq!(event, Event::Up);
            assert!(at <= Duration::from_millis(1006), "{at:?}");
            assert!(node.sent.iter().filter(|sent| sent.0 <= at).count() <= 5);
        }
    }
}

#[test]
fn a_passive_node_waits_to_be_spoken_to() {
    let passive = Config { role: Role::Passive, ..config(100, 100, 3) };
    let mut world = World::new([passive.clone(), passive.clone()], 1);
    world.run(Duration::from_secs(10));
    assert!(world.nodes.iter().all(|node| node.sent.is_empty()));
    let mut world = World::new([passive, config(100, 100, 3)], 1);
    world.run(Duration::from_secs(2));
    assert_eq!(world.states(), [State::Up; 2]);
}

#[test]
fn lost_packets_do_not_confuse_the_sequence_numbers() {
    use crate::bfd::auth::{Auth, AuthType, Key};
    let auth_type = AuthType::MeticulousKeyedSha1;
    let send = Key::new(auth_type, 1, b"secret".to_vec()).unwrap();
    let auth = Some(Auth { auth_type, send, accept: Vec::new() });
    let config = Config { auth, ..config(100, 100, 5) };
    let mut world = World::new([config.clone(), config], 7);
    world.loss = 0.2;
    world.run(Duration::from_secs(60));
    world.loss = 1.0;
    world.run(Duration::from_secs(60));
    world.loss = 0.0;
    world.run(Duration::from_secs(10));
    assert_eq!(world.states(), [State::Up; 2]);
}
