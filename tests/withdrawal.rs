//! The arithmetic of the anycast bench: what its table says must follow from what was seen.
#![allow(dead_code, unreachable_pub, reason = "the bench uses more of it")]

#[path = "../benches/anycast/kernel.rs"]
mod kernel;
#[path = "../benches/anycast/rounds.rs"]
mod rounds;
#[path = "../benches/failover/stamp.rs"]
mod stamp;
#[path = "../benches/anycast/wire.rs"]
mod wire;

use std::net::Ipv4Addr;
use std::time::Duration;

use rounds::{Round, last_answered, rounds, verdict};
use wire::{Word, posted, told};

const NODE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
const SERVICE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 53);
const ROUTE: &[u8] = &[32, 203, 0, 113, 53];

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An IPv4 packet without options; only what is read is filled in.
fn ip(protocol: u8, from: Ipv4Addr, to: Ipv4Addr, ports: [u16; 2], rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(24 + rest.len()).expect("short").to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    packet.extend_from_slice(rest);
    packet
}

fn tcp(from: Ipv4Addr, ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    // Sequence numbers, then a header of 20 octets.
    let rest = [&[0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0], payload].concat();
    ip(6, from, ROUTER, ports, &rest)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).expect("short").to_be_bytes();
    [&[0xff; 16], &length[..], &[kind], body].concat()
}

fn update(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let sized = |part: &[u8]| [&[0, u8::try_from(part.len()).expect("short")], part].concat();
    message(2, &[&sized(withdrawn)[..], &sized(attributes), announced].concat())
}

#[test]
fn what_a_node_says_of_a_route_is_found_between_other_words() {
    let communities = [0xc0, 8, 8, 0xfc, 0, 0, 100, 0xff, 0xff, 0, 0];
    let extended = [0xd0, 8, 0, 4, 0xff, 0xff, 0, 0];
    let other = [24, 198, 51, 100];
    let both = [&other[..], ROUTE].concat();
    let keepalive = message(4, &[]);
    let payloads = [
        (1, update(&[], &communities[..7], &both)),
        (2, [keepalive.clone(), update(&[], &communities, ROUTE)].concat()),
        (3, update(&[], &extended, ROUTE)),
        (4, update(&other, &[], &other)),
        (5, [update(&[], &[], &other), update(&both, &[], &[]), keepalive].concat()),
    ];
    let packets: Vec<_> =
        payloads.iter().map(|(at, payload)| (ms(*at), tcp(NODE, [40_000, 179], payload))).collect();
    let seen = || packets.iter().map(|(at, packet)| (*at, &packet[..]));
    let expected =
        [(1, Word::Announced), (2, Word::Leaving), (3, Word::Leaving), (5, Word::Withdrawn)];
    assert_eq!(told(seen(), NODE, SERVICE), expected.map(|(at, word)| (ms(at), word)));
    assert_eq!(told(seen(), ROUTER, SERVICE), [], "the other side");
    assert_eq!(told(seen(), NODE, NODE), [], "another route");
}

#[test]
fn half_of_a_packet_says_nothing_and_harms_nobody() {
    let whole = tcp(NODE, [179, 40_000], &update(ROUTE, &[], &[]));
    for end in 0..whole.len() {
        assert_eq!(told([(ms(1), &whole[..end])], NODE, SERVICE), [], "{end} octets");
        assert_eq!(rounds([(ms(1), &whole[..end])], (SERVICE, 53), ms(200)), []);
    }
    assert_eq!(told([(ms(1), &whole[..])], NODE, SERVICE), [(ms(1), Word::Withdrawn)]);
}

#[test]
fn an_order_is_the_first_post_to_its_port() {
    let packets = [
        (ms(1), tcp(NODE, [40_000, 8053], b"")),
        (ms(2), tcp(NODE, [40_000, 8054], b"POST / HTTP/1.1")),
        (ms(3), tcp(NODE, [40_000, 8053], b"POST /v1/node/drain HTTP/1.1")),
        (ms(4), tcp(NODE, [8053, 40_000], b"POST")),
    ];
    let seen = packets.iter().map(|(at, packet)| (*at, &packet[..]));
    assert_eq!(posted(seen, 8053), Some(ms(3)));
}

/// A question, or the answer to one, of this port.
fn question(at: u64, port: u16) -> (Duration, Vec<u8>) {
    (ms(at), ip(17, SERVICE, SERVICE, [port, 53], b""))
}

fn answer(at: u64, port: u16) -> (Duration, Vec<u8>) {
    (ms(at), ip(17, SERVICE, SERVICE, [53, port], b""))
}

#[test]
fn a_round_is_lost_when_one_of_its_questions_is() {
    let packets = [
        question(1_000, 1),
        answer(1_001, 1),
        question(1_200, 2),
        question(1_201, 3),
        answer(1_201, 2),
        answer(1_399, 3),
        question(1_400, 4),
        question(1_401, 5),
        answer(1_402, 5),
        question(1_601, 1),
    ];
    let seen = packets.iter().map(|(at, packet)| (*at, &packet[..]));
    let round = |at, lost| Round { at: ms(at), lost };
    let expected = [(1_000, false), (1_200, false), (1_400, true), (1_601, true)];
    let rounds = rounds(seen, (SERVICE, 53), ms(200));
    assert_eq!(rounds, expected.map(|(at, lost)| round(at, lost)));
}

#[test]
fn the_verdict_is_the_deadline_before_the_word() {
    let round = |at, lost| Round { at: ms(at), lost };
    let rounds = [round(1_200, false), round(1_400, true), round(1_601, true), round(1_801, true)];
    for (wire, expected) in [
        (1_500, None),
        // A node counts from before its question is seen.
        (1_599, Some(1_600)),
        (1_700, Some(1_600)),
        (1_803, Some(1_801)),
        (1_950, Some(1_801)),
        (2_100, Some(2_001)),
    ] {
        assert_eq!(verdict(&rounds, ms(200), ms(wire)), expected.map(ms), "{wire} ms");
    }
}

#[test]
fn a_strike_has_not_struck_while_questions_are_answered() {
    let round = |at, lost| Round { at: ms(at), lost };
    let rounds =
        [round(1_000, false), round(1_200, false), round(1_400, true), round(2_000, false)];
    assert_eq!(last_answered(&rounds, ms(1_800)), Some(ms(1_200)), "what came later is no matter");
    assert_eq!(last_answered(&rounds, ms(2_001)), Some(ms(2_000)));
    assert_eq!(last_answered(&rounds[2..], ms(1_800)), None);
}

#[test]
fn a_route_has_left_when_its_deletion_is_logged() {
    let log = "[1970-01-01T00:00:01.000001] Deleted 203.0.113.53 via 10.0.0.1 dev eth0 proto bird\n\
               [1970-01-01T00:00:02.000002] 203.0.113.53 via 10.0.0.1 dev eth0 proto bird\n\
               [1970-01-01T00:00:03.000003] Deleted unreachable 203.0.113.53\n\
               [1970-01-01T00:00:04.000004] Deleted 203.0.113.54 via 10.0.0.1 dev eth0\n\
               [1970-01-01T00:00:05.000005] Deleted 203.0.113.53 via 10.0.0.1 dev eth0\n";
    let micros = Duration::from_micros;
    assert_eq!(kernel::left(log, SERVICE, ms(0)), Some(micros(1_000_001)));
    assert_eq!(kernel::left(log, SERVICE, ms(1_500)), Some(micros(5_000_005)));
    assert_eq!(kernel::left(log, SERVICE, ms(6_000)), None);
}
