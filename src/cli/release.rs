//! `rhumb release`: cleans up after a node that crashed; for the unit's `ExecStopPost`.
#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use vrrp::linux::record::Record;
use vrrp::linux::sysctl::Sysctls;
use vrrp::release;

use super::{Complaint, NodeFile, node, print};
use crate::config::node::NodeConfig;
use crate::ground::Ground;
use crate::{anycast, ecmp};

/// Undo what a node that crashed left in the kernel: addresses, routes, sysctls
///
/// A node that had the addresses of a pair when it died gives them to its peer as well. A node that
/// ended cleanly has left nothing, and a running one is left alone. For the unit's ExecStopPost.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    node: NodeFile,
}

/// Gives the role away, undoes what is recorded, and prints what became of it.
///
/// # Errors
/// When the node runs, its state directory cannot be read, or something could not be undone.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    let node = node::as_far(&arguments.node)?;
    if let Some(notice) = unnamed(&node) {
        print(format_args!("{notice}\n"));
    }
    let failed = release_addresses(&node)? + release_routes(&node)?;
    match failed {
        0 => Ok(()),
        failed => Err(Complaint::new(format!("{failed} changes were not undone"))
            .help("it needs CAP_NET_ADMIN; what is left stays recorded and can be tried again")),
    }
}

/// Floating and anycast addresses, and what belongs to them; how much could not be undone.
fn release_addresses(node: &NodeConfig) -> Result<usize, Complaint> {
    if !Ground::has_leftovers(&node.state) {
        return Ok(0);
    }
    let mut record = Record::open(&node.state).map_err(Complaint::new)?;
    if let Some(complaint) = record.complaint() {
        print(format_args!("{complaint}\n"));
    }
    // First the word, for somebody waits for it.
    for error in give_away(&mut record, node)? {
        print(format_args!("not given away: {error}\n"));
    }
    let undone = release::undo(&mut record, &Sysctls::of_host()).map_err(Complaint::new)?;
    undone.iter().for_each(|undone| print(format_args!("{undone}\n")));
    anycast::release().map_err(Complaint::new)?;
    Ok(undone.iter().filter(|undone| undone.is_failed()).count())
}

/// Routes over pools, and what belongs to them; how much could not be undone.
fn release_routes(node: &NodeConfig) -> Result<usize, Complaint> {
    let undone = ecmp::release(&node.state).map_err(Complaint::new)?;
    undone.iter().for_each(|undone| print(format_args!("{undone}\n")));
    Ok(undone.iter().filter(|undone| undone.is_failed()).count())
}

fn give_away(
    record: &mut Record,
    node: &NodeConfig,
) -> Result<Vec<vrrp::linux::KernelError>, Complaint> {
    let configs: Vec<_> = node.vrrp.iter().map(|entry| entry.group.clone()).collect();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    release::give_away(record, &configs, wall).map_err(Complaint::new)
}

/// Without a configuration nobody has said where the record is, and what was looked at is said.
fn unnamed(node: &NodeConfig) -> Option<String> {
    let state = node.state.display();
    let said = || format!("no configuration found: looked in {state}, the default state directory");
    node.file.is_none().then(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_configuration_it_says_where_it_looked() {
        let node = NodeConfig { state: "/state".into(), ..NodeConfig::built_in() };
        let expected = "no configuration found: looked in /state, the default state directory";
        assert_eq!(unnamed(&node).as_deref(), Some(expected));
        let node = NodeConfig { file: Some("/etc/rhumb/rhumb.yaml".into()), ..node };
        assert_eq!(unnamed(&node), None);
    }
}
