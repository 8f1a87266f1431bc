//! A pool: one regional cluster of load balancers, and its members.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

use super::fields::Fields;
use super::scalar;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::tree::{Node, Value};
use crate::geo::Coordinates;
use crate::policy::{Family, MinHealthy};

/// A pool as written: all of it that could be read.
#[derive(Clone, Debug)]
pub struct PoolShape {
    /// Where it stands.
    pub at: Option<Coordinates>,
    /// The probes of every member, by name; none: always up.
    pub probes: Vec<Spanned<Box<str>>>,
    /// The least serving weight that makes it up.
    pub min_healthy: MinHealthy,
    /// Both families are up only together.
    pub linked: bool,
    /// What it can carry, in a unit that the operator chose.
    pub capacity: Option<f64>,
    /// Its members, no address twice.
    pub members: Vec<MemberShape>,
    /// Whether all of it could be read; what a broken pool lacks is no further mistake.
    pub soundness: Soundness,
}

/// Whether a mistake was reported in a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Soundness {
    Sound,
    Broken,
}

/// A member as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberShape {
    /// What is answered.
    pub address: Spanned<IpAddr>,
    /// Its share inside the pool.
    pub weight: NonZeroU16,
    /// What is probed in its place.
    pub probe_address: Option<Spanned<IpAddr>>,
}

impl PoolShape {
    /// Whether it has a member of a family.
    #[must_use]
    pub fn has(&self, family: Family) -> bool {
        self.members.iter().any(|member| Family::of(member.address.value) == family)
    }
}

/// Reads a pool; mistakes are reported and leave it broken.
pub fn read(node: &Node, report: &mut Report) -> PoolShape {
    const KNOWN: [&str; 6] = ["at", "probe", "min_healthy", "linked", "capacity", "members"];
    let mut pool = PoolShape {
        at: None,
        probes: Vec::new(),
        min_healthy: MinHealthy::AnyOne,
        linked: false,
        capacity: None,
        members: Vec::new(),
        soundness: Soundness::Broken,
    };
    let errors = report.errors();
    let Some(fields) = Fields::of(node, "a pool", &KNOWN, report) else { return pool };
    pool.at = fields.get("at").and_then(|node| read_place(node, report));
    pool.probes = fields.get("probe").map_or_else(Vec::new, |node| read_probes(node, report));
    let min_healthy = fields.get("min_healthy");
    if let Some(fraction) = min_healthy.and_then(|node| scalar::percent(node, 1.0..=100.0, report))
    {
        pool.min_healthy = MinHealthy::Fraction(fraction);
    }
    let linked = fields.get("linked").and_then(|node| scalar::boolean(node, report));
    pool.linked = linked.unwrap_or(false);
    pool.capacity = fields.get("capacity").and_then(|node| read_capacity(node, report));
    pool.members = read_members(&fields, report);
    warn_of_idle_keys(&fields, &pool, report);
    if report.errors() == errors {
        pool.soundness = Soundness::Sound;
    }
    pool
}

/// `[39.04, -77.49]`: latitude and longitude in degrees.
pub fn read_place(node: &Node, report: &mut Report) -> Option<Coordinates> {
    let Value::Sequence(parts) = &node.value else {
        scalar::expected(node, "[latitude, longitude] such as [39.04, -77.49]", report);
        return None;
    };
    let [latitude, longitude] = parts.as_slice() else {
        let message = format!("a place is [latitude, longitude], found {} parts", parts.len());
        report.error(node.span, message);
        return None;
    };
    let latitude = scalar::number(latitude, "a latitude (-90 to 90)", -90.0..=90.0, report);
    let longitude = scalar::number(longitude, "a longitude (-180 to 180)", -180.0..=180.0, report);
    Coordinates::new(latitude?, longitude?)
}

/// A name, or a list of names.
fn read_probes(node: &Node, report: &mut Report) -> Vec<Spanned<Box<str>>> {
    let items = node.one_or_more();
    if items.is_empty() {
        report
            .error(node.span, "an empty list of probes")
            .help("leave `probe` out when the pool is always up");
    }
    let mut probes: Vec<Spanned<Box<str>>> = Vec::new();
    for item in items {
        let Some(name) = scalar::text(item, "the name of a probe", report) else { continue };
        match probes.iter().find(|probe| &*probe.value == name) {
            Some(first) => {
                report
                    .error(item.span, format!("probe `{name}` is listed twice"))
                    .label(first.span, "the first is here");
            }
            None => probes.push(Spanned { span: item.span, value: name.into() }),
        }
    }
    probes
}

fn read_capacity(node: &Node, report: &mut Report) -> Option<f64> {
    let above_zero = f64::MIN_POSITIVE..=f64::MAX;
    scalar::number(node, "a capacity above 0, a number without a unit", above_zero, report)
}

fn read_members(fields: &Fields<'_>, report: &mut Report) -> Vec<MemberShape> {
    let Some(node) = fields.require("members", "a pool", report) else { return Vec::new() };
    let items = node.one_or_more();
    if items.is_empty() {
        report.error(node.span, "a pool without members").help("give it at least one address");
    }
    let mut seen: HashMap<IpAddr, Span> = HashMap::new();
    let mut members = Vec::with_capacity(items.len());
    for item in items {
        let Some(member) = read_member(item, report) else { continue };
        let Spanned { span, value } = member.address;
        match seen.get(&value) {
            Some(first) => {
                report
                    .error(span, format!("member {value} stands twice in this pool"))
                    .label(*first, "the first is here")
                    .help("give it a `weight` to get a larger share");
            }
            None => {
                seen.insert(value, span);
                members.push(member);
            }
        }
    }
    members
}

/// An address, or `{ address, weight, probe_address }`.
fn read_member(node: &Node, report: &mut Report) -> Option<MemberShape> {
    const KNOWN: [&str; 3] = ["address", "weight", "probe_address"];
    if node.entries().is_none() {
        let address = read_address(node, report)?;
        return Some(MemberShape { address, weight: NonZeroU16::MIN, probe_address: None });
    }
    let fields = Fields::of(node, "a member", &KNOWN, report)?;
    let address = fields.require("address", "a member", report);
    let address = address.and_then(|node| read_address(node, report));
    let weight = fields.get("weight").and_then(|node| read_weight(node, report));
    let probe_address = fields.get("probe_address").and_then(|node| read_address(node, report));
    Some(MemberShape {
        address: address?,
        weight: weight.unwrap_or(NonZeroU16::MIN),
        probe_address,
    })
}

fn read_weight(node: &Node, report: &mut Report) -> Option<NonZeroU16> {
    let weight = scalar::integer(node, "a weight", 1..=65535, report)?;
    u16::try_from(weight).ok().and_then(NonZeroU16::new)
}

/// The address of one host.
fn read_address(node: &Node, report: &mut Report) -> Option<Spanned<IpAddr>> {
    let address = scalar::address(node, report)?;
    if let Some(kind) = not_a_host(address) {
        report.error(node.span, format!("{address} is {kind}, not the address of a load balancer"));
        return None;
    }
    if let IpAddr::V6(v6) = address
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        report
            .error(node.span, format!("{address} is an IPv4 address in IPv6 form"))
            .help(format!("write {v4}"));
        return None;
    }
    Some(Spanned { span: node.span, value: address })
}

fn not_a_host(address: IpAddr) -> Option<&'static str> {
    match address {
        _ if address.is_unspecified() => Some("the unspecified address"),
        _ if address.is_multicast() => Some("a multicast address"),
        IpAddr::V4(v4) if v4.is_broadcast() => Some("the broadcast address"),
        _ => None,
    }
}

/// Keys that change nothing as the pool is.
fn warn_of_idle_keys(fields: &Fields<'_>, pool: &PoolShape, report: &mut Report) {
    if let Some(span) = fields.key("linked")
        && pool.linked
        && pool.has(Family::V4) != pool.has(Family::V6)
    {
        report.warning(span, "`linked` changes nothing: all members are of one family");
    }
    if fields.get("probe").is_some() {
        return;
    }
    for probed in pool.members.iter().filter_map(|member| member.probe_address) {
        report
            .warning(probed.span, "`probe_address` changes nothing: this pool has no probe")
            .help("give the pool a `probe`");
    }
}
