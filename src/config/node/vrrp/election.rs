//! What decides between nodes: priority and floor, preemption, waits.

use std::time::Duration;

use vrrp::config::{Preempt, Priority};

use super::conditions::Health;
use super::values::{self, LONGEST_WAIT, shown};
use crate::config::diagnostic::Report;
use crate::config::read::fields::Fields;

/// Of a node that says nothing (RFC 9568 §6.1).
const PRIORITY: u8 = 100;

const FAULT_HOLD: Duration = Duration::from_secs(5);

/// Its part of a group's configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Election {
    pub priority: Priority,
    pub preempt: Preempt,
    pub preempt_delay: Duration,
    pub startup_delay: Duration,
    pub fault_hold: Duration,
}

impl Election {
    /// Reads the keys of an entry.
    pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Self> {
        const PREEMPT: [(&str, Preempt); 3] = [
            ("unhealthy", Preempt::Unhealthy),
            ("always", Preempt::Always),
            ("never", Preempt::Never),
        ];
        let priority = priority(fields, report);
        let preempt = values::choice_or(fields, "preempt", Preempt::Unhealthy, &PREEMPT, report);
        let preempt_delay = preempt_delay(fields, preempt, report);
        let mut wait = |key, default| {
            values::duration_or(fields, key, default, Duration::ZERO..=LONGEST_WAIT, report)
        };
        let startup_delay = wait("startup_delay", Duration::ZERO);
        let fault_hold = wait("fault_hold", FAULT_HOLD);
        Some(Self {
            priority: priority?,
            preempt: preempt?,
            preempt_delay: preempt_delay?,
            startup_delay: startup_delay?,
            fault_hold: fault_hold?,
        })
    }
}

fn priority(fields: &Fields<'_>, report: &mut Report) -> Option<Priority> {
    let Some(node) = fields.get("priority") else { return Some(Priority(PRIORITY)) };
    let priority = values::number(node, "priority", 1..=255, report).map(Priority)?;
    if priority == Priority::OWNER {
        report
            .warning(node.span, "priority 255 stays whatever the node's health: it is the owner's")
            .help("254 at most lets an unhealthy node give up the addresses");
    }
    Some(priority)
}

fn preempt_delay(
    fields: &Fields<'_>,
    preempt: Option<Preempt>,
    report: &mut Report,
) -> Option<Duration> {
    let Some(node) = fields.get("preempt_delay") else { return Some(Duration::ZERO) };
    let delay = values::duration(node, "preempt_delay", Duration::ZERO..=LONGEST_WAIT, report)?;
    if !delay.is_zero() && preempt.is_some_and(|preempt| preempt != Preempt::Always) {
        report
            .error(node.span, format!("preempt_delay {} needs `preempt: always`", shown(delay)))
            .help("nothing else displaces a healthy Active, so there is nothing to delay");
        return None;
    }
    Some(delay)
}

/// Checks that an unhealthy node stands lower than a healthy one.
pub(super) fn check_floor(
    fields: &Fields<'_>,
    priority: Priority,
    health: &Health,
    report: &mut Report,
) {
    let floor = health.floor;
    if priority == Priority::OWNER || floor < priority {
        return;
    }
    let message = format!("floor {floor} is not below priority {priority}");
    let priority = fields.get("priority").map(|node| node.span);
    let entry = report.error(health.floor_place.or(priority).unwrap_or(fields.span), message);
    let entry = match (health.floor_place, priority) {
        (Some(_), Some(priority)) => entry.label(priority, "in health"),
        (Some(_), None) => entry.here("`priority` is 100 when not given"),
        (None, _) => entry.here("`floor` is 1 when not given"),
    };
    entry.help("an unhealthy node must stand lower than it does in health");
}
