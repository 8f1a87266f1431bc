//! The `ecmp` list of `rhumb.yaml` to [`EcmpConfig`] values, collecting every mistake.
//!
//! - `entry`: one entry, of which `spreading` and `host` are parts.
//! - `between`: what no two entries may have in common, and what all must agree on.

use std::net::IpAddr;

use super::pools::PoolReference;
use crate::config::diagnostic::{Report, Spanned};
use crate::config::tree::Node;
use crate::ecmp::EcmpConfig;
use entry::Entry;

mod between;
mod entry;
mod host;
mod spreading;
#[cfg(test)]
mod tests;

/// The list as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Those without a mistake.
    pub entries: Vec<EcmpConfig>,
    /// The pools that they speak of.
    pub pools: Vec<PoolReference>,
}

/// Reads the list; an entry with a mistake in it is left out. `own` are the virtual and anycast
/// addresses of this node.
pub(super) fn read(node: &Node, own: &[Spanned<IpAddr>], report: &mut Report) -> List {
    let items = node.one_or_more().iter();
    let entries: Vec<Entry> = items.filter_map(|item| entry::read(item, own, report)).collect();
    between::check(&entries, report);
    let host = host::of(&entries, report);
    let pools = entries.iter().filter_map(|entry| entry.reference(report)).collect();
    let entries = entries.into_iter().filter_map(|entry| entry.finish(host, report)).collect();
    List { entries, pools }
}
