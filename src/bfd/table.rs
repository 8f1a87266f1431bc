//! Which session a packet is for (RFC 5880 §6.3, §6.8.6; RFC 5881 §3).
//!
//! By Your Discriminator, once the neighbour knows it; before, by where it comes from. What arrives
//! on the port of several hops is never for a session of a single hop, whose packets prove by their
//! TTL that they come from the link.

use std::collections::HashMap;
use std::net::IpAddr;

use thiserror::Error;

use super::Discard;
use super::packet::{Control, Discriminator};

/// An index into the caller's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub usize);

/// An interface's index in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceIndex(pub u32);

/// How far the neighbour is; each has its own port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// On the same link: port 3784, TTL 255 (RFC 5881 §4, §5).
    SingleHop,
    /// Behind routers: port 4784 (RFC 5883 §5).
    Multihop,
}

impl Reach {
    /// The UDP port that packets are sent to.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::SingleHop => 3784,
            Self::Multihop => 4784,
        }
    }
}

/// Where the neighbour of a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Its address.
    pub neighbour: IpAddr,
    /// How far it is.
    pub reach: Reach,
    /// On which interface it is; absent for any. Link-local addresses need it.
    pub interface: Option<InterfaceIndex>,
}

/// Where a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who sent it, if that is true.
    pub source: IpAddr,
    /// On which port it arrived.
    pub reach: Reach,
    /// On which interface it arrived.
    pub interface: InterfaceIndex,
}

/// There is a session with this neighbour, or of this name, already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Taken {
    /// Packets of two sessions could not be told apart.
    #[error("there is a session with {} already", .0.neighbour)]
    Path(
        /// Which.
        Path,
    ),
    /// Choose another.
    #[error("the discriminator {0} is in use")]
    Discriminator(
        /// Which.
        Discriminator,
    ),
}

/// The sessions by discriminator, and by path.
#[derive(Debug, Default)]
pub struct Table {
    by_discriminator: HashMap<Discriminator, Entry>,
    by_path: HashMap<Path, Discriminator>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    session: SessionId,
    path: Path,
}

impl Table {
    /// Adds a session.
    ///
    /// # Errors
    ///
    /// Its path or its discriminator is another's; nothing is changed.
    pub fn insert(
        &mut self,
        session: SessionId,
        discriminator: Discriminator,
        path: Path,
    ) -> Result<(), Taken> {
        if self.by_path.contains_key(&path) {
            return Err(Taken::Path(path));
        }
        if self.is_taken(discriminator) {
            return Err(Taken::Discriminator(discriminator));
        }
        self.by_path.insert(path, discriminator);
        self.by_discriminator.insert(discriminator, Entry { session, path });
        Ok(())
    }

    /// Removes a session, if it is there.
    pub fn remove(&mut self, discriminator: Discriminator) -> Option<SessionId> {
        let entry = self.by_discriminator.remove(&discriminator)?;
        self.by_path.remove(&entry.path);
        Some(entry.session)
    }

    /// Whether a session has this discriminator.
    #[must_use]
    pub fn is_taken(&self, discriminator: Discriminator) -> bool {
        self.by_discriminator.contains_key(&discriminator)
    }

    /// The session that a packet is for.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn select(&self, origin: &Origin, control: &Control) -> Result<SessionId, Discard> {
        match control.your_discriminator {
            Some(your) => self.named(origin, your).ok_or(Discard::UnknownDiscriminator { your }),
            None => self.from(origin).ok_or(Discard::NoSession),
        }
    }

    fn named(&self, origin: &Origin, your: Discriminator) -> Option<SessionId> {
        let entry = self.by_discriminator.get(&your)?;
        (entry.path.reach == origin.reach).then_some(entry.session)
    }

    /// A session on the very interface first.
    fn from(&self, origin: &Origin) -> Option<SessionId> {
        let path = |interface| Path { neighbour: origin.source, reach: origin.reach, interface };
        let on_it = self.by_path.get(&path(Some(origin.interface)));
        let discriminator = on_it.or_else(|| self.by_path.get(&path(None)))?;
        self.by_discriminator.get(discriminator).map(|entry| entry.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bfd::packet::DetectMult;

    const ETH0: InterfaceIndex = InterfaceIndex(2);
    const ETH1: InterfaceIndex = InterfaceIndex(3);

    fn name(number: u32) -> Discriminator {
        Discriminator::new(number).unwrap()
    }

    fn path(neighbour: &str, reach: Reach, interface: Option<InterfaceIndex>) -> Path {
        Path { neighbour: neighbour.parse().unwrap(), reach, interface }
    }

    fn table() -> Table {
        let mut table = Table::default();
        let rows = [
            path("10.0.0.1", Reach::SingleHop, None),
            path("10.0.0.1", Reach::Multihop, None),
            path("fe80::1", Reach::SingleHop, Some(ETH0)),
            path("fe80::1", Reach::SingleHop, Some(ETH1)),
            path("10.0.0.1", Reach::SingleHop, Some(ETH1)),
        ];
        for (session, path) in rows.into_iter().enumerate() {
            table.insert(SessionId(session), name(100 + session as u32), path).unwrap();
        }
        table
    }

    fn select(
        source: &str,
        reach: Reach,
        interface: InterfaceIndex,
        your: u32,
    ) -> Result<usize, Discard> {
        let control = Control {
            your_discriminator: Discriminator::new(your),
            ..Control::new(name(9), DetectMult::new(3).unwrap())
        };
        let origin = Origin { source: source.parse().unwrap(), reach, interface };
        table().select(&origin, &control).map(|session| session.0)
    }

    #[test]
    fn a_packet_without_our_discriminator_is_told_by_where_it_comes_from() {
        use Reach::{Multihop, SingleHop};
        assert_eq!(select("10.0.0.1", SingleHop, ETH0, 0), Ok(0));
        assert_eq!(select("10.0.0.1", SingleHop, ETH1, 0), Ok(4));
        assert_eq!(select("10.0.0.1", Multihop, ETH1, 0), Ok(1));
        assert_eq!(select("fe80::1", SingleHop, ETH0, 0), Ok(2));
        assert_eq!(select("fe80::1", SingleHop, ETH1, 0), Ok(3));
        assert_eq!(select("fe80::1", SingleHop, InterfaceIndex(9), 0), Err(Discard::NoSession));
        assert_eq!(select("10.0.0.2", SingleHop, ETH0, 0), Err(Discard::NoSession));
        assert_eq!(select("fe80::1", Multihop, ETH0, 0), Err(Discard::NoSession));
    }

    #[test]
    fn our_discriminator_decides_whatever_the_source_but_not_the_port() {
        let unknown = |number| Err(Discard::UnknownDiscriminator { your: name(number) });
        assert_eq!(select("10.0.0.77", Reach::SingleHop, ETH0, 100), Ok(0));
        assert_eq!(select("10.0.0.77", Reach::Multihop, ETH0, 101), Ok(1));
        assert_eq!(select("10.0.0.1", Reach::Multihop, ETH0, 100), unknown(100));
        assert_eq!(select("10.0.0.1", Reach::SingleHop, ETH0, 200), unknown(200));
    }

    #[test]
    fn what_is_taken_is_refused_until_it_is_removed() {
        let mut table = table();
        let first = path("10.0.0.1", Reach::SingleHop, None);
        let other = path("10.0.0.9", Reach::SingleHop, None);
        assert_eq!(table.insert(SessionId(7), name(7), first), Err(Taken::Path(first)));
        let taken = Taken::Discriminator(name(101));
        assert_eq!(table.insert(SessionId(7), name(101), other), Err(taken));
        assert_eq!(table.remove(name(100)), Some(SessionId(0)));
        assert_eq!(table.remove(name(100)), None);
        assert_eq!(table.insert(SessionId(7), name(100), first), Ok(()));
    }
}
