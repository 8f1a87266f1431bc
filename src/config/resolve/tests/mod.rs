//! Files to policies: what they become, what is refused and where, what is warned of.

use super::{Resolved, Resolver};
use crate::config::Known;
use crate::config::diagnostic::{Diagnostic, Report, Severity, Source};
use crate::config::read::fields::Fields;
use crate::config::tree;
use crate::dns::Name;
use crate::geo::FactSet;
use crate::policy::{Policies, Policy, PolicyId};

mod definitions;
mod mistakes;
mod model;
mod random;
mod warnings;

/// A shared file that most tests stand on: four pools with a place, one without, all dual.
const SHARED: &str = r#"
probes:
  web: { http: { path: /healthz } }
pools:
  us-east:  { at: [39.04, -77.49], probe: web, members: [192.0.2.1, "2001:db8:1::1"] }
  us-west:  { at: [45.6, -121.2],  probe: web, members: [192.0.2.2, "2001:db8:2::1"] }
  eu-west:  { at: [53.35, -6.26],  probe: web, members: [192.0.2.3, "2001:db8:3::1"] }
  ap-tokyo: { at: [35.68, 139.69], probe: web, members: [192.0.2.4, "2001:db8:4::1"] }
  lab:      { probe: web, members: [192.0.2.5, "2001:db8:5::1"] }
policies:
  world: { failover: [us-east, eu-west, ap-tokyo, lab, us-west] }
"#;

const EVERYTHING: Known = Known {
    facts: FactSet {
        continent: true,
        country: true,
        subdivision: true,
        asn: true,
        coordinates: true,
    },
};

/// What some files came to.
struct Loaded {
    resolved: Resolved,
    diagnostics: Vec<Diagnostic>,
}

/// Reads and resolves files in order. A file's `names` are policies by name.
fn load(files: &[&str], known: Known) -> Loaded {
    let mut report = Report::default();
    let mut resolver = Resolver::default();
    for (index, text) in files.iter().enumerate() {
        let file = report.add_source(Source::new(format!("{index}.yaml"), *text));
        let Some(tree) = tree::parse(file, &mut report) else { continue };
        let known = ["zone", "probes", "pools", "rtt", "policies", "names"];
        let fields = Fields::of(&tree, "a test", &known, &mut report).expect("a mapping");
        let zone = fields.get("zone").and_then(|zone| zone.text());
        let zone = zone.map(|zone| Name::parse(zone, &Name::root()).expect("a name"));
        let scope = resolver.add_scope(zone.as_ref(), &fields, &mut report);
        let names = fields.get("names").and_then(|names| names.entries()).unwrap_or(&[]);
        for (_, node) in names {
            resolver.add_route(scope, node, &mut report);
        }
    }
    let resolved = resolver.finish(known, &mut report);
    Loaded { resolved, diagnostics: report.into_diagnostics() }
}

/// The zone example.com after [`SHARED`].
fn load_zone(text: &str) -> Loaded {
    load(&[SHARED, &format!("zone: example.com\n{text}")], EVERYTHING)
}

impl Loaded {
    fn of(&self, severity: Severity) -> Vec<&Diagnostic> {
        self.diagnostics.iter().filter(|d| d.severity == severity).collect()
    }

    /// Every message, for a test that failed.
    fn shown(&self) -> String {
        self.diagnostics.iter().map(|d| format!("{d} ({:?})\n", d.help)).collect()
    }

    /// The policies of files without a mistake.
    fn policies(&self) -> &Policies {
        assert!(self.of(Severity::Error).is_empty(), "{}", self.shown());
        &self.resolved.policies
    }

    /// The policy of a name, by its place among all names.
    fn route(&self, index: usize) -> PolicyId {
        self.policies();
        self.resolved.routes[index].expect("no mistake was reported")
    }

    fn policy(&self, index: usize) -> &Policy {
        &self.policies().node(self.route(index)).policy
    }

    fn label(&self, index: usize) -> &str {
        &self.policies().node(self.route(index)).label
    }
}

/// What stands at a label of a diagnostic, its first line.
fn text_at(diagnostic: &Diagnostic, label: usize) -> &str {
    let label = &diagnostic.labels[label];
    let text = &label.source.text()[label.span.start as usize..label.span.end as usize];
    text.lines().next().unwrap_or("").trim_end()
}
