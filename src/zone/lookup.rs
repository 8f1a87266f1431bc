//! The table of every name of every zone, and the one question of the hot path.

use super::{Soa, ZoneId, ZoneSource};
use crate::dns::Name;
use crate::policy::Routed;

/// Every zone, indexed.
#[derive(Debug, Default)]
pub struct Zones {}

/// What a name leads to.
#[derive(Debug)]
pub enum Lookup<'z> {
    /// To be completed.
    Routed(&'z Routed),
    /// No zone of ours holds the name.
    NotOurs,
}

impl Zones {
    /// Indexes checked zones.
    #[must_use]
    pub fn build(_zones: Vec<ZoneSource>) -> Self {
        todo!()
    }

    /// The name of a zone.
    #[must_use]
    pub fn apex(&self, _zone: ZoneId) -> &Name {
        todo!()
    }

    /// How many zones there are.
    #[must_use]
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A zone's start of authority.
    #[must_use]
    pub fn soa(&self, _zone: ZoneId) -> &Soa {
        todo!()
    }

    /// Every routed name with its owner (a wildcard's with its `*`), in the order of the files.
    pub fn routed(&self) -> impl Iterator<Item = (&Name, &Routed)> {
        std::iter::empty()
    }
}
