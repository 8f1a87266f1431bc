//! A mapping with known keys: unknown ones are refused with the nearest that would be right.

use crate::config::diagnostic::{Report, Span};
use crate::config::tree::{Key, Node, quote};

/// Keys that the format has, and this version does not: refused, never ignored.
const LATER: &[&str] = &["slow_start", "hold_down", "tests"];

/// The entries of a mapping whose keys are known.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'n> {
    /// Where the mapping stands.
    pub span: Span,
    entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// Takes `node` as a mapping with no other keys than `known`; reports everything else. `what`
    /// is the thing described, with its article: "a pool". `None` when it is no mapping.
    pub fn of(node: &'n Node, what: &str, known: &[&str], report: &mut Report) -> Option<Self> {
        let entries = mapping(node, what, report)?;
        for (key, _) in entries {
            if !known.contains(&key.value.as_str()) {
                unknown_key(key, what, known, report);
            }
        }
        Some(Self { span: node.span, entries })
    }

    /// The value of a key that may be left out; a key without a value counts as present.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// The place of a key itself.
    #[must_use]
    pub fn key(&self, key: &str) -> Option<Span> {
        self.entry(key).map(|(key, _)| key.span)
    }

    /// The value of a key that must be there; reported when it is not.
    pub fn require(&self, key: &str, what: &str, report: &mut Report) -> Option<&'n Node> {
        let node = self.get(key);
        if node.is_none() {
            report.error(self.span, format!("{what} needs `{key}`"));
        }
        node
    }

    /// Every entry, in the order written.
    #[must_use]
    pub fn entries(&self) -> &'n [(Key, Node)] {
        self.entries
    }

    fn entry(&self, key: &str) -> Option<&'n (Key, Node)> {
        self.entries.iter().find(|(k, _)| k.value == key)
    }
}

/// The entries of a mapping, or a message that `what` ("a pool") is one.
pub fn mapping<'n>(node: &'n Node, what: &str, report: &mut Report) -> Option<&'n [(Key, Node)]> {
    let entries = node.entries();
    if entries.is_none() {
        report.error(
            node.span,
            format!("{what} is a mapping (`key: value`), found {}", node.found()),
        );
    }
    entries
}

/// Reports a key that is none of `known`: not yet supported, wrong in case, misspelt, or unknown.
pub fn unknown_key(key: &Key, what: &str, known: &[&str], report: &mut Report) {
    let list = format!("the keys of {what} are {}", word_list(known));
    unknown_of(key, what, known, &list, report);
}

/// As [`unknown_key`], with a text of its own for what is known.
pub fn unknown_of(key: &Key, what: &str, known: &[&str], list: &str, report: &mut Report) {
    if LATER.contains(&key.value.as_str()) {
        return not_yet(key.span, &key.value, report);
    }
    let help = match did_you_mean(&key.value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list.to_owned(),
    };
    report.error(key.span, format!("{what} has no key {}", quote(&key.value))).help(help);
}

/// Reports a key that a later version will understand.
pub fn not_yet(span: Span, key: &str, report: &mut Report) {
    report
        .error(span, format!("`{key}` is not yet supported"))
        .help("take it out: a key that is not obeyed is refused, never ignored");
}

/// `a`, `b`, `c`, each in backquotes.
#[must_use]
pub fn word_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The candidate that `word` was probably meant to be: equal but for case, or close in spelling.
pub fn did_you_mean<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    /// Below this similarity (Jaro-Winkler) two words share little but their first letters.
    const CLOSE: f64 = 0.8;
    let lower = word.to_lowercase();
    candidates
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= CLOSE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
