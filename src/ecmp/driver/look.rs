//! One look: what the kernel has, what is wanted, and the steps in between.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tracing::info;
use vrrp::linux::KernelError;
use vrrp::linux::netlink::Link;
use vrrp::linux::netlink::exchange::Refusal;

use super::report::View;
use super::thread::{Outcome, Thread};
use crate::ecmp::EcmpConfig;
use crate::ecmp::group::{self, Decision, Path, Paths};
use crate::ecmp::kernel::{Change, Object, RouteKey, Tables, Target};
use crate::ecmp::knobs::Knob;
use crate::ecmp::netlink::{Way, is_occupied};
use crate::ecmp::plan::{Want, Wants, plan};
use crate::policy::Family;

/// Looks that follow each other without a pause: one finds what is to be done, one what came of it,
/// and some do without a next hop that the kernel refused.
const ROUNDS: usize = 8;

/// What a look finds out.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Next hops that the kernel refused.
    refused: BTreeMap<IpAddr, Arc<str>>,
    /// Places that somebody else's route has.
    occupied: BTreeSet<RouteKey>,
    /// What else did not work.
    failures: Vec<String>,
    /// When weights that were held back may be updated.
    later: Option<Instant>,
    /// The places where something was changed.
    changed: BTreeSet<RouteKey>,
}

/// What became of the steps.
enum Done {
    /// There was nothing to do, or nothing that can be done now.
    Nothing,
    /// Some were made: see what came of it.
    Some,
    /// One could not be made, and not for a reason that the next round knows to avoid.
    Failed,
}

impl Done {
    fn and_some(self) -> Self {
        match self {
            Self::Nothing | Self::Some => Self::Some,
            Self::Failed => Self::Failed,
        }
    }
}

impl Thread {
    /// Brings the kernel to what is wanted, as far as it goes, and reports.
    pub(super) fn look(&mut self, now: Instant) -> Outcome {
        let mut found = Found::default();
        for _ in 0..ROUNDS {
            match self.round(now, &mut found) {
                Ok(Done::Nothing) => break,
                Ok(Done::Some) => {}
                Ok(Done::Failed) => {
                    self.see_again();
                    break;
                }
                Err(error) => {
                    found.failures.push(error.to_string());
                    break;
                }
            }
        }
        self.report(now, &found);
        if found.failures.is_empty() && found.refused.is_empty() {
            Outcome::Done(found.later)
        } else {
            Outcome::Failed
        }
    }

    /// What is reported is what there is, not what was meant to be.
    fn see_again(&mut self) {
        if let Ok(tables) = self.netlink.tables() {
            self.reports.see(tables);
        }
    }

    fn round(&mut self, now: Instant, found: &mut Found) -> Result<Done, KernelError> {
        let tables = self.netlink.tables()?;
        let paths = self.paths(&found.refused)?;
        let decisions = self.decide(&tables, &paths);
        let mut wants = Wants::new();
        for (entry, decision) in self.entries.iter().zip(&decisions) {
            let route = RouteKey::of(entry);
            let group = self.groups.get(&route).copied();
            // Of two entries for one place the first has it.
            wants.entry(route).or_insert(Want { wanted: &decision.wanted, group });
        }
        let plan = plan(&wants, &tables);
        self.groups.extend(plan.groups);
        self.groups.retain(|route, _| wants.contains_key(route));
        let made = self.make(&plan.changes, &tables, now, found);
        self.reports.keep(View { tables, decisions });
        Ok(made)
    }

    /// Makes the changes that may be made now.
    fn make(
        &mut self,
        changes: &[Change],
        tables: &Tables,
        now: Instant,
        found: &mut Found,
    ) -> Done {
        let mut done = Done::Nothing;
        found.later = None;
        for change in changes {
            if let Some(then) = self.pace.not_before(change, tables, now) {
                found.later = Some(found.later.map_or(then, |later| later.min(then)));
                continue;
            }
            // What would be removed may still be needed by what was not made.
            if change.is_removal() && matches!(done, Done::Failed) {
                break;
            }
            if is_known_to_fail(change, found) {
                continue;
            }
            done = match (self.netlink.apply(change), done) {
                (Ok(()), done) => {
                    self.made(change, tables, now, found);
                    done.and_some()
                }
                (Err(refusal), done) => match note(change, refusal, found) {
                    Refused::Harmless => done,
                    // Its groups are to do without it.
                    Refused::ThinkAgain => return Done::Some,
                    Refused::Failed => Done::Failed,
                },
            };
        }
        done
    }

    fn made(&mut self, change: &Change, tables: &Tables, now: Instant, found: &mut Found) {
        info!("ecmp: {change}");
        self.pace.made(change, tables, now);
        found.changed.extend(places_of(change, tables));
    }

    fn decide(&self, tables: &Tables, paths: &Paths) -> Vec<Decision> {
        let decide = |entry: &EcmpConfig| {
            let members = self.pools.as_ref().and_then(|pools| pools.get(&entry.pool));
            let present = gateways_of(tables, &RouteKey::of(entry));
            group::decide(entry, members.map(Vec::as_slice), paths, &present)
        };
        self.entries.iter().map(decide).collect()
    }

    /// How the gateways of all entries are reached.
    fn paths(&mut self, refused: &BTreeMap<IpAddr, Arc<str>>) -> Result<Paths, KernelError> {
        let pools = self.pools.iter().flatten().collect::<BTreeMap<_, _>>();
        let gateways: BTreeSet<IpAddr> = self
            .entries
            .iter()
            .filter_map(|entry| Some((entry, pools.get(&entry.pool)?)))
            .flat_map(|(entry, members)| group::gateways(entry, members).map(|(_, at)| at))
            .collect();
        let links = self.links.links()?;
        let mut paths = Paths::new();
        for gateway in gateways {
            let path = match refused.get(&gateway) {
                Some(words) => Path::Refused(Arc::clone(words)),
                // One strange address is no reason to leave all others alone.
                None => match self.netlink.way_to(gateway) {
                    Ok(way) => path(way, &links),
                    Err(error) => Path::Refused(error.to_string().into()),
                },
            };
            paths.insert(gateway, path);
        }
        Ok(paths)
    }

    fn report(&mut self, now: Instant, found: &Found) {
        let entries = self.entries.iter().enumerate();
        let alarms = entries.map(|(place, entry)| self.alarms(place, entry, found)).collect();
        self.reports.publish(now, &self.entries, &found.changed, alarms);
    }

    /// What is not as it should be with an entry.
    fn alarms(&self, place: usize, entry: &EcmpConfig, found: &Found) -> Vec<String> {
        let of_entry = self.knob_alarms.iter().filter(|(of, _)| *of == place);
        let mut alarms: Vec<String> = of_entry.map(|(_, why)| why.clone()).collect();
        alarms.extend(self.forwarding_alarm(entry));
        let route = RouteKey::of(entry);
        if found.occupied.contains(&route) {
            alarms.push(format!(
                "another program's route stands at {route}: remove it, or take another metric"
            ));
        }
        if self.pools.as_ref().is_some_and(|pools| !pools.contains_key(&entry.pool)) {
            alarms.push(format!("there is no pool {}; nothing is changed", entry.pool));
        }
        alarms.extend(found.failures.iter().cloned());
        alarms
    }

    /// Without forwarding the routes serve this host's own packets only.
    fn forwarding_alarm(&self, entry: &EcmpConfig) -> Option<String> {
        let knob = Knob::forwarding(Family::of(entry.prefix.addr()));
        let off = self.knobs.read(knob) == Ok(0);
        off.then(|| {
            format!("this host does not forward packets; `sysctl -w {}=1` lets it", knob.name())
        })
    }
}

/// The places that a change is made for.
fn places_of(change: &Change, tables: &Tables) -> Vec<RouteKey> {
    match change {
        Change::AddRoute(route, _)
        | Change::ReplaceRoute(route, _)
        | Change::RemoveRoute(route, _) => vec![*route],
        Change::AddGroup(id, _) | Change::ReplaceGroup(id, _) => {
            let of_group = tables.routes.iter().filter(|(_, t)| **t == Target::NextHop(*id));
            of_group.map(|(route, _)| *route).collect()
        }
        Change::AddNextHop(..) | Change::RemoveObject(_) => Vec::new(),
    }
}

/// Refusals that this look knows of already.
fn is_known_to_fail(change: &Change, found: &Found) -> bool {
    matches!(change, Change::AddRoute(route, _) if found.occupied.contains(route))
}

/// What a refusal means for what is still to be done.
enum Refused {
    /// Nothing depends on it.
    Harmless,
    /// Plans are to be made without it.
    ThinkAgain,
    /// Nothing is to be removed.
    Failed,
}

/// Notes why a change was not made.
fn note(change: &Change, refusal: Refusal, found: &mut Found) -> Refused {
    match change {
        Change::AddRoute(route, _) if is_occupied(&refusal) => {
            found.occupied.insert(*route);
            Refused::Harmless
        }
        Change::AddNextHop(_, next_hop) => {
            let words = refusal.explanation.unwrap_or_else(|| refusal.error.to_string());
            found.refused.insert(next_hop.gateway, words.into());
            Refused::ThinkAgain
        }
        Change::AddGroup(..)
        | Change::ReplaceGroup(..)
        | Change::AddRoute(..)
        | Change::ReplaceRoute(..)
        | Change::RemoveRoute(..)
        | Change::RemoveObject(_) => {
            found.failures.push(KernelError::refused(change.to_string(), refusal).to_string());
            Refused::Failed
        }
    }
}

fn path(way: Option<Way>, links: &[Link]) -> Path {
    match way {
        Some(Way::Direct { interface }) => {
            let link = links.iter().find(|link| link.interface.index == interface);
            link.map_or(Path::NoWay, |link| {
                let name: Arc<str> = link.interface.name.as_str().into();
                if link.up { Path::OnLink { index: interface, name } } else { Path::LinkDown(name) }
            })
        }
        Some(Way::Through { gateway, .. }) => Path::Beyond(gateway),
        Some(Way::Local) => Path::Own,
        Some(Way::Refused) | None => Path::NoWay,
    }
}

/// The gateways in the group that a route leads to.
fn gateways_of(tables: &Tables, route: &RouteKey) -> BTreeSet<IpAddr> {
    let group = tables.group_of(route).map(|(_, group)| group);
    let ids = group.into_iter().flat_map(|group| group.members.keys());
    let next_hops = ids.filter_map(|id| match tables.objects.get(id) {
        Some(Object::NextHop(next_hop)) => Some(next_hop.gateway),
        Some(Object::Group(_) | Object::Stray | Object::Foreign(_)) | None => None,
    });
    next_hops.collect()
}
