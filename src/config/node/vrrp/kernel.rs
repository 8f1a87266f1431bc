//! `resident`, `vmac`, `arp` and `notify`: what a node does to its host and its neighbours.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use vrrp::config::{ArpSchedule, Notify};

use super::values::{self, LONGEST_WAIT, shown};
use crate::config::diagnostic::{Report, Span};
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::Node;

const BURST: u8 = 5;

/// More in one moment is a flood.
const MOST_BURST: u8 = 100;

/// When a burst is repeated: switches and hosts that were busy at the first.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// A second burst sooner is the first one.
const SOONEST_AGAIN: Duration = Duration::from_millis(100);

const REFRESH: Duration = Duration::from_secs(10);
const SHORTEST_REFRESH: Duration = Duration::from_secs(1);

const NOTIFY_TIMEOUT: Duration = Duration::from_secs(10);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);

/// Its part of a group's configuration.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    pub resident: bool,
    pub vmac: bool,
    pub arp: ArpSchedule,
    pub notify: Option<Notify>,
}

impl Kernel {
    /// Reads the keys of an entry.
    pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Self> {
        let resident = values::flag_or(fields, "resident", true, report);
        let vmac = values::flag_or(fields, "vmac", false, report);
        let arp = match fields.get("arp") {
            Some(node) => read_arp(node, report),
            None => Some(ArpSchedule { burst: BURST, again: AGAIN.into(), refresh: Some(REFRESH) }),
        };
        let notify = match fields.get("notify") {
            Some(node) => read_notify(node, report).map(Some),
            None => Some(None),
        };
        Some(Self { resident: resident?, vmac: vmac?, arp: arp?, notify: notify? })
    }
}

fn read_arp(node: &Node, report: &mut Report) -> Option<ArpSchedule> {
    let fields = Fields::of(node, "`arp`", &["burst", "again", "refresh"], report)?;
    let burst = values::number_or(&fields, "burst", (BURST, 1..=MOST_BURST), report);
    let again = match fields.get("again") {
        Some(node) => read_again(node, report),
        None => Some(AGAIN.into()),
    };
    let refresh = match fields.get("refresh") {
        Some(node) => read_refresh(node, report),
        None => Some(Some(REFRESH)),
    };
    Some(ArpSchedule { burst: burst?, again: again?, refresh: refresh? })
}

/// Each later than the one before.
fn read_again(node: &Node, report: &mut Report) -> Option<Vec<Duration>> {
    let errors = report.errors();
    let mut again: Vec<Duration> = Vec::new();
    for item in node.one_or_more() {
        let range = SOONEST_AGAIN..=LONGEST_WAIT;
        let Some(at) = values::duration(item, "again", range, report) else { continue };
        if let Some(last) = again.last().filter(|last| **last >= at) {
            let message = format!("again {} does not come after {}", shown(at), shown(*last));
            report.error(item.span, message);
        }
        again.push(at);
    }
    (report.errors() == errors).then_some(again)
}

/// 0: never. The outer `None` is a mistake.
fn read_refresh(node: &Node, report: &mut Report) -> Option<Option<Duration>> {
    let refresh = values::duration(node, "refresh", Duration::ZERO..=LONGEST_WAIT, report)?;
    if !refresh.is_zero() && refresh < SHORTEST_REFRESH {
        let (refresh, least) = (shown(refresh), shown(SHORTEST_REFRESH));
        let message = format!("refresh {refresh} is too often (0, or {least} at least)");
        report.error(node.span, message);
        return None;
    }
    Some(Some(refresh).filter(|refresh| !refresh.is_zero()))
}

fn read_notify(node: &Node, report: &mut Report) -> Option<Notify> {
    let fields = Fields::of(node, "`notify`", &["command", "timeout"], report)?;
    let command = fields.require("command", "`notify`", report);
    let command = command.and_then(|node| read_command(node, report));
    let range = SHORTEST_TIMEOUT..=LONGEST_WAIT;
    let timeout = values::duration_or(&fields, "timeout", NOTIFY_TIMEOUT, range, report);
    Some(Notify { command: command?, timeout: timeout? })
}

/// A program and its first arguments; no shell, so a single text is the program alone.
fn read_command(node: &Node, report: &mut Report) -> Option<Vec<String>> {
    let items = node.one_or_more();
    let Some((program, arguments)) = items.split_first() else {
        report.error(node.span, "`command` is empty: name a program");
        return None;
    };
    let path = scalar::text(program, "the path of a program", report);
    let path = path.filter(|path| check_program(path, program.span, report));
    let words = arguments.iter().map(|node| read_argument(node, report)).collect::<Vec<_>>();
    let mut command = vec![path?.to_owned()];
    for word in words {
        command.push(word?);
    }
    Some(command)
}

/// A text, the empty one too; a program cannot be given a NUL.
fn read_argument(node: &Node, report: &mut Report) -> Option<String> {
    let text = node.text().filter(|text| !text.contains('\0'));
    if text.is_none() {
        scalar::expected(node, "an argument", report);
    }
    text.map(str::to_owned)
}

/// Whether a program can be run, as far as can be told now: it may be installed later.
fn check_program(path: &str, span: Span, report: &mut Report) -> bool {
    if !path.starts_with('/') {
        report.error(span, format!("the program {path} has no absolute path")).help(
            "no shell and no search path is used; write where it is, such as /etc/rhumb/notify",
        );
        return false;
    }
    match fs::metadata(path) {
        Err(error) => {
            report.warning(span, format!("the program {path} cannot be found: {error}"));
        }
        Ok(found) if !found.is_file() => {
            report.error(span, format!("the program {path} is not a regular file"));
            return false;
        }
        Ok(found) if found.permissions().mode() & 0o111 == 0 => {
            report
                .error(span, format!("the program {path} is not executable"))
                .help(format!("chmod +x {path}"));
            return false;
        }
        Ok(_) => {}
    }
    true
}
