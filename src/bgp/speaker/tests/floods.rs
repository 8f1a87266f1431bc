//! Too much of something.

use super::*;
use std::collections::BTreeSet;

/// So many connections.
const FLOOD: u64 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_reset_unread_and_sessions_do_not_notice() {
    let (fixture, mut established) = Fixture::established().await;
    let stranger = Ipv4Addr::new(127, 0, 0, 9);
    for _ in 0..FLOOD {
        // The reset may be quicker than the end of `connect`.
        if let Ok(mut hand) = Hand::connect(stranger, fixture.at).await {
            let error = hand.hear().await.expect_err("a reset");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
    assert_eq!(fixture.speaker.strangers(), FLOOD);
    let said = fixture.ear.heard();
    let said: Vec<_> = said.iter().filter(|line| line.starts_with("stranger")).collect();
    assert_eq!(said[0], "stranger 127.0.0.9, number 1");
    assert!(said.len() < 10, "said {} times of {FLOOD}", said.len());
    fixture.set_routes("hand", routes(&["203.0.113.1/32"]));
    established.knows(&routes(&["203.0.113.1/32"])).await;
    assert_eq!(fixture.status("hand").counters.sessions, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_opens_connections_without_end_keeps_its_session() {
    let (fixture, mut established) = Fixture::established().await;
    for _ in 0..FLOOD {
        if let Ok(mut hand) = Hand::connect(THERE, fixture.at).await {
            assert!(hand.hear().await.is_err(), "nothing is said");
        }
    }
    fixture.set_routes("hand", routes(&["203.0.113.1/32"]));
    established.knows(&routes(&["203.0.113.1/32"])).await;
    let status = fixture.status("hand");
    assert_eq!((status.counters.sessions, status.counters.accepted), (1, 1 + FLOOD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_take_the_place_of_those_before() {
    let fixture = Fixture::start(vec![peer("hand", THERE)]).await;
    let mut silent = Vec::new();
    for accepted in 1..=50 {
        silent.push(fixture.connect(THERE).await);
        fixture.until("hand", |status| status.counters.accepted == accepted).await;
    }
    let mut hand = fixture.connect(THERE).await;
    hand.establish().await;
    let status = fixture.until("hand", |status| status.state == State::Established).await;
    assert_eq!(status.counters.sessions, 1);
}

/// A quarter of a gigabyte: a full table of a million routes is less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_table_takes_no_memory_and_holds_up_no_other_peer() {
    const MESSAGES: u64 = 1 << 16;
    let other = Ipv4Addr::new(127, 0, 0, 3);
    let fixture = Fixture::start(vec![peer("hand", THERE), peer("other", other)]).await;
    let mut hand = fixture.connect(THERE).await;
    hand.establish().await;
    let mut quiet = fixture.connect(other).await;
    quiet.establish().await;
    let mut update = vec![0xff; 4096];
    update[16..19].copy_from_slice(&[0x10, 0x00, 2]);
    let flood = async {
        for _ in 0..MESSAGES {
            hand.say(&update).await;
        }
    };
    let news = async {
        for _ in 0..20 {
            for set in [routes(&["203.0.113.1/32"]), RouteSet::new()] {
                fixture.set_routes("other", set.clone());
                quiet.knows(&set).await;
            }
        }
    };
    let before = resident();
    tokio::join!(flood, news);
    let all = |status: &PeerStatus| status.counters.messages.received.update == MESSAGES;
    let status = fixture.until("hand", all).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < 128 << 20, "{grown} bytes more than before");
    assert_eq!((status.state, status.counters.sessions), (State::Established, 1));
}

/// What the process has in memory, in bytes; other tests run in it too.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("linux");
    let pages: u64 = text.split(' ').nth(1).expect("resident").parse().expect("a number");
    pages * 4096
}

/// 4,000 host routes, each in an UPDATE of its own: some 250 KB.
fn many(med: u32) -> RouteSet {
    let route = |n: u32| {
        let address = Ipv4Addr::from_bits(0x0a00_0000 + n);
        let attributes = Attributes { med: Some(med * 10_000 + n), ..Attributes::default() };
        (IpNet::from(std::net::IpAddr::from(address)), Route { attributes, ..Route::default() })
    };
    (0..4_000).map(route).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_read_is_told_the_last_of_all_that_changed_meanwhile() {
    const CHANGES: u32 = 400;
    let fixture = Fixture::start(Vec::new()).await;
    let allow: BTreeSet<IpNet> = many(0).into_keys().chain([prefix("203.0.113.1/32")]).collect();
    let mut wanted = config(vec![peer("hand", THERE)]);
    wanted.allow = allow;
    fixture.speaker.reconfigure(wanted).await.expect("taken");
    let at = fixture.speaker.listens().await[0];
    let mut hand = Hand::connect(THERE, at).await.expect("accepted");
    hand.establish().await;
    for med in 0..CHANGES {
        fixture.set_routes("hand", many(med));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let last = routes(&["203.0.113.1/32"]);
    fixture.set_routes("hand", last.clone());
    hand.knows(&last).await;
    let told = fixture.until("hand", |status| *status.announced == last).await;
    let updates = told.counters.messages.sent.update;
    assert!(updates < u64::from(CHANGES) * 4_000 / 2, "{updates} messages");
    assert_eq!(told.counters.sessions, 1);
}
