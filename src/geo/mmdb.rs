//! MMDB files of several makers; read at load only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FactSet;

/// Why a database is refused.
#[derive(Debug, thiserror::Error)]
#[error("geoip database {path}: {reason}", path = path.display())]
#[allow(missing_docs, reason = "the message says it")]
pub struct DatabaseError {
    pub path: PathBuf,
    pub reason: String,
}

/// The databases in use, verified, in the order configured: for each fact the first that gives it
/// wins.
#[derive(Clone, Debug, Default)]
pub struct Databases {
    files: Vec<Arc<Vec<u8>>>,
}

impl Databases {
    /// Reads and verifies files.
    ///
    /// # Errors
    /// Every file that cannot be read, is truncated, broken, or of no known shape.
    pub fn load(_paths: &[PathBuf]) -> Result<Self, Vec<DatabaseError>> {
        todo!()
    }

    /// The country database in the binary.
    #[must_use]
    pub fn embedded() -> Self {
        todo!()
    }

    /// The facts that at least one of them gives, centroids and the continent table included.
    #[must_use]
    pub fn facts(&self) -> FactSet {
        todo!()
    }

    /// One line for each, for status: the maker's type string, the build date, the path.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        todo!()
    }
}

fn _unused(_: &Path) {}
