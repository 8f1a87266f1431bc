//! `type`, `traffic`, `idle_timer`, `unbalanced_timer` and `buckets`: how flows are spread.

use std::time::Duration;

use crate::config::diagnostic::Report;
use crate::config::node::values;
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::ecmp::Spreading;

/// Of TCP: connections pause, and a recovered member should get traffic within minutes.
const TCP: Preset = (Duration::from_secs(30), Duration::from_secs(300));

/// Of DNS: a question and its answer are all.
const DNS: Preset = (Duration::from_secs(1), Duration::from_secs(10));

/// Idle and unbalanced.
type Preset = (Duration, Duration);

/// The kernel counts in hundredths of a second.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(86_400);

/// A member in a hundred is moved well by so many.
const BUCKETS: u16 = 256;

#[derive(Clone, Copy)]
enum Type {
    Resilient,
    Multipath,
}

/// Reads the keys of an entry; `None` is a mistake.
pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Spreading> {
    const TYPES: [(&str, Type); 2] =
        [("resilient", Type::Resilient), ("multipath", Type::Multipath)];
    match values::choice_or(fields, "type", Type::Resilient, &TYPES, report)? {
        Type::Resilient => read_resilient(fields, report),
        Type::Multipath => refuse_resilient(fields, report).then_some(Spreading::Multipath),
    }
}

/// Whether nothing is said that a group of this type does not have.
fn refuse_resilient(fields: &Fields<'_>, report: &mut Report) -> bool {
    let errors = report.errors();
    for key in ["traffic", "idle_timer", "unbalanced_timer", "buckets"] {
        if let Some(span) = fields.key(key) {
            report
                .error(span, format!("`{key}` is of `type: resilient`"))
                .help("take it out: by hash threshold there are no buckets");
        }
    }
    report.errors() == errors
}

fn read_resilient(fields: &Fields<'_>, report: &mut Report) -> Option<Spreading> {
    let traffic = [("tcp", TCP), ("dns", DNS)];
    let preset = values::choice_or(fields, "traffic", TCP, &traffic, report);
    let (idle, unbalanced) = preset.unwrap_or(TCP);
    let idle = values::duration_or(fields, "idle_timer", idle, SHORTEST..=LONGEST, report);
    let unbalanced = read_unbalanced(fields, unbalanced, report);
    let buckets = read_buckets(fields, report);
    preset?;
    Some(Spreading::Resilient { buckets: buckets?, idle: idle?, unbalanced: unbalanced? })
}

/// A bucket has one member: a single one spreads nothing.
fn read_buckets(fields: &Fields<'_>, report: &mut Report) -> Option<u16> {
    let Some(node) = fields.get("buckets") else { return Some(BUCKETS) };
    let buckets = scalar::integer(node, "a number of buckets", 1..=65_535, report)?;
    if buckets < 2 {
        report
            .warning(node.span, format!("buckets {buckets} sends all traffic to one member"))
            .help(format!("{BUCKETS} is usual; many more than there are members spread evenly"));
    }
    u16::try_from(buckets).ok()
}

/// 0: buckets with traffic never move, so a busy address never uses a member that came back.
fn read_unbalanced(
    fields: &Fields<'_>,
    default: Duration,
    report: &mut Report,
) -> Option<Duration> {
    let range = Duration::ZERO..=LONGEST;
    let unbalanced = values::duration_or(fields, "unbalanced_timer", default, range, report)?;
    if let Some(node) = fields.get("unbalanced_timer").filter(|_| unbalanced.is_zero()) {
        report
            .warning(node.span, "unbalanced_timer 0 may leave a recovered member without traffic")
            .help("on a busy address no bucket is ever idle; 300s suits TCP, 10s DNS");
    }
    Some(unbalanced)
}
