//! `hold`, `connect_retry`, `password_file`, `ttl_security`, `multihop`, `graceful_restart` and
//! `bfd`: how a session is carried, and when it is given up.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::endpoint::Endpoint;
use crate::bgp::config::{BfdOptions, Distance, Password};
use crate::config::diagnostic::Report;
use crate::config::node::values::{self, shown};
use crate::config::node::{bfd, secret};
use crate::config::read::fields::Fields;
use crate::config::read::scalar;
use crate::config::tree::{Node, quote};

/// Three keepalives of 3 s.
const HOLD: Duration = Duration::from_secs(9);

/// RFC 4271 §4.2: zero or at least 3 s; two octets. Zero would notice no failure at all.
const HOLDS: RangeInclusive<Duration> = Duration::from_secs(3)..=Duration::from_secs(65_535);

/// Peers back off for longer, so this end is the eager one.
const RETRY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);

/// What flaps faster than this is given time.
const RECONNECT: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(60);

const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// For how long a peer keeps the routes of a dead node: what most routers do.
const RESTART_SECONDS: u16 = 120;

/// How a session is carried.
#[derive(Debug)]
pub(super) struct Transport {
    pub hold: Duration,
    pub connect_retry: RangeInclusive<Duration>,
    pub password: Option<Password>,
    pub distance: Distance,
    pub graceful_restart: Option<u16>,
    pub bfd: Option<BfdOptions>,
    pub bfd_reconnect: RangeInclusive<Duration>,
}

impl Transport {
    /// Reads the keys of a peer; `None` after a mistake.
    pub(super) fn read(
        fields: &Fields<'_>,
        endpoint: &Endpoint,
        directory: &Path,
        report: &mut Report,
    ) -> Option<Self> {
        let hold = hold(fields, report);
        let connect_retry = waits(fields, "connect_retry", RETRY, report);
        let password = password(fields, directory, report);
        let distance = distance(fields, report);
        let name = endpoint.name.as_ref().map_or("", |name| &name.value);
        let graceful_restart = graceful_restart(fields, name, report);
        let watched = read_bfd(fields, directory, report);
        let (bfd, bfd_reconnect) = watched?;
        Some(Self {
            hold: hold?,
            connect_retry: connect_retry?,
            password: password?,
            distance: distance?,
            graceful_restart: graceful_restart?,
            bfd,
            bfd_reconnect,
        })
    }
}

fn hold(fields: &Fields<'_>, report: &mut Report) -> Option<Duration> {
    let Some(node) = fields.get("hold") else { return Some(HOLD) };
    let hold = values::duration(node, "hold", HOLDS, report)?;
    if hold.subsec_nanos() != 0 {
        let message = format!("hold {} is no multiple of 1s (BGP counts seconds)", shown(hold));
        report.error(node.span, message);
        return None;
    }
    Some(hold)
}

/// `1s/30s`: the first wait, and what it grows to; or one that stays.
fn waits(
    fields: &Fields<'_>,
    key: &str,
    default: RangeInclusive<Duration>,
    report: &mut Report,
) -> Option<RangeInclusive<Duration>> {
    let Some(node) = fields.get(key) else { return Some(default) };
    let text = node.text().unwrap_or("");
    let (first, last) = text.split_once('/').unwrap_or((text, text));
    let both = scalar::parse_duration(first).zip(scalar::parse_duration(last));
    let Some((first, last)) = both else {
        scalar::expected(node, "a wait and what it grows to, such as 1s/30s", report);
        return None;
    };
    for wait in [first, last] {
        if !(SHORTEST_WAIT..=values::LONGEST_WAIT).contains(&wait) {
            let (low, high) = (shown(SHORTEST_WAIT), shown(values::LONGEST_WAIT));
            let message = format!("{key} {} is out of range ({low} to {high})", shown(wait));
            report.error(node.span, message);
            return None;
        }
    }
    if first > last {
        report.error(node.span, format!("{key} {} does not grow", quote(text))).help(format!(
            "the shorter wait stands first: {}/{}",
            shown(last),
            shown(first)
        ));
        return None;
    }
    Some(first..=last)
}

/// The key of TCP MD5 signatures; the outer `None` is a mistake.
fn password(
    fields: &Fields<'_>,
    directory: &Path,
    report: &mut Report,
) -> Option<Option<Password>> {
    let Some(node) = fields.get("password_file") else { return Some(None) };
    let path = directory.join(scalar::text(node, "a file with a password", report)?);
    let password = secret::read(&path).map_err(|error| error.to_string()).and_then(|file| {
        secret::warn_of_mode(node, "password", (&path, file.mode), report);
        secret::tcp_md5(&file.octets)
    });
    match password {
        Ok(password) => Some(Some(Password(password))),
        Err(reason) => {
            report.error(node.span, format!("password: {}: {reason}", path.display()));
            None
        }
    }
}

fn distance(fields: &Fields<'_>, report: &mut Report) -> Option<Distance> {
    let mut number = |key: &str, range| {
        fields.get(key).map(|node: &Node| values::number(node, key, range, report))
    };
    match (number("ttl_security", 1..=254), number("multihop", 2..=255)) {
        (None, None) => Some(Distance::Unchecked),
        (Some(hops), None) => Some(Distance::Security { hops: hops? }),
        (None, Some(ttl)) => Some(Distance::Multihop { ttl: ttl? }),
        (Some(_), Some(_)) => {
            let place = |key| fields.key(key).unwrap_or(fields.span);
            report
                .error(place("multihop"), "`multihop` beside `ttl_security`")
                .label(place("ttl_security"), "this one checks the distance")
                .help("`ttl_security: HOPS` alone lets a peer be so many hops away");
            None
        }
    }
}

/// The outer `None` is a mistake.
fn graceful_restart(fields: &Fields<'_>, peer: &str, report: &mut Report) -> Option<Option<u16>> {
    if !values::flag_or(fields, "graceful_restart", false, report)? {
        return Some(None);
    }
    let span = fields.get("graceful_restart").map_or(fields.span, |node| node.span);
    report
        .warning(
            span,
            format!("peer {peer} would keep the routes of a dead node for {RESTART_SECONDS}s"),
        )
        .help("without it the routes go with the session, and other nodes take over at once");
    Some(Some(RESTART_SECONDS))
}

/// `bfd`, and the waits after sessions that it has ended; the outer `None` is a mistake.
fn read_bfd(
    fields: &Fields<'_>,
    directory: &Path,
    report: &mut Report,
) -> Option<(Option<BfdOptions>, RangeInclusive<Duration>)> {
    let Some(node) = fields.get("bfd") else { return Some((None, RECONNECT)) };
    const KEYS: [&str; 4] = ["interval", "multiplier", "auth", "reconnect"];
    let fields = bfd::fields(node, &KEYS, report)?;
    let options = bfd::read(&fields, directory, report);
    let reconnect = waits(&fields, "reconnect", RECONNECT, report);
    Some((Some(options?), reconnect?))
}
