//! A stream of BGP messages, whole and in pieces.

use std::net::Ipv4Addr;

use rhumb::bgp::message::refresh::{RouteRefresh, Subtype};
use rhumb::bgp::message::update::end_of_rib;
use rhumb::bgp::message::{
    Capabilities, Cease, Framer, GracefulRestart, Message, Notification, Open, keepalive,
};
use rhumb::bgp::routes::{Families, Family};
use rhumb::geo::Asn;

/// The first octet is the size of the pieces; the rest is the stream.
pub(crate) fn run(input: &[u8]) {
    let Some((&size, stream)) = input.split_first() else { return };
    let whole = read([stream]);
    let pieces = read(stream.chunks(usize::from(size).max(1)));
    assert_eq!(whole, pieces, "the pieces in which a stream arrives make a difference");
    for message in whole.iter().flatten() {
        again(message);
    }
    if let Some(Err(notification)) = whole.last() {
        assert!(notification.encode().len() <= 4096);
        let _ = format!("{notification} {:?} {}", notification.reason(), notification.name());
    }
}

/// All messages; an error is the last.
fn read<'i>(pieces: impl IntoIterator<Item = &'i [u8]>) -> Vec<Result<Message, Notification>> {
    let (mut framer, mut read) = (Framer::default(), Vec::new());
    for mut piece in pieces {
        loop {
            match framer.read(&mut piece) {
                Ok(Some(message)) => read.push(Ok(message)),
                Ok(None) => break,
                Err(notification) => {
                    read.push(Err(notification));
                    return read;
                }
            }
        }
        assert!(piece.is_empty(), "{} octets were not taken", piece.len());
    }
    read
}

/// What was understood is understood again when we say it.
fn again(message: &Message) {
    let bytes = match message {
        Message::Open(open) => open.encode(),
        Message::Notification(notification) => notification.encode(),
        Message::Keepalive => keepalive(),
        Message::RouteRefresh(refresh) => match refresh.encode() {
            Some(bytes) => bytes,
            None => return,
        },
        Message::Update { .. } => return,
    };
    assert_eq!(read([&bytes[..]]), [Ok(message.clone())]);
}

/// An OPEN with everything in it.
pub(crate) fn open(asn: u32) -> Open {
    Open {
        asn: Asn(asn),
        hold: 9,
        identifier: Ipv4Addr::new(192, 0, 2, 1),
        capabilities: Capabilities {
            families: Families::BOTH,
            route_refresh: true,
            enhanced_route_refresh: true,
            extended_next_hop: true,
            four_octet_asn: Some(Asn(asn)),
            graceful_restart: Some(GracefulRestart {
                restarting: false,
                time: 120,
                families: Families::BOTH,
            }),
        },
    }
}

/// A demand for all routes of a family.
pub(crate) fn refresh() -> Vec<u8> {
    let refresh = RouteRefresh { family: Some(Family::Ipv4), subtype: Subtype::Request };
    refresh.encode().expect("a family that we know")
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let bye = Notification::cease_with(Cease::AdministrativeShutdown, "maintenance");
    let all = [
        open(64500).encode(),
        open(4_200_000_000).encode(),
        keepalive(),
        end_of_rib(Family::Ipv4),
        end_of_rib(Family::Ipv6),
        refresh(),
        bye.encode(),
    ];
    let each = all.iter().map(|message| [&[7], &message[..]].concat());
    each.chain([[&[1], &all.concat()[..]].concat()]).collect()
}
