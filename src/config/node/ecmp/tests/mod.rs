//! The list whole, good and bad.

use std::path::{Path, PathBuf};

use crate::config::diagnostic::Diagnostic;
use crate::config::node::{Machine, NodeConfig, read};

mod mistakes;
mod random;
mod whole;

/// An entry in flow form: the least that it needs, and `more`.
fn entry(more: &str) -> String {
    format!("ecmp:\n- {{ name: a, prefix: 10.0.0.100/32, pool: p, {more} }}\n")
}

fn load(text: &str) -> (NodeConfig, Vec<Diagnostic>) {
    let machine = Machine { host: "gtm".to_owned(), state: PathBuf::from("/state") };
    read::read_as_far(Path::new("f"), text, &machine)
}

/// What is said of a whole file, without the file's name.
fn said(text: &str) -> Vec<String> {
    let (_, found) = load(text);
    let line = |diagnostic: &Diagnostic| diagnostic.one_line();
    found.iter().map(|one| line(one).trim_start_matches("f:").to_owned()).collect()
}

/// A text, and all that is said of it.
type Case<'c> = (&'c str, &'c [&'c str]);

fn check(said: impl Fn(&str) -> Vec<String>, cases: &[Case<'_>]) {
    for (text, expected) in cases {
        assert_eq!(said(text), *expected, "{text}");
    }
}
