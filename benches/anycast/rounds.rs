//! The questions that a node asks itself, captured on its loopback: which were lost, and when the
//! node could know.
//!
//! Questions that go out together are a round. Its deadline is the only moment of a verdict that is
//! the same for every contender and can be seen from outside.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::wire::Seen;

/// Questions that went out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// When the first of them did.
    pub at: Duration,
    /// Whether one of them was not answered.
    pub lost: bool,
}

/// A datagram over IPv4.
struct Datagram {
    from: (Ipv4Addr, u16),
    to: (Ipv4Addr, u16),
}

/// The rounds of questions to a service. `every` is the time between two.
pub fn rounds<'p>(
    packets: impl IntoIterator<Item = Seen<'p>>,
    service: (Ipv4Addr, u16),
    every: Duration,
) -> Vec<Round> {
    // Each question has a port of its own.
    let mut asked: Vec<(Duration, u16, bool)> = Vec::new();
    for (at, ip) in packets {
        let Some(Datagram { from, to }) = datagram(ip) else { continue };
        if to == service {
            asked.push((at, from.1, false));
        } else if from == service {
            let question = asked.iter_mut().rev().find(|(_, port, _)| *port == to.1);
            question.into_iter().for_each(|(_, _, answered)| *answered = true);
        }
    }
    let mut rounds: Vec<Round> = Vec::new();
    for (at, _, answered) in asked {
        match rounds.last_mut() {
            Some(round) if at < round.at + every / 4 => round.lost |= !answered,
            Some(_) | None => rounds.push(Round { at, lost: !answered }),
        }
    }
    rounds
}

/// The deadline of the last lost round that can have led to what went out at `wire`.
pub fn verdict(rounds: &[Round], timeout: Duration, wire: Duration) -> Option<Duration> {
    // A node begins to count before its first question is seen.
    let early = timeout / 4;
    let deadlines = rounds.iter().filter(|round| round.lost).map(|round| round.at + timeout);
    deadlines.filter(|deadline| *deadline <= wire + early).max()
}

/// When the service was last asked and answered: until then the strike had not struck.
pub fn last_answered(rounds: &[Round], wire: Duration) -> Option<Duration> {
    let answered = rounds.iter().filter(|round| !round.lost && round.at < wire);
    answered.map(|round| round.at).max()
}

fn datagram(ip: &[u8]) -> Option<Datagram> {
    let header = usize::from(ip.first()? & 15) * 4;
    let address = |at: usize| -> Option<Ipv4Addr> {
        Some(<[u8; 4]>::try_from(ip.get(at..at + 4)?).ok()?.into())
    };
    let &[a, b, c, d] = ip.get(header..header + 4)? else { return None };
    let (from, to) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let udp_over_ipv4 = ip[0] >> 4 == 4 && ip.get(9) == Some(&17);
    udp_over_ipv4.then_some(Datagram { from: (address(12)?, from), to: (address(16)?, to) })
}
