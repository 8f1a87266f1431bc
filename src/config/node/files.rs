//! What `zones` names, as files: a file, every YAML file of a directory, or every file that a
//! pattern with `*` in its last part matches.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::NodeConfig;
use crate::config::diagnostic::{Diagnostic, Severity};

/// The ends of a zone file's name in a directory.
const EXTENSIONS: [&str; 2] = ["yaml", "yml"];

impl NodeConfig {
    /// The zone files that there are now, each once, in order of their paths.
    ///
    /// # Errors
    /// A file or directory that is not there or cannot be read, and a pattern that matches nothing:
    /// serving nothing at all is never what was meant.
    pub fn zone_files(&self) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
        expand(&self.zones)
    }
}

/// See [`NodeConfig::zone_files`]; also for files named on a command line.
///
/// # Errors
/// As there, all of them.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    let mut files = BTreeSet::new();
    let mut mistakes = Vec::new();
    for path in paths {
        match expand_one(path) {
            Ok(found) => files.extend(found),
            Err(message) => mistakes.push(Diagnostic::without_place(Severity::Error, message)),
        }
    }
    if mistakes.is_empty() { Ok(files.into_iter().collect()) } else { Err(mistakes) }
}

fn expand_one(path: &Path) -> Result<Vec<PathBuf>, String> {
    let pattern = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let pattern = pattern.unwrap_or_default();
    let refuse = |error: io::Error| format!("zones: cannot read {}: {error}", path.display());
    if path.parent().is_some_and(|parent| parent.to_string_lossy().contains('*')) {
        let path = path.display();
        return Err(format!("zones: {path}: a `*` may stand in the last part of a path only"));
    }
    let found = if pattern.contains('*') {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or_else(|| Path::new("."));
        list(directory, |name| matches(&pattern, name)).map_err(refuse)?
    } else if path.is_dir() {
        let is_yaml = |name: &str| EXTENSIONS.iter().any(|end| matches(&format!("*.{end}"), name));
        list(path, is_yaml).map_err(refuse)?
    } else {
        std::fs::metadata(path).map_err(refuse)?;
        vec![path.to_owned()]
    };
    match found.is_empty() {
        true => Err(format!("zones: no zone file matches {}", path.display())),
        false => Ok(found),
    }
}

/// The files of a directory whose names are wanted; hidden ones never are: editors put theirs there.
fn list(directory: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if !name.starts_with('.') && wanted(&name) && path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether a name matches a pattern in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", ".yaml", true),
            ("*.yaml", "a.yaml~", false),
            ("*", "anything", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "ac", false),
            ("a*a", "a", false),
            ("zone", "zone", true),
            ("zone", "zones", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn directories_patterns_and_files_become_files_each_once_and_in_order() {
        let root = tempfile::tempdir().expect("a directory");
        for name in ["b.yaml", "a.yml", "c.txt", ".hidden.yaml"] {
            std::fs::write(root.path().join(name), "").expect("a file");
        }
        let files = |names: &[&str]| {
            let paths: Vec<_> = names.iter().map(|name| root.path().join(name)).collect();
            let name =
                |path: PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
            expand(&paths).map(|found| found.into_iter().map(name).collect::<Vec<_>>())
        };
        assert_eq!(files(&["", "*.yaml", "c.txt"]).expect("files"), ["a.yml", "b.yaml", "c.txt"]);
        for (missing, expected) in [
            ("nowhere.yaml", "cannot read"),
            ("nowhere/*.yaml", "cannot read"),
            ("*.conf", "no zone file matches"),
            ("*/x.yaml", "in the last part"),
        ] {
            let mistakes = files(&[missing, "c.txt"]).expect_err(missing);
            assert_eq!(mistakes.len(), 1);
            assert!(mistakes[0].message.contains(expected), "{}", mistakes[0].message);
        }
    }
}
