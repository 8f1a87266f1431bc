//! What no two entries may have in common.

use std::collections::HashMap;
use std::net::IpAddr;

use vrrp::config::{Family, Vrid};

use super::entry::Entry;
use crate::config::diagnostic::{Report, Span};

/// A virtual router: an id on an interface, for each family (RFC 9568 §5.2.3).
type Router<'e> = (Vrid, &'e str, Family);

/// What earlier entries have, and where they say so.
#[derive(Default)]
struct Taken<'e> {
    routers: HashMap<Router<'e>, Span>,
    names: HashMap<&'e str, Span>,
    addresses: HashMap<IpAddr, Span>,
}

/// Reports every entry that takes what an earlier one has.
pub(super) fn check(entries: &[Entry], report: &mut Report) {
    let mut taken = Taken::default();
    for entry in entries {
        let is_new = taken.take_routers(entry, report);
        // A name that follows from the id is wrong with it, once.
        if is_new || entry.identity.is_named {
            taken.take_name(entry, report);
        }
        taken.take_addresses(entry, report);
    }
}

impl<'e> Taken<'e> {
    /// Whether no family of the entry was there before.
    fn take_routers(&mut self, entry: &'e Entry, report: &mut Report) -> bool {
        let identity = &entry.identity;
        let (Some(id), Some(interface)) = (identity.id, &identity.interface) else { return true };
        let has = |family: &Family| {
            entry.addresses.list.iter().any(|address| Family::of(address.value) == *family)
        };
        let mut is_new = true;
        for family in [Family::V4, Family::V6].into_iter().filter(has) {
            let router = (id.value, interface.value.as_str(), family);
            let Some(first) = self.routers.insert(router, id.span) else { continue };
            is_new = false;
            let message = format!("two {family} entries have id {} on {}", id.value, router.1);
            report
                .error(id.span, message)
                .label(first, "the first one")
                .help("give them ids of their own, or put the addresses together");
        }
        is_new
    }

    fn take_name(&mut self, entry: &'e Entry, report: &mut Report) {
        let Some(name) = &entry.identity.name else { return };
        if let Some(first) = self.names.insert(&name.value, name.span) {
            report
                .error(name.span, format!("two entries are named {}", name.value))
                .label(first, "the first one")
                .help("give each a `name` of its own");
        }
    }

    fn take_addresses(&mut self, entry: &Entry, report: &mut Report) {
        for address in &entry.addresses.list {
            if let Some(first) = self.addresses.insert(address.value, address.span) {
                report
                    .error(address.span, format!("{} is in two entries", address.value))
                    .label(first, "the first one");
            }
        }
    }
}
