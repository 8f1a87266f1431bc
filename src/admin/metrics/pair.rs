//! What a scrape reads of the pair.

use std::fmt;

use vrrp::config::Family;
use vrrp::machine::State;
use vrrp::router::Status;

use super::collect::Page;
use crate::pair::Pair;

const STATES: [State; 5] =
    [State::Initialize, State::Backup, State::Active, State::HandingOver, State::Fault];

/// A group's name and one more label.
type Labels = [(&'static str, String); 2];

/// Every series of every group; none without `vrrp:`.
pub(super) fn groups(page: &mut Page<'_>, pair: &Pair) -> fmt::Result {
    let groups: Vec<Status> = pair.groups().iter().map(|group| group.status()).collect();
    if groups.is_empty() {
        return Ok(());
    }
    let states = groups.iter().flat_map(|group| {
        STATES.map(|state| {
            let labels = labels(group, "state", state.label());
            (labels, i64::from(group.state == state))
        })
    });
    page.gauges("vrrp_state", "A group's state: 1 for the one it is in.", states)?;
    let help = "What a group advertises while Active.";
    page.gauges("vrrp_priority", help, groups.iter().map(|g| (name(g), i64::from(g.priority.0))))?;
    let help = "Whether a failover keeps a group from displacing others.";
    page.gauges("vrrp_held", help, groups.iter().map(|g| (name(g), i64::from(g.held))))?;
    let help = "Things that are wrong with a group now; the log and the status name them.";
    let warnings = groups.iter().map(|g| (name(g), g.warnings.len() as i64));
    page.gauges("vrrp_warnings", help, warnings)?;
    counters(page, &groups)
}

fn counters(page: &mut Page<'_>, groups: &[Status]) -> fmt::Result {
    let transitions = groups.iter().flat_map(|g| {
        g.transitions.iter().map(|(reason, count)| (labels(g, "reason", reason), *count))
    });
    page.counters("vrrp_transitions", "Changes of state, by reason.", transitions)?;
    let dropped = groups
        .iter()
        .flat_map(|g| g.dropped.iter().map(|(reason, n)| (labels(g, "reason", reason), *n)));
    page.counters("vrrp_dropped", "Packets that were not heard, by reason.", dropped)?;
    let checksums = groups
        .iter()
        .flat_map(|g| g.checksums.iter().map(|(style, n)| (labels(g, "style", style), *n)));
    let help = "Advertisements heard, by what their checksum covers.";
    page.counters("vrrp_checksums", help, checksums)?;
    let help = "Advertisements sent, on all paths.";
    page.counters("vrrp_sent", help, traffic(groups, |traffic| traffic.sent))?;
    let help = "Advertisements that could not be sent.";
    page.counters("vrrp_unsent", help, traffic(groups, |traffic| traffic.unsent))?;
    let help = "Advertisements heard.";
    page.counters("vrrp_received", help, traffic(groups, |traffic| traffic.received))?;
    let help = "Timers that were handled late: by a tenth of the interval and 1 ms at least.";
    let late = groups.iter().map(|g| (name(g), g.late_wake_ups));
    page.counters("vrrp_late_wake_ups", help, late)?;
    let help = "Time in which a group was Active and heard another Active.";
    let dual = groups.iter().map(|g| (name(g), g.dual_active.as_secs_f64()));
    page.seconds("vrrp_dual_active", help, dual)
}

fn traffic<'s>(
    groups: &'s [Status],
    value: impl Fn(&vrrp::router::Traffic) -> u64 + Copy + 's,
) -> impl Iterator<Item = (Labels, u64)> + 's {
    let word = |family| match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    groups.iter().flat_map(move |group| {
        let series =
            move |t: &vrrp::router::Traffic| (labels(group, "family", word(t.family)), value(t));
        group.traffic.iter().map(series)
    })
}

fn name(group: &Status) -> [(&'static str, String); 1] {
    [("name", group.name.clone())]
}

fn labels(group: &Status, key: &'static str, value: &str) -> Labels {
    [("name", group.name.clone()), (key, value.to_owned())]
}
