//! A peer by hand.

use std::collections::BTreeSet;
use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::bgp::message::HEADER;

/// A connection of a peer, as bytes.
pub(super) struct Hand {
    pub(super) stream: TcpStream,
    /// What it was told of and holds.
    pub(super) table: BTreeSet<IpNet>,
}

/// Our parameters.
pub(super) fn open() -> Vec<u8> {
    let capabilities = Capabilities {
        families: Families::IPV4,
        route_refresh: true,
        four_octet_asn: Some(THEIRS),
        ..Capabilities::default()
    };
    Open { asn: THEIRS, hold: 90, identifier: THERE, capabilities }.encode()
}

impl Hand {
    pub(super) async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let stream = timeout(PATIENCE, socket.connect(to)).await.expect("in time")?;
        Ok(Self { stream, table: BTreeSet::new() })
    }

    /// OPEN and KEEPALIVE, both ways.
    pub(super) async fn establish(&mut self) {
        self.say(&open()).await;
        self.say(&keepalive()).await;
        self.hear_until(Kind::Keepalive).await;
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) {
        let written = timeout(PATIENCE, self.stream.write_all(bytes)).await;
        written.expect("in time").expect("a connection");
    }

    /// The next message: its kind and body.
    pub(super) async fn hear(&mut self) -> io::Result<(Kind, Vec<u8>)> {
        let mut header = [0; HEADER];
        timeout(PATIENCE, self.stream.read_exact(&mut header)).await.expect("in time")?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        let mut body = vec![0; length - HEADER];
        timeout(PATIENCE, self.stream.read_exact(&mut body)).await.expect("in time")?;
        Ok((Kind::new(header[18]).expect("a known kind"), body))
    }

    /// The body of the next message of this kind; UPDATEs before it go into the table.
    pub(super) async fn hear_until(&mut self, wanted: Kind) -> Vec<u8> {
        loop {
            let (kind, body) = self.hear().await.expect("a message");
            if kind == Kind::Update {
                self.learn(&body);
            }
            if kind == wanted {
                return body;
            }
        }
    }

    /// The NOTIFICATION that ends the connection, which then closes and is not reset.
    pub(super) async fn last_word(&mut self) -> String {
        let body = self.hear_until(Kind::Notification).await;
        let mut rest = Vec::new();
        let end = timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.expect("in time");
        assert_eq!(end.expect("closed in good order"), 0, "nothing follows");
        let data = body[2..].to_vec().into();
        Notification { code: body[0], subcode: body[1], data }.to_string()
    }

    /// Takes an UPDATE into the table.
    fn learn(&mut self, body: &[u8]) {
        let (withdrawn, rest) = sized(body);
        let (_attributes, announced) = sized(rest);
        prefixes(withdrawn).for_each(|prefix| _ = self.table.remove(&prefix));
        self.table.extend(prefixes(announced));
    }

    /// Hears UPDATEs until it knows these and no others.
    pub(super) async fn knows(&mut self, expected: &RouteSet) {
        while !self.table.iter().eq(expected.keys()) {
            self.hear_until(Kind::Update).await;
        }
    }
}

/// What a length of two bytes says, and what follows.
fn sized(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes[2..].split_at(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
}

/// Host routes, as most are here, or none.
fn prefixes(mut bytes: &[u8]) -> impl Iterator<Item = IpNet> {
    std::iter::from_fn(move || {
        let (&[length, a, b, c, d], rest) = bytes.split_first_chunk()?;
        bytes = rest;
        assert_eq!(length, 32);
        Some(IpNet::from(std::net::IpAddr::from([a, b, c, d])))
    })
}
