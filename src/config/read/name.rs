//! One name of a zone as written: static records, a route, an ALIAS, and what goes with them.

use super::fields::{did_you_mean, mapping, unknown_of, word_list};
use super::zone::{Defaults, ttl_range};
use super::{record, scalar, when_down};
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::tree::{Key, Node, quote};
use crate::dns::{Name, Rtype};
use crate::policy::{TtlRange, WhenDown};
use crate::zone::RrSet;

/// Keys of a name that are no record types.
const OWN_KEYS: [&str; 5] = ["route", "answers", "ttl", "when_down", "ALIAS"];

/// The most members that an answer carries.
const MOST_ANSWERS: u64 = 16;

/// The largest RRset that fits a DNS message over TCP (65,535 octets), its header, a question and
/// an OPT record beside it.
const LARGEST_RRSET: usize = 65_000;

/// What a record takes beside its RDATA: a compressed owner, type, class, TTL and length.
const RECORD_OVERHEAD: usize = 12;

/// A name as written.
#[derive(Debug)]
pub struct NameShape<'n> {
    /// Absolute; the place is that of its key.
    pub owner: Spanned<Name>,
    /// Each type once.
    pub rrsets: Vec<RrSetShape>,
    /// A and AAAA by policy.
    pub route: Option<RouteShape<'n>>,
    /// A and AAAA of another name.
    pub alias: Option<Spanned<Name>>,
}

/// An RRset and its places.
#[derive(Debug)]
pub struct RrSetShape {
    /// The key: the record type.
    pub key: Span,
    /// The records.
    pub set: RrSet,
    /// The place of each record of `set.rdata`.
    pub values: Vec<Span>,
}

/// `route` and what belongs to it.
#[derive(Debug)]
pub struct RouteShape<'n> {
    /// The key `route`.
    pub key: Span,
    /// The policy, not yet resolved.
    pub node: &'n Node,
    /// `answers`.
    pub answers: Option<u8>,
    /// The name's `ttl`, else the zone's.
    pub ttl: TtlRange,
    /// The name's `when_down`, else the zone's.
    pub when_down: WhenDown,
    /// Where that was written, if at all.
    pub when_down_at: Option<Span>,
}

/// The records of one key, before they have a TTL.
#[derive(Debug)]
pub struct RecordSet {
    /// The key.
    pub key: Span,
    /// RDATA, no two equal.
    pub records: Vec<Spanned<Box<[u8]>>>,
}

impl NameShape<'_> {
    /// A name at which nothing stands yet.
    #[must_use]
    pub fn empty(owner: Spanned<Name>) -> Self {
        Self { owner, rrsets: Vec::new(), route: None, alias: None }
    }

    /// The RRset of a type.
    #[must_use]
    pub fn rrset(&self, rtype: Rtype) -> Option<&RrSetShape> {
        self.rrsets.iter().find(|shape| shape.set.rtype == rtype)
    }

    /// The target of its CNAME.
    #[must_use]
    pub fn cname(&self) -> Option<Name> {
        Name::from_wire(self.rrset(Rtype::CNAME)?.set.rdata.first()?)
    }
}

/// Reads what stands at a name; `None` when it is no mapping.
pub fn read<'n>(
    owner: Spanned<Name>,
    node: &'n Node,
    defaults: &Defaults,
    report: &mut Report,
) -> Option<NameShape<'n>> {
    let entries = mapping(node, "a name", report)?;
    let get = |key: &str| entries.iter().find(|(k, _)| k.value == key);
    let ttl = get("ttl").and_then(|(_, node)| ttl_range(node, report)).unwrap_or(defaults.ttl);
    let mut name = NameShape::empty(owner);
    for (key, node) in entries {
        match key.value.as_str() {
            "route" | "answers" | "ttl" | "when_down" => {}
            "ALIAS" => name.alias = read_alias(node, &defaults.origin, report),
            _ => read_rrset(&mut name, key, node, ttl.longest, defaults, report),
        }
    }
    name.route = read_route(entries, ttl, defaults, report);
    if entries.iter().all(|(key, _)| !is_data(&key.value)) {
        report
            .error(name.owner.span, format!("nothing stands at {}", name.owner.value))
            .help("a name has records such as `A: 192.0.2.1`, a `route`, or an `ALIAS`");
    }
    Some(name)
}

fn is_data(key: &str) -> bool {
    !["answers", "ttl", "when_down"].contains(&key)
}

fn read_alias(node: &Node, origin: &Name, report: &mut Report) -> Option<Spanned<Name>> {
    let value = read_target(node, origin, report)?;
    Some(Spanned { span: node.span, value })
}

/// The static records of one key.
fn read_rrset(
    name: &mut NameShape<'_>,
    key: &Key,
    node: &Node,
    ttl: u32,
    defaults: &Defaults,
    report: &mut Report,
) {
    let Some(rtype) = read_type(key, report) else { return };
    if rtype == Rtype::NS && name.owner.value == defaults.origin {
        let message = "the zone's own name servers are listed under `ns:`, at the top";
        report.error(key.span, message);
        return;
    }
    if let Some(before) = name.rrset(rtype) {
        report
            .error(key.span, format!("{} records stand twice here", record::mnemonic(rtype)))
            .label(before.key, "the first ones");
        return;
    }
    let Some(RecordSet { key, records }) =
        read_records(rtype, key.span, node, &defaults.origin, report)
    else {
        return;
    };
    let (values, rdata) = records.into_iter().map(|record| (record.span, record.value)).unzip();
    name.rrsets.push(RrSetShape { key, set: RrSet { rtype, ttl, rdata }, values });
}

/// A key as a record type; what is none is told apart from a misspelt key of Rhumb's own.
fn read_type(key: &Key, report: &mut Report) -> Option<Rtype> {
    let word = key.value.as_str();
    let looks_like_type = word.to_ascii_uppercase() == word || record::is_type(word);
    let near = did_you_mean(word, OWN_KEYS.into_iter());
    let own = near.filter(|near| near.eq_ignore_ascii_case(word) || !looks_like_type);
    if own.is_some() || !looks_like_type {
        let list = format!("a name has record types in upper case, and {}", word_list(&OWN_KEYS));
        unknown_of(key, "a name", &OWN_KEYS, &list, report);
        return None;
    }
    record::record_type(key, report)
}

/// The records of a key: one, or a list; `None` when none can be read.
pub fn read_records(
    rtype: Rtype,
    key: Span,
    node: &Node,
    origin: &Name,
    report: &mut Report,
) -> Option<RecordSet> {
    let items = node.one_or_more();
    if items.is_empty() {
        report
            .error(node.span, format!("the list of {} records is empty", record::mnemonic(rtype)));
        return None;
    }
    let mut records: Vec<Spanned<Box<[u8]>>> = Vec::with_capacity(items.len());
    for item in items {
        let Some(value) = record::rdata(rtype, item, origin, report) else { continue };
        records.push(Spanned { span: item.span, value });
    }
    refuse_equal(&mut records, report);
    let size: usize = records.iter().map(|record| record.value.len() + RECORD_OVERHEAD).sum();
    if size > LARGEST_RRSET {
        let message = format!(
            "these {} records take {size} octets together, more than an answer can carry \
             ({LARGEST_RRSET})",
            record::mnemonic(rtype)
        );
        report.error(key, message);
    }
    (!records.is_empty()).then_some(RecordSet { key, records })
}

/// Reports records that stand twice, and keeps the first.
fn refuse_equal(records: &mut Vec<Spanned<Box<[u8]>>>, report: &mut Report) {
    let mut seen = std::collections::HashMap::with_capacity(records.len());
    records.retain(|record| match seen.insert(record.value.clone(), record.span) {
        None => true,
        Some(first) => {
            report.error(record.span, "the same record stands twice").label(first, "the first one");
            seen.insert(record.value.clone(), first);
            false
        }
    });
}

/// `route`, and the keys that mean something only beside it.
fn read_route<'n>(
    entries: &'n [(Key, Node)],
    ttl: TtlRange,
    defaults: &Defaults,
    report: &mut Report,
) -> Option<RouteShape<'n>> {
    let get = |wanted: &str| entries.iter().find(|(key, _)| key.value == wanted);
    let (answers, when_down) = (get("answers"), get("when_down"));
    let Some((key, node)) = get("route") else {
        for (key, _) in [answers, when_down].into_iter().flatten() {
            report.error(key.span, format!("`{}` means something only beside `route`", key.value));
        }
        return None;
    };
    let number = answers.and_then(|(_, node)| {
        scalar::integer(node, "a number of answers", 1..=MOST_ANSWERS, report)
    });
    let own = when_down.and_then(|(key, node)| Some((key.span, when_down::read(node, report)?)));
    let (when_down_at, when_down) = match own {
        Some((key, when_down)) => (Some(key), when_down),
        None => defaults.when_down.clone(),
    };
    let answers = number.and_then(|number| u8::try_from(number).ok());
    Some(RouteShape { key: key.span, node, answers, ttl, when_down, when_down_at })
}

/// An owner name: within the zone, in ASCII, relative unless it ends in a dot.
pub fn read_owner(key: &Key, origin: &Name, report: &mut Report) -> Option<Name> {
    let owner = parse(key, origin, report)?;
    if !owner.is_within(origin) {
        report
            .error(key.span, format!("{owner} is outside of the zone {origin}"))
            .help("names without a final dot are relative to the zone");
        return None;
    }
    warn_of_doubled_zone(key, &owner, origin, report);
    let star = |label: &[u8]| label.contains(&b'*');
    if owner.labels().skip(usize::from(owner.is_wildcard())).any(star) {
        report
            .warning(key.span, format!("the `*` in {} makes no wildcard", quote(&key.value)))
            .help("only a whole first label does: `*.app` (RFC 4592 §2.1.1)");
    }
    Some(owner)
}

/// `www.example.com` in the zone example.com is www.example.com.example.com: a classic slip.
fn warn_of_doubled_zone(key: &Key, owner: &Name, origin: &Name, report: &mut Report) {
    let zone = origin.to_string();
    let text = key.value.to_ascii_lowercase();
    let (Some(zone), false) =
        (zone.strip_suffix('.').filter(|zone| zone.contains('.')), text.ends_with('.'))
    else {
        return;
    };
    if text == zone || text.ends_with(&format!(".{zone}")) {
        report
            .warning(key.span, format!("{} means {owner}", quote(&key.value)))
            .help("a final dot makes a name absolute; without it the zone's name is added");
    }
}

/// The name that a value refers to.
pub fn read_target(node: &Node, origin: &Name, report: &mut Report) -> Option<Name> {
    let text = scalar::text(node, "a domain name", report)?;
    parse(&Spanned { span: node.span, value: text.to_owned() }, origin, report)
}

/// A name in presentation format, in ASCII.
pub fn parse(key: &Key, origin: &Name, report: &mut Report) -> Option<Name> {
    let text = &key.value;
    if !text.is_ascii() {
        report
            .error(key.span, format!("{} is not ASCII", quote(text)))
            .help("write internationalised names in their `xn--` form (RFC 5890)");
        return None;
    }
    match Name::parse(text, origin) {
        Ok(name) => Some(name),
        Err(error) => {
            report.error(key.span, format!("{} is no domain name: {error}", quote(text)));
            None
        }
    }
}
