//! `advertise` and `lease`: how often the Active is heard, and how long its addresses outlive it.

use std::time::Duration;

use vrrp::config::{Lease, Version};

use super::values::{self, shown};
use crate::config::diagnostic::Report;
use crate::config::read::fields::Fields;
use crate::config::tree::Node;

const ADVERTISE: Duration = Duration::from_secs(1);

/// A field of 12 bits in centiseconds (RFC 9568 §5.2.7).
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(40_950);

/// A field of 8 bits in seconds (RFC 3768 §5.3.7).
const SHORTEST_V2: Duration = Duration::from_secs(1);
const LONGEST_V2: Duration = Duration::from_secs(255);

/// A longer lease is as good as none.
const LONGEST_LEASE: Duration = Duration::from_secs(24 * 3600);

/// The interval between advertisements; a wrong version is judged by neither's limits.
pub(super) fn advertise(
    fields: &Fields<'_>,
    version: Option<Version>,
    report: &mut Report,
) -> Option<Duration> {
    let Some(node) = fields.get("advertise") else { return Some(ADVERTISE) };
    let (range, step, unit) = match version {
        Some(Version::V2) => (SHORTEST_V2..=LONGEST_V2, SHORTEST_V2, "version 2 counts in seconds"),
        Some(Version::V3) => (SHORTEST..=LONGEST, SHORTEST, "version 3 counts in steps of 10ms"),
        None => (SHORTEST..=LONGEST_V2, Duration::from_millis(1), ""),
    };
    let interval = values::duration(node, "advertise", range, report)?;
    if interval.as_millis() % step.as_millis() != 0 {
        let message =
            format!("advertise {} is no multiple of {} ({unit})", shown(interval), shown(step));
        report.error(node.span, message);
        return None;
    }
    Some(interval)
}

/// How long the kernel keeps an address that nobody renews.
pub(super) fn lease(
    fields: &Fields<'_>,
    advertise: Option<Duration>,
    report: &mut Report,
) -> Option<Lease> {
    let Some(node) = fields.get("lease") else { return Some(Lease::Auto) };
    if node.text() == Some("auto") {
        return Some(Lease::Auto);
    }
    let span = values::duration(node, "lease", Duration::ZERO..=LONGEST_LEASE, report)?;
    if span.is_zero() {
        return Some(Lease::Forever);
    }
    check_lease(node, span, advertise?, report).then_some(Lease::For(span))
}

fn check_lease(node: &Node, span: Duration, advertise: Duration, report: &mut Report) -> bool {
    if span.subsec_nanos() != 0 {
        let message =
            format!("lease {} is no multiple of 1s (the kernel counts seconds)", shown(span));
        report.error(node.span, message);
        return false;
    }
    if span < advertise * 3 {
        let (span, interval) = (shown(span), shown(advertise));
        let message = format!("lease {span} is shorter than three intervals of {interval}");
        report
            .error(node.span, message)
            .help("the kernel would take the addresses from a living Active; `auto` fits");
        return false;
    }
    true
}
