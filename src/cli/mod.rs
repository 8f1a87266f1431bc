//! The commands: one file each. Exit status: 0 fine, 1 the thing checked is wrong, 2 wrong usage.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub mod client;
pub mod logs;

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
