//! The node's configuration as commands find it, and the running node that it names.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::client::Client;
use super::{Address, Complaint, NodeFile, style};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::node::NodeConfig;

/// Reads the configuration; shows its mistakes on standard error. Its warnings come beside it.
///
/// # Errors
/// When it has mistakes or cannot be read.
pub fn load(file: &NodeFile) -> Result<(NodeConfig, Vec<Diagnostic>), Complaint> {
    NodeConfig::find(file.config.as_deref()).map_err(|mistakes| {
        show(&mistakes);
        Complaint::new(counted(&mistakes))
    })
}

/// Shows diagnostics with their lines on standard error.
pub fn show(diagnostics: &[Diagnostic]) {
    let style = style(io::stderr().is_terminal());
    for diagnostic in diagnostics {
        let _ = writeln!(io::stderr(), "{}", diagnostic.render(style).trim_end());
    }
}

/// `2 errors, 1 warning`.
#[must_use]
pub fn counted(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let parts = [
        (count(Severity::Error), Severity::Error.word()),
        (count(Severity::Warning), Severity::Warning.word()),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    parts.map(|(count, word)| plural(*count, word)).collect::<Vec<_>>().join(", ")
}

/// `1 zone`, `2 zones`.
#[must_use]
pub fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// What of the configuration can be read: a mistake elsewhere in the file is no reason to leave a
/// running node alone, or what a crashed one has left.
///
/// # Errors
/// When the file cannot be read at all.
pub fn as_far(file: &NodeFile) -> Result<NodeConfig, Complaint> {
    let (node, found) = NodeConfig::find_as_far(file.config.as_deref());
    node.ok_or_else(|| {
        show(&found);
        Complaint::new(counted(&found))
    })
}

/// The running node that is meant: as the command line says, else as the configuration does.
///
/// # Errors
/// When the configuration is needed and cannot be read.
pub fn client(file: &NodeFile, address: &Address) -> Result<Client, Complaint> {
    if let (Some(address), Some(token_file)) = (address.admin, &address.token_file) {
        return Ok(Client { address, token_file: PathBuf::clone(token_file) });
    }
    let node = as_far(file)?;
    Ok(Client {
        address: address.admin.unwrap_or(node.admin.listen),
        token_file: address.token_file.clone().unwrap_or(node.admin.token_file),
    })
}
