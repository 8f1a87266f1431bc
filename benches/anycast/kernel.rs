//! When a route left a kernel: the log of `ip -ts monitor route`, read back.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::stamp::since_1970;

/// When the route to a single address was deleted, for the first time after `from`. Counted from
/// 1970.
pub fn left(log: &str, address: Ipv4Addr, from: Duration) -> Option<Duration> {
    let deleted = log.lines().filter_map(|line| deleted(line, address));
    deleted.filter(|at| *at >= from).min()
}

/// `[2026-01-31T12:00:00.123456] Deleted 203.0.113.53 via 10.0.0.1 dev eth0 …`.
fn deleted(line: &str, address: Ipv4Addr) -> Option<Duration> {
    let (stamp, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let mut words = rest.strip_prefix("Deleted ")?.split_whitespace();
    let found: Ipv4Addr = words.next()?.parse().ok()?;
    (found == address).then(|| since_1970(stamp)).flatten()
}
