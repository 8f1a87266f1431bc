//! `rhumb failover`: a running node gives a floating address to its peer, and keeps out of the way.

use clap::Args;

use super::client::{Answer, Client, query};
use super::{Address, Complaint, NodeFile, node, print, small_runtime};
use crate::admin::pair::HandedOver;
use crate::admin::status::Status;

/// Give a floating address (VRRP) to the other node
///
/// The node goes on answering until the other one is heard, so no query is lost. It then displaces
/// nobody healthy until `--release`, or until its peer is lost.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 1 when no peer took over; this node then has the address as before."
)]
pub struct Arguments {
    /// The entry of `vrrp:`; may be left out where there is only one
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// End a failover: the node takes part in the election as before
    #[arg(long)]
    release: bool,
    #[command(flatten)]
    node: NodeFile,
    #[command(flatten)]
    address: Address,
}

/// Asks, waits for the outcome and prints it.
///
/// # Errors
/// When no node answers, there is no such entry, the node is not Active, or no peer took over.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    let client = node::client(&arguments.node, &arguments.address)?;
    small_runtime()?.block_on(ask(&client, arguments))
}

async fn ask(client: &Client, arguments: &Arguments) -> Result<(), Complaint> {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => only_name(client).await?,
    };
    let release = [("release", "true")].into_iter().filter(|_| arguments.release);
    let path = format!("/v1/vrrp/{}/failover?{}", path_segment(&name), query(release));
    let answer = client.post(path.trim_end_matches('?')).await?;
    told(client, &name, &answer)
}

/// Prints the outcome.
fn told(client: &Client, name: &str, answer: &Answer) -> Result<(), Complaint> {
    let outcome: HandedOver = client.read(answer)?;
    match outcome {
        HandedOver::Released => print(format_args!("{name}: may displace others again\n")),
        HandedOver::TookOver { by } => print(format_args!("{name}: {by} took over\n")),
        HandedOver::NobodyTookOver => {
            let message = format!("{name}: no peer took over; this node has the address as before");
            return Err(Complaint::new(message)
                .help("is the other node running, with the same id? `rhumb status` there says"));
        }
        HandedOver::NotActive { state } => {
            let message = format!("{name}: this node is in state {state} and has nothing to give");
            return Err(Complaint::new(message).help("ask the node that is Active"));
        }
    }
    Ok(())
}

/// The only entry of the node.
async fn only_name(client: &Client) -> Result<String, Complaint> {
    let status: Status = client.read(&client.get("/v1/status").await?)?;
    let names: Vec<_> = status.vrrp.into_iter().map(|group| group.name).collect();
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(name),
        Err(names) if names.is_empty() => {
            Err(Complaint::new("this node has no floating address (`vrrp:` in its configuration)"))
        }
        Err(names) => Err(Complaint::new("which one is meant?")
            .help(format!("name one of: {}", names.join(", ")))),
    }
}

/// A name as one segment of a path (RFC 3986 §3.3).
fn path_segment(name: &str) -> String {
    query([("", name)].into_iter()).split_off(1)
}
