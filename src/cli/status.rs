//! `rhumb status`: what a running node serves and what it knows of its members.

use clap::Args;

use super::{Address, Complaint, NodeFile, node, print, small_runtime};
use crate::admin::status::Status;

/// Show what a running node serves, and the health of its members
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rhumb status
  rhumb status --admin 192.0.2.1:8053 --json")]
pub struct Arguments {
    /// Print the node's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeFile,
    #[command(flatten)]
    address: Address,
}

/// Asks and prints.
///
/// # Errors
/// When no node answers.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    let client = node::client(&arguments.node, &arguments.address)?;
    let answer = small_runtime()?.block_on(client.get("/v1/status"))?;
    if arguments.json {
        print(client.text(&answer)?);
    } else {
        print(client.read::<Status>(&answer)?);
    }
    Ok(())
}
