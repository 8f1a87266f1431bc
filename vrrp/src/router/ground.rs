//! The interface that a group stands on: found, prepared, lost, and found again.

use std::net::IpAddr;
use std::time::Instant;

use super::driver::{Driver, MEMBERS, NEIGHBOURS, Order};
use super::keeper::{LOOPBACK, Prepared, RESIDENT};
use super::paths::{Plan, towards};
use super::surroundings::{Knowledge, Surroundings};
use super::warnings::Topic;
use crate::conditions::{InterfaceState, standing};
use crate::config::{Config, Family};
use crate::event_loop::{Context, Token};
use crate::linux::neighbour::Watch;
use crate::linux::netlink::Event;
use crate::linux::socket::Reach;
use crate::linux::vmac::Vmac;
use crate::linux::{Interface, KernelError, Mac};
use crate::witness::Watcher;

/// The interface of a group.
#[derive(Debug)]
pub(super) enum Ground {
    /// There is none.
    Missing,
    /// It is being prepared.
    Found(Interface),
    /// Addresses can be put there.
    Ready(Prepared),
}

/// What several changes of the kernel come to.
#[derive(Debug, Default)]
struct Digest {
    /// The interface was not up at some moment.
    dipped: bool,
    /// Virtual addresses that were removed at some moment.
    removed: Vec<IpAddr>,
}

impl Ground {
    fn interface(&self) -> Option<&Interface> {
        match self {
            Self::Missing => None,
            Self::Found(interface) => Some(interface),
            Self::Ready(prepared) => Some(&prepared.interface),
        }
    }

    /// Where the addresses of a family stand, with the virtual MAC address if there is one.
    pub(super) fn stand(&self, family: Family) -> Option<(&Interface, Option<Mac>)> {
        let Self::Ready(prepared) = self else { return None };
        let vmac = prepared.vmacs.iter().find(|(of, _)| *of == family);
        Some(
            vmac.map_or((&prepared.interface, None), |(_, vmac)| (&vmac.interface, Some(vmac.mac))),
        )
    }

    /// Whether the sockets of one serve the other.
    fn is_like(&self, other: &Prepared) -> bool {
        matches!(self, Self::Ready(prepared)
            if prepared.interface == other.interface && prepared.vmacs == other.vmacs)
    }

    /// The interfaces with a virtual MAC address.
    pub(super) fn vmacs(&self) -> Vec<(Family, Vmac)> {
        match self {
            Self::Missing | Self::Found(_) => Vec::new(),
            Self::Ready(prepared) => prepared.vmacs.clone(),
        }
    }

    /// Whether an address was put on the interface by somebody else.
    pub(super) fn is_foreign(&self, address: IpAddr) -> bool {
        matches!(self, Self::Ready(prepared) if prepared.foreign.contains(&address))
    }
}

impl Driver {
    /// Looks for the interface, and for ways to send.
    pub(super) fn survey(&mut self, context: &Context<'_>) {
        let link = self.host.link(&self.config.interface).map(|link| link.interface.clone());
        if self.ground.interface() != link.as_ref() {
            self.leave_ground();
            if let Some(interface) = link {
                self.prepare(&self.config, interface.clone(), Vec::new());
                self.ground = Ground::Found(interface);
            }
        }
        self.replan(context.now());
    }

    fn leave_ground(&mut self) {
        self.ground = Ground::Missing;
        self.neighbours.watch = None;
        self.owned = false;
    }

    fn prepare(&self, config: &Config, interface: Interface, vmacs: Vec<(Family, Vmac)>) {
        let post = self.post.clone();
        let tell = move |prepared| post.post(Order::Prepared(Box::new(prepared)));
        self.keeper.prepare(config, interface, vmacs, tell);
    }

    /// The interface is prepared, unless it has gone in the meantime.
    pub(super) fn settle_down(&mut self, context: &Context<'_>, prepared: Prepared) {
        if self.ground.interface() != Some(&prepared.interface) {
            return;
        }
        self.tell_troubles(context.now(), &prepared);
        let connected = self.ground.is_like(&prepared);
        self.ground = Ground::Ready(prepared);
        self.adopt_config(context);
        if !connected {
            match self.connect(context) {
                Ok(()) => self.clear(&Topic::own("sockets")),
                Err(error) => return self.lose_ground(context.now(), &error),
            }
        }
        self.replan(context.now());
        self.look_around(context);
    }

    fn lose_ground(&mut self, now: Instant, error: &KernelError) {
        self.stand(now, Topic::own("sockets"), error.to_string());
        self.leave_ground();
        self.wire.disconnect();
        self.try_again(now);
    }

    fn tell_troubles(&mut self, now: Instant, prepared: &Prepared) {
        if self.config.resident {
            self.told.resident = Ok(());
        }
        for trouble in &prepared.troubles {
            if trouble.kind == RESIDENT {
                self.told.resident = Err(trouble.text.clone());
            }
            self.stand(now, Topic::own(trouble.kind), trouble.text.clone());
        }
        for &address in &prepared.foreign {
            let interface = &prepared.interface;
            let text = format!(
                "{address} was put on {interface} by another program: it stays there in every state"
            );
            self.stand(now, Topic::about("foreign_address", address), text);
        }
    }

    fn connect(&mut self, context: &Context<'_>) -> Result<(), KernelError> {
        let Ground::Ready(prepared) = &self.ground else { return Ok(()) };
        let interface = prepared.interface.clone();
        let unicast = !self.config.peers.is_empty();
        let reach = |family| match (unicast, self.ground.stand(family)) {
            (false, Some((egress, _))) => {
                Reach::Multicast { interface: interface.clone(), egress: egress.clone() }
            }
            (true, _) | (false, None) => Reach::Unicast { interface: interface.clone() },
        };
        for member in self.wire.connect(reach)? {
            let token = Token(MEMBERS.0 + u32::try_from(member).unwrap_or_default());
            let Some(fd) = self.wire.descriptor(member) else { continue };
            context.watch(fd, token).map_err(|error| {
                KernelError::new("wait for advertisements", error, "a free descriptor is needed")
            })?;
        }
        Ok(())
    }

    /// Watches the neighbours. Nothing of the election depends on it, but the witness.
    fn look_around(&mut self, context: &Context<'_>) {
        let mac = self.host.link(&self.config.interface).and_then(|link| link.mac);
        let (Ground::Ready(prepared), Some(mac)) = (&self.ground, mac) else { return };
        match Watch::open(&prepared.interface, mac) {
            Ok(mut watch) => {
                watch.set_virtual(&self.config.addresses);
                let witness = self.config.witness.as_ref();
                watch.set_witnesses(witness.map_or(&[], |witness| &witness.addresses));
                for fd in watch.descriptors() {
                    // One that cannot be watched is read when another is readable.
                    let _ = context.watch(fd, NEIGHBOURS);
                }
                self.neighbours.watch = Some(watch);
                self.clear(&Topic::own("watch"));
            }
            Err(error) => self.stand(context.now(), Topic::own("watch"), error.to_string()),
        }
    }

    /// Works out anew from where to where to send.
    pub(super) fn replan(&mut self, now: Instant) {
        let plan = Plan::new(&self.config, &self.host, towards);
        if !plan.without_source.is_empty() {
            self.try_again(now);
        }
        self.wire.set_plan(plan);
    }

    /// Word of changes: all of it is read before any conclusion is drawn.
    pub(super) fn hear_kernel(&mut self, context: &mut Context<'_>) {
        let mut digest = Digest::default();
        loop {
            match self.monitor.receive() {
                Ok(Some(event)) => self.digest(&event, &mut digest),
                Ok(None) => break,
                Err(error) => {
                    let text = format!("changes of the network are not heard of: {error}");
                    self.stand(context.now(), Topic::own("monitor"), text);
                    let _ = context.unwatch(&self.monitor);
                    break;
                }
            }
        }
        self.survey(context);
        self.conclude(context.now(), &digest);
    }

    fn digest(&mut self, event: &Event, digest: &mut Digest) {
        if let Event::AddressGone(gone) = event
            && self.stands_on(gone.interface, gone.address)
        {
            digest.removed.push(gone.address);
        }
        if let Event::AddressGone(gone) = event
            && self.is_resident(gone.interface, gone.address)
        {
            self.settle_again();
        }
        if self.host.apply(event) == Knowledge::Lost {
            match (self.netlink.links(), self.netlink.addresses()) {
                (Ok(links), Ok(addresses)) => self.host = Surroundings::new(links, addresses),
                (Err(_), _) | (_, Err(_)) => {}
            }
        }
        digest.dipped |= self.host.state(&self.config.interface) != InterfaceState::Up;
    }

    /// Whether a virtual address of ours is to stay on that interface, which is `lo`.
    fn is_resident(&self, interface: u32, address: IpAddr) -> bool {
        let is_lo = self.host.link(LOOPBACK).is_some_and(|lo| lo.interface.index == interface);
        is_lo && self.config.resident && !self.stopped && self.config.addresses.contains(&address)
    }

    /// Another program removed an address from `lo`: it is put there again.
    fn settle_again(&mut self) {
        let text = "another program removed a virtual address from lo; it is added again";
        self.observe(move |observer, group| observer.warning(group, text));
        self.keeper.settle_again(&self.config);
    }

    /// Whether a virtual address of ours stands on that interface.
    fn stands_on(&self, interface: u32, address: IpAddr) -> bool {
        let stand = self.ground.stand(Family::of(address));
        self.config.addresses.contains(&address)
            && !self.ground.is_foreign(address)
            && stand.is_some_and(|(stand, _)| stand.index == interface)
    }

    /// A link that fell takes its addresses along; only on one that stands were they taken away.
    fn conclude(&mut self, now: Instant, digest: &Digest) {
        let standing = standing(&self.config, &self.conditions());
        self.machine.handle_standing(now, standing);
        self.act(now);
        if self.host.state(&self.config.interface) != InterfaceState::Up {
            return;
        }
        if digest.dipped {
            self.machine.handle_link_up(now);
            self.act(now);
        }
        let gone = |address: &IpAddr| !self.stands(*address);
        let removed: Vec<_> = digest.removed.iter().copied().filter(gone).collect();
        if self.owned && !removed.is_empty() {
            self.machine.handle_addresses_removed(now, &removed);
            self.act(now);
        }
    }

    fn stands(&self, address: IpAddr) -> bool {
        let stand = self.ground.stand(Family::of(address));
        stand.is_none_or(|(stand, _)| self.host.is_on(stand.index, address))
    }

    /// Takes a configuration when its addresses are written down, which is now if there is no
    /// interface to write about.
    pub(super) fn reconfigure(&mut self, context: &Context<'_>, config: Box<Config>) {
        match self.ground.interface().cloned() {
            Some(interface) => {
                self.prepare(&config, interface, self.ground.vmacs());
                self.next_config = Some(config);
            }
            None => {
                self.next_config = Some(config);
                self.adopt_config(context);
            }
        }
    }

    fn adopt_config(&mut self, context: &Context<'_>) {
        let Some(config) = self.next_config.take() else { return };
        let now = context.now();
        let before = std::mem::replace(&mut self.config, *config);
        let dropped = before.addresses.iter().copied();
        let dropped: Vec<_> = dropped.filter(|a| !self.config.addresses.contains(a)).collect();
        self.remove(now, &dropped);
        self.keeper.forget(&dropped);
        self.told.warnings.judge_anew();
        self.wire.reconfigure(&self.config);
        self.notify = self.config.notify.clone().map(Into::into);
        if before.witness != self.config.witness {
            self.witness = self.config.witness.as_ref().map(|witness| Watcher::new(witness, now));
        }
        self.machine.handle_config(now, self.config.clone());
    }
}
