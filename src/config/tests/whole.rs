//! Good configurations, and what becomes of them.

use super::{BASE, load_texts};
use crate::config::Config;
use crate::config::diagnostic::Style;
use crate::dns::{Name, Rtype};
use crate::policy::{TtlRange, WhenDown};
use crate::zone::{NameSource, ZoneSource};

/// POLICY.md's zone without what is not yet supported, with the pools that it leaves out.
const WHOLE: &str = r#"
zone: example.com
ttl: 60s/15s
soa: { primary: ns1, contact: host.master@example.com, ttl: 1h, negative_ttl: 60s }
ns: [ns1, ns2]
probes:
  web:
    https: { path: /healthz, port: 443, host: www.example.com, status: [200-299], body: "ok" }
    every: 5s
    timeout: 2s
    fall: 3
    rise: 2
pools:
  us-east:
    at: [39.04, -77.49]
    probe: web
    min_healthy: 50%
    linked: false
    capacity: 3500
    members:
      - 192.0.2.10
      - { address: 192.0.2.11, weight: 2, probe_address: 10.0.0.11 }
      - 2001:db8:1::10
  us-west: { at: [45.6, -121.2], probe: web, members: [192.0.2.20, "2001:db8:2::20"] }
  eu-west: { at: [53.3, -6.3], probe: web, members: [192.0.2.30, "2001:db8:3::30"] }
  ap-tokyo: { at: [35.7, 139.7], probe: web, members: [192.0.2.40, "2001:db8:4::40"] }
  lab: { members: [10.1.2.3, "2001:db8:5::1"] }
rtt:
  BR: { us-east: 120, us-west: 150, eu-west: 180 }
policies:
  world:
    geo:
      europe: eu-west
      north-america: { latency: [us-east, us-west] }
      JP: ap-tokyo
      US-CA: us-west
      AS64500: us-west
      10.0.0.0/8: lab
      default: { nearest: [us-east, us-west, eu-west, ap-tokyo] }
names:
  "@":    { ALIAS: www, MX: 10 mail, TXT: "v=spf1 -all" }
  ns1:    { A: 192.0.2.53 }
  ns2:    { A: 198.51.100.53 }
  mail:   { A: [192.0.2.25, 192.0.2.26] }
  www:    { route: world, TXT: "hello" }
  api:    { route: { failover: [us-east, us-west, eu-west] }, answers: 2, ttl: 30s }
  canary: { route: { weighted: { us-east: 95, us-west: 5 } } }
  "*.app": { route: { sticky: { to: [us-east, us-west], by: 24/56 } } }
  old:    { CNAME: www }
  dept:   { NS: ns1.dept, DS: "12345 13 2 0123456789abcdef" }
  ns1.dept: { A: 192.0.2.99 }
"#;

fn whole() -> Config {
    let loaded = load_texts(&[("zones/example.yaml", WHOLE)]);
    let errors: Vec<_> = loaded.diagnostics.iter().map(|d| d.one_line()).collect();
    loaded.config.unwrap_or_else(|| panic!("{errors:#?}"))
}

fn name(text: &str) -> Name {
    Name::parse(text, &Name::root()).expect("a name")
}

fn named<'z>(zone: &'z ZoneSource, text: &str) -> &'z NameSource {
    zone.names.iter().find(|n| n.owner == name(text)).unwrap_or_else(|| panic!("no {text}"))
}

#[test]
fn a_zone_whole_becomes_its_model() {
    let config = whole();
    let [zone] = &config.zones[..] else { panic!("one zone") };
    assert_eq!((zone.serial, zone.modified), (None, 7));
    let soa = &zone.source.soa;
    assert_eq!(soa.primary, name("ns1.example.com"));
    assert_eq!(soa.contact, name("host\\.master.example.com"));
    let timers = (soa.ttl, soa.minimum, soa.refresh, soa.retry, soa.expire);
    assert_eq!(timers, (3600, 60, 7200, 1800, 1_209_600));
    let types = |owner: &str| {
        let sets = named(&zone.source, owner).rrsets.iter();
        sets.map(|set| (set.rtype.0, set.ttl, set.rdata.len())).collect::<Vec<_>>()
    };
    assert_eq!(types("example.com"), [(15, 60, 1), (16, 60, 1), (2, 3600, 2)]);
    assert_eq!(types("mail.example.com"), [(1, 60, 2)]);
    assert_eq!(types("dept.example.com"), [(2, 60, 1), (43, 60, 1)]);
    assert_eq!(named(&zone.source, "example.com").alias, Some(name("www.example.com")));
    let api = named(&zone.source, "api.example.com").routed.as_ref().expect("routed");
    assert_eq!((api.answers, api.ecs), (Some(2), true));
    assert_eq!(api.ttl, TtlRange { longest: 30, shortest: 30 });
    assert_eq!(api.when_down, WhenDown::ServeAll);
    let www = named(&zone.source, "www.example.com").routed.as_ref().expect("routed");
    assert_eq!(www.ttl, TtlRange { longest: 60, shortest: 15 });
    assert!(config.policies.client_dependent(www.policy));
    assert!(!config.policies.client_dependent(api.policy));
    assert_eq!(config.policies.members.len(), 11);
    // One for each probed member: three, and two in each of three pools.
    assert_eq!(config.targets.len(), 9);
}

#[test]
fn the_apex_has_its_ns_records_without_being_written() {
    let loaded = load_texts(&[("z", BASE)]);
    let config = loaded.config.expect("a good zone");
    let apex = named(&config.zones[0].source, "example.com");
    let sets: Vec<_> = apex.rrsets.iter().map(|set| (set.rtype, set.ttl)).collect();
    assert_eq!(sets, [(Rtype::NS, 3600)]);
    assert_eq!(config.zones[0].source.soa.contact, name("hostmaster.example.com"));
}

#[test]
fn a_change_of_a_zone_or_of_what_is_shared_changes_its_content() {
    let shared = "pools: { x: { members: 192.0.2.1 } }\n";
    let other = "pools: { y: { members: 192.0.2.2 } }\n";
    let content = |files: &[(&str, &str)]| {
        let config = load_texts(files).config.expect("good files");
        config.zones[0].content
    };
    let first = content(&[("z", BASE), ("s", shared), ("t", other)]);
    assert_eq!(first, content(&[("t", other), ("s", shared), ("z", BASE)]), "order is no content");
    let edited = format!("{BASE}  new: {{ A: 192.0.2.9 }}\n");
    assert_ne!(first, content(&[("z", &edited), ("s", shared), ("t", other)]));
    assert_ne!(first, content(&[("z", BASE), ("s", shared)]));
    // The value itself must never change: serials depend on it across versions.
    assert_eq!(content(&[("z", BASE)]), 8_708_354_899_844_045_582);
}

proptest::proptest! {
    #[test]
    fn no_cut_of_a_good_file_makes_it_panic(from in 0..WHOLE.len(), length in 0_usize..400) {
        let end = (from + length).min(WHOLE.len());
        let text = [&WHOLE[..from], &WHOLE[end..]].concat();
        let loaded = load_texts(&[("z", &text)]);
        for diagnostic in &loaded.diagnostics {
            proptest::prop_assert!(diagnostic.render(Style::Plain).contains(diagnostic.severity.word()));
        }
    }
}
