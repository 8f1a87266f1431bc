//! The files of one moment, read and checked: what a start, a reload and `rhumb check` share.

use std::path::PathBuf;

use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::node::{NodeConfig, PoolReference, pools};
use crate::config::{self, Config, Known, SourceFile};
use crate::geo::mmdb::Databases;

/// What the files say.
#[derive(Debug)]
pub struct Files {
    /// Absent when any diagnostic is an error.
    pub config: Option<Config>,
    /// The location databases; none where one was refused.
    pub databases: Databases,
    /// Every mistake and warning of every file.
    pub diagnostics: Vec<Diagnostic>,
    /// The zone files and shared files.
    pub paths: Vec<PathBuf>,
}

impl Files {
    /// Reads the databases and the zone files that a node's configuration names.
    #[must_use]
    pub fn read(node: &NodeConfig) -> Self {
        let mut read = Self::read_some(node);
        read.check_pools(&node.pools);
        read
    }

    /// [`Self::read`] where the zone files are not all that the node has: a pool that it speaks of
    /// may be in another.
    #[must_use]
    pub fn read_some(node: &NodeConfig) -> Self {
        let mut diagnostics = Vec::new();
        let paths = node.zone_files().unwrap_or_else(|of_paths| {
            diagnostics.extend(of_paths);
            Vec::new()
        });
        let databases = databases(&node.databases, &mut diagnostics);
        let mut files = Vec::new();
        for path in &paths {
            match config::read_file(path) {
                Ok(file) => files.push(file),
                Err(error) => diagnostics.push(unreadable(path, &error)),
            }
        }
        Self::of(&files, &node.pools, databases, diagnostics, paths)
    }

    /// Checks what the node's own file says of pools.
    fn check_pools(&mut self, references: &[PoolReference]) {
        let Some(config) = &self.config else { return };
        let found = pools::check(references, &config.policies);
        if found.iter().any(|d| d.severity == Severity::Error) {
            self.config = None;
        }
        self.diagnostics.extend(found);
    }

    /// Checks files that are already read; `spoken_of` are the pools of the node's own file.
    #[must_use]
    pub fn of(
        files: &[SourceFile],
        spoken_of: &[PoolReference],
        databases: Databases,
        mut diagnostics: Vec<Diagnostic>,
        paths: Vec<PathBuf>,
    ) -> Self {
        let loaded = config::load_beside(files, Known { facts: databases.facts() }, spoken_of);
        diagnostics.extend(loaded.diagnostics);
        let good = !diagnostics.iter().any(|d| d.severity == Severity::Error);
        Self { config: loaded.config.filter(|_| good), databases, diagnostics, paths }
    }
}

/// The databases configured, and the embedded one where they know no countries.
fn databases(paths: &[PathBuf], diagnostics: &mut Vec<Diagnostic>) -> Databases {
    let databases = Databases::load(paths).unwrap_or_else(|errors| {
        let errors = errors.into_iter().map(|error| error.to_string());
        diagnostics.extend(errors.map(|e| Diagnostic::without_place(Severity::Error, e)));
        Databases::default()
    });
    databases.or_embedded_countries()
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Diagnostic {
    let text = format!("{}: cannot be read: {error}", path.display());
    Diagnostic::without_place(Severity::Error, text)
}
