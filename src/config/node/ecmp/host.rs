//! `hash_policy` and `hash_seed`: settings of the whole host, so entries must agree on them.

use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::Node;
use crate::ecmp::HashPolicy;

use super::entry::Entry;

/// What an entry says; absent: nothing. An inner `None` is `leave`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HostWords {
    pub policy: Option<Spanned<Option<HashPolicy>>>,
    pub seed: Option<Spanned<Option<u32>>>,
}

/// What all entries say together; absent: left as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostValues {
    pub policy: Option<HashPolicy>,
    pub seed: Option<u32>,
}

impl HostWords {
    /// Reads the keys of an entry.
    pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Self {
        const POLICIES: [(&str, Option<HashPolicy>); 3] =
            [("l3", Some(HashPolicy::L3)), ("l4", Some(HashPolicy::L4)), ("leave", None)];
        let what = "a value for `hash_policy`";
        let policy = fields.get("hash_policy").and_then(|node| {
            let value = scalar::choice(node, what, &POLICIES, report)?;
            Some(Spanned { span: node.span, value })
        });
        let seed = fields.get("hash_seed").and_then(|node| read_seed(node, report));
        Self { policy, seed }
    }
}

/// 0 is the kernel's word for a seed by chance.
fn read_seed(node: &Node, report: &mut Report) -> Option<Spanned<Option<u32>>> {
    if node.text() == Some("leave") {
        return Some(Spanned { span: node.span, value: None });
    }
    let seed = scalar::integer(node, "`leave` or a seed", 1..=u64::from(u32::MAX), report)?;
    Some(Spanned { span: node.span, value: u32::try_from(seed).ok() })
}

/// What is written anywhere holds everywhere; reports whoever says something else.
pub(super) fn of(entries: &[Entry], report: &mut Report) -> HostValues {
    let policies = entries.iter().filter_map(|entry| entry.host.policy);
    let seeds = entries.iter().filter_map(|entry| entry.host.seed);
    HostValues {
        policy: agreed("hash_policy", policies, report).unwrap_or(Some(HashPolicy::L4)),
        seed: agreed("hash_seed", seeds, report).flatten(),
    }
}

fn agreed<T: Copy + PartialEq>(
    key: &str,
    mut values: impl Iterator<Item = Spanned<T>>,
    report: &mut Report,
) -> Option<T> {
    let first = values.next()?;
    for other in values.filter(|other| other.value != first.value) {
        differs(key, other.span, first.span, report);
    }
    Some(first.value)
}

fn differs(key: &str, span: Span, first: Span, report: &mut Report) {
    report
        .error(span, format!("`{key}` differs from that of another entry"))
        .label(first, "the first one")
        .help("it is one setting of the whole host: write it once, or the same everywhere");
}
