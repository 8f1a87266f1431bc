//! Who held the address when: `ip -ts monitor address` in both nodes, read back.

use std::net::IpAddr;
use std::time::Duration;

use crate::stamp::since_1970;

/// A time during which an interface held an address: from, to. Counted from 1970.
pub type Span = (Duration, Duration);

/// The spans during which `interface` held `address`, by the monitor's log. A span that has not
/// ended lasts until `now`.
pub fn held(log: &str, interface: &str, address: IpAddr, now: Duration) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut since = None;
    for line in log.lines() {
        let Some((at, event)) = event(line, interface, address) else { continue };
        match event {
            // An address is announced again when its lifetime is renewed.
            Event::Added => since = since.or(Some(at)),
            Event::Deleted => spans.extend(since.take().map(|since| (since, at))),
        }
    }
    spans.extend(since.map(|since| (since, now)));
    spans
}

/// How long both held it, counting from `from` on.
pub fn overlap(first: &[Span], second: &[Span], from: Duration) -> Duration {
    let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (a, b)));
    let both = |(a, b): (&Span, &Span)| a.1.min(b.1).saturating_sub(a.0.max(b.0).max(from));
    pairs.map(both).sum()
}

enum Event {
    Added,
    Deleted,
}

/// `[2026-01-31T12:00:00.123456] Deleted 4: eth0    inet 10.0.0.100/32 …`.
fn event(line: &str, interface: &str, address: IpAddr) -> Option<(Duration, Event)> {
    let (stamp, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (event, rest) = match rest.strip_prefix("Deleted ") {
        Some(rest) => (Event::Deleted, rest),
        None => (Event::Added, rest),
    };
    let mut words = rest.split_whitespace().skip(1);
    let ours = words.next()? == interface;
    let found: IpAddr = words.nth(1)?.split('/').next()?.parse().ok()?;
    (ours && found == address).then_some((since_1970(stamp)?, event))
}
