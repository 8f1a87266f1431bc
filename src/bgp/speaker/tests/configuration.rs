//! What changes while it runs.

use super::*;
use crate::bgp::config::Password;

const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Two peers, both Established.
async fn two() -> (Fixture, Hand, Hand) {
    let fixture = Fixture::start(vec![peer("hand", THERE), peer("other", OTHER)]).await;
    let mut hand = fixture.connect(THERE).await;
    hand.establish().await;
    let mut other = fixture.connect(OTHER).await;
    other.establish().await;
    let set = routes(&["203.0.113.1/32"]);
    fixture.speaker.set_routes(["hand", "other"].map(|it| (it.into(), set.clone())).into());
    hand.knows(&set).await;
    other.knows(&set).await;
    (fixture, hand, other)
}

fn same_listener(fixture: &Fixture, peers: Vec<PeerConfig>) -> SpeakerConfig {
    SpeakerConfig { listen: vec![fixture.listen], ..config(peers) }
}

#[tokio::test]
async fn a_peer_that_is_configured_as_before_keeps_its_session() {
    let (fixture, mut hand, mut other) = two().await;
    let mut changed = peer("other", OTHER);
    changed.session.hold = Duration::from_secs(30);
    let mut same = peer("hand", THERE);
    same.announce = Selection::Only(["dns".into()].into());
    let config = same_listener(&fixture, vec![same, changed]);
    let (outcome, word) = tokio::join!(fixture.speaker.reconfigure(config), other.last_word());
    outcome.expect("taken");
    assert_eq!(word, "other configuration change (6/6)");
    // The changed one comes back with what it is to know.
    let mut other = fixture.connect(OTHER).await;
    other.establish().await;
    other.knows(&routes(&["203.0.113.1/32"])).await;
    fixture.set_routes("hand", RouteSet::new());
    hand.knows(&RouteSet::new()).await;
    assert_eq!(fixture.status("hand").counters.sessions, 1);
}

#[tokio::test]
async fn a_peer_that_is_gone_is_told_so_and_is_a_stranger_then() {
    let (fixture, _hand, mut other) = two().await;
    let config = same_listener(&fixture, vec![peer("hand", THERE)]);
    let (outcome, word) = tokio::join!(fixture.speaker.reconfigure(config), other.last_word());
    outcome.expect("taken");
    assert_eq!(word, "peer de-configured (6/3)");
    let before = fixture.speaker.strangers();
    if let Ok(mut again) = Hand::connect(OTHER, fixture.at).await {
        assert!(again.hear().await.is_err());
    }
    assert_eq!(fixture.speaker.strangers(), before + 1);
    assert_eq!(fixture.speaker.status().len(), 1);
}

#[tokio::test]
async fn what_is_no_longer_allowed_is_withdrawn() {
    let (fixture, mut hand, _other) = two().await;
    let peers = vec![peer("hand", THERE), peer("other", OTHER)];
    let config = SpeakerConfig { allow: [].into(), ..same_listener(&fixture, peers) };
    fixture.speaker.reconfigure(config).await.expect("taken");
    hand.knows(&RouteSet::new()).await;
    assert_eq!(fixture.status("hand").counters.sessions, 1);
}

#[tokio::test]
async fn what_bfd_said_outlives_a_change_of_configuration() {
    let (fixture, _hand, _other) = two().await;
    fixture.speaker.set_bfd("hand", Bfd::Up);
    let mut changed = peer("hand", THERE);
    changed.session.hold = Duration::from_secs(30);
    let config = same_listener(&fixture, vec![changed, peer("other", OTHER)]);
    fixture.speaker.reconfigure(config).await.expect("taken");
    let mut hand = fixture.connect(THERE).await;
    hand.establish().await;
    fixture.until("hand", |status| status.state == State::Established).await;
    fixture.speaker.set_bfd("hand", Bfd::Down);
    assert_eq!(hand.last_word().await, "BFD down (6/10)");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_and_changes_nothing() {
    let (fixture, mut hand, _other) = two().await;
    let taken = std::net::TcpListener::bind("127.0.0.4:0").expect("free");
    let taken = taken.local_addr().map(|address| (taken, address)).expect("bound");
    let mut config = same_listener(&fixture, Vec::new());
    config.listen.push(taken.1);
    let error = fixture.speaker.reconfigure(config).await.expect_err("taken");
    assert!(error.starts_with(&format!("cannot listen for bgp on {}: ", taken.1)), "{error}");
    assert!(error.ends_with("`listen: []` leaves the port to it"), "{error}");
    fixture.set_routes("hand", RouteSet::new());
    hand.knows(&RouteSet::new()).await;
    assert_eq!(fixture.speaker.listens().await, [fixture.at]);
}

#[tokio::test]
async fn addresses_that_are_listened_on_come_and_go() {
    let fixture = Fixture::start(vec![peer("hand", THERE)]).await;
    let elsewhere = "127.0.0.5:0".parse().expect("an address");
    let config = SpeakerConfig { listen: vec![elsewhere], ..config(vec![peer("hand", THERE)]) };
    fixture.speaker.reconfigure(config).await.expect("free");
    assert!(Hand::connect(THERE, fixture.at).await.is_err(), "nobody listens there now");
    let now = fixture.speaker.listens().await[0];
    let mut hand = Hand::connect(THERE, now).await.expect("accepted");
    hand.establish().await;
    fixture.until("hand", |status| status.state == State::Established).await;
}

#[tokio::test]
async fn two_keys_for_one_address_are_refused() {
    let keyed = |name: &str, interface: &str, key: &str| {
        let mut peer = peer(name, THERE);
        peer.address = "fe80::1".parse().expect("an address");
        peer.interface = Some(interface.into());
        peer.password = Some(Password(key.into()));
        peer
    };
    let peers = |second| vec![keyed("a", "eth0", "one"), keyed("b", "eth1", second)];
    let fixture = Fixture::start(peers("one")).await;
    let error = fixture.speaker.reconfigure(config(peers("two"))).await.expect_err("two keys");
    assert!(error.contains("fe80::1") && error.contains("the same password"), "{error}");
    assert!(!error.contains("two"), "no key is said aloud");
}

#[tokio::test]
async fn why_no_connection_comes_about_is_known() {
    let nobody = std::net::TcpListener::bind("127.0.0.2:0").and_then(|it| it.local_addr());
    let nobody = nobody.expect("free");
    type Change = fn(&mut PeerConfig);
    let table: [(&str, Change, &str); 3] = [
        ("refused", |_| (), "Connection refused"),
        ("source", |peer| peer.source = "192.0.2.1".parse().ok(), "source 192.0.2.1: "),
        (
            "interface",
            |peer| {
                peer.address = "fe80::9".parse().expect("an address");
                peer.interface = Some("none7".into());
            },
            "there is no interface none7",
        ),
    ];
    for (name, change, expected) in table {
        let mut peer = peer(name, THERE);
        peer.port = nobody.port();
        peer.session.passive = false;
        change(&mut peer);
        let fixture = Fixture::start(vec![peer]).await;
        let status = fixture.until(name, |status| status.trouble.is_some()).await;
        let text = status.trouble.expect("one").text;
        assert!(text.contains(expected), "{text}");
        assert!(status.next_attempt.is_some() || status.state == State::Connect);
    }
}
