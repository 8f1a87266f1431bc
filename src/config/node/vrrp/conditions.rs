//! `health`, `track` and `witness`: what may keep a node from being Active.

use std::time::Duration;

use vrrp::config::{Need, Priority, Track, Tracked, Witness};

use super::HealthQuestion;
use super::values::{self, Addresses, shown};
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::Node;

const EVERY: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_millis(200);
const FALL: u32 = 2;
const RISE: u32 = 5;
const FLOOR: u8 = 1;

/// Faster, and the question would be a load of its own; slower, and it would find nothing in time.
const FASTEST: Duration = Duration::from_millis(50);
const SLOWEST: Duration = Duration::from_secs(60);

/// No answer comes sooner than the asker wakes up.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(10);

/// More results than this would take hours to change anything: surely a slip.
const MOST_RESULTS: u64 = 1000;

const WITNESS_EVERY: Duration = Duration::from_secs(1);
const WITNESS_FASTEST: Duration = Duration::from_millis(100);
const MISSES: u32 = 3;

/// How a node asks itself unless told otherwise.
pub(in crate::config::node) const QUESTION: HealthQuestion =
    HealthQuestion { every: EVERY, timeout: TIMEOUT, fall: FALL, rise: RISE };

/// `health`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Health {
    pub question: HealthQuestion,
    pub floor: Priority,
    /// Where `floor` is written.
    pub floor_place: Option<Span>,
}

/// Reads `health`.
pub(super) fn health(fields: &Fields<'_>, report: &mut Report) -> Option<Health> {
    let Some(node) = fields.get("health") else {
        return Some(Health { question: QUESTION, floor: Priority(FLOOR), floor_place: None });
    };
    const KEYS: [&str; 5] = ["every", "timeout", "fall", "rise", "floor"];
    let fields = Fields::of(node, "`health`", &KEYS, report)?;
    let question = question(&fields, report);
    let floor = values::number_or(&fields, "floor", (FLOOR, 1..=253), report);
    Some(Health {
        question: question?,
        floor: Priority(floor?),
        floor_place: fields.get("floor").map(|node| node.span),
    })
}

/// Reads `every`, `timeout`, `fall` and `rise`.
pub(in crate::config::node) fn question(
    fields: &Fields<'_>,
    report: &mut Report,
) -> Option<HealthQuestion> {
    let every = values::duration_or(fields, "every", EVERY, FASTEST..=SLOWEST, report);
    let timeout = timeout(fields, every, report);
    let fall = results_or(fields, "fall", FALL, report);
    let rise = results_or(fields, "rise", RISE, report);
    Some(HealthQuestion { every: every?, timeout: timeout?, fall: fall?, rise: rise? })
}

/// A timeout not given gives way to a short `every`.
fn timeout(fields: &Fields<'_>, every: Option<Duration>, report: &mut Report) -> Option<Duration> {
    let Some(node) = fields.get("timeout") else { return Some(TIMEOUT.min(every?)) };
    let timeout = values::duration(node, "timeout", SHORTEST_TIMEOUT..=SLOWEST, report)?;
    let every = every?;
    if timeout > every {
        let (timeout, every) = (shown(timeout), shown(every));
        report
            .error(node.span, format!("timeout {timeout} is longer than every {every}"))
            .help(format!("let the timeout be at most {every}, or ask less often"));
        return None;
    }
    Some(timeout)
}

fn results_or(fields: &Fields<'_>, key: &str, default: u32, report: &mut Report) -> Option<u32> {
    let Some(node) = fields.get(key) else { return Some(default) };
    let results = scalar::integer(node, "a number of results", 1..=MOST_RESULTS, report)?;
    u32::try_from(results).ok()
}

/// Reads `track`; each object with the place of its name.
pub(super) fn track(fields: &Fields<'_>, report: &mut Report) -> Vec<Spanned<Track>> {
    let items = fields.get("track").map_or(&[][..], Node::one_or_more);
    let mut tracked: Vec<Spanned<Track>> = Vec::with_capacity(items.len());
    for item in items {
        let Some(track) = read_track(item, report) else { continue };
        match tracked.iter().find(|earlier| earlier.value.object == track.value.object) {
            Some(first) => {
                let object = match &track.value.object {
                    Tracked::Interface(name) => name.clone(),
                    Tracked::Address(address) => address.to_string(),
                };
                report
                    .error(track.span, format!("{object} is tracked twice"))
                    .label(first.span, "the first one");
            }
            None => tracked.push(track),
        }
    }
    tracked
}

fn read_track(node: &Node, report: &mut Report) -> Option<Spanned<Track>> {
    let what = "a tracked object";
    let fields = Fields::of(node, what, &["interface", "address", "weight"], report)?;
    let weight = match fields.get("weight") {
        Some(node) => read_weight(node, report).map(Some),
        None => Some(None),
    };
    let object = match (fields.get("interface"), fields.get("address")) {
        (Some(node), None) => {
            let name = values::interface(node, report)?;
            Spanned { span: name.span, value: Tracked::Interface(name.value) }
        }
        (None, Some(node)) => {
            let address = values::host_address(node, "tracked address", report)?;
            Spanned { span: node.span, value: Tracked::Address(address) }
        }
        _ => {
            let message = "a tracked object is one `interface` or one `address`";
            report.error(fields.span, message).help("make two entries of two objects");
            return None;
        }
    };
    let track = Track { object: object.value, weight: weight? };
    Some(Spanned { span: object.span, value: track })
}

fn read_weight(node: &Node, report: &mut Report) -> Option<i16> {
    let weight = node.text().and_then(|text| text.parse().ok());
    let weight = weight.filter(|weight| (-253..=-1).contains(weight));
    if weight.is_none() {
        let form = "a weight (-253 to -1; without any, a missing object is a fault)";
        scalar::expected(node, form, report);
    }
    weight
}

/// A witness and the places of its addresses.
pub(super) type WitnessShape = (Witness, Addresses);

/// Reads `witness`; the outer `None` is a mistake.
pub(super) fn witness(fields: &Fields<'_>, report: &mut Report) -> Option<Option<WitnessShape>> {
    const KEYS: [&str; 5] = ["addresses", "need", "every", "misses", "required"];
    const NEED: [(&str, Need); 2] = [("any", Need::Any), ("all", Need::All)];
    let Some(node) = fields.get("witness") else { return Some(None) };
    let fields = Fields::of(node, "`witness`", &KEYS, report)?;
    let one = |node: &Node, report: &mut Report| values::host_address(node, "witness", report);
    let addresses = fields.require("addresses", "`witness`", report);
    let addresses = addresses.map(|node| Addresses::read(node, one, report));
    let need = values::choice_or(&fields, "need", Need::Any, &NEED, report);
    let every = WITNESS_FASTEST..=SLOWEST;
    let every = values::duration_or(&fields, "every", WITNESS_EVERY, every, report);
    let misses = results_or(&fields, "misses", MISSES, report);
    let required = values::flag_or(&fields, "required", false, report);
    let shape = addresses?;
    let witness = Witness {
        addresses: shape.values(),
        need: need?,
        every: every?,
        misses: misses?,
        required: required?,
    };
    shape.is_sound().then_some(Some((witness, shape)))
}
