//! The sections of a file that say how clients are steered: probes, pools, rtt and policies.

use super::fields::{Fields, mapping};
use super::policy::PolicyShape;
use super::pool::PoolShape;
use super::probe::ProbeShape;
use super::rtt::RttRow;
use super::{policy, pool, probe, rtt};
use crate::config::diagnostic::{Report, Spanned};
use crate::config::tree::{Key, Node, quote};

/// A thing and the name it is defined under.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Definition<T> {
    pub name: Spanned<Box<str>>,
    pub shape: T,
}

/// What one file says of steering. A name whose definition has a mistake is kept, so that what
/// refers to it is no second mistake.
#[derive(Clone, Debug, Default)]
pub struct Steering {
    /// `probes`; `None` for one with a mistake in it.
    pub probes: Vec<Definition<Option<ProbeShape>>>,
    /// `pools`.
    pub pools: Vec<Definition<PoolShape>>,
    /// `rtt`.
    pub rtt: Vec<RttRow>,
    /// `policies`.
    pub policies: Vec<Definition<PolicyShape>>,
}

impl Steering {
    /// Reads the sections of a file; every mistake is reported.
    pub fn read(file: &Fields<'_>, report: &mut Report) -> Self {
        let mut definitions = Self::default();
        if let Some(node) = file.get("probes") {
            definitions.probes = read_section(node, "probe", probe::read, report);
        }
        if let Some(node) = file.get("pools") {
            definitions.pools = read_section(node, "pool", pool::read, report);
        }
        if let Some(node) = file.get("rtt") {
            definitions.rtt = rtt::read(node, report);
        }
        if let Some(node) = file.get("policies") {
            definitions.policies = read_section(node, "policy", policy::read, report);
        }
        definitions
    }
}

fn read_section<T>(
    node: &Node,
    what: &str,
    read: fn(&Node, &mut Report) -> T,
    report: &mut Report,
) -> Vec<Definition<T>> {
    let section = match what {
        "policy" => "`policies`".to_owned(),
        _ => format!("`{what}s`"),
    };
    let entries = mapping(node, &section, report).unwrap_or(&[]);
    let define = |(key, node): &(Key, Node)| {
        check_name(key, what, report);
        let name = Spanned { span: key.span, value: key.value.as_str().into() };
        Definition { name, shape: read(node, report) }
    };
    entries.iter().map(define).collect()
}

/// Names stand in commands, metrics, `ZONE/NAME` and the canonical text of policies: letters,
/// digits and `-_.`, at most 63.
fn check_name(key: &Key, what: &str, report: &mut Report) {
    const LONGEST: usize = 63;
    let name = key.value.as_str();
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    let starts_plain = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if starts_plain && name.len() <= LONGEST && name.bytes().all(plain) {
        return;
    }
    report.error(key.span, format!("{} cannot be the name of a {what}", quote(name))).help(
        format!(
            "a name is 1 to {LONGEST} ASCII letters, digits, `-`, `_` and `.`, and starts with a \
         letter, a digit or `_`"
        ),
    );
}
