//! What peers should not say.

use std::collections::BTreeSet;

use tokio::net::TcpSocket;

use super::*;
use crate::bgp::message::LONGEST;

/// A header without its body.
fn header(length: u16, kind: u8) -> Vec<u8> {
    let mut header = vec![0xff; 16];
    header.extend_from_slice(&length.to_be_bytes());
    header.push(kind);
    header
}

fn open_of(asn: Asn) -> Vec<u8> {
    let capabilities = Capabilities { four_octet_asn: Some(asn), ..Capabilities::default() };
    Open { asn, hold: 90, identifier: THERE, capabilities }.encode()
}

#[tokio::test]
async fn every_mistake_gets_the_notification_that_names_it() {
    let fixture = Fixture::start(vec![peer("hand", THERE)]).await;
    let longest = u16::try_from(LONGEST).expect("it fits");
    let mut cut = hand::open();
    // The OPEN says that it has more parameters than there are.
    cut[28] += 1;
    let late_open = [hand::open(), hand::open()].concat();
    let third_open = [hand::open(), keepalive(), hand::open()].concat();
    for (bytes, expected) in [
        (b"GET / HTTP/1.1\r\nHost: \r\n".to_vec(), "connection not synchronized (1/1)"),
        (header(18, 1), "bad message length (1/2)"),
        (header(longest + 1, 2), "bad message length (1/2)"),
        (header(28, 1), "bad message length (1/2)"),
        (header(20, 4), "bad message length (1/2)"),
        (header(19, 9), "bad message type (1/3)"),
        (cut, "OPEN message error (2/0)"),
        (open_of(Asn(64501)), "bad peer AS (2/2)"),
        (keepalive(), "unexpected message in OpenSent (5/1)"),
        (late_open, "unexpected message in OpenConfirm (5/2)"),
        (third_open, "unexpected message in Established (5/3)"),
    ] {
        let mut hand = fixture.connect(THERE).await;
        hand.say(&bytes).await;
        assert_eq!(hand.last_word().await, expected, "{bytes:?}");
        let text = fixture.until("hand", |status| status.state == State::Active).await;
        assert_eq!(text.trouble.expect("one").text.as_ref(), expected);
    }
}

#[tokio::test]
async fn a_message_that_comes_in_single_bytes_is_a_message() {
    let fixture = Fixture::start(vec![peer("hand", THERE)]).await;
    let mut hand = fixture.connect(THERE).await;
    for byte in [hand::open(), keepalive()].concat() {
        hand.say(&[byte]).await;
        tokio::task::yield_now().await;
    }
    fixture.until("hand", |status| status.state == State::Established).await;
}

#[tokio::test]
async fn a_message_that_is_never_finished_is_the_end_of_that_connection_alone() {
    let fixture = Fixture::start(vec![peer("hand", THERE)]).await;
    for length in [1, 18, 19, 30] {
        let mut hand = fixture.connect(THERE).await;
        hand.say(&hand::open()[..length]).await;
        drop(hand);
        fixture.until("hand", |status| status.state == State::Active).await;
    }
    let mut hand = fixture.connect(THERE).await;
    hand.establish().await;
    fixture.until("hand", |status| status.state == State::Established).await;
}

#[tokio::test]
async fn what_is_said_of_routes_never_ends_a_session() {
    let (fixture, mut hand) = Fixture::established().await;
    let mut rng = fastrand::Rng::with_seed(4);
    for _ in 0..200 {
        let length = rng.u16(23..=4096);
        let mut message = header(length, 2);
        message.extend(std::iter::repeat_with(|| rng.u8(..)).take(usize::from(length) - 19));
        hand.say(&message).await;
    }
    let all = |status: &PeerStatus| status.counters.messages.received.update == 200;
    assert_eq!(fixture.until("hand", all).await.state, State::Established);
}

#[tokio::test]
async fn who_is_too_far_away_is_not_the_secured_peer_even_where_others_may_be_far() {
    let mut secured = peer("hand", THERE);
    secured.distance = Distance::Security { hops: 1 };
    let far = peer("far", Ipv4Addr::new(127, 0, 0, 9));
    let fixture = Fixture::start(vec![secured, far]).await;
    for (ttl, is_heard) in [(254, false), (255, true)] {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket2::SockRef::from(&socket).set_ttl_v4(ttl).expect("set");
        socket.bind((THERE, 0).into()).expect("an address of this host");
        let stream = socket.connect(fixture.at).await.expect("the listener is there for all");
        let mut hand = Hand { stream, table: BTreeSet::new() };
        // What comes before the connection is looked at counts no more than what comes after it.
        let _ = hand.stream.try_write(&hand::open());
        assert_eq!(hand.hear().await.is_ok(), is_heard, "TTL {ttl}");
    }
}
