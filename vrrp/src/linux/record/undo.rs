//! Undoing what a record lists.

use std::fmt;

use super::{Entry, Record, RecordError};
use crate::linux::netlink::{LocalAddress, Netlink};
use crate::linux::sysctl::Sysctls;
use crate::linux::{Interface, KernelError};

/// What became of one change.
#[derive(Debug)]
pub struct Undone {
    /// The change.
    pub entry: Entry,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a change that was to be undone.
#[derive(Debug)]
pub enum Outcome {
    /// It is undone.
    Undone,
    /// There was nothing to undo: an expired lease, an interface that is gone.
    Gone,
    /// Somebody else has changed it since; it was left alone.
    Changed,
    /// The kernel refused; it stays in the record.
    Failed(KernelError),
}

impl Record {
    /// Undoes every change, newest first, and knobs after all else: as long as `lo` has an address,
    /// the interfaces must not answer for it. What became of each.
    ///
    /// # Errors
    /// When the record cannot be written afterwards. The changes are undone all the same.
    pub fn undo(
        &mut self,
        netlink: &mut Netlink,
        sysctls: &Sysctls,
    ) -> Result<Vec<Undone>, RecordError> {
        self.undo_only(netlink, sysctls, |_| true)
    }

    /// Undoes the changes that are to be, in the order of [`Record::undo`]; what became of each.
    ///
    /// # Errors
    /// As [`Record::undo`].
    pub fn undo_only(
        &mut self,
        netlink: &mut Netlink,
        sysctls: &Sysctls,
        is_wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Undone>, RecordError> {
        let (wanted, mut kept): (Vec<_>, Vec<_>) =
            self.contents.entries.iter().cloned().partition(is_wanted);
        let present = netlink.addresses();
        let present = present.as_deref().ok();
        let is_knob = |entry: &Entry| matches!(entry, Entry::Sysctl { .. });
        let (knobs, others): (Vec<_>, Vec<_>) = wanted.into_iter().rev().partition(is_knob);
        let in_order = others.into_iter().chain(knobs);
        let undone: Vec<_> = in_order.map(|entry| undo(entry, netlink, sysctls, present)).collect();
        kept.extend(undone.iter().rev().filter(|u| u.is_failed()).map(|u| u.entry.clone()));
        self.update(|contents| contents.entries = kept)?;
        Ok(undone)
    }
}

impl Undone {
    /// Whether the kernel refused; the change is still there.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

fn undo(
    entry: Entry,
    netlink: &mut Netlink,
    sysctls: &Sysctls,
    present: Option<&[LocalAddress]>,
) -> Undone {
    let outcome = match &entry {
        Entry::Address { interface, index, address } => {
            let is_present = |all: &[LocalAddress]| {
                all.iter().any(|p| p.interface == *index && p.address == *address)
            };
            let interface = Interface { index: *index, name: interface.clone() };
            if present.is_none_or(is_present) {
                netlink.remove_address(&interface, *address).map(|()| Outcome::Undone)
            } else {
                Ok(Outcome::Gone)
            }
        }
        Entry::Sysctl { interface, knob, before, ours } => match sysctls.read(interface, *knob) {
            Ok(now) if now == *ours => {
                sysctls.write(interface, *knob, *before).map(|()| Outcome::Undone)
            }
            Ok(_) => Ok(Outcome::Changed),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Outcome::Gone),
            Err(error) => Err(error),
        },
        Entry::Link { name } => match netlink.link(name) {
            Ok(Some(link)) => netlink.remove_link(&link.interface).map(|()| Outcome::Undone),
            Ok(None) => Ok(Outcome::Gone),
            Err(error) => Err(error),
        },
    };
    Undone { entry, outcome: outcome.unwrap_or_else(Outcome::Failed) }
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Undone => write!(f, "undone: {}", self.entry),
            Outcome::Gone => write!(f, "gone already: {}", self.entry),
            Outcome::Changed => write!(f, "changed by others, left alone: {}", self.entry),
            Outcome::Failed(error) => write!(f, "not undone: {}: {error}", self.entry),
        }
    }
}
