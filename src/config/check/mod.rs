//! The rules that need a whole zone, or all of them, to be seen.
//!
//! - `owners`: what may stand beside what at one name, and below a cut.
//! - `links`: where CNAME and ALIAS lead.
//! - `targets`: what NS, MX and SRV records name.
//! - `zones`: one zone beside another.

use std::collections::{HashMap, HashSet};

use super::diagnostic::Report;
use super::read::name::NameShape;
use super::read::zone::ZoneShape;
use crate::dns::{Name, Rtype};

mod links;
mod owners;
mod targets;
mod zones;

/// How much of the configuration there is to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every zone: also what stands between them.
    All,
    /// Some could not be read: each zone by itself.
    Each,
}

/// Reports every mistake in zones, and between them.
pub fn check(shapes: &[&ZoneShape<'_>], scope: Scope, report: &mut Report) {
    let indexes: Vec<_> = shapes.iter().map(|shape| Index::new(shape)).collect();
    for index in &indexes {
        owners::check(index, report);
        targets::check(index, report);
    }
    zones::check(&indexes, report);
    links::check(&indexes, scope, report);
}

/// A zone by name, for looking names up as the server will.
struct Index<'z> {
    zone: &'z ZoneShape<'z>,
    by_name: HashMap<&'z Name, usize>,
    /// Names at which nothing stands but which have something below them (RFC 4592 §2.2.2).
    empty: HashSet<Name>,
    /// The name servers of its delegations: their addresses are glue, also below the cut of another
    /// (RFC 9471 §2.2, sibling glue).
    servers: HashSet<Name>,
}

/// What stands at a name of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The name itself, or the wildcard that it is an instance of: an index into the zone's names.
    Name(usize),
    /// It is delegated, at this name.
    Cut(usize),
    /// Nothing, though the zone would know.
    Nothing,
    /// It is not in this zone.
    Outside,
}

impl<'z> Index<'z> {
    fn new(zone: &'z ZoneShape<'z>) -> Self {
        let by_name = zone.names.iter().enumerate().map(|(at, name)| (&name.owner.value, at));
        let by_name: HashMap<_, _> = by_name.collect();
        let mut empty = HashSet::new();
        for name in by_name.keys() {
            let mut above = name.parent();
            while let Some(ancestor) = above.filter(|above| above.is_within(&zone.apex.value)) {
                if by_name.contains_key(&ancestor) || empty.contains(&ancestor) {
                    break;
                }
                above = ancestor.parent();
                empty.insert(ancestor);
            }
        }
        let delegations = zone.names.iter().filter(|name| name.owner.value != zone.apex.value);
        let servers = delegations.flat_map(servers).collect();
        Self { zone, by_name, empty, servers }
    }

    fn apex(&self) -> &'z Name {
        &self.zone.apex.value
    }

    fn name(&self, at: usize) -> &'z NameShape<'z> {
        &self.zone.names[at]
    }

    fn exact(&self, name: &Name) -> Option<&'z NameShape<'z>> {
        self.by_name.get(name).map(|at| self.name(*at))
    }

    /// Whether a name is a zone cut: NS records, and not at the apex.
    fn is_cut(&self, name: &NameShape<'_>) -> bool {
        name.rrset(Rtype::NS).is_some() && name.owner.value != *self.apex()
    }

    /// The highest cut at or above a name.
    fn cut_of(&self, name: &Name) -> Option<usize> {
        let mut found = None;
        let mut above = Some(name.clone());
        while let Some(ancestor) = above.filter(|above| above.is_within(self.apex())) {
            let at = self.by_name.get(&ancestor).copied();
            found = at.filter(|at| self.is_cut(self.name(*at))).or(found);
            above = ancestor.parent();
        }
        found
    }

    /// What a query for `name` would find, wildcards included.
    fn find(&self, name: &Name) -> Found {
        if !name.is_within(self.apex()) {
            return Found::Outside;
        }
        if let Some(cut) = self.cut_of(name) {
            return Found::Cut(cut);
        }
        if let Some(at) = self.by_name.get(name) {
            return Found::Name(*at);
        }
        let mut encloser = name.clone();
        while !self.exists(&encloser) {
            let Some(parent) = encloser.parent() else { return Found::Nothing };
            encloser = parent;
        }
        let wildcard = encloser.prepend(b"*").ok().filter(|_| encloser != *name);
        let at = wildcard.and_then(|wildcard| self.by_name.get(&wildcard));
        at.map_or(Found::Nothing, |at| Found::Name(*at))
    }

    fn exists(&self, name: &Name) -> bool {
        name == self.apex() || self.by_name.contains_key(name) || self.empty.contains(name)
    }
}

/// The name servers that a name's NS records name.
fn servers<'n>(name: &'n NameShape<'_>) -> impl Iterator<Item = Name> + 'n {
    let ns = name.rrset(Rtype::NS).map(|shape| &shape.set.rdata[..]).unwrap_or_default();
    ns.iter().filter_map(|server| Name::from_wire(server))
}

/// Whether A or AAAA queries can be answered at a name itself.
fn has_address(name: &NameShape<'_>) -> bool {
    name.route.is_some()
        || name.alias.is_some()
        || name.rrset(Rtype::A).is_some()
        || name.rrset(Rtype::AAAA).is_some()
}
