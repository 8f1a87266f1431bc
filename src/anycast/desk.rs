//! The board with its clock: whoever has news brings them here, and what follows goes to the speaker
//! in the same call. So a verdict is on the wire one wake-up after it was given.
#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::announce::ladder::{Departure, Transition, Why};
use crate::announce::{Board, Stage};
use crate::bgp::config::PeerConfig;
use crate::bgp::speaker::Speaker;
use crate::events::{Events, Kind};

/// The board, who is told, and a thread for its deadlines. Cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// The deadline may be another, or it is over.
    changed: Condvar,
    events: Events,
}

struct State {
    board: Board,
    peers: Vec<PeerConfig>,
    /// Absent until it is started.
    speaker: Option<Speaker>,
    ended: bool,
}

impl Desk {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there is none to be had.
    pub(super) fn start(board: Board, events: Events) -> std::io::Result<Self> {
        let state = State { board, peers: Vec::new(), speaker: None, ended: false };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), events };
        let desk = Self { shared: Arc::new(shared) };
        let clock = desk.clone();
        std::thread::Builder::new().name("announce".into()).spawn(move || clock.run())?;
        Ok(desk)
    }

    /// Tells this speaker from now on, for these peers.
    pub(super) fn speak(&self, speaker: Speaker, peers: Vec<PeerConfig>) {
        let mut state = self.lock();
        (state.speaker, state.peers) = (Some(speaker), peers);
        self.settle(state);
    }

    /// Brings news to the board, and what follows from them to the speaker.
    pub(super) fn tell<T>(&self, news: impl FnOnce(&mut Board, Instant) -> T) -> T {
        let mut state = self.lock();
        let result = news(&mut state.board, Instant::now());
        self.settle(state);
        result
    }

    /// Reads the board; nothing follows.
    pub(super) fn read<T>(&self, what: impl FnOnce(&Board, Instant) -> T) -> T {
        what(&self.lock().board, Instant::now())
    }

    /// Waits until the node has gone as far as is wanted. A node that is not the last is gone after
    /// a time; one that is may wait for ever, so `patience` is the most.
    pub(super) fn await_departure(
        &self,
        patience: Duration,
        is_far_enough: impl Fn(Departure) -> bool,
    ) -> Departure {
        let limit = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            let (now, departure) = (Instant::now(), state.board.departure());
            if state.ended || is_far_enough(departure) || now >= limit {
                return departure;
            }
            let waited = self.shared.changed.wait_timeout(state, limit - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends the thread and lets go of the speaker.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.speaker = None;
        self.shared.changed.notify_all();
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = Instant::now();
            state = match state.board.next_deadline() {
                Some(until) if until <= now => {
                    state.board.handle_timeout(now);
                    self.settle(state);
                    self.lock()
                }
                Some(until) => {
                    let waited = self.shared.changed.wait_timeout(state, until - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Says what has changed: to the speaker first, for it is in a hurry.
    fn settle(&self, mut state: MutexGuard<'_, State>) {
        if let Some(speaker) = &state.speaker {
            speaker.set_routes(state.board.routes(&state.peers));
        }
        while let Some((name, transition)) = state.board.poll_transition() {
            log(&name, &transition);
            self.shared.events.tell(Kind::Announcement, &*name, in_words(&transition));
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `announced → withdrawn: this node cannot answer`.
fn in_words(Transition { from, to, why }: &Transition) -> String {
    let (before, now) = (from.word(), to.word());
    if from == to { format!("still {now}: {why}") } else { format!("{before} → {now}: {why}") }
}

/// One line for each step of an announcement.
fn log(announcement: &str, transition: &Transition) {
    let (from, to, text) = (transition.from, transition.to, in_words(transition));
    let (before, now) = (from.word(), to.word());
    match (from, to) {
        (from, to) if from == to => info!(announcement, stage = now, "{text}"),
        // An operator's own doing is no reason to wake him.
        (_, Stage::Withdrawn) if matches!(transition.why, Why::Leaving(_)) => {
            info!(announcement, from = before, to = now, "{text}");
        }
        (_, Stage::Withdrawn | Stage::Depreferred) => {
            warn!(announcement, from = before, to = now, "{text}");
        }
        (_, Stage::Announced | Stage::Draining) => {
            info!(announcement, from = before, to = now, "{text}");
        }
    }
}
