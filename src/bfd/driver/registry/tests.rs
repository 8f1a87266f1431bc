use super::*;
use crate::bfd::auth::{Auth, AuthType, Key};
use crate::bfd::driver::Distance;

fn options(interval: u64, multiplier: u8) -> BfdOptions {
    BfdOptions { interval: Duration::from_millis(interval), multiplier, auth: None }
}

fn watched(name: &str, options: BfdOptions) -> Watched {
    Watched {
        name: name.into(),
        neighbour: IpAddr::from([192, 0, 2, 1]),
        interface: None,
        source: None,
        distance: Distance::SingleHop,
        options,
    }
}

fn plan(change: &Change) -> &Plan {
    match change {
        Change::Plan(_, plan, _) => plan,
        Change::End(session) => panic!("{session:?} ended"),
    }
}

/// Interval in milliseconds and multiplier.
fn pace(change: &Change) -> (u128, u8) {
    let config = &plan(change).config;
    assert_eq!(config.desired_min_tx, config.required_min_rx);
    (config.desired_min_tx.as_millis(), config.detect_mult.0.get())
}

#[test]
fn watchers_of_one_path_share_a_session_with_the_shortest_times() {
    let mut registry = Registry::default();
    let (_, first) = registry.join(watched("bgp tor-1", options(100, 3))).unwrap();
    assert_eq!(pace(&first), (100, 3));
    // A shorter interval, and a longer detection time: six of 50 ms last for 300 ms.
    let (second_id, second) = registry.join(watched("vrrp dns", options(50, 10))).unwrap();
    assert_eq!(first.session(), second.session());
    assert_eq!(pace(&second), (50, 6));
    assert_eq!(&*plan(&second).name, "bgp tor-1, vrrp dns");
    let change = registry.reconfigure(second_id, options(300, 1)).unwrap();
    assert_eq!(pace(&change), (100, 3));
    let change = registry.leave(second_id).unwrap();
    assert_eq!((pace(&change), &*plan(&change).name), ((100, 3), "bgp tor-1"));
}

#[test]
fn the_last_who_leaves_ends_the_session_and_the_next_begins_another() {
    let mut registry = Registry::default();
    let (a, begun) = registry.join(watched("a", options(100, 3))).unwrap();
    let (b, _) = registry.join(watched("b", options(100, 3))).unwrap();
    assert!(matches!(registry.leave(a), Some(Change::Plan(..))));
    assert!(matches!(registry.leave(b), Some(Change::End(session)) if session == begun.session()));
    assert!(registry.leave(b).is_none() && registry.enable(b, true).is_none());
    let (_, again) = registry.join(watched("a", options(100, 3))).unwrap();
    assert_ne!(again.session(), begun.session());
}

#[test]
fn a_session_is_ended_by_its_operators_only_when_all_of_them_did() {
    let mut registry = Registry::default();
    let (a, _) = registry.join(watched("a", options(50, 3))).unwrap();
    let (b, _) = registry.join(watched("b", options(100, 3))).unwrap();
    let change = registry.enable(a, false).unwrap();
    assert!(plan(&change).enabled);
    assert_eq!(pace(&change), (100, 3), "who wants nothing has no say");
    assert!(!plan(&registry.enable(b, false).unwrap()).enabled);
    assert!(plan(&registry.enable(a, true).unwrap()).enabled);
}

#[test]
fn other_ports_and_other_interfaces_are_other_paths() {
    let on = |interface: &str| Watched {
        interface: Some(interface.into()),
        ..watched(interface, options(100, 3))
    };
    let mut registry = Registry::default();
    let (_, eth0) = registry.join(on("eth0")).unwrap();
    let (_, eth1) = registry.join(on("eth1")).unwrap();
    assert_ne!(eth0.session(), eth1.session());
    let (_, any) = registry.join(watched("any", options(100, 3))).unwrap();
    assert_eq!(any.session(), eth0.session(), "a path without an interface is on the first");
    assert_eq!(plan(&any).interface.as_deref(), Some("eth0"));
    let far = Watched { distance: Distance::Multihop { hops: 4 }, ..on("eth0") };
    let (_, far) = registry.join(far).unwrap();
    assert_ne!(far.session(), eth0.session());
    assert_eq!((plan(&far).reach, plan(&far).config.least_hops), (Reach::Multihop, 252));
}

#[test]
fn a_second_source_for_one_path_is_refused_with_both_names() {
    let from = |name: &str, last| Watched {
        source: Some(IpAddr::from([192, 0, 2, last])),
        ..watched(name, options(100, 3))
    };
    let mut registry = Registry::default();
    registry.join(watched("any", options(100, 3))).unwrap();
    let (_, change) = registry.join(from("bgp tor-1", 7)).unwrap();
    assert_eq!(plan(&change).source, Some(IpAddr::from([192, 0, 2, 7])));
    let error = registry.join(from("vrrp dns", 8)).unwrap_err().to_string();
    let expected = "BFD with 192.0.2.1: bgp tor-1 speaks from 192.0.2.7, and one session has one \
                    source: give both the same, not 192.0.2.8";
    assert_eq!(error, expected);
    assert!(registry.join(from("vrrp dns", 7)).is_ok());
}

#[test]
fn the_newest_key_is_used_and_a_disagreement_is_named() {
    let keyed = |secret: &[u8]| {
        let auth_type = AuthType::KeyedSha1;
        let send = Key::new(auth_type, 1, secret.to_vec()).unwrap();
        Some(Auth { auth_type, send, accept: Vec::new() })
    };
    let with = |auth| BfdOptions { auth, ..options(100, 3) };
    let mut registry = Registry::default();
    let (a, _) = registry.join(watched("a", with(keyed(b"old")))).unwrap();
    let (b, change) = registry.join(watched("b", with(keyed(b"new")))).unwrap();
    assert_eq!(plan(&change).config.auth, keyed(b"new"));
    let disagreement =
        |registry: &Registry| registry.sessions.values().next().and_then(Entry::disagreement);
    let expected = "a and b want different authentication: b's is used";
    assert_eq!(disagreement(&registry).as_deref(), Some(expected));
    let change = registry.reconfigure(a, with(keyed(b"newer"))).unwrap();
    assert_eq!(plan(&change).config.auth, keyed(b"newer"));
    registry.reconfigure(b, with(keyed(b"newer"))).unwrap();
    assert_eq!(disagreement(&registry), None);
}

#[test]
fn as_many_intervals_are_missed_as_the_detection_time_has_begun() {
    let ms = Duration::from_millis;
    let table =
        [(50, 300, 6), (50, 301, 7), (100, 300, 3), (100, 0, 1), (1, 999, 255), (0, 1, 255)];
    for (interval, whole, expected) in table {
        assert_eq!(times(ms(interval), ms(whole)), expected, "{interval} {whole}");
    }
}
