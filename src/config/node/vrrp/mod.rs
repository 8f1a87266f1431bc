//! The `vrrp` list of `rhumb.yaml` to [`VrrpEntry`] values, collecting every mistake.
//!
//! - `entry`: one entry, of which `identity`, `addresses`, `peers`, `timing`,
//!   `election`, `conditions`, `kernel` and `auth` are the parts; `secret` reads the
//!   files that hold keys; `values` has what the parts share.
//! - `clashes`: addresses with two parts in one entry.
//! - `between`: what no two entries may have in common.
//! - `services`: where DNS is answered on the virtual addresses.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use vrrp::config::Config;

use super::DnsConfig;
use crate::config::diagnostic::{Report, Span};
use crate::config::tree::Node;
use entry::Entry;

mod addresses;
mod auth;
mod between;
mod clashes;
mod conditions;
mod election;
mod entry;
mod identity;
mod kernel;
mod peers;
mod secret;
mod services;
#[cfg(test)]
mod tests;
mod timing;
mod values;

/// An entry of the list: a group of virtual routers, and what this node does for it.
#[derive(Clone, Debug, PartialEq)]
pub struct VrrpEntry {
    /// The group.
    pub group: Config,
    /// How this node asks itself whether it can answer on the virtual addresses.
    pub health: HealthQuestion,
    /// Where DNS is answered on the virtual addresses: each with the port of every entry of
    /// `dns.listen` that takes it.
    pub services: Vec<SocketAddr>,
    /// Where this node asks itself whether it can answer: the virtual addresses while they stay on
    /// the host, else its loopback addresses, where DNS is answered on them; none for an owner.
    pub questions: Vec<SocketAddr>,
    /// Where it would ask if the addresses could not stay: [`VrrpEntry::without_residence`].
    pub fallback_questions: Vec<SocketAddr>,
    /// Why the addresses do not stay on the host although they should.
    pub not_resident: Option<String>,
    /// Where the entry stands, `file:line:column`, for messages.
    pub place: String,
}

/// The node's question to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthQuestion {
    /// From question to question.
    pub every: Duration,
    /// A reply that takes longer is none; `every` at most.
    pub timeout: Duration,
    /// So many failures in a row, and the node cannot answer.
    pub fall: u32,
    /// So many replies in a row, and it can again.
    pub rise: u32,
}

/// What the list depends on outside itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// That of the file: relative paths start there.
    pub directory: &'a Path,
    /// Where DNS is answered; absent when that has a mistake in it, and what it lacks is none.
    pub dns: Option<&'a DnsConfig>,
    /// Where `dns.listen` stands.
    pub listen: Option<Span>,
}

impl VrrpEntry {
    /// The same entry on a host where the addresses cannot stay while another node has them.
    #[must_use]
    pub fn without_residence(mut self, why: String) -> Self {
        self.group.resident = false;
        self.questions.clone_from(&self.fallback_questions);
        self.not_resident = Some(why);
        self
    }
}

/// Reads the list; an entry with a mistake in it is left out.
pub(super) fn read(node: &Node, around: Around<'_>, report: &mut Report) -> Vec<VrrpEntry> {
    let items = node.one_or_more().iter();
    let entries: Vec<Entry> =
        items.filter_map(|item| entry::read(item, around.directory, report)).collect();
    between::check(&entries, report);
    services::check(&entries, around, report);
    entries.into_iter().filter_map(|entry| finish(entry, around, report)).collect()
}

fn finish(entry: Entry, around: Around<'_>, report: &Report) -> Option<VrrpEntry> {
    let source = report.source(entry.span.file);
    let (line, column) = source.position(entry.span.start);
    let (group, health) = entry.whole?;
    Some(VrrpEntry {
        services: around.dns.map_or_else(Vec::new, |dns| services::of(&group.addresses, dns)),
        questions: around.dns.map_or_else(Vec::new, |dns| services::questions(&group, dns)),
        fallback_questions: around.dns.map_or_else(Vec::new, |dns| {
            services::questions(&Config { resident: false, ..group.clone() }, dns)
        }),
        not_resident: None,
        group,
        health,
        place: format!("{}:{line}:{column}", source.name()),
    })
}
