//! The machine alone: what it hears is written by hand.

mod admin;
mod auth;
mod demand;
mod stall;
mod table;
mod timing;

use super::*;
use crate::bfd::auth::{Auth, AuthType, Key};

const OURS: u32 = 7;
const THEIRS: u32 = 9;

/// A session, and the time since the test began.
struct Node {
    session: Session,
    start: Instant,
    now: Instant,
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn config() -> Config {
    Config {
        role: Role::Active,
        desired_min_tx: ms(100),
        required_min_rx: ms(100),
        detect_mult: DetectMult::new(3).unwrap(),
        auth: None,
        least_hops: 255,
    }
}

/// The neighbour's packet: 200 ms both ways, multiplier 5.
fn theirs(state: State) -> Control {
    Control {
        state,
        your_discriminator: Discriminator::new(OURS),
        desired_min_tx: ms(200),
        required_min_rx: ms(200),
        ..Control::new(Discriminator::new(THEIRS).unwrap(), DetectMult::new(5).unwrap())
    }
}

impl Node {
    fn new(config: Config) -> Self {
        let now = Instant::now();
        let session = Session::new(config, Discriminator::new(OURS).unwrap(), 1000);
        Self { session, start: now, now }
    }

    /// In that state, everything sent and told, the poll answered, at 0.
    fn in_state(state: State) -> Self {
        let mut node = Self::new(config());
        match state {
            State::AdminDown => node.session.handle_command(Command::Disable),
            State::Down => {}
            State::Init => node.hear(State::Down),
            State::Up => {
                node.hear(State::Init);
                node.hear_control(Control { final_: true, ..theirs(State::Up) });
            }
        }
        assert_eq!(node.session.state(), state);
        node.send();
        node.told();
        node
    }

    fn at(&mut self, milliseconds: u64) -> &mut Self {
        self.now = self.start + ms(milliseconds);
        self
    }

    fn hear(&mut self, state: State) {
        self.hear_control(theirs(state));
    }

    fn hear_control(&mut self, control: Control) {
        let mut bytes = Vec::new();
        control.encode(None, &mut bytes);
        self.hear_bytes(&bytes).unwrap();
    }

    fn hear_bytes(&mut self, bytes: &[u8]) -> Result<(), Discard> {
        self.session.handle_packet(self.now, 255, &Packet::parse(bytes).unwrap())
    }

    fn timeout(&mut self) {
        self.session.handle_timeout(self.now);
    }

    /// Everything that is to be sent now, without jitter.
    fn send(&mut self) -> Vec<Control> {
        let mut bytes = Vec::new();
        std::iter::from_fn(|| self.session.poll_transmit(self.now, u32::MAX, &mut bytes)).collect()
    }

    fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// In milliseconds since the start.
    fn due(&self) -> Option<u128> {
        let due = self.session.next_deadline(self.now)?;
        Some((due - self.start).as_millis())
    }
}

#[test]
fn a_packet_from_too_far_away_changes_nothing() {
    let mut node = Node::in_state(State::Up);
    let mut bytes = Vec::new();
    theirs(State::Down).encode(None, &mut bytes);
    let packet = Packet::parse(&bytes).unwrap();
    let refused = node.session.handle_packet(node.now, 254, &packet);
    assert_eq!(refused, Err(Discard::Hops { hops: 254, least: 255 }));
    assert_eq!(node.session.state(), State::Up);
    let multihop = Config { least_hops: 251, ..config() };
    node.session.handle_config(multihop);
    assert_eq!(node.session.handle_packet(node.now, 251, &packet), Ok(()));
    assert_eq!(node.session.state(), State::Down);
}

#[test]
fn reasons_and_events_are_sentences() {
    let failure = Failure::DetectionTimeExpired { silent: ms(301), detection: ms(300) };
    let table = [
        (Event::Up, "up"),
        (Event::Down(failure), "down: nothing heard for 301ms, of 300ms allowed"),
        (
            Event::Down(Failure::NeighbourSignalledDown {
                theirs: Diagnostic::DetectionTimeExpired,
            }),
            "down: the neighbour signalled down (detection time expired)",
        ),
        (Event::AdminDown(Side::Neighbour), "ended by the neighbour's operator"),
    ];
    for (event, sentence) in table {
        assert_eq!(event.to_string(), sentence);
    }
    let your = Discriminator::new(9).unwrap();
    let unknown = Discard::UnknownDiscriminator { your };
    assert_eq!(unknown.label(), "unknown_discriminator");
    let sentence = "addresses the discriminator 0x00000009, which this node does not have (now)";
    assert_eq!(unknown.to_string(), sentence);
}
