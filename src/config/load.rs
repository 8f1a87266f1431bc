//! From texts to a [`Config`], in one pass over all files that collects every mistake.
//!
//! Each file becomes a tree, each tree a zone's shape or a part of what is shared; the steering
//! sections and the routes of all go through one [`Resolver`]; then the zones are checked, each
//! alone and together, and put together with their policies.

use super::diagnostic::{Report, Source};
use super::node::{self, PoolReference};
use super::read::fields::{Fields, mapping};
use super::read::name::{NameShape, RouteShape};
use super::read::zone::{self, SHARED_KEYS, ZONE_KEYS, ZoneShape};
use super::resolve::{Resolved, Resolver, RouteRef};
use super::tree::{self, Node};
use super::{Config, ConfiguredZone, Known, Loaded, SourceFile, check};
use crate::policy::{Routed, WhenDown};
use crate::zone::{NameSource, ZoneSource};

/// Reads, checks and resolves zone files (and shared files) together.
#[must_use]
pub fn load(files: &[SourceFile], known: Known) -> Loaded {
    load_beside(files, known, &[])
}

/// [`load`] beside a node's file that speaks of pools: those are used.
#[must_use]
pub fn load_beside(files: &[SourceFile], known: Known, spoken_of: &[PoolReference]) -> Loaded {
    let mut report = Report::default();
    let trees: Vec<_> = files.iter().map(|file| parse(file, &mut report)).collect();
    let mut loading = Loading::default();
    for (file, tree) in files.iter().zip(&trees) {
        match tree {
            Some(tree) => loading.read(file, tree, &mut report),
            None if looks_like_a_zone(&file.text) => loading.zone_missing = true,
            None => loading.shared_missing = true,
        }
    }
    for reference in spoken_of {
        loading.resolver.use_pool(&reference.pool);
    }
    let config = loading.resolve(known, &mut report);
    let config = config.filter(|_| report.errors() == 0);
    Loaded { config, diagnostics: report.into_diagnostics() }
}

fn parse(file: &SourceFile, report: &mut Report) -> Option<Node> {
    let source = Source::new(file.path.display().to_string(), file.text.as_str());
    let id = report.add_source(source);
    tree::parse(id, report)
}

/// Whether a file that is no YAML was meant to be a zone, and not a shared one.
fn looks_like_a_zone(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("zone:"))
}

/// Whether a key is one of `rhumb.yaml`.
fn is_of_node(key: &str) -> bool {
    node::read::KEYS.contains(&key)
}

/// What is known of the files so far.
#[derive(Default)]
struct Loading<'f> {
    resolver: Resolver,
    zones: Vec<ReadZone<'f>>,
    shared: Vec<&'f SourceFile>,
    /// A zone could not be read: what refers to its names is no mistake.
    zone_missing: bool,
    /// A shared file could not be read: what refers to its pools is no mistake.
    shared_missing: bool,
}

/// A zone whose policies are not resolved yet.
struct ReadZone<'f> {
    file: &'f SourceFile,
    shape: ZoneShape<'f>,
    /// The policy of each name, in the order of the names.
    routes: Vec<Option<RouteRef>>,
}

impl<'f> Loading<'f> {
    fn read(&mut self, file: &'f SourceFile, tree: &'f Node, report: &mut Report) {
        if tree.is_omitted() {
            self.shared.push(file);
            return;
        }
        let Some(entries) = mapping(tree, "a zone file", report) else { return };
        if entries.iter().any(|(key, _)| key.value == "zone") {
            self.read_zone(file, tree, report);
            return;
        }
        self.shared.push(file);
        let of_zone = |key: &str| ZONE_KEYS.contains(&key) && !SHARED_KEYS.contains(&key);
        if let Some((key, _)) = entries.iter().find(|(key, _)| of_zone(&key.value)) {
            report
                .error(key.span, format!("`{}` in a file without `zone:`", key.value))
                .help("say which zone it is: zone: example.com");
            self.zone_missing = true;
        } else if let Some((key, _)) = entries.iter().find(|(key, _)| is_of_node(&key.value)) {
            report
                .error(key.span, format!("a shared file has no key `{}`", key.value))
                .help(format!("this is a node's file: `rhumb check -c {}`", file.path.display()));
            // Where both are in one file, what is shared stays unknown.
            let is_shared = |key: &str| SHARED_KEYS.contains(&key);
            self.shared_missing |= entries.iter().any(|(key, _)| is_shared(&key.value));
        } else if let Some(fields) = Fields::of(tree, "a shared file", &SHARED_KEYS, report) {
            self.resolver.add_scope(None, &fields, report);
        }
    }

    fn read_zone(&mut self, file: &'f SourceFile, tree: &'f Node, report: &mut Report) {
        let fields = Fields::of(tree, "a zone file", &ZONE_KEYS, report);
        let Some((fields, shape)) = fields.and_then(|f| Some((f, zone::read(&f, report)?))) else {
            self.zone_missing = true;
            return;
        };
        let scope = self.resolver.add_scope(Some(&shape.apex.value), &fields, report);
        let mut add = |name: &NameShape<'f>| {
            let route = name.route.as_ref()?;
            Some(self.resolver.add_route(scope, route.node, report))
        };
        let routes = shape.names.iter().map(&mut add).collect();
        self.zones.push(ReadZone { file, shape, routes });
    }

    /// Looks names up, checks the zones, and puts them together.
    fn resolve(self, known: Known, report: &mut Report) -> Option<Config> {
        let shapes: Vec<_> = self.zones.iter().map(|zone| &zone.shape).collect();
        let whole = !self.zone_missing && !self.shared_missing;
        check::check(&shapes, if whole { check::Scope::All } else { check::Scope::Each }, report);
        if self.shared_missing {
            return None;
        }
        let resolved = self.resolver.finish(known, report);
        for zone in &self.zones {
            check_nodata(zone, &resolved, report);
        }
        let shared = shared_content(&self.shared);
        let modified = self.shared.iter().map(|file| file.modified).max().unwrap_or(0);
        let configure = |zone: ReadZone<'_>| ConfiguredZone {
            serial: zone.shape.serial,
            content: fnv1a(shared, zone.file.text.as_bytes()),
            modified: zone.file.modified.max(modified),
            file: zone.file.path.clone(),
            source: build(zone, &resolved),
        };
        let zones = self.zones.into_iter().map(configure).collect();
        let Resolved { policies, targets, target_names, .. } = resolved;
        Some(Config { zones, policies, targets, target_names })
    }
}

/// NODATA is an answer that resolvers keep for everybody: under a policy that tells clients apart,
/// one client's outage would be served to all.
fn check_nodata(zone: &ReadZone<'_>, resolved: &Resolved, report: &mut Report) {
    for (name, route) in zone.shape.names.iter().zip(&zone.routes) {
        let (Some(shape), Some(route)) = (&name.route, route) else { continue };
        let Some(policy) = resolved.routes[route.0 as usize] else { continue };
        if shape.when_down != WhenDown::NoData || !resolved.policies.client_dependent(policy) {
            continue;
        }
        let place = shape.when_down_at.unwrap_or(shape.key);
        report
            .error(place, "`when_down: nodata` under a policy that tells clients apart")
            .label(shape.key, format!("the policy of {}", name.owner.value))
            .help("resolvers would keep one client's outage for all; use `servfail`");
    }
}

/// A zone with its policies. What had a mistake is left out; the result is then not used.
fn build(zone: ReadZone<'_>, resolved: &Resolved) -> ZoneSource {
    let ZoneShape { apex, soa, serial: _, ecs, names } = zone.shape;
    let policy = |route: Option<RouteRef>| resolved.routes[route?.0 as usize];
    let name = |(name, route): (NameShape<'_>, Option<RouteRef>)| {
        let NameShape { owner, rrsets, route: shape, alias } = name;
        let routed = shape.zip(policy(route)).map(|(shape, policy)| {
            let RouteShape { answers, ttl, when_down, .. } = shape;
            Routed { policy, answers, ttl, when_down, ecs }
        });
        NameSource {
            owner: owner.value,
            rrsets: rrsets.into_iter().map(|shape| shape.set).collect(),
            routed,
            alias: alias.map(|alias| alias.value),
        }
    };
    let names = names.into_iter().zip(zone.routes).map(name).collect();
    ZoneSource { apex: apex.value, soa, names }
}

/// A hash of all shared files, whatever their order.
fn shared_content(files: &[&SourceFile]) -> u64 {
    let mut each: Vec<_> =
        files.iter().map(|file| fnv1a(FNV_OFFSET, file.text.as_bytes())).collect();
    each.sort_unstable();
    each.iter().fold(FNV_OFFSET, |hash, file| fnv1a(hash, &file.to_be_bytes()))
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a, 64 bits: the same on every machine and with every compiler, unlike the library's hashes.
fn fnv1a(start: u64, octets: &[u8]) -> u64 {
    octets.iter().fold(start, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(FNV_PRIME))
}
