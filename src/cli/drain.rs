//! `rhumb drain` and `rhumb undrain`: a running node is taken out, and brought back.

use clap::Args;

use super::client::Client;
use super::{Address, Complaint, NodeFile, node, print, small_runtime};
use crate::admin::node::{Drained, Undrained};
use crate::admin::pair::HandedOver;

/// Take a running node out, without losing a query
///
/// Its floating addresses (VRRP) go to the other node, and it keeps to the least priority. It goes
/// on answering whatever still comes, and stays drained over restarts until `rhumb undrain`.
#[derive(Debug, Args)]
#[command(after_help = "Two drained nodes still serve: the one that has an address keeps it.")]
pub struct Drain {
    /// The whole node
    #[arg(long, required = true)]
    node: bool,
    #[command(flatten)]
    file: NodeFile,
    #[command(flatten)]
    address: Address,
}

/// Bring a drained node back
#[derive(Debug, Args)]
pub struct Undrain {
    /// The whole node
    #[arg(long, required = true)]
    node: bool,
    #[command(flatten)]
    file: NodeFile,
    #[command(flatten)]
    address: Address,
}

/// Drains the node and prints what became of what it had.
///
/// # Errors
/// When no node answers, the token is wrong, or the node refused.
pub fn drain(arguments: &Drain) -> Result<(), Complaint> {
    let client = node::client(&arguments.file, &arguments.address)?;
    small_runtime()?.block_on(drained(&client))
}

async fn drained(client: &Client) -> Result<(), Complaint> {
    let Drained { vrrp, forgotten } = client.read(&client.post("/v1/node/drain").await?)?;
    for given in vrrp {
        let name = given.name;
        match given.outcome {
            HandedOver::TookOver { by } => print(format_args!("{name}: {by} took over\n")),
            HandedOver::NobodyTookOver => print(format_args!(
                "{name}: no peer took over; this node has the address until one does\n"
            )),
            HandedOver::NotActive { .. } | HandedOver::Released => {}
        }
    }
    print(format_args!("drained\n"));
    warn_of_restart(forgotten.as_deref());
    Ok(())
}

/// Brings the node back.
///
/// # Errors
/// When no node answers, the token is wrong, or the node refused.
pub fn undrain(arguments: &Undrain) -> Result<(), Complaint> {
    let client = node::client(&arguments.file, &arguments.address)?;
    small_runtime()?.block_on(undrained(&client))
}

async fn undrained(client: &Client) -> Result<(), Complaint> {
    let Undrained { forgotten } = client.read(&client.post("/v1/node/undrain").await?)?;
    print(format_args!("undrained\n"));
    warn_of_restart(forgotten.as_deref());
    Ok(())
}

fn warn_of_restart(forgotten: Option<&str>) {
    if let Some(why) = forgotten {
        print(format_args!("a restart will forget it: {why}\n"));
    }
}
