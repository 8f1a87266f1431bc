//! What a name leads to, step by step, to the policy at the end.

use crate::dns::{Name, Rtype};
use crate::policy::{Routed, pick};
use crate::world::Snapshot;
use crate::zone::{Lookup, Qname, ZoneId, Zones};

/// More links than any chain that is answered: the way ends for certain.
const MAX_LINKS: usize = 32;

/// The end of a name's way.
pub(super) struct Found<'s> {
    /// A line for each step.
    pub(super) steps: Vec<String>,
    /// The zone that answers.
    pub(super) zone: Option<ZoneId>,
    /// The policy there.
    pub(super) routed: Option<&'s Routed>,
    /// The least TTL of CNAMEs behind an ALIAS: the answer's is no longer.
    pub(super) longest: u32,
}

/// Follows a name over CNAME and ALIAS.
pub(super) fn find<'s>(snapshot: &'s Snapshot, name: &Name, rtype: Rtype) -> Found<'s> {
    let zones = &snapshot.world.zones;
    let mut found = Found { steps: Vec::new(), zone: None, routed: None, longest: u32::MAX };
    let (mut name, mut first_zone, mut under_alias) = (name.clone(), None, false);
    for _ in 0..MAX_LINKS {
        let at = zones.lookup(Qname::new(name.as_wire()), rtype);
        let Some((zone, next)) = at else {
            found.steps.push(outside(&name, first_zone.is_some(), under_alias));
            return found;
        };
        found.zone.get_or_insert(zone);
        let apex = zones.apex(zone);
        if *first_zone.get_or_insert(zone) != zone && !under_alias {
            found.steps.push(format!("{name} is of another zone, {apex}: the resolver asks there"));
            return found;
        }
        match next {
            Lookup::Cname(link) => {
                let Some(target) = Name::from_wire(link.first_rdata()) else { return found };
                found.steps.push(format!("{name} is a CNAME of {target} (zone {apex})"));
                if under_alias {
                    found.longest = found.longest.min(link.ttl());
                }
                name = target;
            }
            Lookup::Alias(target) => {
                found.steps.push(format!("{name} is an ALIAS of {target} (zone {apex})"));
                under_alias = true;
                name = target.clone();
            }
            Lookup::Routed(routed) => {
                let through = through_wildcard(zones, &name);
                found.steps.push(format!("{name} is routed{through} (zone {apex})"));
                let chained = found.steps.len() > 1 && !under_alias;
                if chained && routed.ecs && pick::client_dependent(snapshot, routed) {
                    let note = "a query with a client subnet gets the first CNAME alone, scope 0";
                    found.steps.push(note.to_owned());
                }
                found.routed = Some(routed);
                return found;
            }
            end => {
                found.steps.push(format!("{name} {} (zone {apex})", ending(end)));
                return found;
            }
        }
    }
    found.steps.push(format!("{name}: more links than are followed"));
    found
}

/// A name that no zone holds, by how it was come to.
fn outside(name: &Name, chained: bool, under_alias: bool) -> String {
    match (chained, under_alias) {
        (false, _) => format!("no zone holds {name}: REFUSED"),
        (true, false) => format!("no zone holds {name}: the resolver asks elsewhere"),
        (true, true) => format!("no zone holds {name}: SERVFAIL"),
    }
}

fn ending(end: Lookup<'_>) -> &'static str {
    match end {
        Lookup::Records(_) => "has static records",
        Lookup::Any => "has records",
        Lookup::Delegation(_) => "is delegated: a referral",
        Lookup::NoData => "has no record of the type: NODATA",
        Lookup::NxDomain => "does not exist: NXDOMAIN",
        Lookup::Routed(_) => "is routed",
        Lookup::Alias(_) => "is an ALIAS",
        Lookup::Cname(_) => "is a CNAME",
    }
}

/// The wildcard that a routed name comes from, when it does. It is the longest that covers it: a
/// longer one would make a closer encloser (RFC 4592 §3.3.1).
fn through_wildcard(zones: &Zones, name: &Name) -> String {
    let mut wildcard: Option<Name> = None;
    for (owner, _) in zones.routed() {
        if owner == *name {
            return String::new();
        }
        let covers =
            owner.is_wildcard() && owner.parent().is_some_and(|above| name.is_within(&above));
        let length = |name: &Name| name.as_wire().len();
        if covers && wildcard.as_ref().is_none_or(|best| length(best) < length(&owner)) {
            wildcard = Some(owner);
        }
    }
    wildcard.map_or_else(String::new, |owner| format!(" by the wildcard {owner}"))
}
