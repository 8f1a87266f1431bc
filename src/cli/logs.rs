//! Logs: to standard error, for people or as JSON.

use std::io::{self, IsTerminal as _};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Complaint;

/// How logs look and how much they tell.
#[derive(Clone, Debug, Args)]
pub struct LogOptions {
    /// How log lines are written to standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    pub log_format: Format,
    /// The least level that is logged: error, warn, info, debug, trace, or a filter such as
    /// `rhumb::health=debug`; by default the variable RUST_LOG, else info
    #[arg(long, value_name = "LEVEL", value_parser = filter)]
    pub log: Option<String>,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line of text for people; coloured on a terminal
    Human,
    /// One JSON object for each line
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Starts logging; `otherwise` is the level when neither the command line nor RUST_LOG sets one.
///
/// # Errors
/// When RUST_LOG cannot be read.
pub fn start(options: &LogOptions, otherwise: LevelFilter) -> Result<(), Complaint> {
    let builder = EnvFilter::builder().with_default_directive(otherwise.into());
    let filter = match &options.log {
        Some(text) => builder.parse(text),
        None => builder.parse(std::env::var("RUST_LOG").unwrap_or_default()),
    };
    let filter = filter.map_err(|error| Complaint::new(format!("RUST_LOG: {error}")))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match options.log_format {
        Format::Json => subscriber.json().init(),
        Format::Human => {
            let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let ansi = io::stderr().is_terminal() && !no_colour;
            subscriber.with_ansi(ansi).with_target(false).init();
        }
    }
    Ok(())
}
