//! From a zone file to `pick`, `scope` and `explain`, places and classes included.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::{self, Known, SourceFile};
use crate::dns::Name;
use crate::geo::mmdb::Databases;
use crate::geo::{Asn, Country, Facts};
use crate::health::{MemberHealth, State};
use crate::policy::explain::{Answer, Asked, Explanation, explain};
use crate::policy::pick::{self, Picked, Scope, client_dependent, scope, shares};
use crate::policy::{Family, Routed};
use crate::world::{Snapshot, World};

const ZONE: &str = r#"
zone: example.com
ttl: 60s/15s
soa: { primary: ns1, contact: hostmaster@example.com }
ns: [ns1]
pools:
  us: { members: [192.0.2.10, 192.0.2.11] }
  eu: { members: [192.0.2.20, { address: 192.0.2.21, weight: 3 }, "2001:db8::20"] }
  jp: { members: [192.0.2.30] }
policies:
  world:
    geo:
      europe: { weighted: { eu: 75, us: 25 } }
      DE: { failover: [{ to: eu, degraded: 50% }, us] }
      JP: { to: jp, fence: hard }
      10.0.0.0/8: { sticky: { to: [eu, jp], by: 28/64 } }
      default: us
names:
  ns1: { A: 192.0.2.53 }
  www: { route: world }
  plain: { route: us }
  stick: { route: { sticky: { to: [us, eu], by: 20/48 } } }
  quiet: { route: world, ttl: 30s }
  web: { CNAME: www }
  "@": { ALIAS: web }
  "*.app": { route: jp }
  gone: { CNAME: www.example.net. }
  text: { TXT: hello }
"#;

fn snapshot(down: &[&str]) -> Snapshot {
    let fact = |country: &str, asn: u32| {
        let country = Country::new(country).expect("a country");
        let continent = Some(country.continent());
        Facts { country: Some(country), continent, asn: Some(Asn(asn)), ..Facts::default() }
    };
    let places = vec![
        ("91.0.0.0/8".parse().unwrap(), fact("DE", 3320)),
        ("92.0.0.0/8".parse().unwrap(), fact("FR", 3215)),
        ("94.0.0.0/8".parse().unwrap(), fact("JP", 2497)),
        ("2001:db8:91::/48".parse().unwrap(), fact("DE", 3320)),
    ];
    let databases = Databases::from_places(places);
    let file = SourceFile { path: "example.com.yaml".into(), text: ZONE.to_owned(), modified: 0 };
    let loaded = config::load(&[file], Known { facts: databases.facts() });
    let world = World::build(loaded.config.expect("a good zone"), &databases, 1, 1);
    let health = world.policies.members.iter().map(|member| {
        let down = down.contains(&member.address.to_string().as_str());
        let (probed, ttl_hint) = if down { (State::Down, Some(20)) } else { (State::Up, None) };
        MemberHealth { probed, ttl_hint, ..MemberHealth::default() }
    });
    let health = health.collect();
    Snapshot::of(Arc::new(world), health)
}

fn name(text: &str) -> Name {
    Name::parse(text, &Name::parse("example.com.", &Name::root()).unwrap()).unwrap()
}

fn routed<'s>(snapshot: &'s Snapshot, text: &str) -> &'s Routed {
    snapshot.world.zones.routed_at(&name(text)).expect("a routed name")
}

/// One answer to an IPv4 query, with its addresses; the scope it tells is checked.
fn pick(
    snapshot: &Snapshot,
    routed: &Routed,
    client: IpAddr,
    rng: &mut fastrand::Rng,
) -> (Picked, Vec<IpAddr>) {
    let asked = pick::Asked { family: Family::V4, client, scope: Scope::Told };
    let mut sent = Vec::new();
    let picked = pick::pick(snapshot, routed, asked, rng, |_, addresses| sent = addresses.to_vec());
    assert_eq!(picked.scope, scope(snapshot, routed, client), "{client}");
    (picked, sent)
}

fn explained(snapshot: &Snapshot, text: &str, client: &str) -> Explanation {
    let asked = Asked { name: name(text), family: Family::V4, client: client.parse().unwrap() };
    explain(snapshot, &asked)
}

#[test]
fn clients_get_what_their_place_decides() {
    let world = snapshot(&["192.0.2.20"]);
    let cases = [
        ("91.0.0.1", "eu 0.5, us 0.5"),
        ("92.0.0.1", "eu 0.75, us 0.25"),
        ("94.0.0.1", "jp 1"),
        ("10.0.0.1", "eu 0.5, jp 0.5"),
        ("203.0.113.1", "us 1"),
        ("::ffff:94.0.0.1", "jp 1"),
        ("2002:5e00:1::", "jp 1"),
        ("2001:db8:91::7", "eu 0.5, us 0.5"),
        ("2001:db8:92::7", "us 1"),
    ];
    for (client, expected) in cases {
        let client = client.parse().unwrap();
        let shares = shares(&world, routed(&world, "www"), Family::V4, client);
        let name = |pool| world.world.policies.pool(pool).name.rsplit('/').next().unwrap();
        let mut shares: Vec<_> =
            shares.iter().map(|(pool, share)| format!("{} {share}", name(*pool))).collect();
        shares.sort();
        assert_eq!(shares.join(", "), expected, "{client}");
    }
}

#[test]
fn scope_is_the_longer_of_place_and_sticky() {
    let world = snapshot(&[]);
    let cases = [
        ("www", "91.2.3.4", 8),
        ("www", "94.2.3.4", 8),
        ("www", "10.2.3.4", 28),
        ("www", "::ffff:10.2.3.4", 124),
        ("www", "2002:a02:304::", 44),
        ("www", "64:ff9b::5b02:304", 104),
        ("www", "2001:db8:91::7", 48),
        ("stick", "91.2.3.4", 20),
        ("stick", "2001:db8::1", 48),
        ("stick", "::ffff:91.2.3.4", 116),
        ("stick", "2002:5b02:304::", 36),
        ("plain", "91.2.3.4", 0),
        ("plain", "2001:db8::1", 0),
    ];
    for (name, client, expected) in cases {
        let client: IpAddr = client.parse().unwrap();
        assert_eq!(scope(&world, routed(&world, name), client), expected, "{name}, {client}");
        let explained = explained(&world, name, &client.to_string()).steering.unwrap();
        assert_eq!(explained.scope.value, u32::from(expected), "{name}, {client}");
    }
    let mut off = routed(&world, "www").clone();
    off.ecs = false;
    assert_eq!(scope(&world, &off, "91.2.3.4".parse().unwrap()), 0);
}

#[test]
fn a_name_depends_on_the_client_when_two_may_differ() {
    let world = snapshot(&[]);
    let depends = |name| client_dependent(&world, routed(&world, name));
    assert_eq!(["www", "stick", "plain"].map(depends), [true, true, false]);
}

#[test]
fn two_clients_in_one_scope_are_decided_alike() {
    let world = snapshot(&[]);
    let routed = routed(&world, "www");
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..5_000 {
        // Near the edges that matter as often as anywhere.
        let edges = [0x0a00_0000, 0x5b00_0000, 0x5c00_0000, 0x5e00_0000, rng.u32(..)];
        let near = rng.u32(..) >> rng.u32(0..32);
        let client: u32 = edges[rng.usize(..5)].wrapping_add(near).wrapping_sub(near / 2);
        let bits = scope(&world, routed, IpAddr::V4(client.into()));
        let within = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
        let other = (client & !within) | (rng.u32(..) & within);
        let [one, other] = [client, other].map(|client| IpAddr::V4(client.into()));
        assert_eq!(scope(&world, routed, other), bits, "{one} and {other}");
        let shares = [one, other].map(|client| shares(&world, routed, Family::V4, client));
        assert_eq!(shares[0], shares[1], "{one} and {other}");
        if bits == 28 {
            let mut get = |client| pick(&world, routed, client, &mut rng);
            assert_eq!(get(one), get(other), "sticky: {one} and {other}");
        }
    }
}

#[test]
fn explanation_and_answer_agree_for_any_client() {
    let world = snapshot(&["192.0.2.20", "192.0.2.30"]);
    let mut rng = fastrand::Rng::with_seed(2);
    for _ in 0..500 {
        let first = [10, 91, 92, 94, 200][rng.usize(..5)];
        let client = IpAddr::from([first, rng.u8(..), rng.u8(..), 1]);
        for name in ["www", "plain", "stick", "quiet", "x.app"] {
            let (picked, sent) = pick(&world, routed(&world, name), client, &mut rng);
            let steering = explained(&world, name, &client.to_string()).steering.unwrap();
            assert_eq!(steering.ttl.value, picked.ttl, "{name} for {client}");
            let Answer::Members { pools, .. } = steering.answer else { panic!("{steering:?}") };
            let pool = pools.iter().find(|pool| Some(pool.id) == picked.pool).expect("explained");
            assert!(pool.share > 0.0 && pool.members.contains(&sent[0]));
        }
    }
}

#[test]
fn a_decision_reads_from_top_to_bottom() {
    let world = snapshot(&["192.0.2.20"]);
    let expected = "\
www.example.com. A
  www.example.com. is routed (zone example.com.)
client  91.0.0.1: DE, europe, class 2
policy  example.com/world (geo)
    DE → failover: [{ to: example.com/eu, degraded: 50% }, example.com/us]: picked 100 %
        as listed, degraded 50 % → example.com/eu (pool): picked 50 %, keeping 50 % while \
                    degraded; 1 of 2 members serve
            192.0.2.20 weight 1: down
            192.0.2.21 weight 3: up
        as listed → example.com/us (pool): picked 50 %; 2 of 2 members serve
            192.0.2.10 weight 1: up
            192.0.2.11 weight 1: up
    europe → weighted: { example.com/eu: 75, example.com/us: 25 }: not needed
    default → example.com/us: not needed
answer  50 % from example.com/us: 1 of 192.0.2.10, 192.0.2.11
answer  50 % from example.com/eu: 192.0.2.21
ttl     20 s: 192.0.2.20 of example.com/eu could change in 20 s
scope   /8: the shortest prefix around the client that is all of class 2
";
    let text = explained(&world, "www", "91.0.0.1").to_string();
    assert_eq!(text, expected);
}

#[test]
fn the_way_of_a_name_is_told() {
    let world = snapshot(&[]);
    let way = |name: &str| explained(&world, name, "91.0.0.1").lookup.join("\n");
    let cases = [
        ("www", "www.example.com. is routed (zone example.com.)"),
        (
            "web",
            "web.example.com. is a CNAME of www.example.com. (zone example.com.)\n\
             www.example.com. is routed (zone example.com.)\n\
             a query with a client subnet gets the first CNAME alone, scope 0",
        ),
        (
            "@",
            "example.com. is an ALIAS of web.example.com. (zone example.com.)\n\
             web.example.com. is a CNAME of www.example.com. (zone example.com.)\n\
             www.example.com. is routed (zone example.com.)",
        ),
        (
            "x.y.app",
            "x.y.app.example.com. is routed by the wildcard *.app.example.com. (zone example.com.)",
        ),
        (
            "gone",
            "gone.example.com. is a CNAME of www.example.net. (zone example.com.)\n\
             no zone holds www.example.net.: the resolver asks elsewhere",
        ),
        ("text", "text.example.com. has no record of the type: NODATA (zone example.com.)"),
        ("ns1", "ns1.example.com. has static records (zone example.com.)"),
        ("no", "no.example.com. does not exist: NXDOMAIN (zone example.com.)"),
        ("example.org.", "no zone holds example.org.: REFUSED"),
    ];
    for (name, expected) in cases {
        assert_eq!(way(name), expected, "{name}");
    }
}

#[test]
fn json_has_the_same_in_fields() {
    let world = snapshot(&["192.0.2.20"]);
    let json = serde_json::to_value(explained(&world, "www", "91.0.0.1")).unwrap();
    assert_eq!(json["steering"]["client"]["country"], "DE");
    assert_eq!(json["steering"]["mode"], "normal");
    assert_eq!(json["steering"]["answer"]["pools"][1]["share"], 0.5);
    let failover = &json["steering"]["path"]["children"][0];
    assert_eq!(failover["because"], "DE");
    assert_eq!(failover["finding"]["finding"], "picked");
    assert_eq!(failover["node"]["children"][0]["finding"]["kept"], 0.5);
    assert_eq!(json["steering"]["ttl"]["value"], 20);
}
