//! `drain`: how a node takes its leave.

use std::time::Duration;

use crate::announce::{Drain, OnStop};
use crate::config::diagnostic::Report;
use crate::config::node::values::{self, LONGEST_WAIT};
use crate::config::read::fields::Fields;

/// Routers that have another path have moved to it by then.
const GSHUT: Duration = Duration::from_secs(10);

/// What is on its way, and resolvers' retries.
const LINGER: Duration = Duration::from_secs(30);

/// Reads `drain`; `None` is a mistake.
pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Drain> {
    const ON_STOP: [(&str, OnStop); 2] = [("drain", OnStop::Drain), ("withdraw", OnStop::Withdraw)];
    let Some(node) = fields.get("drain") else {
        return Some(Drain { gshut: GSHUT, linger: LINGER, on_stop: OnStop::Drain });
    };
    let fields = Fields::of(node, "`drain`", &["gshut", "linger", "on_stop"], report)?;
    let range = Duration::ZERO..=LONGEST_WAIT;
    let gshut = values::duration_or(&fields, "gshut", GSHUT, range.clone(), report);
    let linger = values::duration_or(&fields, "linger", LINGER, range, report);
    let on_stop = values::choice_or(&fields, "on_stop", OnStop::Drain, &ON_STOP, report);
    Some(Drain { gshut: gshut?, linger: linger?, on_stop: on_stop? })
}
