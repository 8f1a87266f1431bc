//! The file of a record: its shape, and how it is read, replaced and locked.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Active, Entry, LastSequence};
use crate::linux::sysctl::Knob;

/// The format; a file of another is not understood.
const FORMAT: u32 = 1;
/// A longer file (some 10,000 changes) is none of ours.
const LARGEST: u64 = 4 << 20;

/// What the entries are true of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kernel {
    pub(super) boot: String,
    pub(super) namespace: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    format: u32,
    kernel: Kernel,
    #[serde(default)]
    pub(super) entries: Vec<Entry>,
    #[serde(default)]
    pub(super) active: Vec<Active>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sequence: Option<LastSequence>,
}

/// The record cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Another process has it.
    #[error("{} is locked: another process keeps this state directory", .0.display())]
    Locked(PathBuf),
    /// The file system refuses.
    #[error("cannot {verb} {}: {source}", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Contents {
    pub(super) fn of(kernel: Kernel) -> Self {
        Self { format: FORMAT, kernel, entries: Vec::new(), active: Vec::new(), sequence: None }
    }

    /// What is still true for this kernel.
    pub(super) fn seen_from(self, kernel: Kernel) -> Self {
        if self.kernel == kernel {
            return self;
        }
        Self { sequence: self.sequence, ..Self::of(kernel) }
    }

    pub(super) fn note_knob(&mut self, at: &str, which: Knob, now: i32, value: i32) {
        for entry in &mut self.entries {
            if let Entry::Sysctl { interface, knob, before, ours } = entry
                && interface == at
                && *knob == which
            {
                // Ours no more: somebody turned it, or the interface was made anew.
                if now != *ours {
                    *before = now;
                }
                *ours = value;
                return;
            }
        }
        let interface = at.to_owned();
        self.entries.push(Entry::Sysctl { interface, knob: which, before: now, ours: value });
    }
}

impl Kernel {
    /// This boot and the network namespace of the calling thread.
    pub(super) fn present() -> Result<Self, RecordError> {
        let boot = Path::new("/proc/sys/kernel/random/boot_id");
        let namespace = Path::new("/proc/thread-self/ns/net");
        Ok(Self {
            boot: fs::read_to_string(boot).map_err(failed("read", boot))?.trim().to_owned(),
            namespace: fs::metadata(namespace).map_err(failed("read", namespace))?.ino(),
        })
    }
}

/// Why a file says nothing.
pub(super) enum Unreadable {
    File(io::Error),
    Damaged(String),
}

/// Absent when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Contents>, Unreadable> {
    let text = match fs::metadata(path) {
        Ok(data) if data.len() > LARGEST => {
            return Err(Unreadable::Damaged(format!("it has {} octets", data.len())));
        }
        Ok(_) => fs::read(path).map_err(Unreadable::File)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Unreadable::File(error)),
    };
    let contents: Contents =
        serde_json::from_slice(&text).map_err(|error| Unreadable::Damaged(error.to_string()))?;
    if contents.format == FORMAT {
        Ok(Some(contents))
    } else {
        Err(Unreadable::Damaged(format!("it has format {}, not {FORMAT}", contents.format)))
    }
}

pub(super) fn set_aside(path: &Path, why: &str) -> Result<String, RecordError> {
    let aside = path.with_extension("json.bad");
    fs::rename(path, &aside).map_err(failed("set aside", path))?;
    Ok(format!(
        "{} is damaged ({why}) and is kept as {}; addresses, sysctls and interfaces that an earlier \
         run left behind are not undone",
        path.display(),
        aside.display()
    ))
}

/// Beside the old one, to the disc, and over it.
pub(super) fn write(path: &Path, contents: &Contents) -> Result<(), RecordError> {
    let text = serde_json::to_vec_pretty(contents).expect("names and numbers become JSON");
    let beside = path.with_extension("json.new");
    write_whole(&beside, &text).map_err(failed("write", &beside))?;
    fs::rename(&beside, path).map_err(failed("replace", path))?;
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    File::open(directory).and_then(|d| d.sync_all()).map_err(failed("write", directory))
}

fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

pub(super) fn lock(path: &Path) -> Result<File, RecordError> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(failed("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RecordError::Locked(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed("lock", path)(source)),
    }
}

pub(super) fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecordError {
    let path = path.to_owned();
    move |source| RecordError::File { verb, path, source }
}
