//! What the other nodes and the neighbours say.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Observer;
use super::driver::Driver;
use super::ground::Ground;
use super::status::count;
use super::warnings::Topic;
use super::wire::Incoming;
use crate::config::Family;
use crate::linux::neighbour::{Asker, Distance};
use crate::machine::{Advert, tie};
use crate::packet::ChecksumStyle;
use crate::receive::{Dropped, Heard, Notes};

/// A socket is left alone after so many packets, for the others' sake; what is left is read in the
/// next turn.
const FAIR_SHARE: usize = 256;

/// A warning about what others send stands for so long after they sent it, or for twice
/// Active_Down where that is longer: what comes and goes with single packets would flicker, and
/// whoever looks a little later would see nothing. A reload, which may have mended it, ends it.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

impl Driver {
    /// Reads what a member's socket has.
    pub(super) fn hear_routers(&mut self, now: Instant, member: usize) {
        let vmac = self.vmac(member);
        for _ in 0..FAIR_SHARE {
            match self.wire.receive(now, member, &self.config, vmac) {
                Incoming::Nothing => return,
                Incoming::Echo => {}
                Incoming::Heard(heard) => self.heard(now, member, &heard),
                Incoming::Dropped(source, dropped) => self.dropped(now, source, &dropped),
                // The interface went down, or the packet was none. The next may be better.
                Incoming::Failed => self.count_drop("unreadable"),
            }
        }
    }

    fn vmac(&self, member: usize) -> Option<u32> {
        let Ground::Ready(prepared) = &self.ground else { return None };
        let family = self.config.families().get(member).copied();
        let vmac = prepared.vmacs.iter().find(|(of, _)| Some(*of) == family);
        vmac.map(|(_, vmac)| vmac.interface.index)
    }

    fn heard(&mut self, now: Instant, member: usize, heard: &Heard) {
        if let Some(counters) = self.told.board.counters(member) {
            count(&counters.received);
        }
        let Some(ours) = self.address_in_ties(member) else { return };
        let sender = heard.sender;
        let rank = tie::rank(&self.config, member, &sender, ours);
        let (priority, interval) = (heard.priority, heard.interval);
        let advert = Advert { member, sender, priority, interval, rank };
        self.machine.handle_advertisement(now, &advert);
        self.act(now);
        self.note(now, sender.address, &heard.notes);
        let asker = self.asker_for(sender.address);
        let neighbour = asker.filter(|(_, distance)| *distance == Distance::OnLink);
        self.neighbours.heard(now, sender.address, neighbour.map(|(asker, _)| asker));
    }

    /// This node's address that is compared with a sender's. The path that decides may be lost
    /// while others are not: then any of the member's will do until it is back.
    fn address_in_ties(&self, member: usize) -> Option<IpAddr> {
        let plan = self.wire.plan();
        let of_member = plan.paths.iter().find(|path| path.member == member);
        let of_member = of_member.map(|path| path.source);
        match self.config.peers.is_empty() {
            true => of_member,
            false => plan.deciding.or(of_member),
        }
    }

    fn note(&mut self, now: Instant, sender: IpAddr, notes: &Notes) {
        let style = match notes.checksum {
            ChecksumStyle::Pseudo => "pseudo",
            ChecksumStyle::Plain => "plain",
        };
        *self.told.checksums.entry(style).or_default() += 1;
        let patience = self.warning_patience();
        if let Some(difference) = &notes.addresses {
            let text =
                format!("{sender} advertises other addresses ({difference}): set the same on both");
            self.raise(now, Topic::about("address_mismatch", sender), text, patience);
        }
        if let Some(differs) = notes.clock {
            let text = format!(
                "clock differs from {sender} by {} s; it counts all the same, for this node's \
                 clock is not synchronised: set both clocks right",
                differs.as_secs_f64().round()
            );
            self.raise(now, Topic::about("clock", sender), text, patience);
        }
        // A pair that agrees on it needs to be told by its configuration, not by every packet.
        let agreed = |first: IpAddr| self.config.of_family(Family::V6).first() == Some(&first);
        if let Some(first) = notes.not_link_local.filter(|&first| !agreed(first.into())) {
            let text = format!("{sender} advertises {first} first, not a link-local address");
            self.raise(now, Topic::about("not_link_local", sender), text, patience);
        }
    }

    fn dropped(&mut self, now: Instant, source: IpAddr, dropped: &Dropped) {
        if dropped.is_silent() {
            return;
        }
        self.count_drop(dropped.reason());
        let topic = Topic::about(dropped.reason(), source);
        let patience = self.warning_patience();
        self.raise(now, topic, dropped.to_string(), patience);
    }

    fn count_drop(&mut self, reason: &'static str) {
        *self.told.dropped.entry(reason).or_default() += 1;
    }

    fn warning_patience(&self) -> Duration {
        (self.patience() * 2).max(LEAST_PATIENCE)
    }

    /// Reads what the neighbours say.
    pub(super) fn hear_neighbours(&mut self, now: Instant) {
        // A socket that fails does so because its interface does, and that is heard of elsewhere.
        for address in self.neighbours.receive(now).unwrap_or_default() {
            if let Some(witness) = &mut self.witness {
                witness.handle_answer(address);
            }
        }
    }

    /// Asks the witnesses whose turn it is.
    pub(super) fn ask_witness(&mut self, now: Instant) {
        let Some(witness) = &mut self.witness else { return };
        witness.handle_timeout(now);
        let questions: Vec<IpAddr> = std::iter::from_fn(|| witness.poll_question()).collect();
        for address in questions {
            let Some((asker, distance)) = self.asker_for(address) else { continue };
            if let Some(watch) = &mut self.neighbours.watch {
                // A question that cannot be asked is one without an answer.
                let _ = watch.ask(address, asker, distance);
            }
        }
    }

    /// Who asks an address of a neighbour, or of somebody behind the routers; absent without an
    /// address of its family.
    pub(super) fn asker_for(&self, address: IpAddr) -> Option<(Asker, Distance)> {
        let link = self.host.link(&self.config.interface)?;
        let (index, mac) = (link.interface.index, link.mac?);
        let virtuals = &self.config.addresses;
        if let Some(own) = self.host.neighbour_of(index, address, virtuals) {
            return Some((Asker { source: own.address, mac }, Distance::OnLink));
        }
        let own = self.host.first(index, Family::of(address), virtuals)?;
        Some((Asker { source: own.address, mac }, Distance::Routed))
    }

    /// Warns of those who claim the addresses without taking part.
    pub(super) fn judge_claims(&mut self, now: Instant) {
        let patience = self.patience();
        let virtual_macs: Vec<_> = self.virtual_macs().collect();
        for claim in self.neighbours.strangers(now, patience) {
            if virtual_macs.contains(&claim.mac) {
                continue;
            }
            let text = format!(
                "{} is already answered for by {}, which does not advertise: \
                 another host has this address",
                claim.address, claim.mac
            );
            let patience = self.warning_patience();
            self.raise(now, Topic::about("claimed", claim.address), text, patience);
        }
    }

    /// Raises a warning for a while, and tells it if it is new.
    pub(super) fn raise(&mut self, now: Instant, topic: Topic, text: String, patience: Duration) {
        if self.told.warnings.raise(now, topic, text.clone(), patience) {
            self.observe(move |observer, group| observer.warning(group, &text));
        }
    }

    /// Raises a warning until it is cleared, and tells it if it is new.
    pub(super) fn stand(&mut self, now: Instant, topic: Topic, text: String) {
        if self.told.warnings.stand(now, topic, text.clone()) {
            self.observe(move |observer, group| observer.warning(group, &text));
        }
    }

    pub(super) fn clear(&mut self, topic: &Topic) {
        self.told.warnings.clear(topic);
    }

    /// Tells the observer something, in another thread: it may write to a log that is full.
    pub(super) fn observe(&self, tell: impl FnOnce(&dyn Observer, &str) + Send + 'static) {
        let (observer, name) = (self.told.observer.clone(), self.config.name.clone());
        // One that hangs misses something; the status has it all the same.
        let _ = self.told.worker.run(move || tell(&*observer, &name));
    }
}
