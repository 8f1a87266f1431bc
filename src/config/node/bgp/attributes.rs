//! The path attributes of an announcement, in health and when another node should be preferred.

use std::collections::BTreeSet;

use crate::announce::Deprefer;
use crate::bgp::routes::{Attributes, Community, DEFAULT_LOCAL_PREF, LargeCommunity, Origin};
use crate::config::diagnostic::Report;
use crate::config::node::values;
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::Node;

/// The keys of an announcement that are attributes; `deprefer` has them too.
pub(super) const KEYS: [&str; 6] =
    ["communities", "large_communities", "no_export", "med", "prepend", "local_pref"];

/// What some networks take at most.
const LONGEST_PREPEND: u8 = 32;

/// How much weaker a route is made unless told otherwise: by MED towards one neighbour with
/// several nodes, by the path everywhere else, by half of LOCAL_PREF inside the AS.
const MED_STEP: u32 = 100;
const PREPEND_STEP: u8 = 2;

const NAMES: [(&str, u32); 5] = [
    ("blackhole", 0xffff_029a),
    ("no-export", 0xffff_ff01),
    ("no-advertise", 0xffff_ff02),
    ("no-export-subconfed", 0xffff_ff03),
    ("no-peer", 0xffff_ff04),
];

/// What is written of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Written {
    communities: Option<BTreeSet<Community>>,
    large_communities: Option<BTreeSet<LargeCommunity>>,
    no_export: Option<bool>,
    med: Option<u32>,
    prepend: Option<u8>,
    local_pref: Option<u32>,
}

/// Reads the attributes of an announcement, and its `deprefer`.
pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<(Attributes, Deprefer)> {
    let normal = Written::read(fields, report);
    let deprefer = match fields.get("deprefer") {
        Some(node) => read_deprefer(node, normal.as_ref(), report),
        None => {
            let weaker = normal.as_ref().map(Written::weaker);
            weaker.map(|weaker| Deprefer { stale_config: true, attributes: weaker.build() })
        }
    };
    Some((normal?.build(), deprefer?))
}

fn read_deprefer(node: &Node, normal: Option<&Written>, report: &mut Report) -> Option<Deprefer> {
    let keys: Vec<_> = ["when"].into_iter().chain(KEYS).collect();
    let fields = Fields::of(node, "`deprefer`", &keys, report)?;
    let stale_config = match fields.get("when") {
        Some(node) => read_reasons(node, report),
        None => Some(true),
    };
    let written = Written::read(&fields, report)?;
    let normal = normal?;
    let weaker = match written == Written::default() {
        true => normal.weaker(),
        false => written.over(normal),
    };
    let (before, after) = (normal.clone().build(), weaker.build());
    if !check_weaker(&fields, &before, &after, report) {
        return None;
    }
    Some(Deprefer { stale_config: stale_config?, attributes: after })
}

/// Whether `stale_config` is one of the reasons.
fn read_reasons(node: &Node, report: &mut Report) -> Option<bool> {
    let mut stale_config = false;
    for item in node.one_or_more() {
        stale_config |= scalar::choice(item, "a reason", &[("stale_config", true)], report)?;
    }
    Some(stale_config)
}

/// Reports what would make the route better than in health, or leave it as it is.
fn check_weaker(
    fields: &Fields<'_>,
    normal: &Attributes,
    weaker: &Attributes,
    report: &mut Report,
) -> bool {
    let errors = report.errors();
    let mut refuse = |key: &str, own: u32, other: u32, is: &str| {
        let span = fields.get(key).map_or(fields.span, |node| node.span);
        report
            .error(span, format!("{key} {own} of `deprefer` is {is} than the normal {other}"))
            .help("another node should be preferred, and this makes it less likely");
    };
    let (weaker, normal) = (as_heard(weaker), as_heard(normal));
    for (own, other) in weaker.med.into_iter().zip(normal.med).filter(|(own, other)| own < other) {
        refuse("med", own, other, "lower");
    }
    if weaker.prepend < normal.prepend {
        refuse("prepend", weaker.prepend.into(), normal.prepend.into(), "lower");
    }
    let local_pref = weaker.local_pref.into_iter().zip(normal.local_pref);
    for (own, other) in local_pref.filter(|(own, other)| own > other) {
        refuse("local_pref", own, other, "higher");
    }
    if weaker == normal {
        report
            .error(fields.span, "`deprefer` changes nothing: the route would stay as it is")
            .help("give it a higher `med`, a `prepend`, or a community that the routers know");
    }
    report.errors() == errors
}

/// What is not said is heard as its default.
fn as_heard(attributes: &Attributes) -> Attributes {
    Attributes {
        med: Some(attributes.med.unwrap_or(0)),
        local_pref: Some(attributes.local_pref.unwrap_or(DEFAULT_LOCAL_PREF)),
        ..attributes.clone()
    }
}

impl Written {
    fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Self> {
        let communities = set(fields, "communities", community, report);
        let large_communities = set(fields, "large_communities", large_community, report);
        let no_export = match fields.get("no_export") {
            Some(node) => scalar::boolean(node, report).map(Some),
            None => Some(None),
        };
        let med = number(fields, "med", report);
        let prepend = match fields.get("prepend") {
            Some(node) => values::number(node, "prepend", 0..=LONGEST_PREPEND, report).map(Some),
            None => Some(None),
        };
        let local_pref = number(fields, "local_pref", report);
        Some(Self {
            communities: communities?,
            large_communities: large_communities?,
            no_export: no_export?,
            med: med?,
            prepend: prepend?,
            local_pref: local_pref?,
        })
    }

    /// In place of what is `normal`; what is not written stays.
    fn over(self, normal: &Self) -> Self {
        Self {
            communities: self.communities.or_else(|| normal.communities.clone()),
            large_communities: self.large_communities.or_else(|| normal.large_communities.clone()),
            no_export: self.no_export.or(normal.no_export),
            med: self.med.or(normal.med),
            prepend: self.prepend.or(normal.prepend),
            local_pref: self.local_pref.or(normal.local_pref),
        }
    }

    /// What is normal, made weaker by the built-in steps.
    fn weaker(&self) -> Self {
        Self {
            med: Some(self.med.unwrap_or(0).saturating_add(MED_STEP)),
            prepend: Some(self.prepend.unwrap_or(0).saturating_add(PREPEND_STEP)),
            local_pref: Some(self.local_pref.unwrap_or(DEFAULT_LOCAL_PREF) / 2),
            ..self.clone()
        }
    }

    fn build(self) -> Attributes {
        let mut communities = self.communities.unwrap_or_default();
        if self.no_export.unwrap_or_default() {
            communities.insert(Community::NO_EXPORT);
        }
        Attributes {
            origin: Origin::Igp,
            prepend: self.prepend.unwrap_or_default(),
            med: self.med,
            local_pref: self.local_pref,
            communities,
            large_communities: self.large_communities.unwrap_or_default(),
        }
    }
}

/// A number of 32 bits; the outer `None` is a mistake.
fn number(fields: &Fields<'_>, key: &str, report: &mut Report) -> Option<Option<u32>> {
    let Some(node) = fields.get(key) else { return Some(None) };
    let what = format!("a number for `{key}`");
    let value = scalar::integer(node, &what, 0..=u64::from(u32::MAX), report)?;
    Some(u32::try_from(value).ok())
}

/// One or more; the outer `None` is a mistake.
fn set<T: Ord>(
    fields: &Fields<'_>,
    key: &str,
    read: fn(&Node, &mut Report) -> Option<T>,
    report: &mut Report,
) -> Option<Option<BTreeSet<T>>> {
    let Some(node) = fields.get(key) else { return Some(None) };
    let mut all = BTreeSet::new();
    let errors = report.errors();
    for item in node.one_or_more() {
        let Some(value) = read(item, report) else { continue };
        if !all.insert(value) {
            let text = item.text().unwrap_or("");
            report.error(item.span, format!("community {text} stands twice"));
        }
    }
    (report.errors() == errors).then_some(Some(all))
}

/// `64512:100`, or a well-known name.
fn community(node: &Node, report: &mut Report) -> Option<Community> {
    let text = node.text().unwrap_or("");
    let named = NAMES.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    let number = named.or_else(|| {
        let [high, low] = parts(text)?;
        Some(u32::from(u16::try_from(high).ok()?) << 16 | u32::from(u16::try_from(low).ok()?))
    });
    let Some(community) = number.map(Community) else {
        let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        let form = format!("a community such as \"64512:100\", or {}", names.join(", "));
        scalar::expected(node, form, report);
        return None;
    };
    if community == Community::GRACEFUL_SHUTDOWN {
        report
            .error(node.span, "community 65535:0 is GRACEFUL_SHUTDOWN, which draining adds")
            .help("take it out: a route that always has it cannot be drained");
        return None;
    }
    Some(community)
}

/// `64512:1:100`.
fn large_community(node: &Node, report: &mut Report) -> Option<LargeCommunity> {
    let Some([administrator, data1, data2]) = node.text().and_then(parts) else {
        scalar::expected(node, "a large community such as \"64512:1:100\"", report);
        return None;
    };
    Some(LargeCommunity { administrator, data1, data2 })
}

/// So many decimal numbers between colons.
fn parts<const COUNT: usize>(text: &str) -> Option<[u32; COUNT]> {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit());
    let numbers: Option<Vec<u32>> =
        text.split(':').map(|part| part.parse().ok().filter(|_| plain(part))).collect();
    numbers?.try_into().ok()
}
