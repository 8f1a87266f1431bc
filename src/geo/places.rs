//! The compiled map: address → range → place.

use std::net::IpAddr;

use super::mmdb::Databases;
use super::{FactSet, Facts};

/// The address whose place counts: the IPv4 address carried by an IPv4-mapped (RFC 4291 §2.5.5.2),
/// 6to4 (RFC 3056), Teredo (RFC 4380) or 64:ff9b::/96 (RFC 6052) address, else the address itself.
#[must_use]
pub fn canonical(_address: IpAddr) -> IpAddr {
    todo!()
}

/// One map of the address space for a set of facts; both families.
#[derive(Debug)]
pub struct Places {}

impl Places {
    /// Compiles the databases for the facts asked for. With none asked for, or no database, all
    /// the world is one place of which nothing is known.
    #[must_use]
    pub fn build(_databases: &Databases, _facts: FactSet) -> Self {
        todo!()
    }

    /// What is known of an address.
    #[must_use]
    pub fn facts(&self, _address: IpAddr) -> &Facts {
        todo!()
    }
}
