//! One session with one neighbour (RFC 5880 §6.8); pure.
//!
//! ```text
//!                   hears Down                     hears Init, Up
//!          ┌───────────────────────▶ Init ──────────────────────────┐
//!          │                          │                             ▼
//!        Down ◀───────────────────────┴── silence, AdminDown ────── Up
//!          │ ▲                                                    ▲ │
//!          │ └──────────────── silence, Down, AdminDown ──────────┼─┘
//!          └───────────────────────── hears Init ─────────────────┘
//! ```
//!
//! From everywhere an operator leads to AdminDown, and from there to Down.
//!
//! The caller reads its sockets, then calls [`Session::handle_timeout`] when a deadline has passed,
//! then asks [`Session::poll_transmit`] and [`Session::poll_event`] until there is nothing. No
//! timer is stored: every deadline is the time of the last packet, ours or the neighbour's, plus an
//! interval that is worked out from what is in force now, so that a change of either side's
//! intervals holds for the running one too (§6.8.3).

mod config;
mod event;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use config::{Config, Role};
pub use event::{Event, Failure, Side};

use super::Discard;
use super::auth::{Received, Seal, Sent};
use super::packet::{Control, DetectMult, Diagnostic, Discriminator, Packet, State};
use timers::{Pace, SLOW, Timers};

/// A session.
#[derive(Debug)]
pub struct Session {
    config: Config,
    /// bfd.LocalDiscr.
    discriminator: Discriminator,
    state: State,
    /// bfd.LocalDiag.
    diagnostic: Diagnostic,
    timers: Timers,
    remote: Remote,
    silence: Silence,
    transmission: Transmission,
    received: Received,
    events: VecDeque<Event>,
}

/// What the neighbour last said of itself.
#[derive(Clone, Copy, Debug)]
struct Remote {
    /// bfd.RemoteDiscr.
    discriminator: Option<Discriminator>,
    state: State,
    /// bfd.RemoteDemandMode.
    demand: bool,
    detect_mult: DetectMult,
    desired_min_tx: Duration,
    /// bfd.RemoteMinRxInterval.
    required_min_rx: Duration,
}

/// Since when the neighbour has been silent.
#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    /// When it was last heard.
    heard: Option<Instant>,
    /// The detection time runs from then; absent when it has ended, or never began.
    since: Option<Instant>,
    /// The neighbour has had its second detection time.
    forgiven: bool,
}

/// What was sent, and what has to be.
#[derive(Clone, Copy, Debug)]
struct Transmission {
    last: Option<Instant>,
    /// Of the interval that began with the last periodic packet.
    random: u32,
    /// Our state changed: the neighbour should know at once (RFC 5880 §6.8.7).
    urgent: bool,
    /// An answer to a poll is due.
    answer: bool,
    sequence: Sent,
}

/// What an operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// AdminDown.
    Disable,
    /// Back to Down, and up from there.
    Enable,
}

/// A session as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Ours.
    pub state: State,
    /// As the neighbour last said; while it is not heard Down, or AdminDown if it was that.
    pub remote_state: State,
    /// Why ours changed the last time.
    pub diagnostic: Diagnostic,
    /// Our name of it.
    pub discriminator: Discriminator,
    /// The neighbour's, while it is heard.
    pub remote_discriminator: Option<Discriminator>,
    /// Between our periodic packets, before jitter; absent while there are none.
    pub transmit_interval: Option<Duration>,
    /// After so long without a packet the neighbour counts as lost.
    pub detection_time: Duration,
}

impl Session {
    /// A session that begins Down. `discriminator` is random and no other session's, `sequence`
    /// random too: the number before that of the first packet, if they are authenticated.
    #[must_use]
    pub fn new(config: Config, discriminator: Discriminator, sequence: u32) -> Self {
        Self {
            timers: Timers::new(config.intervals()),
            config,
            discriminator,
            state: State::Down,
            diagnostic: Diagnostic::None,
            remote: Remote::default(),
            silence: Silence::default(),
            transmission: Transmission {
                last: None,
                random: 0,
                urgent: false,
                answer: false,
                sequence: Sent::new(sequence),
            },
            received: Received::default(),
            events: VecDeque::new(),
        }
    }

    /// bfd.SessionState.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The session as others see it.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            state: self.state,
            remote_state: self.remote.state,
            diagnostic: self.diagnostic,
            discriminator: self.discriminator,
            remote_discriminator: self.remote.discriminator,
            transmit_interval: self.is_periodic().then(|| self.transmit_interval()),
            detection_time: self.detection_time(),
        }
    }

    /// A packet came that [`Table::select`](super::Table::select) gave to this session, with what
    /// is left of its TTL or hop limit.
    ///
    /// # Errors
    ///
    /// Why it is discarded: nothing has changed.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        hops: u8,
        packet: &Packet<'_>,
    ) -> Result<(), Discard> {
        let least = self.config.least_hops;
        if hops < least {
            return Err(Discard::Hops { hops, least });
        }
        self.authenticate(now, packet)?;
        self.learn(&packet.control);
        self.silence = Silence { heard: Some(now), since: Some(now), forgiven: false };
        self.step(&packet.control);
        // A session that an operator ended answers nothing (RFC 5880 §6.8.6).
        self.transmission.answer |= packet.control.poll && self.state != State::AdminDown;
        Ok(())
    }

    /// Does what is due; any time. Every socket must have been read before.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(at) = self.detection_at().filter(|&at| at <= now) else { return };
        let detection = self.detection_time();
        let (late, counts) = (now - at, matches!(self.state, State::Init | State::Up));
        if counts && late > self.receive_interval() && !self.silence.forgiven {
            self.silence.since = Some(now);
            self.silence.forgiven = true;
            return self.events.push_back(Event::Stalled { late, detection });
        }
        let silent = self.silence.heard.map_or(detection, |heard| now - heard);
        self.silence.since = None;
        self.remote.forget();
        if counts {
            self.fail(Failure::DetectionTimeExpired { silent, detection });
        }
    }

    /// A new configuration of the session with the same neighbour. A change of the multiplier or
    /// the authentication holds at once, one of an interval as the neighbour is able to follow
    /// (RFC 5880 §6.8.3, §6.8.12).
    pub fn handle_config(&mut self, config: Config) {
        if self.config.auth != config.auth {
            self.received = Received::default();
        }
        self.config = config;
        self.set_timers();
    }

    /// An operator ends the session, or begins it again (RFC 5880 §6.8.16). Who ends it for good
    /// keeps it for [`Self::farewell`], so that the neighbour takes notice.
    pub fn handle_command(&mut self, command: Command) {
        match (command, self.state) {
            (Command::Disable, State::AdminDown) => {}
            (Command::Disable, State::Down | State::Init | State::Up) => {
                self.enter(State::AdminDown, Diagnostic::AdministrativelyDown);
                self.transmission.answer = false;
                self.events.push_back(Event::AdminDown(Side::Local));
            }
            (Command::Enable, State::AdminDown) => self.enter(State::Down, Diagnostic::None),
            (Command::Enable, State::Down | State::Init | State::Up) => {}
        }
    }

    /// For how long a session that was ended goes on sending before it is removed: the time after
    /// which the neighbour counts it as lost (RFC 5880 §6.8.16).
    #[must_use]
    pub fn farewell(&self) -> Duration {
        self.transmit_interval() * u32::from(self.config.detect_mult.0.get())
    }

    /// What happened next; ask until there is nothing.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next packet to send now, appended to `out`; ask until there is nothing, with another
    /// uniformly distributed `random` each time.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        random: u32,
        out: &mut Vec<u8>,
    ) -> Option<Control> {
        if std::mem::take(&mut self.transmission.answer) {
            let control = self.control(false, true);
            self.encode(&control, out);
            return Some(control);
        }
        self.transmit_at().filter(|&at| at.is_none_or(|at| at <= now))?;
        self.transmission.last = Some(now);
        self.transmission.random = random;
        self.transmission.urgent = false;
        let control = self.control(self.timers.is_polling(), false);
        self.encode(&control, out);
        Some(control)
    }

    /// When [`Self::handle_timeout`] or [`Self::poll_transmit`] is due; `now` if it is.
    #[must_use]
    pub fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let answer = self.transmission.answer.then_some(now);
        let transmit = self.transmit_at().map(|at| at.unwrap_or(now));
        [answer, transmit, self.detection_at()].into_iter().flatten().min()
    }

    /// The rules that need the session. What was heard long ago says nothing of the sequence
    /// numbers to come: the neighbour may have been restarted (RFC 5880 §6.8.1, bfd.AuthSeqKnown).
    fn authenticate(&mut self, now: Instant, packet: &Packet<'_>) -> Result<(), Discard> {
        match (&self.config.auth, packet.section()) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(Discard::UnexpectedAuth),
            (Some(_), None) => Err(Discard::MissingAuth),
            (Some(auth), Some(_)) => {
                let long_ago = 2 * self.detection_time();
                let fresh = self.silence.heard.is_some_and(|heard| now - heard < long_ago);
                let known = if fresh { self.received } else { Received::default() };
                self.received = Received(Some(auth.verify(packet, known)?));
                Ok(())
            }
        }
    }

    /// What the packet says of the neighbour, whatever our state.
    fn learn(&mut self, control: &Control) {
        let before = std::mem::replace(&mut self.remote, Remote::of(control)).state;
        match (before, control.state) {
            (State::AdminDown, State::AdminDown) => {}
            (State::Down | State::Init | State::Up, State::AdminDown) => {
                self.events.push_back(Event::AdminDown(Side::Neighbour));
            }
            (State::AdminDown, State::Down | State::Init | State::Up) => {
                self.events.push_back(Event::Enabled);
            }
            (State::Down | State::Init | State::Up, State::Down | State::Init | State::Up) => {}
        }
        match control.final_ {
            true => self.timers.handle_final(),
            false => self.timers.handle_plain(),
        }
    }

    /// The state machine (RFC 5880 §6.2, §6.8.6).
    fn step(&mut self, control: &Control) {
        use State::{AdminDown, Down, Init, Up};
        let failure = Failure::NeighbourSignalledDown { theirs: control.diagnostic };
        match (self.state, control.state) {
            (AdminDown, AdminDown | Down | Init | Up) => {}
            (Down, AdminDown | Up) => {}
            (Down, Down) => self.enter(Init, self.diagnostic),
            (Down, Init) => self.come_up(),
            (Init, AdminDown) => self.enter(Down, failure.diagnostic()),
            (Init, Down) => {}
            (Init, Init | Up) => self.come_up(),
            (Up, AdminDown) => self.enter(Down, failure.diagnostic()),
            (Up, Down) => self.fail(failure),
            (Up, Init | Up) => {}
        }
    }

    fn come_up(&mut self) {
        self.enter(State::Up, Diagnostic::None);
        self.events.push_back(Event::Up);
    }

    fn fail(&mut self, failure: Failure) {
        self.events.push_back(match self.state {
            State::Up => Event::Down(failure),
            State::AdminDown | State::Down | State::Init => Event::Lapsed(failure),
        });
        self.enter(State::Down, failure.diagnostic());
    }

    fn enter(&mut self, state: State, diagnostic: Diagnostic) {
        self.state = state;
        self.diagnostic = diagnostic;
        self.transmission.urgent = true;
        self.set_timers();
    }

    fn set_timers(&mut self) {
        let pace = match self.state {
            State::Up => Pace::Up,
            State::AdminDown | State::Down | State::Init => Pace::Slow,
        };
        self.timers.set(self.config.intervals(), pace);
    }

    /// bfd.DesiredMinTxInterval or what the neighbour can receive, if that is slower.
    fn transmit_interval(&self) -> Duration {
        self.timers.in_force().desired_min_tx.max(self.remote.required_min_rx)
    }

    /// What the neighbour's transmit interval is, if it counts as we do.
    fn receive_interval(&self) -> Duration {
        self.timers.in_force().required_min_rx.max(self.remote.desired_min_tx)
    }

    /// **Their** multiplier, of the slower of what we can receive and what they want to send (RFC
    /// 5880 §6.8.4).
    fn detection_time(&self) -> Duration {
        self.receive_interval() * u32::from(self.remote.detect_mult.0.get())
    }

    fn detection_at(&self) -> Option<Instant> {
        Some(self.silence.since? + self.detection_time())
    }

    /// Whether packets are sent without being asked for (RFC 5880 §6.8.7).
    fn is_periodic(&self) -> bool {
        let unheard = self.remote.discriminator.is_none();
        let both_up = self.state == State::Up && self.remote.state == State::Up;
        let news = self.timers.is_polling() || self.transmission.urgent;
        let spared = self.remote.demand && both_up && !news;
        let passive = self.config.role == Role::Passive && unheard;
        !passive && !spared && !self.remote.required_min_rx.is_zero()
    }

    /// When the next packet is due that is no answer: never, at once, or at a time.
    fn transmit_at(&self) -> Option<Option<Instant>> {
        if !self.is_periodic() {
            return None;
        }
        let last = self.transmission.last.filter(|_| !self.transmission.urgent);
        Some(last.map(|last| last + self.jittered()))
    }

    /// 75 to 100 % of the interval, or to 90 % with a multiplier of 1, whose single packet must not
    /// be late (RFC 5880 §6.8.7).
    fn jittered(&self) -> Duration {
        let span = if self.config.detect_mult.0.get() == 1 { 15 } else { 25 };
        let interval = self.transmit_interval();
        let share = f64::from(self.transmission.random) / f64::from(u32::MAX);
        interval * 3 / 4 + (interval * span / 100).mul_f64(share)
    }

    fn control(&self, poll: bool, final_: bool) -> Control {
        let announced = self.timers.announced();
        Control {
            diagnostic: self.diagnostic,
            state: self.state,
            poll,
            final_,
            your_discriminator: self.remote.discriminator,
            desired_min_tx: announced.desired_min_tx,
            required_min_rx: announced.required_min_rx,
            ..Control::new(self.discriminator, self.config.detect_mult)
        }
    }

    fn encode(&mut self, control: &Control, out: &mut Vec<u8>) {
        let seal = self.config.auth.as_ref().map(|auth| Seal {
            auth_type: auth.auth_type,
            key: &auth.send,
            sequence: self.transmission.sequence.next(auth.auth_type, control),
        });
        control.encode(seal.as_ref(), out);
    }
}

impl Remote {
    fn of(control: &Control) -> Self {
        Self {
            discriminator: Some(control.my_discriminator),
            state: control.state,
            demand: control.demand,
            detect_mult: control.detect_mult,
            desired_min_tx: control.desired_min_tx,
            required_min_rx: control.required_min_rx,
        }
    }

    /// The neighbour was silent for the detection time (RFC 5880 §6.8.1, bfd.RemoteDiscr). Beyond
    /// the RFC, what it wanted to receive is forgotten too: two systems of which one wanted nothing
    /// and was restarted could else wait for each other for ever. Its AdminDown is not: that it is
    /// silent after that is no news.
    fn forget(&mut self) {
        self.discriminator = None;
        self.demand = false;
        self.required_min_rx = Self::default().required_min_rx;
        self.state = match self.state {
            State::AdminDown => State::AdminDown,
            State::Down | State::Init | State::Up => State::Down,
        };
    }
}

impl Default for Remote {
    /// RFC 5880 §6.8.1.
    fn default() -> Self {
        Self {
            discriminator: None,
            state: State::Down,
            demand: false,
            detect_mult: DetectMult::new(1).expect("1 is not 0"),
            desired_min_tx: SLOW,
            required_min_rx: Duration::from_micros(1),
        }
    }
}
