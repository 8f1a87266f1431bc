//! One node, told what happens and asked what it does: transcripts.
//!
//! Times are milliseconds since the node was made. What it does is written as it is done, in order:
//! `advertise 100, own, announce 5, Backup → Active (silence)`.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::tie::Rank;
use super::{Action, Advert, BfdHint, Command, Machine, Outcome, State, Warning};
use crate::conditions::{Fault, Standing, Unhealthy};
use crate::config::{Config, Priority};
use crate::fixture::{healthy, origin, v4};
use crate::receive::{PeerId, Sender};

mod conflict;
mod group;
mod handover;
mod joining;
mod neighbours;
mod preempt;
mod reload;
mod socket;
mod stall;
mod table;
mod telling;
mod ties;
mod timers;

/// No deadline.
const NEVER: f64 = f64::INFINITY;

/// A machine and its clock.
struct Node {
    machine: Machine,
    config: Config,
    start: Instant,
    now: Instant,
}

impl Node {
    /// Healthy, and in the election already unless something delays it.
    fn new(config: Config) -> Self {
        let standing = healthy(&config);
        let mut node = Self::with(config, standing);
        node.said();
        node
    }

    fn with(config: Config, standing: Standing) -> Self {
        let start = origin();
        let machine = Machine::new(config.clone(), standing, start);
        Self { machine, config, start, now: start }
    }

    /// Backup of 10.0.0.2, last heard at 0 with priority 150.
    fn backup(config: Config) -> Self {
        let mut node = Self::new(config);
        node.hears(150);
        assert_eq!(node.machine.state(), State::Backup);
        node
    }

    /// Active since 0, for 10.0.0.2 gave the role away.
    fn active(config: Config) -> Self {
        let mut node = Self::new(config);
        for member in 0..node.config.families().len() {
            node.hears_advert(Advert { member, ..advert(0) });
        }
        node.now += node.machine.next_deadline().expect("a Backup's") - node.now;
        node.timeout();
        assert_eq!(node.machine.state(), State::Active);
        node.start = node.now;
        node
    }

    /// Moves the clock; the machine is not told.
    fn at(&mut self, milliseconds: impl Into<f64>) -> &mut Self {
        self.now = self.start + ms(milliseconds);
        self
    }

    fn due(&self) -> f64 {
        let since = |at: Instant| at.saturating_duration_since(self.start).as_nanos() as f64 / 1e6;
        self.machine.next_deadline().map_or(NEVER, since)
    }

    /// Lets it wake at each of its deadlines up to a time, and says when it did what.
    fn run_until(&mut self, milliseconds: impl Into<f64>) -> Vec<(f64, String)> {
        let until = milliseconds.into();
        let mut said = Vec::new();
        while self.due() <= until {
            let due = self.due();
            let words = self.at(due).timeout();
            if !words.is_empty() {
                said.push((due, words));
            }
        }
        self.at(until);
        said
    }

    fn timeout(&mut self) -> String {
        self.machine.handle_timeout(self.now);
        self.said()
    }

    /// An advertisement of 10.0.0.2 on the first member; its address is the higher one.
    fn hears(&mut self, priority: u8) -> String {
        self.hears_advert(advert(priority))
    }

    fn hears_advert(&mut self, advert: Advert) -> String {
        self.machine.handle_advertisement(self.now, &advert);
        self.said()
    }

    fn standing(&mut self, standing: Standing) -> String {
        self.machine.handle_standing(self.now, standing);
        self.said()
    }

    fn recovers(&mut self) -> String {
        self.standing(healthy(&self.config))
    }

    fn reload(&mut self, config: Config) -> String {
        self.config = config.clone();
        self.machine.handle_config(self.now, config);
        self.said()
    }

    fn link_up(&mut self) -> String {
        self.machine.handle_link_up(self.now);
        self.said()
    }

    fn removed(&mut self, addresses: &[IpAddr]) -> String {
        self.machine.handle_addresses_removed(self.now, addresses);
        self.said()
    }

    fn bfd(&mut self, hint: BfdHint) -> String {
        self.machine.handle_bfd(self.now, hint);
        self.said()
    }

    fn command(&mut self, command: Command) -> String {
        self.machine.handle_command(self.now, command);
        self.said()
    }

    fn said(&mut self) -> String {
        let actions = std::iter::from_fn(|| self.machine.poll_action());
        actions.map(|action| words(&action)).collect::<Vec<_>>().join(", ")
    }
}

fn ms(milliseconds: impl Into<f64>) -> Duration {
    Duration::from_nanos((milliseconds.into() * 1e6).round() as u64)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The `n`-th host of the link.
fn host(n: u8) -> Sender {
    Sender { address: v4(n), peer: (n == 2).then_some(PeerId(0)) }
}

/// From 10.0.0.2, whose address is higher than ours.
fn advert(priority: u8) -> Advert {
    Advert {
        member: 0,
        sender: host(2),
        priority: Priority(priority),
        interval: secs(1),
        rank: Rank::Decides(Ordering::Greater),
    }
}

/// From a node whose address is lower than ours.
fn losing(priority: u8) -> Advert {
    Advert { rank: Rank::Decides(Ordering::Less), ..advert(priority) }
}

fn standing(priority: u8) -> Standing {
    Standing { fault: None, priority: Priority(priority), unhealthy: None, witness: true }
}

fn unhealthy() -> Standing {
    Standing { unhealthy: Some(Unhealthy::CannotAnswer), ..standing(1) }
}

fn faulty() -> Standing {
    Standing { fault: Some(Fault::InterfaceDown), ..standing(100) }
}

fn without_witness() -> Standing {
    Standing { witness: false, unhealthy: Some(Unhealthy::WitnessLost), ..standing(1) }
}

fn words(action: &Action) -> String {
    match action {
        Action::Advertise { priority } => format!("advertise {priority}"),
        Action::Own => "own".to_owned(),
        Action::Disown => "disown".to_owned(),
        Action::Announce { count } => format!("announce {count}"),
        Action::Transition(change) => {
            format!("{} → {} ({})", change.from, change.to, change.reason.label())
        }
        Action::Warning(warning) => format!("warn {}", warned(warning)),
        Action::Ended(outcome) => format!("ended {}", ended(outcome)),
    }
}

fn warned(warning: &Warning) -> String {
    match warning {
        Warning::DualActive { with, priority } => format!("dual active {with} {priority}"),
        Warning::Stalled { silent } => format!("stalled {silent:?}"),
        Warning::LateWakeUp { late } => format!("late {late:?}"),
        Warning::CutOff => "cut off".to_owned(),
        Warning::AddressRemoved => "address removed".to_owned(),
        Warning::Standing { priority, .. } => format!("priority {priority}"),
    }
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::TookOver(by) => format!("taken by {by}"),
        Outcome::NobodyTookOver => "nobody took over".to_owned(),
        Outcome::NotActive(state) => format!("not active but {state}"),
        Outcome::Unheld => "unheld".to_owned(),
        Outcome::Stopped => "stopped".to_owned(),
    }
}
