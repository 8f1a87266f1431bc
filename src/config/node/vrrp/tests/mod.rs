//! The list whole, good and bad.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::super::{Machine, NodeConfig, read};
use crate::config::diagnostic::Diagnostic;

mod entries;
mod files;
mod mistakes;
mod random;
mod whole;

/// DNS on every address; entries stand from line 3 on.
const LISTEN: &str = "dns: { listen: [\"0.0.0.0:53\", \"[::]:53\"] }\nvrrp:\n";

/// An entry in flow form: the least that it needs, and `more`.
fn entry(more: &str) -> String {
    format!("- {{ id: 51, interface: eth0, addresses: 192.0.2.1, {more} }}\n")
}

fn load(path: &Path, text: &str) -> (NodeConfig, Vec<Diagnostic>) {
    let machine = Machine { host: "gtm".to_owned(), state: PathBuf::from("/state") };
    read::read_as_far(path, text, &machine)
}

/// What is said of a whole file, without the file's name.
fn said(text: &str) -> Vec<String> {
    let (_, found) = load(Path::new("f"), text);
    let line = |diagnostic: &Diagnostic| diagnostic.one_line();
    found.iter().map(|one| line(one).trim_start_matches("f:").to_owned()).collect()
}

/// What is said of entries where DNS is answered on every address.
fn said_of(entries: &str) -> Vec<String> {
    said(&format!("{LISTEN}{entries}"))
}

/// A file with these permissions in a directory.
fn file(directory: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("allowed");
    path
}

/// A text, and all that is said of it.
type Case<'c> = (&'c str, &'c [&'c str]);

fn check(said: impl Fn(&str) -> Vec<String>, cases: &[Case<'_>]) {
    for (text, expected) in cases {
        assert_eq!(said(text), *expected, "{text}");
    }
}
