//! A probe: what is asked of a target, how often, and how many results change its state.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use super::fields::{Fields, word_list};
use super::scalar;
use crate::config::diagnostic::{Report, Span};
use crate::config::tree::{Node, quote};
use crate::health::{HttpSpec, ProbeKind, ProbeSpec, TlsSpec};

/// The keys that say what is asked; exactly one stands in a probe.
const KINDS: [&str; 4] = ["http", "https", "tcp", "tls"];

const EVERY: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(2);
const FALL: u32 = 3;
const RISE: u32 = 2;

/// A faster probe is a flood.
const SHORTEST_EVERY: Duration = Duration::from_millis(100);

/// More results than this would take hours to change a state: surely a slip.
const MOST_RESULTS: u64 = 1000;

/// A probe as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeShape {
    /// What is asked, and how often.
    pub spec: ProbeSpec,
    /// The port of its targets.
    pub port: u16,
}

/// What is asked, and at which port.
struct Kind {
    kind: ProbeKind,
    port: u16,
}

/// Reads a probe; `None` when there is a mistake in it, reported.
pub fn read(node: &Node, report: &mut Report) -> Option<ProbeShape> {
    const KNOWN: [&str; 8] = ["http", "https", "tcp", "tls", "every", "timeout", "fall", "rise"];
    let fields = Fields::of(node, "a probe", &KNOWN, report)?;
    let kind = read_kind(&fields, report);
    let times = read_times(&fields, report);
    let fall = read_results(&fields, "fall", FALL, report);
    let rise = read_results(&fields, "rise", RISE, report);
    let (Kind { kind, port }, (every, timeout)) = (kind?, times?);
    let spec = ProbeSpec { kind, every, timeout, fall: fall?, rise: rise? };
    Some(ProbeShape { spec, port })
}

/// `every` and `timeout`. A timeout not given gives way to a short `every`.
fn read_times(fields: &Fields<'_>, report: &mut Report) -> Option<(Duration, Duration)> {
    let every = read_every(fields, report);
    let timeout = match fields.get("timeout") {
        Some(node) => scalar::duration(node, report),
        None => Some(every.map_or(TIMEOUT, |every| TIMEOUT.min(every))),
    };
    let (every, timeout) = (every?, timeout?);
    if timeout <= every {
        return Some((every, timeout));
    }
    let place = |key| fields.get(key).map(|node: &Node| node.span);
    let entry = report.error(
        place("timeout").unwrap_or(fields.span),
        format!("timeout {timeout:?} is longer than every {every:?}"),
    );
    let entry = match place("every") {
        Some(span) => entry.label(span, "from start to start"),
        None => entry.here("`every` is 5s when not given"),
    };
    entry.help(format!("let the timeout be at most {every:?}, or probe less often"));
    None
}

fn read_every(fields: &Fields<'_>, report: &mut Report) -> Option<Duration> {
    let Some(node) = fields.get("every") else { return Some(EVERY) };
    let every = scalar::duration(node, report)?;
    if every < SHORTEST_EVERY {
        let message = format!("every {every:?} is too often (at least {SHORTEST_EVERY:?})");
        report.error(node.span, message);
        return None;
    }
    Some(every)
}

fn read_results(fields: &Fields<'_>, key: &str, default: u32, report: &mut Report) -> Option<u32> {
    let Some(node) = fields.get(key) else { return Some(default) };
    let results = scalar::integer(node, "a number of results", 1..=MOST_RESULTS, report)?;
    u32::try_from(results).ok()
}

fn read_kind(fields: &Fields<'_>, report: &mut Report) -> Option<Kind> {
    let mut given = fields.entries().iter().filter(|(key, _)| KINDS.contains(&key.value.as_str()));
    let Some((key, node)) = given.next() else {
        let message = "the probe does not say what it asks";
        report.error(fields.span, message).help(format!("give it one of {}", word_list(&KINDS)));
        return None;
    };
    if let Some((second, _)) = given.next() {
        let message =
            format!("a probe asks one thing, found `{}` and `{}`", key.value, second.value);
        report
            .error(second.span, message)
            .label(key.span, "the first is here")
            .help("make two probes; a pool takes a list: `probe: [one, two]`");
        return None;
    }
    match key.value.as_str() {
        "http" => read_http(node, report),
        "https" => read_https(node, report),
        "tcp" => read_tcp(node, report),
        _ => read_tls(node, report),
    }
}

fn read_http(node: &Node, report: &mut Report) -> Option<Kind> {
    const KNOWN: [&str; 5] = ["path", "port", "host", "status", "body"];
    let fields = Fields::of(node, "an http probe", &KNOWN, report)?;
    let port = read_port(&fields, Some(80), report);
    let http = read_exchange(&fields, report);
    Some(Kind { kind: ProbeKind::Http(http?), port: port? })
}

fn read_https(node: &Node, report: &mut Report) -> Option<Kind> {
    const KNOWN: [&str; 6] = ["path", "port", "host", "status", "body", "ca"];
    let fields = Fields::of(node, "an https probe", &KNOWN, report)?;
    let port = read_port(&fields, Some(443), report);
    let http = read_exchange(&fields, report);
    let ca = read_authorities(&fields, report);
    let http = http?;
    let tls = TlsSpec { host: http.host.clone(), ca: ca? };
    Some(Kind { kind: ProbeKind::Https(http, tls), port: port? })
}

fn read_tcp(node: &Node, report: &mut Report) -> Option<Kind> {
    let fields = Fields::of(node, "a tcp probe", &["port"], report)?;
    Some(Kind { kind: ProbeKind::Tcp, port: read_port(&fields, None, report)? })
}

fn read_tls(node: &Node, report: &mut Report) -> Option<Kind> {
    let fields = Fields::of(node, "a tls probe", &["port", "host", "ca"], report)?;
    let port = read_port(&fields, Some(443), report);
    let host = read_host(&fields, report);
    let ca = read_authorities(&fields, report);
    Some(Kind { kind: ProbeKind::Tls(TlsSpec { host: host?, ca: ca? }), port: port? })
}

fn read_port(fields: &Fields<'_>, default: Option<u16>, report: &mut Report) -> Option<u16> {
    let node = match default {
        Some(port) if fields.get("port").is_none() => return Some(port),
        _ => fields.require("port", "a tcp probe", report)?,
    };
    u16::try_from(scalar::integer(node, "a port", 1..=65535, report)?).ok()
}

fn read_exchange(fields: &Fields<'_>, report: &mut Report) -> Option<HttpSpec> {
    let path = match fields.get("path") {
        Some(node) => read_path(node, report),
        None => Some("/".into()),
    };
    let host = read_host(fields, report);
    let status = read_statuses(fields, report);
    let body = match fields.get("body") {
        Some(node) => scalar::text(node, "a text that the body holds", report).map(Some),
        None => Some(None),
    };
    Some(HttpSpec { path: path?, host: host?, status: status?, body: body?.map(Into::into) })
}

/// A request target in origin form (RFC 9112 §3.2.1).
fn read_path(node: &Node, report: &mut Report) -> Option<Box<str>> {
    let path = scalar::text(node, "a path such as /healthz", report)?;
    if !path.starts_with('/') {
        report
            .error(node.span, format!("the path {} does not start with a slash", quote(path)))
            .help("give host and port by their own keys");
        return None;
    }
    if let Some(bad) = path.chars().find(|c| !c.is_ascii_graphic() || *c == '#') {
        report
            .error(node.span, format!("{bad:?} cannot stand in a path"))
            .help("encode it as UTF-8 octets, each `%` and two hexadecimal digits");
        return None;
    }
    Some(path.into())
}

/// A name or an address, as the Host header and SNI carry it; the outer `None` is a mistake.
fn read_host(fields: &Fields<'_>, report: &mut Report) -> Option<Option<Box<str>>> {
    let Some(node) = fields.get("host") else { return Some(None) };
    let host = scalar::text(node, "a host name", report)?;
    if ServerName::try_from(host).is_err() {
        report
            .error(node.span, format!("{} is no host name", quote(host)))
            .help("write a name or an address alone; the port has its own key");
        return None;
    }
    Some(Some(host.into()))
}

fn read_statuses(fields: &Fields<'_>, report: &mut Report) -> Option<Box<[(u16, u16)]>> {
    let Some(node) = fields.get("status") else { return Some(Box::new([(200, 299)])) };
    let items = node.one_or_more();
    if items.is_empty() {
        report.error(node.span, "no status counts as success").help("write `status: [200-299]`");
        return None;
    }
    let ranges: Vec<_> = items.iter().map(|item| read_status(item, report)).collect();
    let mut ranges: Vec<_> = ranges.into_iter().collect::<Option<_>>()?;
    ranges.sort_unstable();
    ranges.dedup();
    Some(ranges.into())
}

/// `200`, or `200-299`: status codes have three digits, the first 1 to 5 (RFC 9110 §15).
fn read_status(node: &Node, report: &mut Report) -> Option<(u16, u16)> {
    const CODES: RangeInclusive<u16> = 100..=599;
    let code = |text: &str| {
        let plain = text.len() == 3 && text.bytes().all(|octet| octet.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten().filter(|code| CODES.contains(code))
    };
    let range = node.text().and_then(|text| {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        Some((code(low)?, code(high)?)).filter(|(low, high)| low <= high)
    });
    if range.is_none() {
        scalar::expected(node, "a status or a range such as 200-299 (100 to 599)", report);
    }
    range
}

/// `ca`: a PEM file, relative to the file that names it; the outer `None` is a mistake.
fn read_authorities(fields: &Fields<'_>, report: &mut Report) -> Option<Option<Box<Path>>> {
    let Some(node) = fields.get("ca") else { return Some(None) };
    let text = scalar::text(node, "a PEM file of certificate authorities", report)?;
    let path = beside(node.span, text, report);
    match check_authorities(&path) {
        Ok(()) => Some(Some(path.into())),
        Err(reason) => {
            report
                .error(node.span, format!("certificate authorities {}: {reason}", path.display()));
            None
        }
    }
}

/// A path relative to the directory of the file that names it.
fn beside(span: Span, path: &str, report: &Report) -> PathBuf {
    let file = Path::new(report.source(span.file).name());
    file.parent().map_or_else(|| path.into(), |directory| directory.join(path))
}

/// Whether a file holds at least one certificate and nothing broken.
fn check_authorities(path: &Path) -> Result<(), String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in it".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
