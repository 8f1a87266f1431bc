//! The thread's turn: what wakes it, and when it looks again of itself.

use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};
use vrrp::event_loop::{Context, Handler, Token};
use vrrp::mailbox::Mailbox;

use super::Order;
use super::report::Reports;
use crate::ecmp::kernel::RouteKey;
use crate::ecmp::knobs::{self, Knob, Knobs};
use crate::ecmp::members::Pools;
use crate::ecmp::netlink::Netlink;
use crate::ecmp::netlink::notice::Notices;
use crate::ecmp::pace::Pace;
use crate::ecmp::plan::Groups;
use crate::ecmp::record::{Keep, Record};
use crate::ecmp::{EcmpConfig, OnExit, release};

const ORDERS: Token = Token(0);
const NOTICES: Token = Token(1);

/// How often the tables are looked at though nothing is known to have changed: the kernel does not
/// tell of everything, and a listing costs less than a millisecond.
const LOOK: Duration = Duration::from_secs(30);
/// How soon after a failure, at first; then twice as long, up to [`LOOK`].
const AGAIN: Duration = Duration::from_secs(1);

/// The driver.
pub(super) struct Thread {
    pub(super) entries: Vec<EcmpConfig>,
    /// Absent: not known yet.
    pub(super) pools: Option<Pools>,
    pub(super) netlink: Netlink,
    pub(super) links: vrrp::linux::netlink::Netlink,
    pub(super) knobs: Knobs,
    pub(super) pace: Pace,
    pub(super) reports: Reports,
    /// The group made for each place.
    pub(super) groups: Groups,
    /// Where entries contradict each other about knobs, and knobs that could not be turned.
    pub(super) knob_alarms: Vec<(usize, String)>,
    record: Record,
    notices: Notices,
    inbox: Mailbox<Order>,
    next_look: Instant,
    patience: Duration,
    /// Nothing more is to be done: the end was well.
    over: bool,
}

/// How a look at the kernel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All is as wanted, and stays so until something changes; or until then.
    Done(Option<Instant>),
    /// Something could not be done, and may be later.
    Failed,
}

impl Thread {
    /// Opens everything, and asks whether changes are permitted.
    ///
    /// # Errors
    /// See [`super::Ecmp::start`].
    #[expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]
    pub(super) fn new(
        entries: Vec<EcmpConfig>,
        state: &Path,
        inbox: Mailbox<Order>,
        reports: Reports,
    ) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("ecmp: {error}");
        let mut netlink = Netlink::open().map_err(|error| failed(&error))?;
        netlink.may_change().map_err(|error| failed(&error))?;
        let links = vrrp::linux::netlink::Netlink::open().map_err(|error| failed(&error))?;
        let notices = Notices::open().map_err(|error| failed(&error))?;
        let record = Record::open(state).map_err(|error| failed(&error))?;
        if let Some(complaint) = record.complaint() {
            warn!("{complaint}");
        }
        let mut thread = Self {
            entries: Vec::new(),
            pools: None,
            netlink,
            links,
            knobs: Knobs::of_host(),
            pace: Pace::default(),
            reports,
            groups: Groups::default(),
            knob_alarms: Vec::new(),
            record,
            notices,
            inbox,
            next_look: Instant::now(),
            patience: AGAIN,
            over: false,
        };
        thread.take_entries(entries).map_err(|error| failed(&error))?;
        Ok(thread)
    }

    /// Writes down what is to stay, turns the knobs.
    fn take_entries(&mut self, entries: Vec<EcmpConfig>) -> Result<(), String> {
        self.entries = entries;
        self.record.set_keep(keep(&self.entries))?;
        let knobs::Wanted { knobs: wanted, clashes } = knobs::wanted(&self.entries);
        self.knob_alarms = clashes;
        let still = wanted.iter().map(|(knob, _)| *knob).collect();
        for undone in self.record.turn_back(&self.knobs, &still)? {
            self.knob_alarms.extend(undone.err().map(|why| (0, why)));
        }
        for (knob, value) in wanted {
            if let Err(why) = self.record.turn(&self.knobs, knob, value) {
                self.knob_alarms.push((self.first_to_want(knob), why));
            }
        }
        Ok(())
    }

    fn first_to_want(&self, knob: Knob) -> usize {
        let wants = |entry: &EcmpConfig| knobs_of(entry).any(|wanted| wanted == knob);
        self.entries.iter().position(wants).unwrap_or(0)
    }

    fn obey(&mut self, context: &mut Context<'_>) {
        let mut changed = false;
        for order in self.inbox.take() {
            match order {
                Order::Entries(entries, pools) => {
                    if let Err(error) = self.take_entries(entries) {
                        error!("ecmp: {error}");
                    }
                    self.pools = Some(pools);
                    changed = true;
                }
                Order::Pools(pools) => {
                    self.pools = Some(pools);
                    changed = true;
                }
                Order::Stop(done) => {
                    self.undo();
                    context.finish();
                    let _ = done.send(());
                    return;
                }
            }
        }
        if changed {
            self.look_now(context.now());
        }
    }

    /// Looks, and decides when to look again.
    fn look_now(&mut self, now: Instant) {
        let wait = match self.look(now) {
            Outcome::Done(next) => {
                self.patience = AGAIN;
                next.map_or(LOOK, |next| next.saturating_duration_since(now).min(LOOK))
            }
            Outcome::Failed => {
                let wait = self.patience;
                self.patience = (self.patience * 2).min(LOOK);
                wait
            }
        };
        self.next_look = now + wait;
    }

    fn undo(&mut self) {
        self.over = true;
        let keep = keep(&self.entries);
        match release::undo(&mut self.netlink, &mut self.record, &self.knobs, keep) {
            Ok(undone) => {
                let (failed, done): (Vec<_>, Vec<_>) =
                    undone.iter().partition(|undone| undone.is_failed());
                done.iter().for_each(|undone| info!("ecmp: {undone}"));
                failed.iter().for_each(|undone| error!("ecmp: {undone}"));
                if failed.is_empty()
                    && let Err(error) = self.record.close()
                {
                    error!("ecmp: {error}");
                }
            }
            Err(error) => error!("ecmp: {error}"),
        }
    }
}

/// What stays when this process ends: the routes of entries that say so, and the knobs that their
/// flows depend on.
fn keep(entries: &[EcmpConfig]) -> Keep {
    let staying = || entries.iter().filter(|entry| entry.on_exit == OnExit::Keep);
    Keep {
        routes: staying().map(RouteKey::of).collect(),
        knobs: staying().flat_map(knobs_of).collect(),
    }
}

fn knobs_of(entry: &EcmpConfig) -> impl Iterator<Item = Knob> {
    let policies = entry.hash_policy.map(|_| [Knob::HashPolicyV4, Knob::HashPolicyV6]);
    let seed = entry.hash_seed.map(|_| Knob::HashSeed);
    policies.into_iter().flatten().chain(seed)
}

impl Handler for Thread {
    fn added(&mut self, context: &mut Context<'_>) {
        let watched =
            context.watch(&self.inbox, ORDERS).and_then(|()| context.watch(&self.notices, NOTICES));
        if let Err(error) = watched {
            error!("ecmp: cannot wait for changes: {error}");
        }
        self.look_now(context.now());
    }

    fn readable(&mut self, context: &mut Context<'_>, token: Token) {
        if self.over {
            return;
        }
        if token == ORDERS {
            return self.obey(context);
        }
        match self.notices.take() {
            Ok(true) => self.look_now(context.now()),
            Ok(false) => {}
            Err(error) => {
                error!("ecmp: changes of routes and links are not heard of: {error}");
                let _ = context.unwatch(&self.notices);
            }
        }
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        self.look_now(context.now());
    }

    fn deadline(&self) -> Option<Instant> {
        (!self.over).then_some(self.next_look)
    }

    fn tolerance(&self) -> Duration {
        AGAIN
    }
}
