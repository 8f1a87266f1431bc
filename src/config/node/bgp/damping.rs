//! `damping`: how flapping delays announcements.

use std::time::Duration;

use crate::announce::Damping;
use crate::config::diagnostic::Report;
use crate::config::node::values::{self, LONGEST_WAIT};
use crate::config::read::fields::Fields;
use crate::config::read::scalar;

/// Four withdrawals in a minute hold announcements back, for two minutes after the last.
const DEFAULT: Damping = Damping {
    half_life: Duration::from_secs(60),
    suppress: 3000,
    reuse: 750,
    max: Duration::from_secs(300),
};

/// Every withdrawal counts 1000: fifty of them are surely enough.
const MOST: u64 = 50_000;

/// Reads `damping`; `None` is a mistake.
pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Damping> {
    const KEYS: [&str; 4] = ["half_life", "suppress", "reuse", "max"];
    let Some(node) = fields.get("damping") else { return Some(DEFAULT) };
    let fields = Fields::of(node, "`damping`", &KEYS, report)?;
    let range = Duration::from_secs(1)..=LONGEST_WAIT;
    let half_life = values::duration_or(&fields, "half_life", DEFAULT.half_life, range, report);
    let suppress = penalty(&fields, "suppress", DEFAULT.suppress, report);
    let reuse = penalty(&fields, "reuse", DEFAULT.reuse, report);
    let range = Duration::ZERO..=LONGEST_WAIT;
    let max = values::duration_or(&fields, "max", DEFAULT.max, range, report);
    let (suppress, reuse) = (suppress?, reuse?);
    if reuse >= suppress {
        let node = fields.get("reuse").or_else(|| fields.get("suppress"));
        report
            .error(
                node.map_or(fields.span, |node| node.span),
                format!("reuse {reuse} is not below suppress {suppress}"),
            )
            .help("announcements are held back from `suppress` on, until below `reuse`");
        return None;
    }
    Some(Damping { half_life: half_life?, suppress, reuse, max: max? })
}

fn penalty(fields: &Fields<'_>, key: &str, default: u32, report: &mut Report) -> Option<u32> {
    let Some(node) = fields.get(key) else { return Some(default) };
    let what = format!("a penalty for `{key}`");
    u32::try_from(scalar::integer(node, &what, 1..=MOST, report)?).ok()
}
