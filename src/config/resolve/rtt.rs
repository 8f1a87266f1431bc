//! Known round-trip times: for each pool the table that one scope sees. A zone's times win over
//! shared ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::ScopeId;
use super::advice;
use super::names::Names;
use crate::config::Known;
use crate::config::diagnostic::{Report, Span};
use crate::config::read::client::ClientKey;
use crate::config::read::rtt::RttRow;
use crate::policy::{PoolId, RttTable};

/// The times from clients to one pool, as one scope gives them.
#[derive(Debug, Default)]
pub(super) struct Times {
    by_client: BTreeMap<ClientKey, (f64, Span)>,
    /// Whether a `latency` policy asks for them.
    used: bool,
}

/// Every time known, and the tables made of them.
#[derive(Debug, Default)]
pub(super) struct Book {
    times: HashMap<(ScopeId, PoolId), Times>,
    /// Made once and shared; a zone that adds nothing shares the shared one.
    tables: HashMap<(ScopeId, PoolId), Arc<RttTable>>,
    none: Arc<RttTable>,
}

impl Book {
    /// Looks up the pools of every row.
    pub(super) fn new(
        names: &Names,
        rows: &[(ScopeId, RttRow)],
        known: Known,
        report: &mut Report,
    ) -> Self {
        let mut book = Self::default();
        for (scope, row) in rows {
            advice::client(row.client, report);
            for (pool, time) in &row.times {
                let Some(id) = names.find_pool(*scope, pool, report) else { continue };
                let times = book.times.entry((*scope, id)).or_default();
                let value = (*time, pool.span);
                if let Some((_, first)) = times.by_client.insert(row.client.value, value) {
                    let client = row.client.value;
                    let message =
                        format!("the time from {client} to `{}` stands twice", pool.value);
                    report.error(pool.span, message).label(first, "the first is here");
                }
            }
        }
        advice::client_facts(rows.iter().map(|(_, row)| row.client), known, report);
        book
    }

    /// What no table was for.
    pub(super) fn none(&self) -> Arc<RttTable> {
        Arc::clone(&self.none)
    }

    /// The times from clients to a pool that a policy of `scope` goes by.
    pub(super) fn table(&mut self, scope: ScopeId, pool: PoolId) -> Arc<RttTable> {
        if let Some(table) = self.tables.get(&(scope, pool)) {
            return Arc::clone(table);
        }
        let table = self.make(scope, pool);
        self.tables.insert((scope, pool), Arc::clone(&table));
        table
    }

    fn make(&mut self, scope: ScopeId, pool: PoolId) -> Arc<RttTable> {
        let mut merged = BTreeMap::new();
        if scope != ScopeId::SHARED {
            let Some(own) = self.times.get_mut(&(scope, pool)) else {
                return self.table(ScopeId::SHARED, pool);
            };
            own.used = true;
            merged = own.by_client.clone();
        }
        if let Some(shared) = self.times.get_mut(&(ScopeId::SHARED, pool)) {
            shared.used = true;
            for (client, value) in &shared.by_client {
                merged.entry(*client).or_insert(*value);
            }
        }
        match merged.is_empty() {
            true => self.none(),
            false => Arc::new(table_of(&merged)),
        }
    }

    /// For each scope whose times no policy goes by at all, the place of the first.
    pub(super) fn unused(&self) -> BTreeMap<ScopeId, Span> {
        let is_used = |scope: ScopeId| self.times.iter().any(|(key, of)| key.0 == scope && of.used);
        let mut unused = BTreeMap::new();
        for ((scope, _), times) in self.times.iter().filter(|((scope, _), _)| !is_used(*scope)) {
            for (_, span) in times.by_client.values() {
                let first = unused.entry(*scope).or_insert(*span);
                *first = (*first).min(*span);
            }
        }
        unused
    }
}

fn table_of(times: &BTreeMap<ClientKey, (f64, Span)>) -> RttTable {
    let mut table = RttTable::default();
    for (client, (time, _)) in times {
        match client {
            ClientKey::Cidr(network) => table.cidrs.push((*network, *time)),
            ClientKey::Asn(asn) => table.asns.push((*asn, *time)),
            ClientKey::Country(country) => table.countries.push((*country, *time)),
            // No row is by these: the reader refuses them.
            ClientKey::Subdivision(_) | ClientKey::Continent(_) => {}
        }
    }
    table
}
