//! `rhumb check`: every mistake of every file at once.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::node::{counted, plural};
use super::{Complaint, NodeFile, print, style};
use crate::config::Config;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::node::NodeConfig;
use crate::run::files::Files;

/// Check a node's configuration and its zones, or the zone files given, and show every mistake
///
/// Nothing is served and nothing is changed. Zone files that use pools of a shared file are checked
/// together with it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rhumb check                               the configuration found, and its zones
  rhumb check -c /etc/rhumb/rhumb.yaml      another one
  rhumb check zones/shared.yaml zones/geo.yaml")]
pub struct Arguments {
    /// Zone files and shared files; without any, those of the node's configuration
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    node: NodeFile,
    /// How mistakes are shown
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the line, a mark under the place, and what would be right
    Human,
    /// One line each: FILE:LINE:COLUMN: error: …
    Short,
    /// One JSON object for each, in lines
    Json,
}

/// A diagnostic as JSON.
#[derive(Debug, Serialize)]
struct Line<'d> {
    severity: &'static str,
    message: &'d str,
    file: Option<&'d str>,
    line: Option<usize>,
    column: Option<usize>,
    help: Option<&'d str>,
}

/// Checks and prints what was found.
///
/// # Errors
/// When there is any mistake; warnings are none.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    let (diagnostics, config) = check(arguments);
    diagnostics.iter().for_each(|diagnostic| show(diagnostic, arguments.format));
    let wrong = diagnostics.iter().any(|d| d.severity == Severity::Error);
    if arguments.format != Format::Json {
        summary(&diagnostics, config.as_ref());
    }
    if wrong { Err(Complaint::Told) } else { Ok(()) }
}

/// Everything found, in the node's own file first; and the configuration when there is no mistake.
fn check(arguments: &Arguments) -> (Vec<Diagnostic>, Option<Config>) {
    let (node, mut diagnostics) = node(arguments);
    let Some(mut node) = node else { return (diagnostics, None) };
    let files = match zones_are_named(arguments) {
        true => {
            node.zones.clone_from(&arguments.files);
            Files::read_some(&node)
        }
        false => Files::read(&node),
    };
    let good = !diagnostics.iter().any(|d| d.severity == Severity::Error);
    diagnostics.extend(files.diagnostics);
    (diagnostics, files.config.filter(|_| good))
}

/// The configuration meant: with zone files on the command line, the defaults unless one is named.
fn node(arguments: &Arguments) -> (Option<NodeConfig>, Vec<Diagnostic>) {
    match (&arguments.node.config, arguments.files.as_slice()) {
        (None, [file]) if is_node_file(file) => NodeConfig::find_as_far(Some(file)),
        (None, [_, ..]) => (Some(NodeConfig::built_in()), Vec::new()),
        (config, _) => NodeConfig::find_as_far(config.as_deref()),
    }
}

fn zones_are_named(arguments: &Arguments) -> bool {
    match (&arguments.node.config, arguments.files.as_slice()) {
        (_, []) => false,
        (None, [file]) => !is_node_file(file),
        _ => true,
    }
}

/// `rhumb check rhumb.yaml` means the node's configuration and not a zone.
fn is_node_file(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "rhumb.yaml")
}

fn show(diagnostic: &Diagnostic, format: Format) {
    match format {
        Format::Human => {
            let text = diagnostic.render(style(io::stdout().is_terminal()));
            print(format_args!("{}\n\n", text.trim_end()));
        }
        Format::Short => print(format_args!("{}\n", diagnostic.one_line())),
        Format::Json => {
            let place = diagnostic.place();
            let line = Line {
                severity: diagnostic.severity.word(),
                message: &diagnostic.message,
                file: place.map(|(file, _, _)| file),
                line: place.map(|(_, line, _)| line),
                column: place.map(|(_, _, column)| column),
                help: diagnostic.help.as_deref(),
            };
            let text = serde_json::to_string(&line).expect("strings and numbers are JSON");
            print(format_args!("{text}\n"));
        }
    }
}

/// `2 errors, 1 warning in 3 files`, or what is there when all is well.
fn summary(diagnostics: &[Diagnostic], config: Option<&Config>) {
    let files: BTreeSet<_> = diagnostics.iter().filter_map(|d| Some(d.place()?.0)).collect();
    let found = match files.len() {
        0 => counted(diagnostics),
        files => format!("{} in {}", counted(diagnostics), plural(files, "file")),
    };
    let Some(config) = config else { return print(format_args!("{found}\n")) };
    let names = config.zones.iter().map(|zone| zone.source.names.len()).sum();
    let zones = plural(config.zones.len(), "zone");
    let (names, pools) = (plural(names, "name"), plural(config.policies.pools.len(), "pool"));
    let beside = if diagnostics.is_empty() { String::new() } else { format!("; {found}") };
    print(format_args!("ok: {zones}, {names}, {pools}{beside}\n"));
}
