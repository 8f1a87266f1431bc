//! From checked zones to the table: which names are visible, where they end, what is known of cuts.

use std::collections::{HashMap, HashSet};

use super::qname::{Qname, suffixes};
use super::{Cut, Glue, NO_WILDCARD, Need, Node, Stands, Zone, Zones};
use crate::dns::records::{RECORD_HEAD, encode, record_len};
use crate::dns::{Name, Rtype};
use crate::policy::{PolicyId, Routed, TtlRange};
use crate::zone::{NameSource, RrSet, Soa, ZoneId, ZoneSource};

impl Zones {
    /// Indexes checked zones.
    #[must_use]
    pub fn build(zones: Vec<ZoneSource>) -> Self {
        let map = Map::new(&zones);
        let mut builder = Builder::default();
        builder.zones.zones = zones.iter().map(Zone::new).collect();
        for (zone, source) in map.zones() {
            builder.names(&map, zone, source);
        }
        for (zone, source) in map.zones() {
            builder.empty_non_terminals(&map, zone, source);
        }
        for (zone, source) in map.zones() {
            builder.parent_side(&map, zone, source);
        }
        builder.wildcards();
        builder.finish()
    }
}

impl Zone {
    fn new(source: &ZoneSource) -> Self {
        let soa = source.soa.clone();
        let mut negative = Vec::new();
        encode(Rtype::SOA, soa.negative_ttl(), [&*soa.rdata()], &mut negative);
        Self { apex: source.apex.clone(), soa, negative: negative.into(), parent_side: None }
    }
}

/// Where a name of a zone stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The zone answers for it.
    Visible,
    /// It is another zone's apex: only DS is asked of its parent.
    ParentSide(ZoneId),
    /// Below a cut or inside another zone (RFC 2136 §7.18: occluded).
    Occluded,
}

/// The outlines of all zones: what is visible in which.
struct Map<'s> {
    sources: &'s [ZoneSource],
    apexes: HashMap<&'s [u8], ZoneId>,
    cuts: HashSet<(ZoneId, &'s [u8])>,
}

impl<'s> Map<'s> {
    fn new(sources: &'s [ZoneSource]) -> Self {
        let mut map = Self { sources, apexes: HashMap::new(), cuts: HashSet::new() };
        for (zone, source) in map.zones() {
            map.apexes.insert(source.apex.as_wire(), zone);
            let cuts = source.names.iter().filter(|name| is_cut(source, name));
            map.cuts.extend(cuts.map(|name| (zone, name.owner.as_wire())));
        }
        map
    }

    fn zones(&self) -> impl Iterator<Item = (ZoneId, &'s ZoneSource)> + use<'s> {
        self.sources.iter().enumerate().map(|(id, source)| (ZoneId(id as u32), source))
    }

    fn place(&self, zone: ZoneId, name: &[u8]) -> Place {
        match self.apexes.get(name) {
            _ if self.hidden_by(zone, name).is_some() => Place::Occluded,
            Some(&other) if other != zone => Place::ParentSide(other),
            _ => Place::Visible,
        }
    }

    /// The cut or other zone's apex of `zone` that a name stands below.
    fn hidden_by<'n>(&self, zone: ZoneId, name: &'n [u8]) -> Option<&'n [u8]> {
        if self.cuts.is_empty() && self.apexes.len() == 1 {
            return None;
        }
        let apex = self.sources[zone.0 as usize].apex.as_wire().len();
        suffixes(name)
            .skip(1)
            .take_while(|suffix| suffix.len() > apex)
            .find(|suffix| self.cuts.contains(&(zone, *suffix)) || self.apexes.contains_key(suffix))
    }

    /// The zone of ours that holds another's parent side.
    fn parent(&self, child: &Name) -> Option<ZoneId> {
        suffixes(child.as_wire()).skip(1).find_map(|suffix| self.apexes.get(suffix).copied())
    }
}

fn is_cut(zone: &ZoneSource, name: &NameSource) -> bool {
    name.owner != zone.apex && name.rrsets.iter().any(|set| set.rtype == Rtype::NS)
}

/// What tells routed names apart, but for `when_down`.
type RoutedKey = (PolicyId, Option<u8>, (u32, u32), bool);

#[derive(Default)]
struct Builder {
    zones: Zones,
    routed: HashMap<RoutedKey, Vec<u32>>,
}

impl Builder {
    fn finish(mut self) -> Zones {
        self.zones.octets.shrink_to_fit();
        self.zones.nodes.shrink_to_fit();
        let zones = &self.zones;
        let labels = zones.nodes.iter().map(|node| suffixes(zones.name(node)).count());
        self.zones.deepest = labels.max().unwrap_or(0);
        self.zones
    }

    /// Adds every visible name of a zone.
    fn names(&mut self, map: &Map<'_>, zone: ZoneId, source: &ZoneSource) {
        let glue = GlueRecords::new(map, zone, source);
        for name in &source.names {
            let owner = name.owner.as_wire();
            let only = |rtype: Rtype| name.rrsets.iter().filter(move |set| set.rtype == rtype);
            match map.place(zone, owner) {
                Place::Occluded => {}
                Place::ParentSide(child) => {
                    let node = self.node(zone, owner, Stands::Records, only(Rtype::DS));
                    self.zones.zones[child.0 as usize].parent_side = Some(node);
                }
                Place::Visible if is_cut(source, name) => {
                    let cut = self.cut(only(Rtype::NS), &name.owner, &glue);
                    let node = self.node(zone, owner, cut, only(Rtype::DS));
                    self.insert(node);
                }
                Place::Visible => {
                    let soa = (name.owner == source.apex).then(|| soa_set(&source.soa));
                    let stands = self.stands(name);
                    let node = self.node(zone, owner, stands, name.rrsets.iter().chain(&soa));
                    self.insert(node);
                }
            }
        }
    }

    fn stands(&mut self, name: &NameSource) -> Stands {
        if let Some(routed) = &name.routed {
            return Stands::Routed(self.routed(routed));
        }
        if let Some(alias) = &name.alias {
            self.zones.aliases.push(alias.clone());
            return Stands::Alias(self.zones.aliases.len() as u32 - 1);
        }
        let cname = name.rrsets.iter().any(|set| set.rtype == Rtype::CNAME);
        if cname { Stands::Cname } else { Stands::Records }
    }

    /// An index to an equal routed name's, added when there is none.
    fn routed(&mut self, routed: &Routed) -> u32 {
        let TtlRange { longest, shortest } = routed.ttl;
        let key = (routed.policy, routed.answers, (longest, shortest), routed.ecs);
        let alike = self.routed.entry(key).or_default();
        let kept = &mut self.zones.routed;
        let same = |index: &&u32| kept[**index as usize].when_down == routed.when_down;
        if let Some(index) = alike.iter().find(same) {
            return *index;
        }
        let index = kept.len() as u32;
        kept.push(routed.clone());
        alike.push(index);
        index
    }

    fn cut<'r>(
        &mut self,
        ns: impl Iterator<Item = &'r RrSet>,
        owner: &Name,
        glue: &GlueRecords<'_>,
    ) -> Stands {
        let mut records = Vec::new();
        let mut count = 0;
        for set in ns {
            count += encode_set(set, &mut records);
        }
        let glue = glue.of(owner, &records);
        self.zones.cuts.push(Cut { ns: records.into(), count, glue });
        Stands::Cut(self.zones.cuts.len() as u32 - 1)
    }

    /// Adds the ancestors, down from the apex, of every visible name of a zone where they are
    /// missing.
    fn empty_non_terminals(&mut self, map: &Map<'_>, zone: ZoneId, source: &ZoneSource) {
        for name in &source.names {
            let owner = name.owner.as_wire();
            if map.place(zone, owner) != Place::Occluded {
                self.ancestors(zone, owner, &source.apex);
            }
        }
    }

    fn ancestors(&mut self, zone: ZoneId, name: &[u8], apex: &Name) {
        let inside = suffixes(name).skip(1).take_while(|s| s.len() >= apex.as_wire().len());
        for suffix in inside {
            if self.zones.find(Qname::new(suffix)).is_some() {
                return;
            }
            let node = self.node(zone, suffix, Stands::Records, []);
            self.insert(node);
        }
    }

    /// Finds what the parent's side of an apex is when a zone of ours holds it without a word about
    /// the child: hidden below a cut, or an empty name (the child is there, so the name is).
    fn parent_side(&mut self, map: &Map<'_>, child: ZoneId, source: &ZoneSource) {
        let missing = self.zones.zones[child.0 as usize].parent_side.is_none();
        let Some(parent) = map.parent(&source.apex).filter(|_| missing) else { return };
        let apex = source.apex.as_wire();
        let node = if let Some(cut) = map.hidden_by(parent, apex) {
            self.zones.position(Qname::new(cut))
        } else {
            self.ancestors(parent, apex, &map.sources[parent.0 as usize].apex);
            Some(self.node(parent, apex, Stands::Records, []))
        };
        self.zones.zones[child.0 as usize].parent_side = node;
    }

    /// Appends a node; it is not found by its name before [`Self::insert`].
    fn node<'r>(
        &mut self,
        zone: ZoneId,
        owner: &[u8],
        stands: Stands,
        sets: impl IntoIterator<Item = &'r RrSet>,
    ) -> u32 {
        let octets = &mut self.zones.octets;
        let start = u32::try_from(octets.len()).expect("fewer than 4 GiB of records");
        octets.extend_from_slice(owner);
        let mut count = 0;
        for set in sets {
            octets.extend_from_slice(&set.rtype.0.to_be_bytes());
            let head = octets.len();
            octets.extend_from_slice(&[0; 6]);
            let records = encode_set(set, octets);
            let len = (octets.len() - head - 6) as u32;
            octets[head..head + 2].copy_from_slice(&records.to_be_bytes());
            octets[head + 2..head + 6].copy_from_slice(&len.to_be_bytes());
            count += 1;
        }
        let name_len = owner.len() as u8;
        let node = Node { start, zone, stands, wildcard: NO_WILDCARD, sets: count, name_len };
        self.zones.nodes.push(node);
        self.zones.nodes.len() as u32 - 1
    }

    /// Tells every node that has one of its wildcard.
    fn wildcards(&mut self) {
        for index in 0..self.zones.nodes.len() as u32 {
            let zones = &mut self.zones;
            let parent = zones.name(&zones.nodes[index as usize]).strip_prefix(b"\x01*");
            if let Some(parent) = parent.and_then(|parent| zones.position(Qname::new(parent))) {
                zones.nodes[parent as usize].wildcard = index;
            }
        }
    }

    fn insert(&mut self, node: u32) {
        let Zones { nodes, octets, table, .. } = &mut self.zones;
        let hash = |node: &u32| {
            let node = &nodes[*node as usize];
            let name = octets.get(node.start as usize..).unwrap_or_default();
            Qname::new(&name[..usize::from(node.name_len)]).hash()
        };
        table.insert_unique(hash(&node), node, hash);
    }
}

/// Encodes an RRset and tells how many records it has; one with more than a message can hold is
/// never answered, so its count is no matter.
fn encode_set(set: &RrSet, wire: &mut Vec<u8>) -> u16 {
    encode(set.rtype, set.ttl, set.rdata.iter().map(|rdata| &**rdata), wire);
    u16::try_from(set.rdata.len()).unwrap_or(u16::MAX)
}

fn soa_set(soa: &Soa) -> RrSet {
    RrSet { rtype: Rtype::SOA, ttl: soa.ttl, rdata: vec![soa.rdata()] }
}

/// The address records of one zone that stand at or below its cuts.
struct GlueRecords<'s>(HashMap<&'s [u8], &'s NameSource>);

impl<'s> GlueRecords<'s> {
    fn new(map: &Map<'_>, zone: ZoneId, source: &'s ZoneSource) -> Self {
        let glue = source.names.iter().filter(|name| {
            is_cut(source, name) || map.place(zone, name.owner.as_wire()) == Place::Occluded
        });
        Self(glue.map(|name| (name.owner.as_wire(), name)).collect())
    }

    /// The glue for a cut's encoded NS records.
    fn of(&self, cut: &Name, ns: &[u8]) -> Box<[Glue]> {
        let mut glue = Vec::new();
        let mut at = 0;
        while let Some(len) = record_len(&ns[at..]) {
            let name_at = at + RECORD_HEAD;
            at += len;
            let Some(server) = Name::from_wire(&ns[name_at..at]) else { continue };
            let Some(known) = self.0.get(server.as_wire()) else { continue };
            let need = if server.is_within(cut) { Need::Required } else { Need::Sibling };
            for set in &known.rrsets {
                if matches!(set.rtype, Rtype::A | Rtype::AAAA) {
                    let mut records = Vec::new();
                    let count = encode_set(set, &mut records);
                    glue.push(Glue { name_at, need, records: records.into(), count });
                }
            }
        }
        glue.sort_by_key(|glue| glue.need);
        glue.into()
    }
}
