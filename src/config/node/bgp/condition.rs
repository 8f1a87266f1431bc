//! `when`, `on_down` and `health`: what an announcement depends on.

use std::sync::Arc;
use std::time::Duration;

use crate::announce::{OnDown, When};
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::node::HealthQuestion;
use crate::config::node::values::{self, LONGEST_WAIT};
use crate::config::node::vrrp::conditions::{QUESTION, question};
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::Node;

/// What has just come back may well go again.
const UP_HOLD: Duration = Duration::from_secs(30);

/// What an announcement depends on.
#[derive(Debug)]
pub(super) struct Condition {
    pub when: When,
    /// The pool's name, where it is written.
    pub pool: Option<Spanned<Arc<str>>>,
    /// Where `on_down: withdraw` stands.
    pub withdraws: Option<Span>,
}

/// What `when` says.
enum Shape {
    Dns,
    Always,
    Pool(Spanned<Arc<str>>),
}

impl Condition {
    /// Reads `when` and `on_down`; `None` is a mistake.
    pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Self> {
        const ON_DOWN: [(&str, OnDown); 2] =
            [("deprefer", OnDown::Deprefer), ("withdraw", OnDown::Withdraw)];
        let shape = match fields.get("when") {
            Some(node) => read_when(node, report),
            None => Some(Shape::Dns),
        };
        let on_down = values::choice_or(fields, "on_down", OnDown::Deprefer, &ON_DOWN, report);
        let (when, pool) = match shape? {
            Shape::Pool(pool) => {
                let when = When::Pool { pool: Arc::clone(&pool.value), on_down: on_down? };
                (when, Some(pool))
            }
            Shape::Dns => (When::Dns, None),
            Shape::Always => (When::Always, None),
        };
        if let Some(span) = fields.key("on_down").filter(|_| pool.is_none()) {
            report
                .error(span, "`on_down` needs a pool that can be down")
                .help("write `when: { pool: ZONE/POOL }`, or take it out");
            return None;
        }
        let withdraws = fields.get("on_down").filter(|_| on_down == Some(OnDown::Withdraw));
        Some(Self { when, pool, withdraws: withdraws.map(|node| node.span) })
    }
}

fn read_when(node: &Node, report: &mut Report) -> Option<Shape> {
    match node.text() {
        Some("dns") => return Some(Shape::Dns),
        Some("always") => return Some(Shape::Always),
        _ => {}
    }
    if node.entries().is_none() {
        let form = "a condition (`dns`, `always`, `{ pool: ZONE/POOL }`)";
        scalar::expected(node, form, report);
        return None;
    }
    let fields = Fields::of(node, "`when`", &["pool"], report)?;
    pool(fields.require("pool", "`when`", report)?, report).map(Shape::Pool)
}

/// The name of a pool; whether there is one shows with the zones.
pub(in crate::config::node) fn pool(node: &Node, report: &mut Report) -> Option<Spanned<Arc<str>>> {
    let name = scalar::text(node, "the name of a pool", report)?;
    Some(Spanned { span: node.span, value: Arc::from(name) })
}

/// Reads `health`: the question, and how long the node must have been fine.
pub(super) fn health(
    fields: &Fields<'_>,
    report: &mut Report,
) -> Option<(HealthQuestion, Duration)> {
    const KEYS: [&str; 5] = ["every", "timeout", "fall", "rise", "up_hold"];
    let Some(node) = fields.get("health") else { return Some((QUESTION, UP_HOLD)) };
    let fields = Fields::of(node, "`health`", &KEYS, report)?;
    let question = question(&fields, report);
    let range = Duration::ZERO..=LONGEST_WAIT;
    let up_hold = values::duration_or(&fields, "up_hold", UP_HOLD, range, report);
    Some((question?, up_hold?))
}
