//! What people write, checked and resolved.
//!
//! - [`tree`]: YAML as a tree with positions; scalars stay text until a field gives them a type.
//! - [`read`]: the shapes of the files, one file each; collects every mistake.
//! - [`resolve`]: names to indices over all files; loops, duplicates, "did you mean".
//! - [`check`]: the rules that need a whole zone, or all of them, to be seen.
//! - [`diagnostic`]: a mistake with its place, shown in the manner of rustc.
//! - [`node`]: the file `rhumb.yaml`.
//!
//! [`load`] (or [`load_beside`] a node's file) reads it all: a [`Config`] in which every name is an index, or every mistake at once.

use std::path::{Path, PathBuf};

use crate::health::Target;
use crate::policy::Policies;
use crate::zone::ZoneSource;

pub mod check;
pub mod diagnostic;
mod load;
pub mod node;
pub mod read;
pub mod resolve;
#[cfg(test)]
mod tests;
pub mod tree;

pub use load::{load, load_beside};

/// Everything the zone files say, resolved; a world is built from it without further mistakes.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Each zone, with the serial it was given or 0 where it is to be derived.
    pub zones: Vec<ConfiguredZone>,
    /// Every pool, member and policy.
    pub policies: Policies,
    /// What is probed, by [`TargetId`](crate::health::TargetId); no two equal.
    pub targets: Vec<Target>,
    /// Each target's probe by the name it was defined under, by `TargetId`: for people.
    pub target_names: Vec<String>,
}

/// A zone and what its serial is derived from.
#[derive(Clone, Debug)]
pub struct ConfiguredZone {
    /// The zone.
    pub source: ZoneSource,
    /// `soa.serial` when given.
    pub serial: Option<u32>,
    /// A hash of all that the zone's answers can depend on: its own file and the shared ones that
    /// it uses; stable across restarts and versions of the compiler.
    pub content: u64,
    /// The newest modification time of those files, in seconds since 1970.
    pub modified: u64,
    /// The file it was read from.
    pub file: PathBuf,
}

/// One file as read: its path as the user wrote it, its text, its modification time.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// For messages and for relative paths.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
    /// Seconds since 1970; 0 when unknown.
    pub modified: u64,
}

/// What the databases in use can tell: for the warning about a policy that asks for more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// The facts that at least one database gives.
    pub facts: crate::geo::FactSet,
}

/// A configuration, or nothing when there is an error; and every error and warning, in order.
#[derive(Debug)]
pub struct Loaded {
    /// Absent when any diagnostic is an error.
    pub config: Option<Config>,
    /// Errors and warnings.
    pub diagnostics: Vec<diagnostic::Diagnostic>,
}

/// The largest configuration file read: a zone of a million names takes some 60 MiB.
const LARGEST: u64 = 1 << 30;

/// Reads the text of a regular file of bounded size: a pipe or a device would never end.
///
/// # Errors
/// When it is no such file, cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    if metadata.len() > LARGEST {
        return Err(std::io::Error::other("larger than 1 GiB"));
    }
    std::fs::read_to_string(path)
}

/// Reads a file for [`load`].
///
/// # Errors
/// As [`read_text`].
pub fn read_file(path: &Path) -> std::io::Result<SourceFile> {
    let text = read_text(path)?;
    let modified = std::fs::metadata(path)?.modified()?;
    let age = modified.duration_since(std::time::UNIX_EPOCH);
    let modified = age.map_or(0, |since_1970| since_1970.as_secs());
    Ok(SourceFile { path: path.to_owned(), text, modified })
}
