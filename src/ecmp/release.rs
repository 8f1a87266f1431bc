//! What a run of this program left in the kernel, undone by another process.

use std::fmt;
use std::path::Path;

use vrrp::linux::KernelError;

use super::group::Wanted;
use super::kernel::Change;
use super::knobs::Knobs;
use super::netlink::Netlink;
use super::plan::{Want, Wants, plan};
use super::record::{Keep, Record};

/// Something that was undone, or could not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    what: Result<String, String>,
}

impl Undone {
    /// Whether it could not be undone.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.what.is_err()
    }
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Ok(what) => f.write_str(what),
            Err(why) => write!(f, "not undone: {why}"),
        }
    }
}

/// Undoes what a run that crashed left: routes, groups, next hops, sysctls, but for what was to
/// stay (`on_exit: keep`). What it did; nothing when there is nothing to undo.
///
/// # Errors
/// When the process still runs, or the state directory cannot be used; in words for people.
pub fn release(state: &Path) -> Result<Vec<Undone>, String> {
    if !Record::exists(state) {
        return Ok(Vec::new());
    }
    let record = Record::open(state)?;
    let keep = record.keep().clone();
    undo_record(record, keep)
}

/// The same, without exceptions.
pub(super) fn undo_all(state: &Path) -> Result<Vec<Undone>, String> {
    undo_record(Record::open(state)?, Keep::default())
}

fn undo_record(mut record: Record, keep: Keep) -> Result<Vec<Undone>, String> {
    if !record.found() {
        // Of another boot or another network namespace: nothing of it exists here.
        record.close()?;
        return Ok(Vec::new());
    }
    let mut netlink = Netlink::open().map_err(|error| error.to_string())?;
    let undone = undo(&mut netlink, &mut record, &Knobs::of_host(), keep)?;
    if undone.iter().any(Undone::is_failed) {
        return Ok(undone);
    }
    record.close()?;
    Ok(undone)
}

/// Removes our objects from the kernel, all but those that are to stay, and turns knobs back.
pub(super) fn undo(
    netlink: &mut Netlink,
    record: &mut Record,
    knobs: &Knobs,
    keep: Keep,
) -> Result<Vec<Undone>, String> {
    let tables = netlink.tables().map_err(|error| error.to_string())?;
    let stays = Want { wanted: &Wanted::AsItIs, group: None };
    let wants: Wants<'_> = keep.routes.iter().map(|route| (*route, stays)).collect();
    let changes = plan(&wants, &tables).changes;
    let mut undone = remove(netlink, &changes);
    let turned = record.turn_back(knobs, &keep.knobs)?;
    undone.extend(turned.into_iter().map(|what| Undone { what }));
    // A removal that failed is tried again by whoever finds the record.
    record.set_keep(keep)?;
    Ok(undone)
}

/// In order, up to the first that fails: what stands after it may be needed by it.
fn remove(netlink: &mut Netlink, changes: &[Change]) -> Vec<Undone> {
    let (mut undone, mut removed) = (Vec::new(), 0u32);
    for change in changes {
        match (netlink.apply(change), change) {
            (Ok(()), Change::RemoveRoute(route, _)) => {
                undone.push(Undone { what: Ok(format!("removed the route {route}")) });
            }
            (Ok(()), _) => removed += 1,
            (Err(refusal), _) => {
                let why = KernelError::refused(change.to_string(), refusal);
                undone.push(Undone { what: Err(why.to_string()) });
                break;
            }
        }
    }
    if removed > 0 {
        undone.push(Undone { what: Ok(format!("removed {removed} next hops and groups")) });
    }
    undone
}
