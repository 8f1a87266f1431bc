//! Where CNAME and ALIAS lead: each name has at most one successor, so chains are walked by index.
//!
//! A CNAME is followed inside its zone, an ALIAS to any zone of this server.

use std::collections::HashMap;

use super::zones::zone_of;
use super::{Found, Index, Scope, has_address};
use crate::config::diagnostic::{Report, Span};
use crate::config::read::name::NameShape;
use crate::dns::{Name, Rtype};

/// The most links that an answer follows.
const MOST_LINKS: usize = 8;

/// A name of some zone: both are indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    zone: usize,
    name: usize,
}

pub(super) fn check(indexes: &[Index<'_>], scope: Scope, report: &mut Report) {
    let by_apex: HashMap<_, _> = indexes.iter().map(Index::apex).zip(0..).collect();
    let links = Links { indexes, by_apex, scope };
    let mut successors = HashMap::new();
    for from in links.starts() {
        if let Some(to) = links.follow(from, report) {
            successors.insert(from, to);
        }
    }
    report_loops(&links, &successors, report);
}

struct Links<'i, 'z> {
    indexes: &'i [Index<'z>],
    by_apex: HashMap<&'z Name, usize>,
    scope: Scope,
}

impl<'z> Links<'_, 'z> {
    fn name(&self, place: Place) -> &'z NameShape<'z> {
        self.indexes[place.zone].name(place.name)
    }

    /// Every name with a CNAME or an ALIAS, in the order written.
    fn starts(&self) -> impl Iterator<Item = Place> {
        let zones = self.indexes.iter().enumerate();
        zones.flat_map(|(zone, index)| {
            let linked = |name: &NameShape<'_>| name.cname().is_some() || name.alias.is_some();
            let names = index.zone.names.iter().enumerate();
            names.filter(move |(_, shape)| linked(shape)).map(move |(name, _)| Place { zone, name })
        })
    }

    /// The name that a name's CNAME or ALIAS leads to; a target that an ALIAS cannot have is
    /// reported.
    fn follow(&self, from: Place, report: &mut Report) -> Option<Place> {
        let name = self.name(from);
        if let Some(target) = name.cname() {
            return match self.indexes[from.zone].find(&target) {
                Found::Name(name) => Some(Place { name, ..from }),
                _ => None,
            };
        }
        let alias = name.alias.as_ref()?;
        self.alias_target(alias.span, &alias.value, report)
    }

    fn alias_target(&self, place: Span, target: &Name, report: &mut Report) -> Option<Place> {
        let Some(zone) = zone_of(target, &self.by_apex) else {
            if self.scope == Scope::Each {
                return None;
            }
            report
                .error(place, format!("{target} is in no zone of this server"))
                .help("an ALIAS leads to a name that this server serves; to others a CNAME can");
            return None;
        };
        let index = &self.indexes[zone];
        let name = match index.find(target) {
            Found::Name(name) => name,
            Found::Cut(cut) => {
                let cut = index.name(cut);
                report
                    .error(place, format!("{target} is delegated, so this server cannot answer it"))
                    .label(cut.owner.span, "delegated here");
                return None;
            }
            Found::Nothing | Found::Outside => {
                report
                    .error(place, format!("{target} does not exist in the zone {}", index.apex()));
                return None;
            }
        };
        self.check_alias_end(place, Place { zone, name }, report);
        Some(Place { zone, name })
    }

    /// The end of the CNAME chain at an ALIAS's target must be a name that has addresses.
    fn check_alias_end(&self, place: Span, start: Place, report: &mut Report) {
        let mut at = start;
        for _ in 0..=MOST_LINKS {
            let name = self.name(at);
            let Some(target) = name.cname() else {
                if !has_address(name) {
                    let owner = &name.owner.value;
                    report
                        .warning(place, format!("{owner} has no addresses for the ALIAS to give"));
                }
                return;
            };
            match self.indexes[at.zone].find(&target) {
                Found::Name(name) => at = Place { name, ..at },
                Found::Cut(_) | Found::Nothing | Found::Outside => {
                    report
                        .error(place, format!("the ALIAS leads to {target}, which is not served"))
                        .label(name.owner.span, "by the CNAME here");
                    return;
                }
            }
        }
    }
}

/// Reports each loop once, at its first name, and each chain that is too long, at the name from
/// which it is one link too long.
fn report_loops(links: &Links<'_, '_>, successors: &HashMap<Place, Place>, report: &mut Report) {
    let mut starts: Vec<_> = successors.keys().copied().collect();
    starts.sort_unstable();
    let mut seen_from: HashMap<Place, Place> = HashMap::new();
    for start in starts {
        if let Some(members) = new_loop(start, successors, &mut seen_from) {
            report_loop(links, &members, report);
        }
        if links_from(start, successors) == Some(MOST_LINKS + 1) {
            let name = links.name(start);
            let message = format!(
                "the chain from {} is {} links long (at most {MOST_LINKS} are followed)",
                name.owner.value,
                MOST_LINKS + 1
            );
            report.error(link_place(name), message);
        }
    }
}

/// A loop that the chain from `start` runs into and no chain before it did, its first name first.
fn new_loop(
    start: Place,
    successors: &HashMap<Place, Place>,
    seen_from: &mut HashMap<Place, Place>,
) -> Option<Vec<Place>> {
    let mut chain = Vec::new();
    let mut at = start;
    while !seen_from.contains_key(&at) {
        seen_from.insert(at, start);
        chain.push(at);
        at = *successors.get(&at)?;
    }
    let entry = chain.iter().position(|place| *place == at)?;
    let mut members = chain.split_off(entry);
    let first = (0..members.len()).min_by_key(|member| members[*member])?;
    members.rotate_left(first);
    Some(members)
}

/// How many links the chain from `start` has, when it ends within one more than are followed.
fn links_from(start: Place, successors: &HashMap<Place, Place>) -> Option<usize> {
    let mut at = start;
    for links in 0..=MOST_LINKS + 1 {
        match successors.get(&at) {
            Some(next) => at = *next,
            None => return Some(links),
        }
    }
    None
}

fn report_loop(links: &Links<'_, '_>, members: &[Place], report: &mut Report) {
    const SHOWN: usize = 8;
    let owner = |place: &Place| links.name(*place).owner.value.to_string();
    let mut way: Vec<_> = members.iter().take(SHOWN).map(owner).collect();
    if members.len() > SHOWN {
        way.push("…".to_owned());
    }
    way.push(owner(&members[0]));
    let kinds = members.iter().any(|member| links.name(*member).alias.is_some());
    let kind = if kinds { "an ALIAS" } else { "a CNAME" };
    let place = link_place(links.name(members[0]));
    report.error(place, format!("{kind} loop: {}", way.join(" → ")));
}

/// Where a name's CNAME or ALIAS stands.
fn link_place(name: &NameShape<'_>) -> Span {
    let cname = name.rrset(Rtype::CNAME).and_then(|shape| shape.values.first().copied());
    let alias = name.alias.as_ref().map(|alias| alias.span);
    cname.or(alias).unwrap_or(name.owner.span)
}
