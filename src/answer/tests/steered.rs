//! Names whose addresses come from a policy, and the Client Subnet option.

use super::*;
use crate::geo::{Country, Facts};
use crate::health::{MemberHealth, State};
use crate::policy::{
    Geo, GeoChild, Member, MinHealthy, Policy, PolicyId, PolicyNode, Pool, Routed, TtlRange,
    WhenDown,
};
use crate::zone::lookup::fixture::with_routed;

const FOUR: PolicyId = PolicyId(0);
/// Germany goes to a pool without IPv4.
const WORLD: PolicyId = PolicyId(2);

/// Two pools of one member each, `four` with an IPv4 and `six` with an IPv6 address, and a policy
/// that tells Germany apart.
fn policies() -> Policies {
    let pool = |index: u32, name: &str| Pool {
        name: name.into(),
        at: None,
        min_healthy: MinHealthy::AnyOne,
        linked: false,
        capacity: None,
        members: index..index + 1,
    };
    let member = |index, address: &str| Member {
        pool: PoolId(index),
        address: address.parse().expect("an address"),
        weight: std::num::NonZeroU16::MIN,
        targets: Vec::new(),
    };
    let node = |label: &str, policy| PolicyNode { name: None, label: label.into(), policy };
    let to = |to| GeoChild { to, fence: false };
    let geo = Geo {
        cidrs: Vec::new(),
        asns: Vec::new(),
        subdivisions: Vec::new(),
        countries: vec![(Country::new("DE").expect("a country"), to(PolicyId(1)))],
        continents: Vec::new(),
        default: to(FOUR),
    };
    Policies {
        pools: vec![pool(0, "four"), pool(1, "six")],
        members: vec![member(0, "192.0.2.1"), member(1, "2001:db8::1")],
        policies: vec![
            node("four", Policy::Pool(PoolId(0))),
            node("six", Policy::Pool(PoolId(1))),
            node("world", Policy::Geo(geo)),
        ],
    }
}

fn routed(policy: PolicyId, when_down: WhenDown) -> Routed {
    let ttl = TtlRange { longest: 60, shortest: 15 };
    Routed { policy, answers: None, ttl, when_down, ecs: true }
}

static WORLD_SERVED: LazyLock<Arc<World>> = LazyLock::new(|| {
    let plain = zone(
        "example.com",
        "@      NS    ns1
         geo    TXT   \"beside\"
         web    CNAME geo
         webs   CNAME web
         blind-web CNAME blind
         fixed-web CNAME fixed
         bare-web  CNAME bare
         slow   20 CNAME geo",
    );
    let plain = with_alias(plain, "bare.example.com", "geo.example.com");
    let plain = with_alias(plain, "slow-bare.example.com", "slow.example.com");
    let blind = Routed { ecs: false, ..routed(WORLD, WhenDown::ServeAll) };
    let steered = [
        ("geo", routed(WORLD, WhenDown::ServeAll)),
        ("*.app", routed(WORLD, WhenDown::ServeAll)),
        ("blind", blind),
        ("fixed", routed(FOUR, WhenDown::ServeAll)),
        ("refused", routed(FOUR, WhenDown::Refused)),
        ("servfail", routed(FOUR, WhenDown::ServFail)),
        ("nodata", routed(FOUR, WhenDown::NoData)),
    ]
    .into_iter()
    .fold(plain, |zone, (owner, routed)| {
        with_routed(zone, &format!("{owner}.example.com"), routed)
    });
    let facts = Facts { country: Country::new("DE"), ..Facts::default() };
    let places = vec![("91.0.0.0/8".parse().expect("a network"), facts)];
    world(vec![steered], policies(), &Databases::from_places(places))
});

static UP: LazyLock<Snapshot> = LazyLock::new(|| Snapshot::all_up(Arc::clone(&WORLD_SERVED)));

static DOWN: LazyLock<Snapshot> = LazyLock::new(|| {
    let down = MemberHealth { probed: State::Down, ..MemberHealth::default() };
    Snapshot::of(Arc::clone(&WORLD_SERVED), vec![down; 2])
});

/// The lines of a reply and its scope.
fn scoped(ask: &Ask, snapshot: &Snapshot) -> (Vec<String>, Option<u8>) {
    let (message, _) = ask.reply(snapshot);
    let option = message.windows(4).rposition(|octets| octets == [0, 8, 0, 7]);
    (lines(&message), option.map(|at| message[at + 7]))
}

fn ask(name: &str) -> Ask {
    Ask::new(&format!("{name}.example.com"), Rtype::A)
}

#[test]
fn scope_is_the_policys_whatever_the_answer() {
    let no_data = format!("authority example.com. {SOA}");
    let germany = scoped(&ask("geo").subnet_of(91), &UP);
    assert_eq!(germany, (vec!["NoError aa".into(), no_data], Some(8)));
    let next_door = scoped(&ask("geo").subnet_of(90), &UP);
    let answer = "geo.example.com. 60 A 192.0.2.1".into();
    assert_eq!(next_door, (vec!["NoError aa".into(), answer], Some(8)));
    let far = scoped(&ask("geo").subnet_of(200), &UP);
    assert_eq!(far.1, Some(1));
    let wildcard = scoped(&ask("x.y.app").subnet_of(90), &UP);
    assert_eq!(wildcard.0[1], "x.y.app.example.com. 60 A 192.0.2.1");
    assert_eq!(wildcard.1, Some(8));
}

#[test]
fn other_types_beside_a_route_are_everyones() {
    let text = scoped(&Ask::new("geo.example.com", Rtype::TXT).subnet_of(91), &UP);
    assert_eq!(
        text,
        (vec!["NoError aa".into(), "geo.example.com. 3600 TXT beside".into()], Some(0))
    );
    let none = scoped(&Ask::new("geo.example.com", Rtype::MX).subnet_of(91), &UP);
    assert_eq!((none.0.len(), none.1), (2, Some(0)));
}

/// The resolver's address, 192.0.2.200, is not in Germany; the option's is.
#[test]
fn resolver_is_the_client_where_the_option_does_not_count() {
    let source_0 = ask("geo").edns(1232, &[0, 8, 0, 4, 0, 1, 0, 0]);
    assert_eq!(source_0.lines(&UP)[1], "geo.example.com. 60 A 192.0.2.1");
    assert!(source_0.reply(&UP).0.ends_with(&[0, 8, 0, 4, 0, 1, 0, 0]));
    let off = scoped(&ask("blind").subnet_of(91), &UP);
    assert_eq!(off.0[1], "blind.example.com. 60 A 192.0.2.1");
    assert_eq!(off.1, Some(0));
    let without = scoped(&ask("geo").edns(1232, &[]), &UP);
    assert_eq!(without.0[1], "geo.example.com. 60 A 192.0.2.1");
    assert_eq!(without.1, None);
}

#[test]
fn alias_of_a_route_answers_under_its_own_name() {
    let bare = scoped(&ask("bare").subnet_of(90), &UP);
    assert_eq!(bare.0[1], "bare.example.com. 60 A 192.0.2.1");
    assert_eq!(bare.1, Some(8));
    assert_eq!(ask("slow-bare").lines(&UP)[1], "slow-bare.example.com. 20 A 192.0.2.1");
}

#[test]
fn chain_to_a_client_dependent_end_is_cut_after_its_first_link_under_ecs() {
    for (name, target) in [("web", "geo"), ("webs", "web"), ("bare-web", "bare")] {
        let first = format!("{name}.example.com. 3600 CNAME {target}.example.com.");
        let alone = scoped(&ask(name).subnet_of(91), &UP);
        assert_eq!(alone, (vec!["NoError aa".into(), first], Some(0)), "{name}");
        let whole = ask(name).edns(1232, &[]).lines(&UP);
        assert!(whole.last().is_some_and(|last| last.ends_with(" 60 A 192.0.2.1")), "{whole:?}");
    }
}

#[test]
fn chain_to_an_end_that_is_everyones_goes_on_under_ecs() {
    for name in ["blind-web", "fixed-web"] {
        let whole = scoped(&ask(name).subnet_of(91), &UP);
        assert_eq!((whole.0.len(), whole.1), (3, Some(0)), "{name}");
        assert!(whole.0[2].ends_with(" 60 A 192.0.2.1"), "{:?}", whole.0);
    }
    let text = scoped(&Ask::new("web.example.com", Rtype::TXT).subnet_of(91), &UP);
    assert_eq!(text.0[2], "geo.example.com. 3600 TXT beside");
}

#[test]
fn what_is_down_answers_as_its_name_says() {
    assert_eq!(ask("servfail").lines(&DOWN), ["ServFail"]);
    assert_eq!(ask("refused").lines(&DOWN), ["Refused"]);
    let no_data = format!("authority example.com. {SOA}");
    assert_eq!(ask("nodata").lines(&DOWN), ["NoError aa", &no_data]);
    assert_eq!(ask("fixed").lines(&DOWN), ["NoError aa", "fixed.example.com. 15 A 192.0.2.1"]);
}

#[test]
fn outcome_names_the_pool_that_was_answered_and_no_other() {
    let pool = |name: &str, first: u8| ask(name).subnet_of(first).reply(&UP).1.pool;
    assert_eq!(pool("geo", 90), Some(PoolId(0)));
    assert_eq!(pool("bare", 90), Some(PoolId(0)));
    assert_eq!(pool("geo", 91), None);
}

#[test]
fn routed_names_are_listed_once_each_in_the_order_of_the_files() {
    let names: Vec<_> = UP.world.zones.routed().map(|(name, _)| name.to_string()).collect();
    let first = ["geo.example.com.", "*.app.example.com.", "blind.example.com."];
    assert_eq!(names.get(..3), Some(&first.map(str::to_owned)[..]));
    assert_eq!(names.len(), 7);
}
