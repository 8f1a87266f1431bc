//! `rhumb ecmp flows`: which member each flow takes, as the kernel of this host says.

mod flows;

use clap::{Args, Subcommand};

use super::Complaint;

/// Look at routes over pools (ECMP)
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Flows(flows::Arguments),
}

/// Does what the command line says.
///
/// # Errors
/// Those of the command.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    match &arguments.command {
        Command::Flows(arguments) => flows::run(arguments),
    }
}
