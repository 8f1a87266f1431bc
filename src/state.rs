//! What survives a restart: zone serials, health, and whether the node is drained.
//!
//! One JSON file, `state.json`, in the state directory. It is written whole beside the old one and
//! renamed over it, so that a crash leaves either; it is readable by its owner only. What cannot be
//! read is set aside with a warning and never keeps the server from starting. Keys that this version
//! does not know are kept as they are, for the one that does.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::health::schedule::Carried;

mod shape;

/// Health older than this says nothing of today (POLICY.md, Start).
pub const HEALTH_KEEPS: Duration = Duration::from_secs(600);

/// A file larger than this (100,000 zones and as many targets take some 40 MB) is not ours.
const LARGEST: u64 = 256 << 20;

/// What is saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// By apex, in presentation format.
    pub zones: BTreeMap<String, Stored>,
    /// The health of every target.
    pub health: Vec<Carried>,
    /// When it was saved.
    pub saved_at: Option<SystemTime>,
    /// An operator has drained the node.
    pub drained: bool,
    /// What another version keeps in the file.
    other: serde_json::Map<String, serde_json::Value>,
}

/// A zone's serial, and the content that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The serial served.
    pub serial: u32,
    /// The hash of what was served
    /// ([`ConfiguredZone::content`](crate::config::ConfiguredZone::content)).
    pub content: u64,
}

/// The serial to serve (POLICY.md, A zone, whole): `given` by the zone's `soa.serial`; else the
/// stored one while the content is the same; else the greater of the one after it and `modified`,
/// the files' newest modification time in seconds since 1970.
///
/// "Greater" is that of serial number arithmetic (RFC 1982 §3.2), so a derived serial is always
/// ahead of the stored one, for secondaries too. It is never 0, which some take for "none".
#[must_use]
pub fn serial(stored: Option<Stored>, content: u64, modified: u64, given: Option<u32>) -> u32 {
    // Modulo 2^32: after 2106 the clock wraps as serials do.
    let modified = (modified & u64::from(u32::MAX)) as u32;
    match (given, stored) {
        (Some(given), _) => given,
        (None, Some(stored)) if stored.content == content => stored.serial,
        (None, Some(Stored { serial, .. })) if modified != 0 && is_ahead(modified, serial) => {
            modified
        }
        (None, Some(Stored { serial, .. })) => serial.wrapping_add(1).max(1),
        (None, None) => modified.max(1),
    }
}

/// RFC 1982 §3.2: whether `a` is greater than `b`.
fn is_ahead(a: u32, b: u32) -> bool {
    (1..1 << 31).contains(&a.wrapping_sub(b))
}

impl Saved {
    /// Gathers what is to be saved, keeping what another version left in the file.
    #[must_use]
    pub fn updated(
        self,
        zones: BTreeMap<String, Stored>,
        health: Vec<Carried>,
        now: SystemTime,
    ) -> Self {
        Self { zones, health, saved_at: Some(now), ..self }
    }

    /// The health that is young enough to start with; none that was saved in the future.
    #[must_use]
    pub fn restore(&self, now: SystemTime) -> Vec<Carried> {
        let age = self.saved_at.and_then(|saved_at| now.duration_since(saved_at).ok());
        match age {
            Some(age) if age < HEALTH_KEEPS => self.health.clone(),
            _ => Vec::new(),
        }
    }
}

/// The file in a state directory.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

/// A state that could not be saved; the old one is untouched.
#[derive(Debug, thiserror::Error)]
#[error("state file {}: {source} (the state directory must be writable)", path.display())]
pub struct SaveError {
    path: PathBuf,
    source: io::Error,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Format(#[from] serde_json::Error),
    #[error("its format is {0}, this version reads {expected}", expected = shape::VERSION)]
    Version(u32),
    #[error("it has over {LARGEST} bytes")]
    TooLarge,
}

impl StateFile {
    /// The file of a state directory, which need not exist yet.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join("state.json") }
    }

    /// What was saved; nothing when there is no file. One that cannot be used is set aside as
    /// `state.json.unusable`, with a warning.
    #[must_use]
    pub fn load(&self) -> Saved {
        match self.read() {
            Ok(saved) => saved,
            Err(Unusable::Io(error)) if error.kind() == io::ErrorKind::NotFound => Saved::default(),
            Err(why) => {
                self.set_aside(&why);
                Saved::default()
            }
        }
    }

    fn read(&self) -> Result<Saved, Unusable> {
        let file = File::open(&self.path)?;
        let mut text = String::new();
        file.take(LARGEST + 1).read_to_string(&mut text)?;
        if text.len() as u64 > LARGEST {
            return Err(Unusable::TooLarge);
        }
        // The version first: the rest of a later one may have another shape.
        let shape::Version { version } = serde_json::from_str(&text)?;
        if version != shape::VERSION {
            return Err(Unusable::Version(version));
        }
        Ok(serde_json::from_str::<shape::File>(&text)?.into())
    }

    fn set_aside(&self, why: &Unusable) {
        let aside = self.path.with_extension("json.unusable");
        let path = self.path.display();
        match fs::rename(&self.path, &aside) {
            Ok(()) => tracing::warn!(
                "state file {path} cannot be used: {why}; it is kept as {}, serials start from the \
                 files' times and health from probes",
                aside.display()
            ),
            Err(error) => tracing::warn!(
                "state file {path} cannot be used: {why}; nor can it be set aside: {error}"
            ),
        }
    }

    /// Saves atomically and durably. Blocks on the disk.
    ///
    /// # Errors
    /// When the directory or the file cannot be written.
    pub fn save(&self, saved: &Saved) -> Result<(), SaveError> {
        self.write(saved).map_err(|source| SaveError { path: self.path.clone(), source })
    }

    fn write(&self, saved: &Saved) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(directory)?;
        let text = serde_json::to_vec_pretty(&shape::File::from(saved))?;
        let new = self.path.with_extension("json.new");
        // Not left over from a crash, and not someone else's: made anew with its mode.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        // The rename itself lasts once the directory is written.
        File::open(directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests;
