//! The section whole, good and bad.

use std::path::{Path, PathBuf};

use crate::config::diagnostic::Diagnostic;
use crate::config::node::{Machine, NodeConfig, read};

mod whole;

fn load(path: &Path, text: &str) -> (NodeConfig, Vec<Diagnostic>) {
    let machine = Machine { host: "gtm".to_owned(), state: PathBuf::from("/state") };
    read::read_as_far(path, text, &machine)
}
