//! A pair's status for people.

use std::fmt;

use super::text::Ago;
use crate::admin::pair::GroupStatus;

/// The groups, where there are some.
pub(super) fn groups(f: &mut fmt::Formatter<'_>, groups: &[GroupStatus]) -> fmt::Result {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(f, "\nfloating addresses")?;
    groups.iter().try_for_each(|group| self::group(f, group))
}

fn group(f: &mut fmt::Formatter<'_>, group: &GroupStatus) -> fmt::Result {
    let GroupStatus { name, interface, id, version, state, priority, .. } = group;
    let addresses: Vec<_> = group.addresses.iter().map(ToString::to_string).collect();
    writeln!(f, "  {name}: {} on {interface} (VRRPv{version}, id {id})", addresses.join(", "))?;
    write!(f, "    {state} for {}, priority {priority}", Ago(group.seconds))?;
    for why in [&group.fault, &group.unhealthy].into_iter().flatten() {
        write!(f, ": {why}")?;
    }
    if let Some(active) = group.active {
        write!(f, "; {active} is Active")?;
    }
    writeln!(f)?;
    if group.held {
        writeln!(f, "    failed over: displaces nobody until `rhumb failover {name} --release`")?;
    }
    if group.dual_active_seconds > 0.0 {
        writeln!(f, "    two were Active for {:.1} s in all", group.dual_active_seconds)?;
    }
    let notes = [("not real-time", &group.not_realtime), ("not resident", &group.not_resident)];
    for (what, why) in notes {
        if let Some(why) = why {
            writeln!(f, "    {what}: {why}")?;
        }
    }
    group.warnings.iter().try_for_each(|warning| writeln!(f, "    warning: {warning}"))
}
