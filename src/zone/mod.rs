//! What the server is authoritative for: zones, names, RRsets, cuts; immutable once built.
//!
//! [`source`] is a zone as configured; [`Zones::build`](lookup::Zones::build) indexes any number of
//! them into one table that answers the one question of the hot path:
//! [`Zones::lookup`](lookup::Zones::lookup).

pub mod lookup;
pub mod source;

pub use lookup::{Lookup, Qname, Zones};
pub use source::{NameSource, RrSet, Soa, ZoneSource};

/// An index into the zones of a [`Zones`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneId(pub u32);
