//! What a node's circumstances make of its part in the election: a pure function.
//!
//! A [`Fault`] takes the node out of the election. Anything else that is wrong with it leaves it
//! there at the floor: two nodes that both cannot answer must still have one Active between them.

use std::fmt;
use std::net::IpAddr;

use crate::config::{Config, Family, Priority, Track, Tracked};

/// What is known of this node and of what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The interface of the addresses.
    pub interface: InterfaceState,
    /// The families without an address to send from.
    pub without_source: Vec<Family>,
    /// The virtual addresses that are the only ones of their family on the interface.
    pub only_virtual: Vec<IpAddr>,
    /// An address to send from is not usable yet (RFC 4862 §5.4).
    pub tentative: bool,
    /// What the node would serve at the addresses is up.
    pub ready: bool,
    /// Whether it can serve it.
    pub health: Health,
    /// By `Config::track`: it is there.
    pub tracked: Vec<bool>,
    /// The witness; seen where none is configured.
    pub witness: bool,
}

/// An interface as the kernel shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceState {
    /// There is none of that name.
    Missing,
    /// It is down or has no carrier.
    Down,
    /// It carries packets.
    Up,
}

/// Whether a node can serve what stands behind the addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It can; or nobody has asked: no result is never a failure.
    #[default]
    Good,
    /// It was asked, and cannot.
    CannotAnswer,
    /// An operator takes it out of service.
    Drained,
}

/// A node's part in the election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What keeps it out of the election.
    pub fault: Option<Fault>,
    /// What it advertises while Active.
    pub priority: Priority,
    /// Why that is the floor.
    pub unhealthy: Option<Unhealthy>,
    /// It may believe a silence to be its peer's.
    pub witness: bool,
}

/// What keeps a node out of the election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no interface of that name.
    InterfaceMissing,
    /// The interface is down or has no carrier.
    InterfaceDown,
    /// There is no address to send from.
    NoSource(Family),
    /// The only address to send from is this virtual one, which nobody but the owner may.
    OnlyVirtual(IpAddr),
    /// An address to send from is still being checked for duplicates.
    Tentative,
    /// A tracked object without a weight is missing.
    Tracked(Tracked),
    /// Another program keeps taking the virtual addresses away.
    AddressesTaken,
}

/// Why a node stands at the floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unhealthy {
    /// What it would serve is not up yet.
    NotReady,
    /// It cannot answer.
    CannotAnswer,
    /// An operator takes it out of service.
    Drained,
    /// Its witness is lost.
    WitnessLost,
    /// Tracked objects take its whole priority.
    Tracked(Tracked),
}

/// Works out a node's part in the election.
///
/// The owner of the addresses (priority 255) keeps them whatever its health: they are its own. It
/// waits until there is something to serve, and an operator can still drain it.
#[must_use]
pub fn standing(config: &Config, conditions: &Conditions) -> Standing {
    let unhealthy = unhealthy(config, conditions);
    let priority = match unhealthy {
        Some(_) => config.floor,
        None => weighted(config, conditions),
    };
    let fault = fault(config, conditions);
    Standing { fault, priority, unhealthy, witness: conditions.witness }
}

fn fault(config: &Config, conditions: &Conditions) -> Option<Fault> {
    match conditions.interface {
        InterfaceState::Missing => return Some(Fault::InterfaceMissing),
        InterfaceState::Down => return Some(Fault::InterfaceDown),
        InterfaceState::Up => {}
    }
    if conditions.tentative {
        return Some(Fault::Tentative);
    }
    if let Some(&family) = conditions.without_source.first() {
        let found = conditions.only_virtual.iter().find(|&&address| Family::of(address) == family);
        return Some(found.map_or(Fault::NoSource(family), |&only| Fault::OnlyVirtual(only)));
    }
    let lost = missing(config, conditions).find(|track| track.weight.is_none());
    lost.map(|track| Fault::Tracked(track.object.clone()))
}

fn unhealthy(config: &Config, conditions: &Conditions) -> Option<Unhealthy> {
    // First, for it alone keeps a node out of the election for a while.
    if !conditions.ready {
        return Some(Unhealthy::NotReady);
    }
    if conditions.health == Health::Drained {
        return Some(Unhealthy::Drained);
    }
    if config.priority == Priority::OWNER {
        return None;
    }
    if conditions.health == Health::CannotAnswer {
        return Some(Unhealthy::CannotAnswer);
    }
    if !conditions.witness {
        return Some(Unhealthy::WitnessLost);
    }
    if weighted(config, conditions) > config.floor {
        return None;
    }
    missing(config, conditions).next().map(|track| Unhealthy::Tracked(track.object.clone()))
}

/// The priority less the weights of what is missing; the floor at least.
fn weighted(config: &Config, conditions: &Conditions) -> Priority {
    if config.priority == Priority::OWNER {
        return Priority::OWNER;
    }
    let weights = missing(config, conditions).filter_map(|track| track.weight);
    let left = weights.fold(i32::from(config.priority.0), |left, weight| left + i32::from(weight));
    let floor = i32::from(config.floor.0);
    Priority(u8::try_from(left.max(floor)).unwrap_or(Priority::OWNER.0 - 1))
}

fn missing<'a>(
    config: &'a Config,
    conditions: &'a Conditions,
) -> impl Iterator<Item = &'a Track> + 'a {
    let there = |n: usize| conditions.tracked.get(n).copied().unwrap_or(true);
    config.track.iter().enumerate().filter(move |&(n, _)| !there(n)).map(|(_, track)| track)
}

impl fmt::Display for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(name) => write!(f, "interface {name}"),
            Self::Address(address) => write!(f, "address {address}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InterfaceMissing => f.write_str("the interface is missing"),
            Self::InterfaceDown => f.write_str("the interface is down"),
            Self::NoSource(family) => write!(f, "the interface has no {family} address"),
            Self::OnlyVirtual(address) => write!(
                f,
                "the interface's only {} address is the virtual {address}: give it another one \
                 to advertise from, or this node priority 255 if it owns that address",
                Family::of(*address)
            ),
            Self::Tentative => f.write_str("the interface's address is still tentative"),
            Self::Tracked(object) => write!(f, "tracked {object} is missing"),
            Self::AddressesTaken => {
                f.write_str("another program keeps removing the virtual addresses")
            }
        }
    }
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("not ready"),
            Self::CannotAnswer => f.write_str("cannot answer"),
            Self::Drained => f.write_str("drained"),
            Self::WitnessLost => f.write_str("the witness does not answer"),
            Self::Tracked(object) => write!(f, "tracked {object} is missing"),
        }
    }
}

#[cfg(test)]
mod tests;
