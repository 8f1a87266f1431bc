//! What was changed in the kernel, so that it can be undone: on exit, by another program after a
//! crash, at the next start.
//!
//! One JSON file, `vrrp.json`, in the state directory. A change is written down, to the disc, before
//! it is made; so the file may list what was never done, which is harmless to undo, and never misses
//! what was. It is replaced as a whole: a crash leaves the old one or the new one. A lock beside it
//! keeps two processes from undoing each other's changes.
//!
//! Addresses are written down when a group starts, not when it takes over: writing waits for the
//! disc, and nothing on the way to a take-over may. No change of a record belongs on the event
//! loop's thread.
//!
//! What stands there is true of one boot of one network namespace (their `Kernel`). In another none of
//! it exists any more; only the sequence of the authentication is kept.

mod file;
mod undo;

use std::fmt;
use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::file::{Contents, Kernel, Unreadable};
use super::netlink::LocalAddress;
use super::sysctl::{Knob, Sysctls};
use super::{Interface, KernelError};

pub use self::file::RecordError;
pub use self::undo::{Outcome, Undone};

/// The open record; the lock is held while it lives.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    contents: Contents,
    complaint: Option<String>,
    lock: File,
}

/// A change of the kernel's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// An address was added.
    Address {
        /// The interface's name, for people.
        interface: String,
        /// Its index.
        index: u32,
        /// The address, as /32 or /128.
        address: IpAddr,
    },
    /// A knob was turned.
    Sysctl {
        /// The interface.
        interface: String,
        /// Which one.
        knob: Knob,
        /// Its value before.
        before: i32,
        /// The value that we gave it.
        ours: i32,
    },
    /// An interface was made.
    Link {
        /// Its name.
        name: String,
    },
}

/// A group that is Active, with what it takes to release its role for it (priority 0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// The group's name.
    pub group: String,
    /// The interface that it advertises on.
    pub interface: String,
    /// Its VRID.
    pub vrid: u8,
    /// The version, 2 or 3.
    pub version: u8,
    /// The interval, in milliseconds.
    pub interval_ms: u64,
    /// The virtual addresses, in order.
    pub addresses: Vec<IpAddr>,
    /// Where it advertises from, by path.
    pub sources: Vec<IpAddr>,
    /// Where it advertises to, by path; empty: multicast.
    pub peers: Vec<IpAddr>,
    /// One peer alone takes over from it, without waiting.
    pub pair_mode: bool,
}

/// The last sequence that authentication was sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastSequence {
    /// Seconds since 1970.
    pub seconds: u32,
    /// In 1/65536 s.
    pub fraction: u16,
    /// Within that.
    pub counter: u16,
}

/// A change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It could not be written down.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// The kernel refused it.
    #[error("{0}")]
    Kernel(#[from] KernelError),
}

impl Record {
    /// Opens the record in a state directory, which exists. What a run before left in it is to be
    /// undone first ([`Record::undo`]). A damaged file is kept aside as `vrrp.json.bad` and said so
    /// in [`Record::complaint`].
    ///
    /// # Errors
    /// When another process has it, or the directory cannot be used.
    pub fn open(directory: &Path) -> Result<Self, RecordError> {
        Self::open_for(directory, Kernel::present()?)
    }

    fn open_for(directory: &Path, kernel: Kernel) -> Result<Self, RecordError> {
        let lock = file::lock(&directory.join("vrrp.lock"))?;
        let path = directory.join("vrrp.json");
        let (contents, complaint) = match file::read(&path) {
            Ok(contents) => (contents, None),
            Err(Unreadable::File(source)) => return Err(file::failed("read", &path)(source)),
            Err(Unreadable::Damaged(why)) => (None, Some(file::set_aside(&path, &why)?)),
        };
        let contents = contents.unwrap_or_else(|| Contents::of(kernel.clone())).seen_from(kernel);
        Ok(Self { path, contents, complaint, lock })
    }

    /// What was wrong with the file when it was opened.
    #[must_use]
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// The changes made, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.contents.entries
    }

    /// The groups that are Active.
    #[must_use]
    pub fn active(&self) -> &[Active] {
        &self.contents.active
    }

    /// The last sequence that authentication was sent with, as far as it was saved.
    #[must_use]
    pub fn sequence(&self) -> Option<LastSequence> {
        self.contents.sequence
    }

    /// Takes addresses of an interface as ours to add and remove. Those that it has already, and
    /// that no entry lists, are somebody else's: they are returned, not written down, and must
    /// neither be added nor removed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn claim(
        &mut self,
        interface: &Interface,
        addresses: &[IpAddr],
        present: &[LocalAddress],
    ) -> Result<Vec<IpAddr>, RecordError> {
        let is_present = |address| {
            present.iter().any(|p| p.interface == interface.index && p.address == address)
        };
        let mut foreign = Vec::new();
        let mut entries = Vec::new();
        for &address in addresses {
            let entry = Entry::address(interface, address);
            if self.contents.entries.contains(&entry) {
                continue;
            }
            if is_present(address) {
                foreign.push(address);
            } else {
                entries.push(entry);
            }
        }
        self.update(|contents| contents.entries.extend(entries))?;
        Ok(foreign)
    }

    /// Forgets addresses that were removed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn release(
        &mut self,
        interface: &Interface,
        addresses: &[IpAddr],
    ) -> Result<(), RecordError> {
        let released: Vec<_> = addresses.iter().map(|&a| Entry::address(interface, a)).collect();
        self.update(|contents| contents.entries.retain(|entry| !released.contains(entry)))
    }

    /// Turns a knob, after writing down its value before.
    ///
    /// # Errors
    /// When it cannot be written down or turned.
    pub fn turn(
        &mut self,
        sysctls: &Sysctls,
        interface: &str,
        knob: Knob,
        value: i32,
    ) -> Result<(), ChangeError> {
        let before = sysctls.read(interface, knob)?;
        if before == value {
            return Ok(());
        }
        self.update(|contents| contents.note_knob(interface, knob, before, value))?;
        Ok(sysctls.write(interface, knob, value)?)
    }

    /// Writes down that an interface of this name is about to be made.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_link(&mut self, name: &str) -> Result<(), RecordError> {
        let entry = Entry::Link { name: name.to_owned() };
        self.update(|contents| {
            if !contents.entries.contains(&entry) {
                contents.entries.push(entry);
            }
        })
    }

    /// Writes down that a group is Active.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_active(&mut self, active: Active) -> Result<(), RecordError> {
        self.update(|contents| {
            contents.active.retain(|other| other.group != active.group);
            contents.active.push(active);
        })
    }

    /// Writes down that a group is no longer Active.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn clear_active(&mut self, group: &str) -> Result<(), RecordError> {
        self.update(|contents| contents.active.retain(|active| active.group != group))
    }

    /// Saves the sequence; it never goes back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_sequence(&mut self, sequence: LastSequence) -> Result<(), RecordError> {
        self.update(|contents| contents.sequence = contents.sequence.max(Some(sequence)))
    }

    /// Changes the contents when they are on the disc; else they stay as they are.
    fn update(&mut self, change: impl FnOnce(&mut Contents)) -> Result<(), RecordError> {
        let mut contents = self.contents.clone();
        change(&mut contents);
        if contents != self.contents {
            file::write(&self.path, &contents)?;
            self.contents = contents;
        }
        Ok(())
    }
}

impl Drop for Record {
    /// Closing is not enough: a program that is being started has the descriptor too for a moment.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Entry {
    fn address(interface: &Interface, address: IpAddr) -> Self {
        Self::Address { interface: interface.name.clone(), index: interface.index, address }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { interface, address, .. } => write!(f, "{address} on {interface}"),
            Self::Sysctl { interface, knob, before, .. } => {
                write!(f, "{} of {interface}, {before} before", knob.name())
            }
            Self::Link { name } => write!(f, "interface {name}"),
        }
    }
}

#[cfg(test)]
mod tests;
