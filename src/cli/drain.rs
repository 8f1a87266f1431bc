//! `rhumb drain` and `rhumb undrain`: a running node is taken out, and brought back.

use std::time::Duration;

use clap::Args;
use hyper::StatusCode;

use super::client::{Client, query};
use super::{Address, Complaint, NodeFile, node, print, small_runtime};
use crate::admin::anycast::DepartureStatus;
use crate::admin::node::{Drained, Given, NotDrained, Undrained};
use crate::admin::pair::HandedOver;
use crate::admin::status::Status;

/// How often a node that leaves is asked how far it is.
const PACE: Duration = Duration::from_millis(500);

/// Take a running node out, without losing a query
///
/// Its floating addresses (VRRP) go to the other node, and it keeps to the least priority. What it
/// announces (BGP) is marked for graceful shutdown, then withdrawn. It goes on answering whatever
/// still comes, and stays drained over restarts until `rhumb undrain --node`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 1 when the node may be the last one that serves an anycast \
                        address and was not drained. Two drained nodes with a floating address \
                        still serve: the one that has it keeps it.")]
pub struct Drain {
    /// The whole node
    #[arg(long, required = true)]
    node: bool,
    /// Even if no other node is known to serve its anycast addresses
    #[arg(long)]
    force: bool,
    /// Do not wait until nobody misses its answers
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    file: NodeFile,
    #[command(flatten)]
    address: Address,
}

/// Bring a drained node back
///
/// It takes part in the election with its own priority again, and announces its anycast addresses
/// as soon as nothing speaks against it: after a failure it waits until it has been well for a while.
#[derive(Debug, Args)]
pub struct Undrain {
    /// The whole node
    #[arg(long, required = true)]
    node: bool,
    /// Announce at once what is fine, whatever went wrong before
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    file: NodeFile,
    #[command(flatten)]
    address: Address,
}

/// Drains the node, prints what became of what it had, and waits until nobody misses its answers.
///
/// # Errors
/// When no node answers, the token is wrong, or the node is the last one.
pub fn drain(arguments: &Drain) -> Result<(), Complaint> {
    let client = node::client(&arguments.file, &arguments.address)?;
    small_runtime()?.block_on(drained(&client, arguments))
}

async fn drained(client: &Client, arguments: &Drain) -> Result<(), Complaint> {
    let force = [("force", "true")].into_iter().filter(|_| arguments.force);
    let path = format!("/v1/node/drain?{}", query(force));
    let answer = client.post(path.trim_end_matches('?')).await?;
    if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        let NotDrained { error } = client.read(&answer)?;
        return Err(Complaint::new(format!("not drained: {error}"))
            .help("`rhumb status` shows the siblings; `--force` drains whoever answers"));
    }
    let Drained { vrrp, seconds, forgotten } = client.read(&answer)?;
    vrrp.iter().for_each(told);
    if let Some(why) = forgotten {
        print(format_args!("a restart will forget it: {why}\n"));
    }
    match seconds {
        0 => print(format_args!("drained\n")),
        seconds if arguments.no_wait => {
            print(format_args!("drained: nobody misses its answers after {seconds} s\n"));
        }
        seconds => {
            print(format_args!("draining: this takes {seconds} s\n"));
            leave(client).await?;
        }
    }
    Ok(())
}

fn told(given: &Given) {
    let name = &given.name;
    match &given.outcome {
        HandedOver::TookOver { by } => print(format_args!("{name}: {by} took over\n")),
        HandedOver::NobodyTookOver => print(format_args!(
            "{name}: no peer took over; this node has the address until one does\n"
        )),
        HandedOver::NotActive { .. } | HandedOver::Released => {}
    }
}

/// Waits until nobody misses the node's answers, and tells of each step.
async fn leave(client: &Client) -> Result<(), Complaint> {
    let mut step = "";
    loop {
        let status: Status = client.read(&client.get("/v1/status").await?)?;
        let departure = status.bgp.map_or(DepartureStatus::Finished, |bgp| bgp.departure);
        let now = match departure {
            DepartureStatus::Draining { .. } => "announced as draining",
            DepartureStatus::Held => "held: no sibling answers any more, so nothing is withdrawn",
            DepartureStatus::Lingering { .. } => "withdrawn; it answers what is on its way",
            DepartureStatus::Finished => "drained",
            DepartureStatus::Staying if !status.drained => {
                return Err(Complaint::new("somebody has undrained the node meanwhile"));
            }
            DepartureStatus::Staying => step,
        };
        if now != step {
            print(format_args!("{now}\n"));
            step = now;
        }
        if departure == DepartureStatus::Finished {
            return Ok(());
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Brings the node back.
///
/// # Errors
/// When no node answers, the token is wrong, or the node refused.
pub fn undrain(arguments: &Undrain) -> Result<(), Complaint> {
    let client = node::client(&arguments.file, &arguments.address)?;
    small_runtime()?.block_on(undrained(&client, arguments))
}

async fn undrained(client: &Client, arguments: &Undrain) -> Result<(), Complaint> {
    let now = [("now", "true")].into_iter().filter(|_| arguments.now);
    let path = format!("/v1/node/undrain?{}", query(now));
    let answer = client.post(path.trim_end_matches('?')).await?;
    let Undrained { forgotten } = client.read(&answer)?;
    print(format_args!("undrained\n"));
    if let Some(why) = forgotten {
        print(format_args!("a restart will forget it: {why}\n"));
    }
    Ok(())
}
