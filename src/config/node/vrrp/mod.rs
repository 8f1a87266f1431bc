//! The `vrrp` list of `rhumb.yaml` to [`VrrpEntry`] values, collecting every mistake.
//!
//! - `entry`: one entry, of which `identity`, `addresses`, `peers`, `timing`,
//!   `election`, `conditions`, `kernel` and `auth` are the parts.
//! - `clashes`: addresses with two parts in one entry.
//! - `between`: what no two entries may have in common.
//! - `questions`: where a node asks itself whether it can answer.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use vrrp::config::Config;

use super::services::Around;
use super::{bfd, secret, services, values};
use crate::bfd::BfdOptions;
use crate::config::diagnostic::{Report, Spanned};
use crate::config::tree::Node;
use entry::{Entry, Whole};

mod addresses;
mod auth;
mod between;
mod clashes;
pub(super) mod conditions;
mod election;
mod entry;
mod identity;
mod kernel;
mod peers;
mod questions;
#[cfg(test)]
mod tests;
mod timing;

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
    /// Whether, and how, BFD watches the paths to the peers: a hint that one is lost, sooner.
    pub bfd: Option<BfdOptions>,
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

/// The list as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Those without a mistake.
    pub entries: Vec<VrrpEntry>,
    /// The virtual addresses of all.
    pub addresses: Vec<Spanned<IpAddr>>,
}

/// Reads the list; an entry with a mistake in it is left out.
pub(super) fn read(node: &Node, around: Around<'_>, report: &mut Report) -> List {
    let items = node.one_or_more().iter();
    let entries: Vec<Entry> =
        items.filter_map(|item| entry::read(item, around.directory, report)).collect();
    between::check(&entries, report);
    let addresses: Vec<_> =
        entries.iter().flat_map(|entry| &entry.addresses.list).copied().collect();
    services::check("virtual address", &addresses, around, report);
    let entries = entries.into_iter().filter_map(|entry| finish(entry, around, report)).collect();
    List { entries, addresses }
}

fn finish(entry: Entry, around: Around<'_>, report: &Report) -> Option<VrrpEntry> {
    let Whole { group, health, bfd } = entry.whole?;
    let questions = |group: &Config| around.dns.map(|dns| questions::of(group, dns));
    let not_resident = Config { resident: false, ..group.clone() };
    Some(VrrpEntry {
        services: around.dns.map_or_else(Vec::new, |dns| services::of(&group.addresses, dns)),
        questions: questions(&group).unwrap_or_default(),
        fallback_questions: questions(&not_resident).unwrap_or_default(),
        not_resident: None,
        group,
        health,
        bfd,
        place: report.place(entry.span),
    })
}
