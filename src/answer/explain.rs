//! What a name leads to, step by step, and how the policy at the end decides: `rhumb explain`.
//!
//! The steps are those of [`answer`](super::answer()), told instead of written.

use crate::dns::{Name, Rtype};
use crate::policy::explain::{Asked, Explanation, explain_routed};
use crate::policy::{Family, Routed};
use crate::world::Snapshot;
use crate::zone::{Lookup, Qname, ZoneId, Zones};

/// No way is longer: eight CNAMEs, and as many ALIASes as a checked configuration can have.
const MAX_STEPS: usize = 32;

/// Explains the answer to a client.
#[must_use]
pub fn explain(snapshot: &Snapshot, asked: &Asked) -> Explanation {
    let rtype = match asked.family {
        Family::V4 => Rtype::A,
        Family::V6 => Rtype::AAAA,
    };
    let mut path = Path { zones: &snapshot.world.zones, rtype, steps: Vec::new() };
    let routed = path.follow(&asked.name);
    Explanation {
        name: asked.name.to_string(),
        rtype: if rtype == Rtype::A { "A" } else { "AAAA" },
        lookup: path.steps,
        steering: routed.and_then(|r| explain_routed(snapshot, r, asked.family, asked.client)),
    }
}

/// The way from a name to what answers it.
struct Path<'z> {
    zones: &'z Zones,
    rtype: Rtype,
    steps: Vec<String>,
}

impl<'z> Path<'z> {
    /// Follows CNAME and ALIAS; the routed name at the end, if there is one.
    fn follow(&mut self, name: &Name) -> Option<&'z Routed> {
        let mut name = name.clone();
        let mut first = None;
        for _ in 0..MAX_STEPS {
            let qname = Qname::new(name.as_wire())?;
            let Some((zone, found)) = self.zones.lookup(&qname, self.rtype) else {
                self.steps.push(format!("{name} is in no zone: REFUSED"));
                return None;
            };
            // A CNAME is followed inside its zone only; an ALIAS anywhere.
            if first.is_some_and(|first| first != zone) {
                self.steps.push(format!("{name} is outside that zone: the chain ends here"));
                return None;
            }
            let how = self.how(&qname, zone, &name);
            match found {
                Lookup::Routed(routed) => {
                    self.steps.push(format!("{how}: routed"));
                    return Some(routed);
                }
                Lookup::Cname(link) => {
                    let target = Name::from_wire(link.first_rdata())?;
                    self.steps.push(format!("{how}: CNAME {target}"));
                    (name, first) = (target, Some(zone));
                }
                Lookup::Alias(target) => {
                    self.steps.push(format!("{how}: ALIAS {target}"));
                    (name, first) = (target.clone(), None);
                }
                end => {
                    self.steps.push(format!("{how}: {}", in_words(end)));
                    return None;
                }
            }
        }
        None
    }

    /// The name, its zone, and whether a wildcard answers for it.
    fn how(&self, qname: &Qname, zone: ZoneId, name: &Name) -> String {
        let wildcard = if self.zones.holds(qname) { "" } else { ", not there itself" };
        format!("{name} in zone {}{wildcard}", self.zones.apex(zone))
    }
}

fn in_words(end: Lookup<'_>) -> &'static str {
    match end {
        Lookup::Records(_) => "static records",
        Lookup::Any => "records of other types",
        Lookup::Delegation(_) => "delegated to other servers",
        Lookup::NoData => "no records of this type: NODATA",
        Lookup::NxDomain => "no such name: NXDOMAIN",
        Lookup::Routed(_) | Lookup::Cname(_) | Lookup::Alias(_) => "a step on the way",
    }
}
