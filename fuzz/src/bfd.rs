//! BFD packets to a session, with and without authentication.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use rhumb::bfd::auth::{Auth, AuthType, Key};
use rhumb::bfd::packet::DetectMult;
use rhumb::bfd::session::Command;
use rhumb::bfd::table::{InterfaceIndex, Origin, Path, Reach};
use rhumb::bfd::{BfdOptions, Control, Discriminator, Packet, Session, SessionId, Table};

use super::steps::{self, Steps};

/// In answer to one packet: the answer to a poll, and one that is due.
const MOST_SENT: usize = 4;

const PATH: Path = Path {
    neighbour: std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
    reach: Reach::SingleHop,
    interface: None,
};

struct Story {
    session: Session,
    table: Table,
    now: Instant,
}

/// The first octet is the configuration, the rest steps.
pub(crate) fn run(input: &[u8]) {
    let mut steps = Steps(input);
    let Some(options) = steps.octet() else { return };
    let name = ours();
    let mut table = Table::default();
    table.insert(SessionId(0), name, PATH).expect("the first");
    let session = Session::new(config(options), name, 7);
    let mut story = Story { session, table, now: steps::origin() };
    while story.step(&mut steps).is_some() {
        story.drain();
    }
}

fn ours() -> Discriminator {
    Discriminator::new(0x0102_0304).expect("not zero")
}

fn config(options: u8) -> rhumb::bfd::Config {
    let auth_type = match options & 3 {
        0 => None,
        1 => Some(AuthType::KeyedMd5),
        2 => Some(AuthType::KeyedSha1),
        _ => Some(AuthType::MeticulousKeyedSha1),
    };
    let auth = auth_type.map(|auth_type| Auth {
        auth_type,
        send: Key::new(auth_type, 1, b"secret".to_vec()).expect("short"),
        accept: Vec::new(),
    });
    let options =
        BfdOptions { interval: Duration::from_millis(50), multiplier: options >> 2, auth };
    options.config(255)
}

impl Story {
    fn step(&mut self, steps: &mut Steps<'_>) -> Option<()> {
        match steps.octet()? {
            0 => {
                self.now += steps.while_()?;
                self.session.handle_timeout(self.now);
            }
            1 => self.session.handle_command(Command::Disable),
            2 => self.session.handle_command(Command::Enable),
            3 => self.session.handle_config(config(steps.octet()?)),
            hops => self.hear(hops, steps.octets()?),
        }
        Some(())
    }

    fn hear(&mut self, hops: u8, payload: &[u8]) {
        let packet = match Packet::parse(payload) {
            Ok(packet) => packet,
            Err(discard) => return drop(discard.to_string()),
        };
        again(&packet);
        let (source, interface) = (PATH.neighbour, InterfaceIndex(2));
        let origin = Origin { source, reach: PATH.reach, interface };
        let before = self.session.status();
        let heard = self.table.select(&origin, &packet.control);
        // As often as not: most come with a good hop count.
        let hops = if hops & 1 == 0 { hops } else { 255 };
        let heard = heard.and_then(|_| self.session.handle_packet(self.now, hops, &packet));
        if let Err(discard) = heard {
            let _ = discard.to_string();
            assert_eq!(before, self.session.status(), "a discarded packet changed something");
        }
    }

    fn drain(&mut self) {
        while self.session.poll_event().is_some() {}
        for _ in 0..MOST_SENT {
            let mut out = Vec::new();
            let Some(control) = self.session.poll_transmit(self.now, 1 << 31, &mut out) else {
                return;
            };
            let packet = Packet::parse(&out).expect("ours are good");
            assert_eq!(packet.control, control);
        }
        panic!("no end of packets");
    }
}

/// What was read is what stands there.
fn again(packet: &Packet<'_>) {
    /// The A bit and the length depend on the authentication, which a control has not.
    fn plain(bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes[..24].to_vec();
        bytes[1] &= !0x04;
        bytes[3] = 24;
        bytes
    }
    let mut out = Vec::new();
    packet.control.encode(None, &mut out);
    assert_eq!(plain(&out), plain(packet.message()));
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let theirs = Discriminator::new(9).expect("not zero");
    let multiplier = DetectMult::new(3).expect("not zero");
    let interval = Duration::from_millis(50);
    let packet = |auth: Option<(AuthType, u32)>, state, poll| {
        let control = Control {
            state,
            poll,
            your_discriminator: Some(ours()),
            desired_min_tx: interval,
            required_min_rx: interval,
            ..Control::new(theirs, multiplier)
        };
        let mut out = Vec::new();
        let key = auth.map(|(kind, _)| Key::new(kind, 1, b"secret".to_vec()).expect("short"));
        let seal = auth.zip(key.as_ref());
        let seal = seal.map(|((auth_type, sequence), key)| rhumb::bfd::auth::Seal {
            auth_type,
            key,
            sequence,
        });
        control.encode(seal.as_ref(), &mut out);
        [&[255], &steps::octets(&out)[..]].concat()
    };
    let kinds = [None, Some(AuthType::KeyedMd5), Some(AuthType::KeyedSha1)];
    let each = kinds.iter().enumerate().map(|(n, kind)| {
        use rhumb::bfd::State::{AdminDown, Down, Init, Up};
        let mut story = vec![3 << 2 | n as u8];
        let said = [(Down, false), (Init, true), (Up, true), (Up, false), (AdminDown, false)];
        for (sequence, (state, poll)) in (11..).zip(said) {
            story.extend(packet(kind.map(|kind| (kind, sequence)), state, poll));
            story.extend([0, 1]);
        }
        story.extend([1, 2, 3, 5 << 2, 0, 200]);
        story
    });
    each.collect()
}
