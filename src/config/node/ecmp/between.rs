//! What no two entries may have in common.

use std::collections::HashMap;

use super::entry::Entry;
use crate::config::diagnostic::{Report, Span};

/// Reports every entry that takes what an earlier one has.
pub(super) fn check(entries: &[Entry], report: &mut Report) {
    let mut names: HashMap<&str, Span> = HashMap::new();
    let mut routes = HashMap::new();
    for entry in entries {
        if let Some(name) = &entry.name
            && let Some(first) = names.insert(&name.value, name.span)
        {
            report
                .error(name.span, format!("two entries are named {}", name.value))
                .label(first, "the first one")
                .help("give each a `name` of its own");
        }
        let (Some(prefix), Some(table), Some(metric)) = (entry.prefix, entry.table, entry.metric)
        else {
            continue;
        };
        if let Some(first) = routes.insert((prefix.value, table, metric), prefix.span) {
            let message = format!("{} is routed twice with metric {metric}", prefix.value);
            report
                .error(prefix.span, message)
                .label(first, "the first one")
                .help("one route has one pool; give one a `metric` or a `table` of its own");
        }
    }
}
