//! A zone file as written: its header, and every name in wire format; routes are left to be
//! resolved when every file is read.

use std::collections::HashMap;

use super::fields::{Fields, mapping};
use super::name::{self, NameShape, RecordSet};
use super::scalar;
use super::when_down;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::tree::{Key, Node, quote};
use crate::dns::{Name, Rtype};
use crate::policy::{TtlRange, WhenDown};
use crate::zone::{RrSet, Soa};

/// The keys of a shared file: what every zone may use.
pub const SHARED_KEYS: [&str; 4] = ["probes", "pools", "rtt", "policies"];

/// The keys of a zone file.
pub const ZONE_KEYS: [&str; 11] =
    ["zone", "ttl", "soa", "ns", "ecs", "when_down", "names", "probes", "pools", "rtt", "policies"];

/// A zone's TTL when it gives none, in seconds.
const TTL: TtlRange = TtlRange { longest: 60, shortest: 15 };

/// SOA timers (RFC 1912 §2.2 gives the ranges that they are taken from), in seconds.
const SOA_TTL: u32 = 3600;
const NEGATIVE_TTL: u32 = 60;
const REFRESH: u32 = 7200;
const RETRY: u32 = 1800;
const EXPIRE: u32 = 1_209_600;

/// A zone as written.
#[derive(Debug)]
pub struct ZoneShape<'n> {
    /// Its name, at the value of `zone`.
    pub apex: Spanned<Name>,
    /// The serial is 0 unless [`Self::serial`] is given.
    pub soa: Soa,
    /// `soa.serial`.
    pub serial: Option<u32>,
    /// Whether the client's ECS option is used.
    pub ecs: bool,
    /// Every name once; the apex, with its NS RRset, is the first.
    pub names: Vec<NameShape<'n>>,
}

/// What a zone gives its names unless they say otherwise.
#[derive(Debug)]
pub struct Defaults {
    /// The zone's name: relative names stand below it.
    pub origin: Name,
    /// `ttl`.
    pub ttl: TtlRange,
    /// `when_down`, at its key when it was written.
    pub when_down: (Option<Span>, WhenDown),
}

/// Reads the header and the names of a zone file. `None` only when not even the zone's name can be
/// read; whatever else is wrong is reported and left out.
pub fn read<'n>(fields: &Fields<'n>, report: &mut Report) -> Option<ZoneShape<'n>> {
    let apex = read_apex(fields.get("zone")?, report)?;
    let ttl = fields.get("ttl").and_then(|node| ttl_range(node, report)).unwrap_or(TTL);
    let when_down = fields.get("when_down").and_then(|node| when_down::read(node, report));
    let defaults = Defaults {
        origin: apex.value.clone(),
        ttl,
        when_down: (fields.key("when_down"), when_down.unwrap_or(WhenDown::ServeAll)),
    };
    let switch = [("on", true), ("off", false)];
    let ecs = fields.get("ecs").and_then(|node| scalar::choice(node, "ecs", &switch, report));
    let ns = read_ns(fields, &apex, report);
    let (soa, serial) = read_soa(fields.get("soa"), &ns, &apex.value, report);
    let mut names = read_names(fields.get("names"), &defaults, report);
    put_apex_first(&mut names, &apex, ns, soa.ttl);
    Some(ZoneShape { apex, soa, serial, ecs: ecs.unwrap_or(true), names })
}

/// `zone: example.com`; the final dot is optional.
fn read_apex(node: &Node, report: &mut Report) -> Option<Spanned<Name>> {
    let text = scalar::text(node, "the name of the zone", report)?;
    let key = Spanned { span: node.span, value: text.to_owned() };
    let value = name::parse(&key, &Name::root(), report)?;
    if value.labels().any(|label| label.contains(&b'*')) {
        report.error(node.span, "a zone's name has no `*` in it");
        return None;
    }
    Some(Spanned { span: node.span, value })
}

/// `60s/15s`, longest and shortest, or one duration for both.
pub fn ttl_range(node: &Node, report: &mut Report) -> Option<TtlRange> {
    let text = node.text().unwrap_or("");
    let (longest, shortest) = text.split_once('/').unwrap_or((text, text));
    let (longest, shortest) =
        (scalar::parse_seconds(longest.trim()), scalar::parse_seconds(shortest.trim()));
    let (Some(longest), Some(shortest)) = (longest, shortest) else {
        let form = "a TTL such as 30s, or longest/shortest such as 60s/15s";
        scalar::expected(node, form, report);
        return None;
    };
    if longest < shortest {
        report
            .error(
                node.span,
                format!("the longest TTL ({longest} s) is below the shortest ({shortest} s)"),
            )
            .help("the longest stands first: 60s/15s");
        return None;
    }
    Some(TtlRange { longest, shortest })
}

/// The zone's own name servers.
fn read_ns(fields: &Fields<'_>, apex: &Spanned<Name>, report: &mut Report) -> Option<RecordSet> {
    let Some(node) = fields.get("ns") else {
        report
            .error(apex.span, "a zone needs `ns`, the names of its name servers")
            .help("for example: ns: [ns1, ns2]");
        return None;
    };
    let key = fields.key("ns").unwrap_or(node.span);
    name::read_records(Rtype::NS, key, node, &apex.value, report)
}

/// The start of authority; what is not given follows from the zone.
fn read_soa(
    node: Option<&Node>,
    ns: &Option<RecordSet>,
    apex: &Name,
    report: &mut Report,
) -> (Soa, Option<u32>) {
    const KEYS: [&str; 8] =
        ["primary", "contact", "serial", "ttl", "negative_ttl", "refresh", "retry", "expire"];
    let first_ns = ns.as_ref().and_then(|set| Name::from_wire(set.records.first()?.value.as_ref()));
    let fields = node.and_then(|node| Fields::of(node, "`soa`", &KEYS, report));
    let get = |key: &str| fields.as_ref().and_then(|fields| fields.get(key));
    let mut seconds = |key: &str, default: u32| {
        get(key).and_then(|node| scalar::seconds(node, report)).unwrap_or(default)
    };
    let (ttl, minimum) = (seconds("ttl", SOA_TTL), seconds("negative_ttl", NEGATIVE_TTL));
    let (refresh, retry) = (seconds("refresh", REFRESH), seconds("retry", RETRY));
    let expire = seconds("expire", EXPIRE);
    let serial = get("serial")
        .and_then(|node| scalar::integer(node, "a serial", 0..=u32::MAX.into(), report))
        .and_then(|serial| u32::try_from(serial).ok());
    let primary = get("primary").and_then(|node| name::read_target(node, apex, report));
    let contact = get("contact").and_then(|node| read_contact(node, apex, report));
    let soa = Soa {
        primary: primary.or(first_ns).unwrap_or_else(|| apex.clone()),
        contact: contact.or_else(|| apex.prepend(b"hostmaster").ok()).unwrap_or_else(Name::root),
        serial: serial.unwrap_or(0),
        refresh,
        retry,
        expire,
        ttl,
        minimum,
    };
    (soa, serial)
}

/// A mailbox: `hostmaster@example.com`, or as a domain name (RFC 1035 §8).
fn read_contact(node: &Node, apex: &Name, report: &mut Report) -> Option<Name> {
    let text = scalar::text(node, "a mailbox such as hostmaster@example.com", report)?;
    let Some((local, domain)) = text.split_once('@') else {
        return name::read_target(node, apex, report);
    };
    if domain.contains('@') || !text.is_ascii() {
        report.error(node.span, format!("{} is no mailbox", quote(text)));
        return None;
    }
    let domain = Name::parse(domain, &Name::root());
    let mailbox = domain.and_then(|domain| domain.prepend(local.as_bytes()));
    mailbox
        .map_err(|error| report.error(node.span, format!("{} is no mailbox: {error}", quote(text))))
        .ok()
}

/// Every name that can be read, each once.
fn read_names<'n>(
    node: Option<&'n Node>,
    defaults: &Defaults,
    report: &mut Report,
) -> Vec<NameShape<'n>> {
    let entries = node.and_then(|node| mapping(node, "`names`", report)).unwrap_or(&[]);
    let mut first: HashMap<Name, &Key> = HashMap::with_capacity(entries.len());
    let mut names = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        let Some(owner) = name::read_owner(key, &defaults.origin, report) else { continue };
        if let Some(before) = first.get(&owner) {
            report
                .error(key.span, format!("{owner} stands twice"))
                .label(before.span, format!("written as {} here", quote(&before.value)));
        }
        let again = first.contains_key(&owner);
        first.entry(owner.clone()).or_insert(key);
        let owner = Spanned { span: key.span, value: owner };
        names.extend(name::read(owner, node, defaults, report).filter(|_| !again));
    }
    names
}

/// The apex is the first name, also when `names` has no `"@"`, and holds the NS RRset.
fn put_apex_first(
    names: &mut Vec<NameShape<'_>>,
    apex: &Spanned<Name>,
    ns: Option<RecordSet>,
    ttl: u32,
) {
    match names.iter().position(|name| name.owner.value == apex.value) {
        Some(at) => names[..=at].rotate_right(1),
        None => names.insert(0, NameShape::empty(apex.clone())),
    }
    let Some(RecordSet { key, records }) = ns else { return };
    let (values, rdata) = records.into_iter().map(|r| (r.span, r.value)).unzip();
    let set = RrSet { rtype: Rtype::NS, ttl, rdata };
    names[0].rrsets.push(name::RrSetShape { key, set, values });
}
