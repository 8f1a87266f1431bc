//! The section whole, good and bad.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::diagnostic::Diagnostic;
use crate::config::node::{Machine, NodeConfig, read};

mod announcements;
mod around;
mod files;
mod peers;
mod random;
mod section;
mod whole;

fn load(path: &Path, text: &str) -> (NodeConfig, Vec<Diagnostic>) {
    let machine = Machine { host: "gtm".to_owned(), state: PathBuf::from("/state") };
    read::read_as_far(path, text, &machine)
}

/// A section whose peers and announcements stand from line 6 on.
fn with(rest: &str) -> String {
    format!(
        "dns: {{ listen: [\"0.0.0.0:53\", \"[::]:53\"] }}
bgp:
  asn: 64512
  router_id: 192.0.2.1
  allow: [203.0.113.53/32, \"2001:db8:53::53/128\", 203.0.113.0/24, 198.51.100.0/24]
{rest}"
    )
}

/// What is said of a whole file, without the file's name.
fn said(text: &str) -> Vec<String> {
    let (_, found) = load(Path::new("f"), text);
    let line = |diagnostic: &Diagnostic| diagnostic.one_line();
    found.iter().map(|one| line(one).trim_start_matches("f:").to_owned()).collect()
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
