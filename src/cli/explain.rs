//! `rhumb explain`: the path that a decision takes.

use std::net::IpAddr;
use std::sync::Arc;

use clap::Args;

use super::client::query;
use super::{Address, Complaint, NodeFile, node, print, small_runtime};
use crate::admin::explain::{explain_with_down, family_of};
use crate::dns::Name;
use crate::policy::Family;
use crate::policy::explain::Asked;
use crate::run::files::Files;
use crate::world::{Snapshot, World};

/// Explain the answer that a client gets: what was looked at, what was dropped and why
///
/// From the files, with every member up; or, with --live, from the running node and the health that
/// it knows of.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rhumb explain www.example.com --client 91.0.0.1
  rhumb explain www.example.com AAAA --client 2001:db8::1 --down eu-west
  rhumb explain www.example.com --client 91.0.0.1 --live --json")]
pub struct Arguments {
    /// The name asked for
    #[arg(value_parser = absolute_name)]
    name: Name,
    /// The type asked for, A or AAAA
    #[arg(value_name = "TYPE", default_value = "A", value_parser = family)]
    family: Family,
    /// Whose answer it is: the resolver's address, or that of its ECS option
    #[arg(long, value_name = "ADDRESS")]
    client: IpAddr,
    /// As if all members of this pool had failed; may be repeated
    #[arg(long, value_name = "POOL")]
    down: Vec<String>,
    /// Ask the running node, with the health that it knows of
    #[arg(long)]
    live: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeFile,
    #[command(flatten)]
    address: Address,
}

fn absolute_name(text: &str) -> Result<Name, String> {
    Name::parse(text, &Name::root()).map_err(|error| error.to_string())
}

fn family(text: &str) -> Result<Family, String> {
    family_of(text).ok_or_else(|| "only A and AAAA are steered".to_owned())
}

/// Explains and prints.
///
/// # Errors
/// When the files have mistakes, a pool is not known, or no node answers.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    if arguments.live { ask_node(arguments) } else { read_files(arguments) }
}

fn ask_node(arguments: &Arguments) -> Result<(), Complaint> {
    let name = arguments.name.to_string();
    let client = arguments.client.to_string();
    let rtype = if arguments.family == Family::V4 { "A" } else { "AAAA" };
    let format = if arguments.json { "json" } else { "text" };
    let asked = [("name", &*name), ("client", &*client), ("type", rtype), ("format", format)];
    let down = arguments.down.iter().map(|pool| ("down", &**pool));
    let path = format!("/v1/explain?{}", query(asked.into_iter().chain(down)));

    let client = node::client(&arguments.node, &arguments.address)?;
    let answer = small_runtime()?.block_on(client.get(&path))?;
    print(client.text(&answer)?);
    Ok(())
}

fn read_files(arguments: &Arguments) -> Result<(), Complaint> {
    let (node, _) = node::load(&arguments.node)?;
    let Files { config, databases, diagnostics, .. } = Files::read(&node);
    let Some(config) = config else {
        node::show(&diagnostics);
        return Err(Complaint::new(node::counted(&diagnostics)));
    };
    let world = World::build(config, &databases, 1, 1);
    let snapshot = Snapshot::all_up(Arc::new(world));
    let Arguments { name, family, client, down, .. } = arguments;
    let asked = Asked { name: name.clone(), family: *family, client: *client };
    let explained = explain_with_down(&snapshot, &asked, down);
    let explanation = explained.map_err(|unknown| Complaint::new(&unknown).help(unknown.help()))?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&explanation);
        print(format_args!("{}\n", json.map_err(Complaint::new)?));
    } else {
        print(explanation);
    }
    Ok(())
}
