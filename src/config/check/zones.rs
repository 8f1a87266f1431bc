//! One zone beside another: no zone twice, no data of a parent inside its child.

use std::collections::HashMap;

use super::Index;
use crate::config::diagnostic::Report;
use crate::config::read::name::{NameShape, RrSetShape};
use crate::dns::{Name, Rtype};

pub(super) fn check(indexes: &[Index<'_>], report: &mut Report) {
    let mut by_apex: HashMap<&Name, usize> = HashMap::new();
    for (at, index) in indexes.iter().enumerate() {
        if let Some(first) = by_apex.insert(index.apex(), at) {
            report
                .error(index.zone.apex.span, format!("the zone {} stands twice", index.apex()))
                .label(indexes[first].zone.apex.span, "it was defined here");
            by_apex.insert(index.apex(), first);
        }
    }
    for index in indexes {
        for name in &index.zone.names {
            check_shadowed(name, index, &by_apex, indexes, report);
        }
    }
}

/// Data in a parent at or below a child's apex would never be answered.
fn check_shadowed(
    name: &NameShape<'_>,
    index: &Index<'_>,
    by_apex: &HashMap<&Name, usize>,
    indexes: &[Index<'_>],
    report: &mut Report,
) {
    let owner = &name.owner.value;
    let Some(child) = zone_of(owner, by_apex).map(|at| &indexes[at]) else { return };
    if child.apex() == index.apex() || (is_delegation(name) && index.cut_of(owner).is_some()) {
        return;
    }
    report
        .error(name.owner.span, format!("{owner} belongs to the zone {}", child.apex()))
        .label(child.zone.apex.span, "which is served from this file")
        .help("put it there: in this file it would never be answered");
}

/// Nothing but what a parent has at a cut and below it.
fn is_delegation(name: &NameShape<'_>) -> bool {
    let allowed = [Rtype::NS, Rtype::DS, Rtype::A, Rtype::AAAA];
    let is_allowed = |shape: &RrSetShape| allowed.contains(&shape.set.rtype);
    name.route.is_none() && name.alias.is_none() && name.rrsets.iter().all(is_allowed)
}

/// The zone that answers for a name: that of the longest matching apex.
pub(super) fn zone_of(name: &Name, by_apex: &HashMap<&Name, usize>) -> Option<usize> {
    let mut above = Some(name.clone());
    while let Some(ancestor) = above {
        if let Some(at) = by_apex.get(&ancestor) {
            return Some(*at);
        }
        above = ancestor.parent();
    }
    None
}
