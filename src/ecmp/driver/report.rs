//! What a look found, for everybody else: the status, and a line of log for what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tracing::{info, warn};

use super::{Listener, OnChange, Published};
use crate::ecmp::EcmpConfig;
use crate::ecmp::group::Decision;
use crate::ecmp::kernel::{RouteKey, Shape, Tables, Target};
use crate::ecmp::status::{EntryStatus, Leads, MemberStatus};

/// What was seen last, and the status that is published.
pub(super) struct Reports {
    published: Published,
    listener: Listener,
    view: View,
    history: BTreeMap<Arc<str>, History>,
}

/// What a look saw, and decided.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) tables: Tables,
    pub(super) decisions: Vec<Decision>,
}

#[derive(Clone, Copy, Debug, Default)]
struct History {
    last_change: Option<Instant>,
    changes: u64,
}

impl Reports {
    pub(super) fn new(published: &Published, listener: &Listener) -> Self {
        let (published, listener) = (Arc::clone(published), Arc::clone(listener));
        Self { published, listener, view: View::default(), history: BTreeMap::new() }
    }

    pub(super) fn keep(&mut self, view: View) {
        self.view = view;
    }

    /// The tables are these now.
    pub(super) fn see(&mut self, tables: Tables) {
        self.view.tables = tables;
    }

    /// Publishes the status of these entries, in which something changed at these places, with an
    /// alarm list for each.
    pub(super) fn publish(
        &mut self,
        now: Instant,
        entries: &[EcmpConfig],
        changed: &BTreeSet<RouteKey>,
        alarms: Vec<Vec<String>>,
    ) {
        self.history.retain(|name, _| entries.iter().any(|entry| entry.name == *name));
        let mut statuses = Vec::with_capacity(entries.len());
        for ((place, entry), alarms) in entries.iter().enumerate().zip(alarms) {
            let history = self.history.entry(Arc::clone(&entry.name)).or_default();
            if changed.contains(&RouteKey::of(entry)) {
                *history = History { last_change: Some(now), changes: history.changes + 1 };
            }
            let history = *history;
            statuses.push(self.view.status(place, entry, history, alarms));
        }
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        tell(&published, &statuses, listener.as_ref());
        *published = statuses;
    }
}

impl View {
    fn status(
        &self,
        place: usize,
        entry: &EcmpConfig,
        history: History,
        mut alarms: Vec<String>,
    ) -> EntryStatus {
        let route = RouteKey::of(entry);
        let shares = self.shares(&route);
        let members = self.decisions.get(place).map(|decision| decision.members.as_slice());
        let with_share = |member: &MemberStatus| MemberStatus {
            share: shares.get(&member.gateway).copied(),
            ..member.clone()
        };
        let foreign = self.tables.foreign().map(|(id, protocol)| {
            format!("the next hop {id} is another program's (protocol {protocol}) and left alone")
        });
        alarms.extend(foreign);
        EntryStatus {
            name: Arc::clone(&entry.name),
            pool: Arc::clone(&entry.pool),
            route,
            leads: self.leads(&route),
            spreading: entry.spreading,
            when_down: entry.when_down,
            members: members.unwrap_or_default().iter().map(with_share).collect(),
            last_change: history.last_change,
            changes: history.changes,
            alarms,
        }
    }

    fn leads(&self, route: &RouteKey) -> Leads {
        match (self.tables.routes.get(route), self.tables.group_of(route)) {
            (_, Some((id, group))) => {
                let buckets = match group.shape {
                    Shape::Multipath => None,
                    Shape::Resilient { buckets, .. } => Some(buckets),
                };
                Leads::Group { id, next_hops: group.members.len(), buckets }
            }
            (Some(Target::Unreachable), None) => Leads::Unreachable,
            (Some(Target::NextHop(_) | Target::Stray) | None, None) => Leads::Absent,
        }
    }

    /// The weight of each gateway in the group that a route leads to.
    fn shares(&self, route: &RouteKey) -> BTreeMap<IpAddr, u16> {
        let group = self.tables.group_of(route).map(|(_, group)| group);
        let members = group.into_iter().flat_map(|group| &group.members);
        let shares =
            members.filter_map(|(id, weight)| Some((self.tables.next_hop(*id)?.gateway, *weight)));
        shares.collect()
    }
}

/// A line for each member that came or went, each route that leads elsewhere, each new alarm.
fn tell(before: &[EntryStatus], after: &[EntryStatus], listener: Option<&OnChange>) {
    let heard = |name: &str, text: &str| listener.into_iter().for_each(|tell| tell(name, text));
    for entry in after {
        let name = &*entry.name;
        let known = before.iter().find(|known| known.name == entry.name);
        let leads = known.map_or(Leads::Absent, |known| known.leads);
        if leads.word() != entry.leads.word() {
            let text =
                format!("the route {}: {} → {}", entry.route, leads.word(), entry.leads.word());
            info!(entry = name, "{text}");
            heard(name, &text);
        }
        for member in &entry.members {
            let known = known.into_iter().flat_map(|known| &known.members);
            let was = known.clone().find(|known| known.address == member.address);
            if was.is_none_or(|was| was.standing != member.standing) {
                info!(entry = name, member = %member.address, "member {}: {}", member.address, member.standing);
                heard(name, &format!("{}: {}", member.address, member.standing));
            }
        }
        let is_new = |alarm: &&String| known.is_none_or(|known| !known.alarms.contains(alarm));
        for alarm in entry.alarms.iter().filter(is_new) {
            warn!(entry = name, "{alarm}");
            heard(name, &format!("alarm: {alarm}"));
        }
    }
}
