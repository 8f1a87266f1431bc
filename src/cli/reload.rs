//! `rhumb reload`: a running node reads its files anew; all or nothing.

use clap::Args;
use hyper::StatusCode;

use super::{Address, Complaint, NodeFile, node, print, small_runtime};
use crate::admin::{ReloadRefused, Reloaded};

/// Make a running node read its files anew; a mistake in any of them changes nothing
#[derive(Debug, Args)]
#[command(after_help = "`rhumb check` finds mistakes before a reload does.")]
pub struct Arguments {
    #[command(flatten)]
    node: NodeFile,
    #[command(flatten)]
    address: Address,
}

/// Asks, waits for the outcome and prints it.
///
/// # Errors
/// When no node answers, the token is wrong, or the node refused what it read.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    let client = node::client(&arguments.node, &arguments.address)?;
    let answer = small_runtime()?.block_on(client.post("/v1/reload"))?;
    if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        let ReloadRefused { errors } = client.read(&answer)?;
        let lines: String = errors.iter().map(|error| format!("\n  {error}")).collect();
        let message = format!("the node refused what it read and serves as before:{lines}");
        return Err(Complaint::new(message).help("`rhumb check` shows each mistake in its place"));
    }
    let Reloaded { generation, zones, warnings, incomplete } = client.read(&answer)?;
    warnings.iter().for_each(|warning| print(format_args!("{warning}\n")));
    let s = if zones == 1 { "" } else { "s" };
    print(format_args!("reloaded: {zones} zone{s}, generation {generation}\n"));
    if incomplete.is_empty() {
        return Ok(());
    }
    let lines: String = incomplete.iter().map(|what| format!("\n  {what}")).collect();
    let message =
        format!("the zones are in force, but not all of the network is as configured:{lines}");
    Err(Complaint::new(message)
        .help("mend it and reload again; until then the node counts as stale"))
}
