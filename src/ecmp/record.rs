//! What was changed beside next hops and routes, so that it can be undone: on exit, by another
//! process after a crash, at the next start.
//!
//! One JSON file, `ecmp.json`, in the state directory, written to the disc before a knob is turned
//! and replaced as a whole. Next hops, groups and routes need no record: the kernel lists them with
//! our protocol number. The file says which routes stay after the end, and by being there that there
//! is something to undo. A lock beside it keeps two processes apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::kernel::RouteKey;
use super::knobs::{Knob, Knobs};

/// The format; a file of another is set aside.
const FORMAT: u32 = 1;
/// A larger file is none of ours.
const LARGEST: u64 = 4 << 20;

/// The open record; the lock is held while it lives.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    contents: Contents,
    complaint: Option<String>,
    /// Whether there was a record of this boot and namespace.
    found: bool,
    _lock: File,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Contents {
    format: u32,
    kernel: Kernel,
    #[serde(default)]
    knobs: BTreeMap<Knob, Turned>,
    #[serde(default)]
    keep: Keep,
}

/// What the contents are true of: one boot of one network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kernel {
    boot: String,
    namespace: u64,
}

/// A knob that was turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Turned {
    before: u32,
    ours: u32,
}

/// What stays when the process ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// These routes, with their groups.
    pub routes: BTreeSet<RouteKey>,
    /// These knobs, by which the routes' flows are spread.
    pub knobs: BTreeSet<Knob>,
}

impl Record {
    /// Opens the record of a state directory, which is made if need be. A damaged file is kept aside
    /// and said so in [`Record::complaint`].
    ///
    /// # Errors
    /// When another process has it, or the directory cannot be used; in words for people.
    pub fn open(directory: &Path) -> Result<Self, String> {
        fs::create_dir_all(directory).map_err(failed("make", directory))?;
        let lock = lock(&directory.join("ecmp.lock"))?;
        let path = directory.join("ecmp.json");
        let kernel = Kernel::present()?;
        let (read, complaint) = match read(&path) {
            Ok(contents) => (contents, None),
            Err(why) => (None, Some(set_aside(&path, &why)?)),
        };
        let present = read.filter(|contents| contents.kernel == kernel);
        let found = present.is_some() || complaint.is_some();
        let fresh =
            || Contents { format: FORMAT, kernel, knobs: BTreeMap::new(), keep: Keep::default() };
        let contents = present.unwrap_or_else(fresh);
        Ok(Self { path, contents, complaint, found, _lock: lock })
    }

    /// Whether there is a record in a state directory.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        directory.join("ecmp.json").exists()
    }

    /// What was wrong with the file when it was opened.
    #[must_use]
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// Whether a run before this one, in this boot and network namespace, left something.
    #[must_use]
    pub fn found(&self) -> bool {
        self.found
    }

    /// What is to stay.
    #[must_use]
    pub fn keep(&self) -> &Keep {
        &self.contents.keep
    }

    /// Writes down what is to stay; from then on there is a record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_keep(&mut self, keep: Keep) -> Result<(), String> {
        self.contents.keep = keep;
        self.write()
    }

    /// Turns a knob after writing down how it was. One that is as wanted is somebody else's to turn
    /// back.
    ///
    /// # Errors
    /// When it cannot be written down or turned.
    pub fn turn(&mut self, knobs: &Knobs, knob: Knob, value: u32) -> Result<(), String> {
        let now = knobs.read(knob)?;
        let known = self.contents.knobs.get(&knob).copied();
        if now == value {
            return Ok(());
        }
        // Ours no more when somebody turned it meanwhile.
        let before = known.filter(|turned| turned.ours == now).map_or(now, |turned| turned.before);
        self.contents.knobs.insert(knob, Turned { before, ours: value });
        self.write()?;
        knobs.write(knob, value)
    }

    /// Turns back the knobs that are ours, all but these; what was turned, or could not be.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn turn_back(
        &mut self,
        knobs: &Knobs,
        but: &BTreeSet<Knob>,
    ) -> Result<Vec<Result<String, String>>, String> {
        let mut done = Vec::new();
        for (knob, Turned { before, ours }) in self.contents.knobs.clone() {
            if but.contains(&knob) {
                continue;
            }
            match knobs.read(knob) {
                Ok(now) if now == ours => match knobs.write(knob, before) {
                    Ok(()) => done.push(Ok(format!("{} = {before} again", knob.name()))),
                    Err(error) => {
                        done.push(Err(error));
                        continue;
                    }
                },
                // Somebody turned it meanwhile, or it is gone.
                Ok(_) | Err(_) => {}
            }
            self.contents.knobs.remove(&knob);
        }
        self.write()?;
        Ok(done)
    }

    /// Ends the record where nothing is left to undo or to keep.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn close(&self) -> Result<(), String> {
        if !self.contents.knobs.is_empty() || self.contents.keep != Keep::default() {
            return Ok(());
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &self.path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Beside the old one, to the disc, and over it.
    fn write(&self) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(&self.contents).expect("names and numbers are JSON");
        let beside = self.path.with_extension("json.new");
        write_whole(&beside, &text).map_err(failed("write", &beside))?;
        fs::rename(&beside, &self.path).map_err(failed("replace", &self.path))?;
        let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(failed("write", directory))
    }
}

impl Kernel {
    fn present() -> Result<Self, String> {
        let boot = Path::new("/proc/sys/kernel/random/boot_id");
        let namespace = Path::new("/proc/thread-self/ns/net");
        Ok(Self {
            boot: fs::read_to_string(boot).map_err(failed("read", boot))?.trim().to_owned(),
            namespace: fs::metadata(namespace).map_err(failed("read", namespace))?.ino(),
        })
    }
}

fn read(path: &Path) -> Result<Option<Contents>, String> {
    let text = match fs::metadata(path) {
        Ok(data) if data.len() > LARGEST => return Err(format!("it has {} octets", data.len())),
        Ok(_) => fs::read(path).map_err(|error| error.to_string())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let contents: Contents = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    if contents.format != FORMAT {
        return Err(format!("it has format {}, not {FORMAT}", contents.format));
    }
    Ok(Some(contents))
}

fn set_aside(path: &Path, why: &str) -> Result<String, String> {
    let aside = path.with_extension("json.bad");
    fs::rename(path, &aside).map_err(failed("set aside", path))?;
    Ok(format!(
        "{} is damaged ({why}) and is kept as {}; sysctls that an earlier run turned are not turned \
         back",
        path.display(),
        aside.display()
    ))
}

fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn lock(path: &Path) -> Result<File, String> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(failed("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(format!("{} is locked: another process keeps this state directory", path.display()))
        }
        Err(TryLockError::Error(error)) => Err(failed("lock", path)(error)),
    }
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> String {
    let path = path.to_owned();
    move |error| format!("cannot {verb} {}: {error}", path.display())
}

#[cfg(test)]
mod tests;
