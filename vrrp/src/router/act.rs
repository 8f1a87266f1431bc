//! The actions of the machine, done in their order.

use std::net::IpAddr;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::driver::Driver;
use super::ground::Ground;
use super::status::count;
use super::warnings::Topic;
use crate::config::{Family, Priority};
use crate::linux::neighbour::Distance;
use crate::linux::netlink::{Change, Placement};
use crate::linux::record::{Active, LastSequence};
use crate::linux::{KernelError, Mac};
use crate::machine::{Action, Outcome, State, Transition, Warning};
use crate::notify::{Notice, Word};

/// How often the place in the authentication's sequence is saved: a restart after which the wall
/// clock stands before it goes on from there.
pub(super) const SAVE_SEQUENCE: Duration = Duration::from_secs(10);

impl Driver {
    /// Does what the machine wants done.
    pub(super) fn act(&mut self, now: Instant) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Advertise { priority } => self.advertise(now, priority),
                Action::Own => self.own(now),
                Action::Disown => self.disown(now),
                Action::Announce { count } => self.announce(now, count),
                Action::Transition(transition) => self.tell_transition(transition),
                Action::Warning(warning) => self.tell_warning(now, &warning),
                Action::Ended(outcome) => self.tell_end(outcome),
            }
        }
    }

    fn advertise(&mut self, now: Instant, priority: Priority) {
        let (board, mut failed) = (&self.told.board, None);
        self.wire.send(&self.config, priority, |path, result| {
            let Some(counters) = board.counters(path.member) else { return };
            match result {
                Ok(()) => count(&counters.sent),
                Err(error) => {
                    count(&counters.unsent);
                    failed = Some((path.destination, error));
                }
            }
        });
        if let Some((destination, error)) = failed {
            let patience = self.patience();
            let topic = Topic::about("unsent", destination);
            self.raise(now, topic, error.to_string(), patience);
            // The source or the route may have changed without a word.
            self.try_again(now);
        }
        self.save_sequence(now);
    }

    fn save_sequence(&mut self, now: Instant) {
        let recently = |at: Instant| now.saturating_duration_since(at) < SAVE_SEQUENCE;
        if self.told.saved.is_some_and(recently) {
            return;
        }
        let Some(stamp) = self.wire.last_stamp() else { return };
        self.told.saved = Some(now);
        self.keeper.save_sequence(LastSequence {
            seconds: stamp.seconds,
            fraction: stamp.fraction,
            counter: stamp.counter,
        });
    }

    fn own(&mut self, now: Instant) {
        let placement = Placement::Served { lease: self.config.lease() };
        let changes: Vec<Change<'_>> = self
            .ours()
            .filter_map(|address| {
                let (interface, _) = self.ground.stand(Family::of(address))?;
                Some(Change::Add { interface, address, placement })
            })
            .collect();
        self.owned = true;
        if let Some(error) = self.netlink.change(&changes).into_iter().next() {
            self.refuse(now, &error);
        } else {
            self.clear(&Topic::own("addresses"));
        }
    }

    /// An Active without its addresses is worse than none.
    fn refuse(&mut self, now: Instant, error: &KernelError) {
        self.stand(now, Topic::own("addresses"), error.to_string());
        self.refused_until = Some(now + self.config.fault_hold);
        self.try_again(now);
    }

    fn disown(&mut self, now: Instant) {
        let addresses: Vec<IpAddr> = self.ours().collect();
        self.owned = false;
        self.remove(now, &addresses);
    }

    /// Takes addresses off the interface.
    pub(super) fn remove(&mut self, now: Instant, addresses: &[IpAddr]) {
        let changes: Vec<Change<'_>> = addresses
            .iter()
            .filter(|&&address| !self.ground.is_foreign(address))
            .filter_map(|&address| {
                let (interface, _) = self.ground.stand(Family::of(address))?;
                Some(Change::Remove { interface, address })
            })
            .collect();
        for error in self.netlink.change(&changes) {
            let patience = self.config.lease().unwrap_or(Duration::MAX).max(self.patience());
            self.raise(now, Topic::own("removal"), error.to_string(), patience);
        }
    }

    /// The addresses that are ours to add and to remove.
    fn ours(&self) -> impl Iterator<Item = IpAddr> {
        self.config.addresses.iter().copied().filter(|&address| !self.ground.is_foreign(address))
    }

    fn announce(&mut self, now: Instant, count: u8) {
        let Ground::Ready(prepared) = &self.ground else { return };
        let own = self.host.link(&self.config.interface).and_then(|link| link.mac);
        let mut failed = None;
        for _ in 0..count {
            for &address in &self.config.addresses {
                let Some((interface, vmac)) = self.ground.stand(Family::of(address)) else {
                    continue;
                };
                // Without an Ethernet address there is nobody who keeps one.
                let Some(mac) = vmac.or(own) else { continue };
                let announcer = &self.neighbours.announcer;
                failed =
                    announcer.announce(interface, mac, address, prepared.role).err().or(failed);
            }
        }
        self.ask_for_strangers();
        if let Some(error) = failed {
            let patience = self.patience();
            self.raise(now, Topic::own("announcements"), error.to_string(), patience);
        }
    }

    /// Asks the network for the addresses that this node has: whoever answers has them too, and
    /// need not say so by itself (RFC 5227 §2.4 has a host announce, not ask).
    fn ask_for_strangers(&mut self) {
        for address in self.config.addresses.clone() {
            let Some((asker, Distance::OnLink)) = self.asker_for(address) else { continue };
            if let Some(watch) = &mut self.neighbours.watch {
                // It is asked again with the next announcement.
                let _ = watch.ask(address, asker, Distance::OnLink);
            }
        }
    }

    fn tell_transition(&mut self, transition: Transition) {
        if transition.from != transition.to {
            self.told.since = transition.at;
        }
        *self.told.transitions.entry(transition.reason.label()).or_default() += 1;
        self.write_down(&transition);
        if let (Some(word), Some(notify), Some(notifier)) =
            (Word::of(transition.to), &self.notify, &self.notifier)
        {
            let (name, priority) = (self.config.name.clone(), transition.priority);
            notifier.notify(notify, Notice { name, word, priority });
        }
        self.observe(move |observer, group| observer.transition(group, &transition));
    }

    /// For whoever cleans up after a crash.
    fn write_down(&self, transition: &Transition) {
        match (transition.from, transition.to) {
            (State::Active, State::Active | State::HandingOver) => {}
            (_, State::Active) => self.keeper.set_active(self.active()),
            (State::Active | State::HandingOver, _) => {
                self.keeper.clear_active(self.config.name.clone());
            }
            (State::Initialize | State::Backup | State::Fault, _) => {}
        }
    }

    fn active(&self) -> Active {
        let config = &self.config;
        let paths = &self.wire.plan().paths;
        let unicast = paths.iter().filter(|_| !config.peers.is_empty());
        Active {
            group: config.name.clone(),
            interface: config.interface.clone(),
            vrid: config.id.0.get(),
            version: config.version.number(),
            interval_ms: u64::try_from(config.advertise.as_millis()).unwrap_or(u64::MAX),
            addresses: config.addresses.clone(),
            sources: paths.iter().map(|path| path.source).collect(),
            peers: unicast.map(|path| path.destination).collect(),
            pair_mode: config.pair_mode,
        }
    }

    fn tell_warning(&mut self, now: Instant, warning: &Warning) {
        let (text, patience) = (warning.to_string(), self.patience() * 2);
        match warning {
            Warning::DualActive { with, .. } => {
                self.raise(now, Topic::about("dual_active", with.address), text, patience);
            }
            Warning::Stalled { .. } => self.raise(now, Topic::own("stalled"), text, patience),
            Warning::LateWakeUp { .. } => self.raise(now, Topic::own("late"), text, patience),
            Warning::CutOff => self.raise(now, Topic::own("cut_off"), text, patience),
            Warning::AddressRemoved => self.raise(now, Topic::own("removed"), text, patience),
            // What it says stands in the status by itself.
            Warning::Standing { unhealthy, priority } => {
                let (unhealthy, priority) = (unhealthy.clone(), *priority);
                self.observe(move |observer, group| {
                    observer.standing(group, priority, unhealthy.as_ref());
                });
            }
        }
    }

    fn tell_end(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::TookOver(_) | Outcome::NobodyTookOver | Outcome::NotActive(_) => {
                for waiter in self.failing_over.drain(..) {
                    // Who asked may have gone away.
                    let _ = waiter.send(outcome);
                }
            }
            Outcome::Unheld => {}
            Outcome::Stopped => self.leave(),
        }
    }

    /// The end: all is undone, and then told to who waits for it, after the last notice.
    fn leave(&mut self) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        let waiters = std::mem::take(&mut self.stopping);
        let notifier = self.notifier.take();
        let vmacs = self.ground.vmacs();
        self.told.saved = None;
        self.keeper.leave(&self.config, &vmacs, move || match notifier {
            Some(notifier) => notifier.finish(move || release(waiters)),
            None => release(waiters),
        });
    }

    /// The MAC address that the virtual router of a family answers with on other nodes that use
    /// one.
    pub(super) fn virtual_macs(&self) -> impl Iterator<Item = Mac> {
        let id = self.config.id;
        self.config.families().into_iter().map(move |family| crate::linux::vmac::mac(family, id))
    }
}

fn release(waiters: Vec<Sender<()>>) {
    for waiter in waiters {
        // Who asked may have gone away.
        let _ = waiter.send(());
    }
}
