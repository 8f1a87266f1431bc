//! Bytes and values both ways, and what two independent decoders make of ours.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::bgp::routes::{Families, Family};
use crate::geo::Asn;

mod netgauze;
mod routecore;
mod told;

use super::refresh::Subtype;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// A whole message from what follows the marker.
fn message(hex: &str) -> Vec<u8> {
    [vec![0xff; 16], bytes(hex)].concat()
}

fn read(mut input: &[u8]) -> Result<Option<Message>, Notification> {
    Framer::default().read(&mut input)
}

fn open(asn: u32, capabilities: Capabilities) -> Open {
    Open { asn: Asn(asn), hold: 9, identifier: Ipv4Addr::new(192, 0, 2, 1), capabilities }
}

fn all_capabilities(asn: u32) -> Capabilities {
    Capabilities {
        families: Families::BOTH,
        route_refresh: true,
        enhanced_route_refresh: true,
        extended_next_hop: true,
        four_octet_asn: Some(Asn(asn)),
        graceful_restart: Some(GracefulRestart::default()),
    }
}

#[test]
fn messages_are_these_bytes_and_the_bytes_these_messages() {
    let long = Capabilities {
        graceful_restart: Some(GracefulRestart {
            restarting: true,
            time: 120,
            families: Families::IPV4,
        }),
        ..Capabilities::default()
    };
    let refresh = RouteRefresh { family: Some(Family::Ipv6), subtype: Subtype::Begin };
    let table: [(&str, Vec<u8>, Message); 6] = [
        ("0013 04", keepalive(), Message::Keepalive),
        (
            "001d 01 04 fc00 0009 c0000201 00",
            open(64512, Capabilities::default()).encode(),
            Message::Open(open(64512, Capabilities::default())),
        ),
        (
            "0041 01 04 5ba0 0009 c0000201 24 02 22 \
             0104 0001 0001 0104 0002 0001 0200 0506 000100010002 4002 0000 4104 fc00fde8 4600",
            open(0xfc00_fde8, all_capabilities(0xfc00_fde8)).encode(),
            Message::Open(open(0xfc00_fde8, all_capabilities(0xfc00_fde8))),
        ),
        (
            "0027 01 04 fc00 0009 c0000201 0a 02 08 4006 8078 0001 0180",
            open(64512, long).encode(),
            Message::Open(open(64512, long)),
        ),
        ("0017 05 0002 01 01", refresh.encode().expect("a family"), Message::RouteRefresh(refresh)),
        (
            "0018 03 06 02 02 6869",
            Notification::cease_with(Cease::AdministrativeShutdown, "hi").encode(),
            Message::Notification(Notification::cease_with(Cease::AdministrativeShutdown, "hi")),
        ),
    ];
    for (hex, written, value) in table {
        assert_eq!(written, message(hex), "{value:?}");
        assert_eq!(read(&message(hex)), Ok(Some(value)), "{hex}");
    }
}

#[test]
fn capabilities_are_read_from_several_parameters_and_unknown_ones_ignored() {
    let hex = "0037 01 04 fc00 0009 c0000201 1a 0206 0104 00010001 0202 0200 \
               0204 4902 6162 0206 0104 00020001";
    let capabilities =
        Capabilities { families: Families::BOTH, route_refresh: true, ..Capabilities::default() };
    assert_eq!(read(&message(hex)), Ok(Some(Message::Open(open(64512, capabilities)))));
}

#[test]
fn parameters_with_long_lengths_are_read() {
    let hex = "002a 01 04 fc00 0009 c0000201 ff ff 000a 02 0007 0104 00010001 46";
    let short = "0029 01 04 fc00 0009 c0000201 ff ff 0009 02 0006 0104 00010001";
    let capabilities = Capabilities { families: Families::IPV4, ..Capabilities::default() };
    assert_eq!(read(&message(short)), Ok(Some(Message::Open(open(64512, capabilities)))));
    assert_eq!(read(&message(hex)), Err(Notification::MALFORMED_OPEN));
}

#[test]
fn every_fault_has_its_notification_with_its_data() {
    let table: [(&str, Notification, &str); 12] = [
        ("0012 04", Notification::bad_length(18), "shorter than a header"),
        ("1001 02", Notification::bad_length(4097), "longer than a message"),
        ("0014 04 00", Notification::bad_length(20), "a KEEPALIVE with a body"),
        ("001c 01", Notification::bad_length(28), "an OPEN without room for its fields"),
        ("0016 02", Notification::bad_length(22), "an UPDATE without its lengths"),
        ("0014 03", Notification::bad_length(20), "a NOTIFICATION without a subcode"),
        ("0013 06", Notification::bad_type(6), "an unknown kind"),
        ("001d 01 03 fc00 0009 c0000201 00", Notification::unsupported_version(), "version 3"),
        ("001d 01 04 fc00 0009 c0000201 01", Notification::MALFORMED_OPEN, "no parameters"),
        ("001f 01 04 fc00 0009 c0000201 02 0201", Notification::MALFORMED_OPEN, "no value"),
        (
            "001f 01 04 fc00 0009 c0000201 02 0100",
            Notification::UNSUPPORTED_PARAMETER,
            "authentication of RFC 1771",
        ),
        (
            "0018 05 0001 00 01 00",
            Notification::bad_refresh_length(&[0, 1, 0, 1, 0]),
            "a ROUTE-REFRESH with a filter",
        ),
    ];
    for (hex, expected, why) in table {
        assert_eq!(read(&message(hex)), Err(expected), "{why}");
    }
    let mut unmarked = message("0013 04");
    unmarked[3] = 0;
    assert_eq!(read(&unmarked), Err(Notification::NOT_SYNCHRONIZED));
    assert_eq!(Notification::bad_length(4097).data.as_ref(), [0x10, 0x01]);
    assert_eq!(Notification::bad_type(6).data.as_ref(), [6]);
    assert_eq!(Notification::unsupported_version().data.as_ref(), [0, 4]);
    let refresh = Notification::bad_refresh_length(&[0, 1, 0, 1, 0]);
    assert_eq!(refresh.data.as_ref(), message("0018 05 0001 00 01 00"));
}

#[test]
fn updates_are_framed_and_dropped() {
    assert_eq!(read(&message("0019 02 ffff ffff ffff")), Ok(Some(Message::Update { length: 6 })));
}

#[test]
fn a_shutdown_message_is_cut_at_a_character_and_read_without_control_characters() {
    let long = Notification::cease_with(Cease::AdministrativeReset, &"ü".repeat(200));
    assert_eq!(long.reason(), Some("ü".repeat(127)));
    let nasty = Notification::cease_with(Cease::AdministrativeShutdown, "a\nb\u{1b}[0m");
    assert_eq!(nasty.to_string(), r#"administrative shutdown (6/2): "a\nb\u{1b}[0m""#);
    let silent = Notification::cease_with(Cease::BfdDown, "not said");
    assert_eq!((silent.data.len(), silent.to_string().as_str()), (0, "BFD down (6/10)"));
    let lying = Notification { data: vec![9, b'a'].into(), ..Notification::new(6, 2) };
    assert_eq!(lying.reason(), None);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_hold_one_message_at_most(
        input in proptest::collection::vec(any::<u8>(), 0..300),
        kind in 0_u8..8,
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = read(&input);
        let length = u16::try_from(HEADER + body.len()).expect("short").to_be_bytes();
        let framed = [&[0xff; 16], &length[..], &[kind], &body].concat();
        if let Ok(Some(message)) = read(&framed) {
            prop_assert_eq!(message.kind() as u8, kind);
        }
    }

    #[test]
    fn any_chunking_of_a_stream_gives_the_same_messages(
        kinds in proptest::collection::vec(0_usize..5, 0..12),
        chunks in proptest::collection::vec(1_usize..40, 1..40),
    ) {
        let samples = [
            keepalive(),
            open(64512, all_capabilities(64512)).encode(),
            Notification::cease(Cease::PeerDeconfigured).encode(),
            update::end_of_rib(Family::Ipv6),
            RouteRefresh { family: Some(Family::Ipv4), subtype: Subtype::Request }
                .encode().expect("a family"),
        ];
        let sent: Vec<&Vec<u8>> = kinds.iter().map(|&kind| &samples[kind]).collect();
        let expected: Vec<Message> =
            sent.iter().map(|m| read(m).expect("ours").expect("whole")).collect();
        let stream = sent.into_iter().flatten().copied().collect::<Vec<u8>>();
        let (mut framer, mut received, mut rest) = (Framer::default(), Vec::new(), &stream[..]);
        for size in chunks.iter().cycle() {
            let (mut chunk, later) = rest.split_at((*size).min(rest.len()));
            while let Some(message) = framer.read(&mut chunk).expect("ours") {
                received.push(message);
            }
            prop_assert!(chunk.is_empty());
            rest = later;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(received, expected);
    }

    #[test]
    fn every_open_comes_back(
        asn in 1_u32..,
        (ipv4, ipv6, route_refresh, enhanced_route_refresh, extended_next_hop) in any::<(bool, bool, bool, bool, bool)>(),
        hold: u16,
        identifier: u32,
        restart in proptest::option::of((any::<bool>(), 0_u16..4096, any::<bool>())),
    ) {
        let graceful_restart = restart.map(|(restarting, time, ipv6)| GracefulRestart {
            restarting, time, families: Families { ipv4: !ipv6, ipv6 },
        });
        let capabilities = Capabilities {
            families: Families { ipv4, ipv6 },
            route_refresh, enhanced_route_refresh, extended_next_hop, graceful_restart,
            four_octet_asn: Some(Asn(asn)),
        };
        let open = Open { asn: Asn(asn), hold, identifier: Ipv4Addr::from(identifier), capabilities };
        prop_assert_eq!(read(&open.encode()), Ok(Some(Message::Open(open))));
    }
}
