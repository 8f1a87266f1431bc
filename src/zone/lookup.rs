//! The table of every name of every zone, and the one question of the hot path.
//!
//! One hash table holds the names of all zones, empty non-terminals among them; names that stand
//! below a cut or inside another of our zones are not in it. So an exact hit is final, and after a
//! miss the first ancestor found is the closest encloser (RFC 4592 §3.3.1): a cut refers, anything
//! else is asked for its wildcard. What stands at a name lies behind the name in one run of octets:
//! a hit touches the table, the node, and that run.

use hashbrown::HashTable;

use super::{Soa, ZoneId};
use crate::dns::records::Records;
use crate::dns::{Name, Rtype};
use crate::policy::Routed;

mod build;
#[cfg(test)]
pub(crate) mod fixture;
mod qname;

pub use qname::Qname;
use qname::suffixes;

/// Every zone, indexed.
#[derive(Debug, Default)]
pub struct Zones {
    zones: Vec<Zone>,
    /// Indices of `nodes` by their names' hashes.
    table: HashTable<u32>,
    nodes: Vec<Node>,
    /// For each node: its name, then its RRsets, each as type, count and length (2, 2 and 4 octets,
    /// big-endian) and its encoded records.
    octets: Vec<u8>,
    /// Each once, however many names are alike.
    routed: Vec<Routed>,
    aliases: Vec<Name>,
    cuts: Vec<Cut>,
    /// How many labels the deepest name has: nothing deeper need be looked for.
    deepest: usize,
}

/// A zone, and what its answers need of it.
#[derive(Debug)]
struct Zone {
    apex: Name,
    soa: Soa,
    /// The SOA record at the TTL of negative answers.
    negative: Box<[u8]>,
    /// Where the parent's side of the apex stands, when another of our zones holds it.
    parent_side: Option<u32>,
}

/// What is at one name; a million of them are to fit.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Where its name begins in the octets.
    start: u32,
    zone: ZoneId,
    stands: Stands,
    /// The wildcard right below, or [`NO_WILDCARD`].
    wildcard: u32,
    /// How many RRsets follow the name.
    sets: u16,
    name_len: u8,
}

/// In the place of a node's wildcard.
const NO_WILDCARD: u32 = u32::MAX;

/// How a name answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// By its RRsets; without one it is an empty non-terminal.
    Records,
    /// By its CNAME, which is its only RRset.
    Cname,
    /// By policy for A and AAAA.
    Routed(u32),
    /// By another name for A and AAAA.
    Alias(u32),
    /// With a referral, but for DS.
    Cut(u32),
}

/// A zone cut: the child's name servers and the glue that is known of them.
#[derive(Debug)]
pub struct Cut {
    ns: Box<[u8]>,
    count: u16,
    glue: Box<[Glue]>,
}

/// One address RRset of a name server.
#[derive(Debug)]
pub struct Glue {
    /// Where the name server's name stands in the encoded NS records.
    pub(crate) name_at: usize,
    /// Without it the referral cannot be followed.
    pub(crate) need: Need,
    records: Box<[u8]>,
    count: u16,
}

/// Whether a referral may go without a glue RRset (RFC 9471 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The name server is in the child's domain.
    Required,
    /// It is below another cut of the same zone.
    Sibling,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'z> {
    /// The RRset asked for.
    Records(Records<'z>),
    /// A CNAME, when something else was asked for.
    Cname(Records<'z>),
    /// A and AAAA by policy.
    Routed(&'z Routed),
    /// A and AAAA of another name.
    Alias(&'z Name),
    /// Records of some type, when ANY was asked for.
    Any,
    /// A zone that is not ours, or the type asked for is the parent's alone.
    Delegation(Delegation<'z>),
    /// The name is there, the type is not.
    NoData,
    /// The name is not there.
    NxDomain,
}

/// A referral.
#[derive(Clone, Copy, Debug)]
pub struct Delegation<'z> {
    /// What the parent knows of the child.
    pub cut: &'z Cut,
    /// The length of the cut's name: that much of the end of the name looked up.
    pub owner_len: usize,
}

impl Cut {
    /// The child's NS records.
    #[must_use]
    pub fn ns(&self) -> Records<'_> {
        Records::new(&self.ns, self.count)
    }

    /// The glue, required first.
    #[must_use]
    pub fn glue(&self) -> &[Glue] {
        &self.glue
    }
}

impl Glue {
    /// The addresses.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records::new(&self.records, self.count)
    }
}

impl Zones {
    /// What a name leads to, and the zone that says so; `None` when no zone of ours holds it.
    #[must_use]
    pub fn lookup(&self, name: Qname<'_>, rtype: Rtype) -> Option<(ZoneId, Lookup<'_>)> {
        match self.find(name) {
            Some(node) => Some(self.exact(node, name, rtype)),
            None => self.below(name, rtype),
        }
    }

    /// The policy that answers A and AAAA at a name, through a wildcard too.
    #[must_use]
    pub fn routed_at(&self, name: &Name) -> Option<&Routed> {
        match self.lookup(Qname::new(name.as_wire()), Rtype::A) {
            Some((_, Lookup::Routed(routed))) => Some(routed),
            _ => None,
        }
    }

    /// The name of a zone.
    #[must_use]
    pub fn apex(&self, zone: ZoneId) -> &Name {
        &self.zone(zone).apex
    }

    /// How many zones there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.zones.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A zone's start of authority.
    #[must_use]
    pub fn soa(&self, zone: ZoneId) -> &Soa {
        &self.zone(zone).soa
    }

    /// A zone's SOA record at the TTL of negative answers (RFC 2308 §3).
    #[must_use]
    pub fn negative_soa(&self, zone: ZoneId) -> Records<'_> {
        Records::new(&self.zone(zone).negative, 1)
    }

    /// Every routed name with its owner (a wildcard's with its `*`), in the order of the files.
    pub fn routed(&self) -> impl Iterator<Item = (Name, &Routed)> {
        self.nodes.iter().filter_map(|node| match node.stands {
            Stands::Routed(routed) => {
                Some((Name::from_wire(self.name(node))?, &self.routed[routed as usize]))
            }
            _ => None,
        })
    }

    /// What stands at a name that is in the table.
    fn exact(&self, node: &Node, name: Qname<'_>, rtype: Rtype) -> (ZoneId, Lookup<'_>) {
        let parent_side = match rtype {
            // RFC 4035 §3.1.4.1: DS belongs to the parent, where that is ours too.
            Rtype::DS if self.name(node).len() == self.apex(node.zone).as_wire().len() => {
                self.zone(node.zone).parent_side
            }
            _ => None,
        };
        let node = parent_side.map_or(node, |parent| &self.nodes[parent as usize]);
        (node.zone, self.stands(node, name, usize::from(node.name_len), rtype))
    }

    /// What stands below the closest encloser of a name that is not in the table.
    fn below(&self, name: Qname<'_>, rtype: Rtype) -> Option<(ZoneId, Lookup<'_>)> {
        let wire = name.as_wire();
        let too_deep = suffixes(wire).count().saturating_sub(self.deepest);
        let mut ancestors = suffixes(wire).skip(too_deep.max(1));
        let node = ancestors.find_map(|ancestor| self.find(Qname::new(ancestor)))?;
        let found = match (node.stands, self.nodes.get(node.wildcard as usize)) {
            (Stands::Cut(_), _) => self.stands(node, name, usize::from(node.name_len), rtype),
            (_, Some(wildcard)) => self.stands(wildcard, name, wire.len(), rtype),
            (_, None) => Lookup::NxDomain,
        };
        Some((node.zone, found))
    }

    /// What a node answers for a name; `owner_len` is how much of the name's end it owns: less than
    /// all of it below a cut.
    fn stands(&self, node: &Node, name: Qname<'_>, owner_len: usize, rtype: Rtype) -> Lookup<'_> {
        let below = owner_len < name.as_wire().len();
        match node.stands {
            Stands::Cut(cut) if rtype != Rtype::DS || below => {
                Lookup::Delegation(Delegation { cut: &self.cuts[cut as usize], owner_len })
            }
            Stands::Routed(routed) if matches!(rtype, Rtype::A | Rtype::AAAA) => {
                Lookup::Routed(&self.routed[routed as usize])
            }
            Stands::Alias(alias) if matches!(rtype, Rtype::A | Rtype::AAAA) => {
                Lookup::Alias(&self.aliases[alias as usize])
            }
            Stands::Cname => match self.records(node, Rtype::CNAME) {
                Some(cname) if matches!(rtype, Rtype::CNAME | Rtype::ANY) => Lookup::Records(cname),
                Some(cname) => Lookup::Cname(cname),
                None => Lookup::NoData,
            },
            stands if rtype == Rtype::ANY => match (stands, node.sets) {
                (Stands::Records, 0) => Lookup::NoData,
                _ => Lookup::Any,
            },
            _ => self.records(node, rtype).map_or(Lookup::NoData, Lookup::Records),
        }
    }

    /// A node's RRset of a type.
    fn records(&self, node: &Node, rtype: Rtype) -> Option<Records<'_>> {
        let mut rest = self.octets.get(node.start as usize + usize::from(node.name_len)..)?;
        for _ in 0..node.sets {
            let (&[t0, t1, c0, c1, len @ ..], tail) = rest.split_first_chunk::<8>()?;
            let (wire, next) = tail.split_at_checked(u32::from_be_bytes(len) as usize)?;
            if u16::from_be_bytes([t0, t1]) == rtype.0 {
                return Some(Records::new(wire, u16::from_be_bytes([c0, c1])));
            }
            rest = next;
        }
        None
    }

    fn find(&self, name: Qname<'_>) -> Option<&Node> {
        self.position(name).map(|node| &self.nodes[node as usize])
    }

    fn position(&self, name: Qname<'_>) -> Option<u32> {
        let is_it = |node: &u32| name.is(self.name(&self.nodes[*node as usize]));
        self.table.find(name.hash(), is_it).copied()
    }

    fn name(&self, node: &Node) -> &[u8] {
        let start = node.start as usize;
        self.octets.get(start..start + usize::from(node.name_len)).unwrap_or_default()
    }

    fn zone(&self, zone: ZoneId) -> &Zone {
        &self.zones[zone.0 as usize]
    }
}

#[cfg(test)]
mod tests;
