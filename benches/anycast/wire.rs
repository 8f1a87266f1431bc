//! What a node told a router: captured BGP, read as far as one prefix needs it.
//!
//! The messages of a node with one route are small and go out at once, so each begins a segment or
//! follows another whole one in it.

use std::net::Ipv4Addr;
use std::time::Duration;

/// What was said of the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It is here.
    Announced,
    /// It is here, and is about to leave: `GRACEFUL_SHUTDOWN` (RFC 8326).
    Leaving,
    /// It is no longer here.
    Withdrawn,
}

/// An IP packet, and when it was seen.
pub type Seen<'p> = (Duration, &'p [u8]);

/// The well-known community 65535:0.
const GRACEFUL_SHUTDOWN: [u8; 4] = [0xff, 0xff, 0, 0];
/// `COMMUNITIES` (RFC 1997).
const COMMUNITIES: u8 = 8;
/// The length of a BGP header, and the type of an UPDATE (RFC 4271 §4.1).
const HEADER: usize = 19;
const UPDATE: u8 = 2;
/// The port of BGP, whichever side has it.
const BGP: u16 = 179;

/// A segment of TCP over IPv4.
struct Segment<'p> {
    from: Ipv4Addr,
    ports: [u16; 2],
    payload: &'p [u8],
}

/// All that `node` said of a single address, in order.
pub fn told<'p>(
    packets: impl IntoIterator<Item = Seen<'p>>,
    node: Ipv4Addr,
    address: Ipv4Addr,
) -> Vec<(Duration, Word)> {
    let mut told = Vec::new();
    for (at, ip) in packets {
        let Some(segment) = segment(ip) else { continue };
        if segment.from == node && segment.ports.contains(&BGP) {
            let words = updates(segment.payload).filter_map(|body| word(body, address));
            told.extend(words.map(|word| (at, word)));
        }
    }
    told
}

/// When a POST went to this port.
pub fn posted<'p>(packets: impl IntoIterator<Item = Seen<'p>>, port: u16) -> Option<Duration> {
    let posts = |ip| {
        segment(ip).is_some_and(|tcp| tcp.ports[1] == port && tcp.payload.starts_with(b"POST "))
    };
    packets.into_iter().find(|(_, ip)| posts(ip)).map(|(at, _)| at)
}

fn segment(ip: &[u8]) -> Option<Segment<'_>> {
    let (&[first, _, high, low, ..], header) = (ip, usize::from(*ip.first()? & 15) * 4) else {
        return None;
    };
    let tcp = ip.get(..usize::from(u16::from_be_bytes([high, low])))?.get(header..)?;
    let from: [u8; 4] = ip.get(12..16)?.try_into().ok()?;
    let &[a, b, c, d] = tcp.get(..4)? else { return None };
    let payload = tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)?;
    let ports = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    let tcp_over_ipv4 = first >> 4 == 4 && ip.get(9) == Some(&6);
    tcp_over_ipv4.then_some(Segment { from: from.into(), ports, payload })
}

/// The bodies of the UPDATEs of a segment.
fn updates(mut stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let messages = std::iter::from_fn(move || {
        let header = stream.get(..HEADER).filter(|header| header[..16] == [0xff; 16])?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        let body = stream.get(HEADER..length)?;
        stream = &stream[length..];
        Some((header[18], body))
    });
    messages.filter(|(kind, _)| *kind == UPDATE).map(|(_, body)| body)
}

/// What an UPDATE says of an address: withdrawn routes, attributes, announced ones (RFC 4271 §4.3).
fn word(body: &[u8], address: Ipv4Addr) -> Option<Word> {
    let (withdrawn, rest) = sized(body)?;
    let (attributes, announced) = sized(rest)?;
    if has(announced, address) {
        let leaving = is_leaving(attributes);
        return Some(if leaving { Word::Leaving } else { Word::Announced });
    }
    has(withdrawn, address).then_some(Word::Withdrawn)
}

/// Octets behind their own number, and what follows.
fn sized(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = octets.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*size)))
}

/// Whether the address, as a prefix of its own, is among these.
fn has(mut prefixes: &[u8], address: Ipv4Addr) -> bool {
    while let Some((&length, rest)) = prefixes.split_first() {
        let octets = usize::from(length).div_ceil(8);
        let Some((prefix, rest)) = rest.split_at_checked(octets) else { return false };
        if length == 32 && prefix == address.octets() {
            return true;
        }
        prefixes = rest;
    }
    false
}

fn is_leaving(mut attributes: &[u8]) -> bool {
    while let &[flags, kind, ref rest @ ..] = attributes {
        let extended = flags & 0x10 != 0;
        let value = match (extended, rest) {
            (true, _) => sized(rest),
            (false, &[length, ref rest @ ..]) => rest.split_at_checked(usize::from(length)),
            (false, []) => None,
        };
        let Some((value, rest)) = value else { return false };
        let (communities, _) = value.as_chunks::<4>();
        if kind == COMMUNITIES && communities.contains(&GRACEFUL_SHUTDOWN) {
            return true;
        }
        attributes = rest;
    }
    false
}
