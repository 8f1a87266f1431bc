//! Control packets as bytes, and back.
//!
//! The only message of the protocol (RFC 5880 §4.1; names are those of [`Control`]), the payload of
//! UDP to port 3784 for a single hop and 4784 for several:
//!
//! ```text
//!           0               1               2               3
//!   0 +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
//!     |vers |diagnost.|sta|P|F|C|A|D|M|  detect mult  |    length     |
//!   4 +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
//!     |                       my discriminator                        |
//!   8 +---------------------------------------------------------------+
//!     |                      your discriminator                       |
//!  12 +---------------------------------------------------------------+
//!     |                  desired min TX interval, µs                  |
//!  16 +---------------------------------------------------------------+
//!     |                 required min RX interval, µs                  |
//!  20 +---------------------------------------------------------------+
//!     |               required min echo RX interval, µs               |
//!  24 +---------------------------------------------------------------+
//!     |          authentication section, if A: see `auth`             |
//!     +---------------------------------------------------------------+
//! ```
//!
//! P: poll, F: final, C: control plane independent, A: authentication present, D: demand, M:
//! multipoint. [`Packet::parse`] takes what follows the rules that need no session (RFC 5880
//! §6.8.6); what is left of them is for [`Table`](super::Table) and [`Session`](super::Session).
//!
//! ```
//! use std::time::Duration;
//! use rhumb::bfd::packet::{Control, DetectMult, Diagnostic, Discriminator, Packet, State};
//!
//! let control = Control {
//!     state: State::Init,
//!     your_discriminator: Discriminator::new(2),
//!     desired_min_tx: Duration::from_secs(1),
//!     required_min_rx: Duration::from_millis(100),
//!     ..Control::new(Discriminator::new(1).unwrap(), DetectMult::new(3).unwrap())
//! };
//! let mut bytes = Vec::new();
//! control.encode(None, &mut bytes);
//! assert_eq!(bytes[..8], [0x20, 0x80, 3, 24, 0, 0, 0, 1]);
//! assert_eq!(Packet::parse(&bytes).unwrap().control, control);
//! ```

#[cfg(test)]
mod tests;

use std::fmt;
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use super::Discard;
use super::auth::{self, Seal};

/// The only version (RFC 5880 §4.1).
const VERSION: u8 = 1;

/// Without authentication.
pub(super) const HEADER: usize = 24;

/// The least with authentication: the header, Auth Type and Auth Len.
const WITH_AUTH: u8 = 26;

const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
const AUTHENTICATION_PRESENT: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// The name of a session on one of its two systems; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Discriminator(pub NonZeroU32);

/// How many packets in a row must be lost for the session to go down; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DetectMult(pub NonZeroU8);

/// bfd.SessionState (RFC 5880 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// An operator ended it.
    AdminDown,
    /// The other is not heard, or was not when it last spoke.
    Down,
    /// The other is heard; it is not known whether it hears.
    Init,
    /// Both hear each other.
    Up,
}

/// Why a session changed its state the last time (RFC 5880 §4.1, "Diagnostic").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Diagnostic {
    /// 0: no reason.
    None,
    /// 1: nothing was heard for the detection time.
    DetectionTimeExpired,
    /// 2: the echo function failed.
    EchoFailed,
    /// 3: the neighbour said that it is down.
    NeighbourSignalledDown,
    /// 4: the forwarding plane was reset.
    ForwardingPlaneReset,
    /// 5: the path was said to be down from outside.
    PathDown,
    /// 6: a path that this one is joined to is down.
    ConcatenatedPathDown,
    /// 7: an operator ended it.
    AdministrativelyDown,
    /// 8: as 6, in the other direction.
    ReverseConcatenatedPathDown,
    /// A later assignment.
    Other(
        /// 9 to 31.
        u8,
    ),
}

/// What a packet says, but for its authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Why the sender changed its state the last time.
    pub diagnostic: Diagnostic,
    /// The sender's.
    pub state: State,
    /// The sender asks for an answer with `final_` set.
    pub poll: bool,
    /// It is that answer.
    pub final_: bool,
    /// The sender's BFD lives on when its control plane does not.
    pub control_plane_independent: bool,
    /// The sender wants no periodic packets while both are Up.
    pub demand: bool,
    /// The sender's.
    pub detect_mult: DetectMult,
    /// The sender's name of the session.
    pub my_discriminator: Discriminator,
    /// The receiver's, absent (zero) while the sender does not know it.
    pub your_discriminator: Option<Discriminator>,
    /// The sender would like to send that often. On the wire in µs, 4294.967295 s at most.
    pub desired_min_tx: Duration,
    /// The sender can receive that often; zero: it wants no periodic packets. As above.
    pub required_min_rx: Duration,
    /// The sender can send echo packets back that often; zero: it does not. As above.
    pub required_min_echo_rx: Duration,
}

/// A packet that follows the rules, but for those of authentication, which is to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it says.
    pub control: Control,
    /// All of it, to where its Length says that it ends.
    message: &'a [u8],
    authenticated: bool,
}

impl Control {
    /// A packet that says nothing but whose it is: Down, all intervals zero.
    #[must_use]
    pub fn new(my_discriminator: Discriminator, detect_mult: DetectMult) -> Self {
        Self {
            diagnostic: Diagnostic::None,
            state: State::Down,
            poll: false,
            final_: false,
            control_plane_independent: false,
            demand: false,
            detect_mult,
            my_discriminator,
            your_discriminator: None,
            desired_min_tx: Duration::ZERO,
            required_min_rx: Duration::ZERO,
            required_min_echo_rx: Duration::ZERO,
        }
    }

    /// Appends the packet, without an UDP header, to `out`, with an authentication section if there
    /// is something to make it of.
    pub fn encode(&self, seal: Option<&Seal<'_>>, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.header(seal));
        if let Some(seal) = seal {
            auth::append(seal, start, out);
        }
    }

    fn header(&self, seal: Option<&Seal<'_>>) -> [u8; HEADER] {
        let length = HEADER + seal.map_or(0, |seal| seal.auth_type.section());
        let mut header = [0; HEADER];
        header[0] = VERSION << 5 | self.diagnostic.code();
        header[1] = self.state.code() << 6 | self.flags(seal.is_some());
        header[2] = self.detect_mult.0.get();
        header[3] = u8::try_from(length).unwrap_or(u8::MAX);
        let your_discriminator = self.your_discriminator.map_or(0, |your| your.0.get());
        let words = [
            self.my_discriminator.0.get(),
            your_discriminator,
            micros(self.desired_min_tx),
            micros(self.required_min_rx),
            micros(self.required_min_echo_rx),
        ];
        let (places, _) = header[4..].as_chunks_mut::<4>();
        for (place, word) in places.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        header
    }

    fn flags(&self, authenticated: bool) -> u8 {
        let flags = [
            (self.poll, POLL),
            (self.final_, FINAL),
            (self.control_plane_independent, CONTROL_PLANE_INDEPENDENT),
            (authenticated, AUTHENTICATION_PRESENT),
            (self.demand, DEMAND),
        ];
        flags.into_iter().filter(|&(set, _)| set).fold(0, |all, (_, flag)| all | flag)
    }
}

impl<'a> Packet<'a> {
    /// Reads the payload of an UDP packet. What follows after its Length is not looked at.
    ///
    /// # Errors
    ///
    /// Which of the rules it breaks that need no session: the first, in the order of RFC 5880
    /// §6.8.6.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Discard> {
        let message = whole(payload)?;
        let Some(header) = message.first_chunk::<HEADER>() else {
            // The Length said that it is there.
            return Err(Discard::Truncated { length: message.len(), claimed: HEADER as u8 });
        };
        let control = control(header)?;
        Ok(Self { control, message, authenticated: header[1] & AUTHENTICATION_PRESENT != 0 })
    }

    /// All of it, to where its Length says that it ends.
    #[must_use]
    pub fn message(&self) -> &'a [u8] {
        self.message
    }

    /// The authentication section: two bytes or more, unchecked. Absent where the A bit is not set.
    #[must_use]
    pub fn section(&self) -> Option<&'a [u8]> {
        self.authenticated.then(|| self.message.get(HEADER..)).flatten()
    }
}

/// The first three rules: version and length.
fn whole(payload: &[u8]) -> Result<&[u8], Discard> {
    let Some(&[version, flags, _, claimed]) = payload.first_chunk() else {
        return Err(Discard::Truncated { length: payload.len(), claimed: HEADER as u8 });
    };
    let found = version >> 5;
    if found != VERSION {
        return Err(Discard::Version { found });
    }
    let least = if flags & AUTHENTICATION_PRESENT == 0 { HEADER as u8 } else { WITH_AUTH };
    if claimed < least {
        return Err(Discard::Length { claimed, least });
    }
    let truncated = Discard::Truncated { length: payload.len(), claimed };
    payload.get(..usize::from(claimed)).ok_or(truncated)
}

/// The rules after them, up to where a session is selected.
fn control(header: &[u8; HEADER]) -> Result<Control, Discard> {
    let (words, _) = header.as_chunks::<4>();
    let word = |index: usize| words.get(index).map_or(0, |&word| u32::from_be_bytes(word));
    let interval = |index| Duration::from_micros(word(index).into());
    let [version, flags, detect_mult, _] = words[0];
    let detect_mult = DetectMult::new(detect_mult).ok_or(Discard::DetectMult)?;
    if flags & MULTIPOINT != 0 {
        return Err(Discard::Multipoint);
    }
    let my_discriminator = Discriminator::new(word(1)).ok_or(Discard::NoDiscriminator)?;
    let your_discriminator = Discriminator::new(word(2));
    let state = State::from_code(flags >> 6);
    if your_discriminator.is_none() && matches!(state, State::Init | State::Up) {
        return Err(Discard::Unaddressed { state });
    }
    Ok(Control {
        diagnostic: Diagnostic::from_code(version & 0x1f),
        state,
        poll: flags & POLL != 0,
        final_: flags & FINAL != 0,
        control_plane_independent: flags & CONTROL_PLANE_INDEPENDENT != 0,
        demand: flags & DEMAND != 0,
        detect_mult,
        my_discriminator,
        your_discriminator,
        desired_min_tx: interval(3),
        required_min_rx: interval(4),
        required_min_echo_rx: interval(5),
    })
}

fn micros(interval: Duration) -> u32 {
    u32::try_from(interval.as_micros()).unwrap_or(u32::MAX)
}

impl Discriminator {
    /// Absent for zero.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl DetectMult {
    /// Absent for zero.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match NonZeroU8::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl State {
    /// Two bits.
    fn code(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }

    /// Of the two lowest bits.
    fn from_code(code: u8) -> Self {
        match code & 3 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }
}

impl Diagnostic {
    /// Five bits.
    fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::DetectionTimeExpired => 1,
            Self::EchoFailed => 2,
            Self::NeighbourSignalledDown => 3,
            Self::ForwardingPlaneReset => 4,
            Self::PathDown => 5,
            Self::ConcatenatedPathDown => 6,
            Self::AdministrativelyDown => 7,
            Self::ReverseConcatenatedPathDown => 8,
            Self::Other(code) => code & 0x1f,
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            0 => Self::None,
            1 => Self::DetectionTimeExpired,
            2 => Self::EchoFailed,
            3 => Self::NeighbourSignalledDown,
            4 => Self::ForwardingPlaneReset,
            5 => Self::PathDown,
            6 => Self::ConcatenatedPathDown,
            7 => Self::AdministrativelyDown,
            8 => Self::ReverseConcatenatedPathDown,
            code => Self::Other(code),
        }
    }
}

impl fmt::Display for Discriminator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no reason"),
            Self::DetectionTimeExpired => f.write_str("detection time expired"),
            Self::EchoFailed => f.write_str("echo function failed"),
            Self::NeighbourSignalledDown => f.write_str("neighbour signalled down"),
            Self::ForwardingPlaneReset => f.write_str("forwarding plane reset"),
            Self::PathDown => f.write_str("path down"),
            Self::ConcatenatedPathDown => f.write_str("concatenated path down"),
            Self::AdministrativelyDown => f.write_str("administratively down"),
            Self::ReverseConcatenatedPathDown => f.write_str("reverse concatenated path down"),
            Self::Other(code) => write!(f, "diagnostic {code}"),
        }
    }
}
