//! The commands: one file each. Exit status: 0 fine, 1 the thing checked is wrong, 2 wrong usage.

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub mod check;
pub mod client;
pub mod demo;
pub mod drain;
pub mod ecmp;
pub mod explain;
pub mod failover;
pub mod logs;
pub mod node;
pub mod release;
pub mod reload;
pub mod run;
pub mod status;

/// Everything that can be written on the command line.
#[derive(Debug, Parser)]
#[command(name = "rhumb", version, about, long_about = None, propagate_version = true)]
#[command(after_help = "Exit status: 0 fine, 1 the thing checked is wrong, 2 wrong usage.")]
#[command(arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Demo(demo::Arguments),
    Check(check::Arguments),
    Explain(explain::Arguments),
    Status(status::Arguments),
    Reload(reload::Arguments),
    Failover(failover::Arguments),
    Drain(drain::Drain),
    Undrain(drain::Undrain),
    Ecmp(ecmp::Arguments),
    Release(release::Arguments),
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Reload(arguments) => reload::run(&arguments),
        Command::Failover(arguments) => failover::run(&arguments),
        Command::Drain(arguments) => drain::drain(&arguments),
        Command::Undrain(arguments) => drain::undrain(&arguments),
        Command::Ecmp(arguments) => ecmp::run(&arguments),
        Command::Release(arguments) => release::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Complaint::Told) => ExitCode::from(1),
        Err(Complaint::Wrong { message, help }) => {
            let help = help.map(|help| format!("  help: {help}\n")).unwrap_or_default();
            // When even this cannot be written, there is nobody to tell.
            let _ = write!(io::stderr(), "error: {message}\n{help}");
            ExitCode::from(1)
        }
    }
}

/// Why a command ends with exit status 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// What is wrong was shown already.
    Told,
    /// Something to show.
    Wrong {
        /// What is wrong, with the values.
        message: String,
        /// What to do.
        help: Option<String>,
    },
}

impl Complaint {
    /// Something to show.
    #[must_use]
    pub fn new(message: impl fmt::Display) -> Self {
        Self::Wrong { message: message.to_string(), help: None }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn help(self, text: impl fmt::Display) -> Self {
        match self {
            Self::Told => Self::Told,
            Self::Wrong { message, .. } => Self::Wrong { message, help: Some(text.to_string()) },
        }
    }
}

/// Which configuration of a node is meant.
#[derive(Clone, Debug, Args)]
pub struct NodeFile {
    /// The node's configuration; by default ./rhumb.yaml, else /etc/rhumb/rhumb.yaml, else
    /// built-in defaults
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where a running node is asked.
#[derive(Clone, Debug, Args)]
pub struct Address {
    /// The admin address of the running node; by default `admin.listen` of its configuration
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub admin: Option<SocketAddr>,
    /// The file with its token, needed for changes; by default `admin.token_file` of its
    /// configuration
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Prints to standard output. A reader that has gone (`rhumb status | head`) is no mistake.
fn print(text: impl fmt::Display) {
    let _ = write!(io::stdout(), "{text}");
}

/// How diagnostics are drawn on a stream: with colours on a terminal, unless `NO_COLOR` is set.
fn style(is_terminal: bool) -> crate::config::diagnostic::Style {
    use crate::config::diagnostic::Style;
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if is_terminal && !unwanted { Style::Colour } else { Style::Plain }
}

/// A runtime on this thread, for commands that ask a running node.
fn small_runtime() -> Result<tokio::runtime::Runtime, Complaint> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Complaint::new(format!("the runtime does not start: {error}")))
}
