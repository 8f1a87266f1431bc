//! What goes well.

use super::*;

#[tokio::test]
async fn a_peer_is_told_what_it_is_to_know_and_of_every_change() {
    let (fixture, mut hand) = Fixture::established().await;
    let both = routes(&["203.0.113.1/32", "203.0.113.2/32"]);
    let one = routes(&["203.0.113.2/32"]);
    for set in [&both, &one, &both, &RouteSet::new()] {
        fixture.set_routes("hand", set.clone());
        hand.knows(set).await;
        fixture.until("hand", |status| *status.announced == *set).await;
    }
    let said = fixture.ear.heard();
    assert!(
        said.contains(&"hand: OpenConfirm → Established: KEEPALIVE received".into()),
        "{said:?}"
    );
    assert!(said.contains(&"hand knows 203.0.113.2/32".into()), "{said:?}");
}

#[tokio::test]
async fn what_is_wanted_before_a_session_is_told_when_it_comes_and_again_in_the_next() {
    let fixture = Fixture::start(vec![peer("hand", THERE)]).await;
    let set = routes(&["203.0.113.1/32"]);
    fixture.set_routes("hand", set.clone());
    for _ in 0..2 {
        let mut hand = fixture.connect(THERE).await;
        hand.establish().await;
        hand.knows(&set).await;
        drop(hand);
        fixture.until("hand", |status| status.state == State::Active).await;
        assert!(fixture.status("hand").announced.is_empty(), "it knows nothing without a session");
    }
}

#[tokio::test]
async fn what_is_not_allowed_is_not_told_and_complained_about_once() {
    let (fixture, mut hand) = Fixture::established().await;
    let allowed = routes(&["203.0.113.1/32"]);
    let more = routes(&["203.0.113.1/32", "198.51.100.0/24", "203.0.113.0/24"]);
    fixture.set_routes("hand", more.clone());
    hand.knows(&allowed).await;
    fixture.set_routes("hand", more);
    fixture.until("hand", |status| *status.announced == allowed).await;
    let complaints = fixture.ear.heard();
    let complaints: Vec<_> = complaints.iter().filter(|line| line.contains("forbidden")).collect();
    let expected = ["hand: 198.51.100.0/24 is forbidden", "hand: 203.0.113.0/24 is forbidden"];
    assert_eq!(complaints, expected);
}

#[tokio::test]
async fn a_stop_is_explained_to_the_peer_and_closes_every_socket() {
    let (fixture, mut hand) = Fixture::established().await;
    let leaving = fixture.speaker.stop(Cease::AdministrativeShutdown, "moved\nto rack 7");
    let ((), word) = tokio::join!(leaving, hand.last_word());
    assert_eq!(word, "administrative shutdown (6/2): \"moved\\nto rack 7\"");
    let error = Hand::connect(THERE, fixture.at).await.map(|_| ()).expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(fixture.speaker.status().is_empty());
}

#[tokio::test]
async fn a_stop_does_not_wait_long_for_a_peer_that_hears_nothing() {
    let (fixture, hand) = Fixture::established().await;
    let started = Instant::now();
    fixture.speaker.stop(Cease::AdministrativeShutdown, "").await;
    // It is bounded, whatever else this machine does meanwhile.
    assert!(started.elapsed() < PATIENCE);
    drop(hand);
}

#[tokio::test]
async fn a_speaker_that_is_dropped_takes_leave_too() {
    let (fixture, mut hand) = Fixture::established().await;
    drop(fixture);
    assert_eq!(hand.last_word().await, "administrative shutdown (6/2)");
}

#[tokio::test]
async fn bfd_ends_a_session_that_it_has_watched_and_no_other() {
    let (fixture, mut hand) = Fixture::established().await;
    // Many routers begin with BFD only when there is a session.
    fixture.speaker.set_bfd("hand", Bfd::Down);
    fixture.set_routes("hand", routes(&["203.0.113.1/32"]));
    hand.knows(&routes(&["203.0.113.1/32"])).await;
    // Both in one moment: it was up.
    fixture.speaker.set_bfd("hand", Bfd::Up);
    fixture.speaker.set_bfd("hand", Bfd::Down);
    assert_eq!(hand.last_word().await, "BFD down (6/10)");
    let status = fixture.until("hand", |status| status.state == State::Idle).await;
    assert!(status.next_attempt.is_some(), "it does not rest for ever");
    assert_eq!(status.trouble.expect("one").text.as_ref(), "BFD down (6/10)");
}

#[tokio::test]
async fn the_words_of_the_peers_operator_are_kept_and_cannot_write_lines_of_their_own() {
    let (fixture, mut hand) = Fixture::established().await;
    let word = Notification::cease_with(Cease::AdministrativeShutdown, "bye\nall is well");
    hand.say(&word.encode()).await;
    let status = fixture.until("hand", |status| status.state == State::Active).await;
    let expected = "peer: administrative shutdown (6/2): \"bye\\nall is well\"";
    assert_eq!(status.trouble.expect("one").text.as_ref(), expected);
    let last = fixture.ear.heard().pop().expect("a line");
    assert_eq!(last, format!("hand: Established → Active: {expected}"));
}

/// With one thread, nothing tells the task what its sockets hold before it hears that it was asked
/// for something.
#[tokio::test]
async fn a_process_that_was_stopped_reads_before_it_believes_in_a_silence() {
    let mut quick = peer("hand", THERE);
    quick.session.hold = Duration::from_secs(3);
    let fixture = Fixture::start(vec![quick]).await;
    let mut hand = fixture.connect(THERE).await;
    hand.establish().await;
    let status = fixture.until("hand", |status| status.state == State::Established).await;
    assert_eq!(status.negotiated.and_then(|it| it.hold), Some(Duration::from_secs(3)));
    std::thread::sleep(Duration::from_secs(1));
    hand.stream.try_write(&keepalive()).expect("there is room for it");
    std::thread::sleep(Duration::from_millis(2_500));
    let set = routes(&["203.0.113.1/32"]);
    fixture.set_routes("hand", set.clone());
    hand.knows(&set).await;
    assert_eq!(fixture.status("hand").counters.sessions, 1);
}

#[tokio::test]
async fn everything_is_counted() {
    let (fixture, mut hand) = Fixture::established().await;
    fixture.set_routes("hand", routes(&["203.0.113.1/32"]));
    hand.knows(&routes(&["203.0.113.1/32"])).await;
    hand.say(&keepalive()).await;
    let two = |status: &PeerStatus| status.counters.messages.received.keepalive == 2;
    let status = fixture.until("hand", two).await;
    let Counters {
        messages,
        bytes_received,
        bytes_sent,
        attempts,
        accepted,
        sessions,
        transitions,
    } = status.counters;
    let received = messages.received.by_kind().map(|(_, count)| count);
    assert_eq!(received, [1, 0, 0, 2, 0]);
    let sent = messages.sent;
    assert_eq!((sent.open, sent.notification, sent.keepalive), (1, 0, 1));
    assert!(sent.update >= 2, "the route and End-of-RIB");
    assert_eq!(bytes_received, (hand::open().len() + 2 * keepalive().len()) as u64);
    assert!(bytes_sent > 100, "{bytes_sent}");
    // Idle, Active, OpenSent, OpenConfirm, Established.
    assert_eq!((attempts, accepted, sessions, transitions), (0, 1, 1, 4));
    assert_eq!(status.local.expect("one").ip(), HERE);
    assert!(status.uptime(Instant::now()).is_some());
}

/// Two speakers that know where the other listens, and begin at the same moment.
async fn pair() -> (Fixture, Fixture) {
    let (a, b) = (Fixture::start(Vec::new()).await, Fixture::start_at("127.0.0.2:0").await);
    let eager = |name: &str, own: Ipv4Addr, other: SocketAddr, internal: Asn| {
        let SocketAddr::V4(address) = other else { unreachable!("loopback") };
        let mut peer = peer(name, *address.ip());
        peer.port = address.port();
        peer.source = Some(own.into());
        peer.session.passive = false;
        peer.session.router_id = own;
        (peer.session.asn, peer.session.peer_asn) =
            if internal == OURS { (OURS, THEIRS) } else { (THEIRS, OURS) };
        peer
    };
    let of_a =
        SpeakerConfig { listen: vec![a.listen], ..config(vec![eager("b", HERE, b.at, OURS)]) };
    let of_b =
        SpeakerConfig { listen: vec![b.listen], ..config(vec![eager("a", THERE, a.at, THEIRS)]) };
    let (first, second) = tokio::join!(a.speaker.reconfigure(of_a), b.speaker.reconfigure(of_b));
    first.and(second).expect("taken");
    (a, b)
}

/// Of two connections that were opened at once each end may have chosen the one that the other end
/// gave up; then both begin again, a little apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_open_connections_to_each_other_end_up_with_one() {
    for _ in 0..20 {
        let (a, b) = pair().await;
        let agree = |of_a: &PeerStatus, of_b: &PeerStatus| {
            let listening = |status: &PeerStatus, at: SocketAddr| {
                status.local.map(|local| local.port() == at.port())
            };
            // One connection has one end at a port that is listened on.
            match (listening(of_a, a.at), listening(of_b, b.at)) {
                (Some(a), Some(b)) => a != b,
                (_, _) => false,
            }
        };
        a.until("b", |of_a| agree(of_a, &b.status("a"))).await;
        let sessions = a.status("b").counters.sessions;
        let before = b.status("a").counters.messages.received.update;
        a.set_routes("b", routes(&["203.0.113.1/32"]));
        b.until("a", |of_b| of_b.counters.messages.received.update > before).await;
        assert_eq!(a.status("b").counters.sessions, sessions, "{:#?}", a.ear.heard());
        let cease = Cease::AdministrativeShutdown;
        tokio::join!(a.speaker.stop(cease, ""), b.speaker.stop(cease, ""));
    }
}
