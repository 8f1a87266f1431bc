//! Timers, refusals, collisions, BFD.

use super::*;
use crate::bgp::message::update::end_of_rib;
use crate::bgp::routes::Family;

#[test]
fn a_refused_peer_is_tried_again_after_waits_that_grow_from_one_second_to_thirty() {
    let mut node = Node::new(config());
    node.start();
    let mut waits = Vec::new();
    for _ in 0..7 {
        node.closed();
        let (slept, said) = node.wake();
        assert_eq!(said, "connect, Active → Connect");
        waits.push(slept);
    }
    for (wait, longest) in waits.into_iter().zip([1000, 2000, 4000, 8000, 16000, 30000, 30000]) {
        assert!((longest * 3 / 4..=longest).contains(&wait), "{wait} ms of {longest}");
    }
}

#[test]
fn an_attempt_without_an_answer_gives_way_to_another_one() {
    let mut node = Node::new(config());
    node.start();
    assert_eq!(node.wake(), (5000, "close, connect".into()));
}

#[test]
fn a_passive_session_waits_to_be_called() {
    let mut node = Node::new(Config { passive: true, ..config() });
    assert_eq!(node.start(), "Idle → Active");
    assert_eq!(node.session.next_deadline(), None);
    assert_eq!(node.accepts(), "send OPEN, Active → OpenSent");
    let id = node.incoming.expect("accepted");
    assert_eq!(node.hears_on(id, &their_open().encode()), "send KEEPALIVE, OpenSent → OpenConfirm");
    assert_eq!(node.hears_on(id, &keepalive()), "OpenConfirm → Established");
    node.session.handle_closed(node.now, id);
    assert_eq!(node.said(), "Established → Active");
    assert_eq!(node.session.next_deadline(), None);
}

#[test]
fn the_shorter_hold_time_counts_and_any_message_restarts_it() {
    let mut node = Node::in_state(config(), State::Established);
    assert_eq!(node.session.established().expect("up").0.hold, Some(Duration::from_secs(9)));
    for message in [keepalive(), end_of_rib(Family::Ipv4)] {
        for _ in 0..4 {
            node.wait(8_900);
            assert_eq!(node.hears(&message), "");
        }
    }
    assert_eq!(node.wait(8_999).replace("send KEEPALIVE", ""), "");
    assert_eq!(node.wait(1), "send hold timer expired (4/0), close, Established → Active");
}

#[test]
fn keepalives_go_out_within_a_third_of_the_hold_time() {
    let mut node = Node::in_state(config(), State::Established);
    for _ in 0..20 {
        let (slept, said) = node.wake();
        assert!((2250..=3000).contains(&slept) && said == "send KEEPALIVE", "{slept} ms: {said}");
        node.hears(&keepalive());
    }
}

#[test]
fn a_hold_time_of_zero_is_no_end_of_patience() {
    let mut node = Node::in_state(config(), State::OpenSent);
    node.hears(&Open { hold: 0, ..their_open() }.encode());
    node.hears(&keepalive());
    assert_eq!((node.session.state(), node.session.next_deadline()), (State::Established, None));
}

#[test]
fn an_open_that_cannot_be_accepted_is_answered_with_the_reason() {
    let ipv6 =
        Capabilities { families: Families { ipv4: false, ipv6: true }, ..Capabilities::default() };
    let only_ipv4 = Config { families: Families::IPV4, ..config() };
    let internal = Config { peer_asn: OURS, ..config() };
    let theirs = their_open;
    let plain = |open: Open| Open { capabilities: Capabilities::default(), ..open };
    let four = |asn| Capabilities { four_octet_asn: Some(Asn(asn)), ..Capabilities::default() };
    let table = [
        (config(), plain(Open { asn: Asn(64501), ..theirs() }), "bad peer AS (2/2)"),
        (config(), Open { capabilities: four(64501), ..theirs() }, "bad peer AS (2/2)"),
        (
            Config { peer_asn: Asn(0), ..config() },
            plain(Open { asn: Asn(0), ..theirs() }),
            "bad peer AS (2/2)",
        ),
        (
            config(),
            Open { identifier: Ipv4Addr::UNSPECIFIED, ..theirs() },
            "bad BGP identifier (2/3)",
        ),
        (
            internal,
            plain(Open { asn: OURS, identifier: US, ..theirs() }),
            "bad BGP identifier (2/3)",
        ),
        (config(), Open { hold: 1, ..theirs() }, "unacceptable hold time (2/6)"),
        (config(), Open { hold: 2, ..theirs() }, "unacceptable hold time (2/6)"),
        (only_ipv4, Open { capabilities: ipv6, ..theirs() }, "unsupported capability (2/7)"),
    ];
    for (config, open, expected) in table {
        let mut node = Node::in_state(config, State::OpenSent);
        // The codec writes the AS of the capability in both places, where there is one.
        let said = node.hears(
            &Open { asn: open.capabilities.four_octet_asn.unwrap_or(open.asn), ..open }.encode(),
        );
        assert_eq!(said, format!("send {expected}, close, OpenSent → Active"));
    }
}

#[test]
fn ebgp_ends_may_have_the_same_identifier() {
    let mut node = Node::in_state(config(), State::OpenSent);
    let said = node.hears(&Open { identifier: US, ..their_open() }.encode());
    assert_eq!(said, "send KEEPALIVE, OpenSent → OpenConfirm");
}

#[test]
fn of_two_connections_the_one_of_the_higher_identifier_stays() {
    let lower = Ipv4Addr::new(192, 0, 2, 0);
    for (theirs, said_on_second) in [
        (
            THEM,
            "send connection collision resolution (6/7), close, OpenConfirm → OpenSent, \
                send KEEPALIVE, OpenSent → OpenConfirm",
        ),
        (lower, "send connection collision resolution (6/7), close incoming"),
    ] {
        let open = Open { identifier: theirs, ..their_open() }.encode();
        let mut node = Node::in_state(config(), State::OpenSent);
        assert_eq!(node.accepts(), "send OPEN");
        assert_eq!(node.hears(&open), "send KEEPALIVE, OpenSent → OpenConfirm");
        let incoming = node.incoming.expect("accepted");
        assert_eq!(node.hears_on(incoming, &open), said_on_second);
        assert_eq!(node.session.open().count(), 1);
    }
}

#[test]
fn an_established_session_lets_no_second_connection_in() {
    let mut node = Node::in_state(config(), State::Established);
    assert_eq!(node.accepts(), "refused");
}

#[test]
fn a_peer_that_calls_again_before_its_open_has_given_the_first_call_up() {
    let mut node = Node::new(Config { passive: true, ..config() });
    node.start();
    node.accepts();
    let said = node.accepts();
    assert!(said.starts_with("send connection rejected (6/5), close, "), "{said}");
    assert_eq!((node.session.state(), node.session.open().count()), (State::OpenSent, 1));
}

#[test]
fn bfd_has_no_say_before_it_was_up_in_the_session() {
    let mut node = Node::in_state(config(), State::Established);
    assert_eq!(node.bfd(Bfd::Down), "");
    assert_eq!(node.bfd(Bfd::Up), "");
    assert_eq!(node.bfd(Bfd::Down), "send BFD down (6/10), close, Established → Idle");
    assert_eq!(node.accepts(), "refused");
    let (slept, said) = node.wake();
    assert!((3750..=5000).contains(&slept), "{slept} ms");
    assert_eq!(said, "connect, Idle → Connect");
}

#[test]
fn bfd_up_ends_the_wait() {
    let mut node = Node::in_state(config(), State::Established);
    node.bfd(Bfd::Up);
    node.bfd(Bfd::Down);
    assert_eq!(node.bfd(Bfd::Up), "connect, Idle → Connect");
}

#[test]
fn a_peer_that_takes_nothing_is_left_after_the_send_hold_time_and_hears_nothing_more_meanwhile() {
    let mut session = Session::new(config(), fastrand::Rng::with_seed(1));
    let mut now = Instant::now();
    session.handle_start(now);
    let Some(Action::Connect { id }) = session.poll_action() else { panic!("it connects") };
    session.handle_connected(now, id, local());
    session.handle_received(now, id, &their_open().encode());
    session.handle_received(now, id, &keepalive());
    while session.poll_action().is_some() {}
    let start = now;
    for round in 0_u32.. {
        now += Duration::from_secs(1);
        session.handle_received(now, id, &keepalive());
        session.set_routes(now, RouteSet::new());
        session.handle_timeout(now);
        if session.state() != State::Established {
            break;
        }
        assert_eq!(session.poll_action(), None, "nothing is queued behind what is stuck");
        assert!(round < 1000, "it is never left");
    }
    assert_eq!(now - start, Duration::from_secs(480));
    let Some(Action::Send { message, .. }) = session.poll_action() else { panic!("a word") };
    assert_eq!(name(&message), "send hold timer expired (8/0)");
}

#[test]
fn the_operator_s_word_goes_to_the_peer_and_nobody_is_let_in_after_it() {
    let mut node = Node::in_state(config(), State::Established);
    node.session.handle_stop(node.now, Cease::AdministrativeShutdown, "maintenance");
    let said = "send administrative shutdown (6/2): \"maintenance\", close, Established → Idle";
    assert_eq!(node.said(), said);
    assert_eq!((node.accepts().as_str(), node.session.next_deadline()), ("refused", None));
}
