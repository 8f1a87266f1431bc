//! `bfd`: how a path to a peer is watched, of BGP and of VRRP.

use std::path::Path;
use std::time::Duration;

use super::{secret, values};
use crate::bfd::BfdOptions;
use crate::bfd::auth::{Auth, AuthType, Key};
use crate::config::diagnostic::Report;
use crate::config::read::fields::{Fields, mapping};
use crate::config::read::scalar;
use crate::config::tree::{self, Node};

/// The keys that both have.
pub(super) const KEYS: [&str; 3] = ["interval", "multiplier", "auth"];

/// A failure is known after 300 ms, and a moment's load is none.
const INTERVAL: Duration = Duration::from_millis(100);
const MULTIPLIER: u8 = 3;

/// A process that shares its machine cannot promise more; slower, the hold time of BGP is as good.
const FASTEST: Duration = Duration::from_millis(10);
const SLOWEST: Duration = Duration::from_secs(10);

const TYPES: [(&str, AuthType); 4] = [
    ("meticulous-sha1", AuthType::MeticulousKeyedSha1),
    ("sha1", AuthType::KeyedSha1),
    ("meticulous-md5", AuthType::MeticulousKeyedMd5),
    ("md5", AuthType::KeyedMd5),
];

/// Takes `bfd` as a mapping with these keys. Every key has a default, so a mere `true` is what many
/// would write.
pub(super) fn fields<'n>(node: &'n Node, keys: &[&str], report: &mut Report) -> Option<Fields<'n>> {
    const WHAT: &str = "`bfd`";
    let help = match node.text() {
        Some("true") => "write `bfd: {}`: every key has a default",
        Some("false") => "leave `bfd` out",
        _ => return Fields::of(node, WHAT, keys, report),
    };
    let message = format!("{WHAT} is a mapping (`key: value`), found {}", node.found());
    report.error(node.span, message).help(help);
    None
}

/// Reads what stands in `bfd`.
pub(super) fn read(
    fields: &Fields<'_>,
    directory: &Path,
    report: &mut Report,
) -> Option<BfdOptions> {
    let interval = values::duration_or(fields, "interval", INTERVAL, FASTEST..=SLOWEST, report);
    let multiplier = multiplier(fields, report);
    let auth = match fields.get("auth") {
        Some(node) => read_auth(node, directory, report).map(Some),
        None => Some(None),
    };
    Some(BfdOptions { interval: interval?, multiplier: multiplier?, auth: auth? })
}

fn multiplier(fields: &Fields<'_>, report: &mut Report) -> Option<u8> {
    let Some(node) = fields.get("multiplier") else { return Some(MULTIPLIER) };
    let multiplier = values::number(node, "multiplier", 1..=255, report)?;
    if multiplier == 1 {
        report
            .warning(node.span, "multiplier 1 takes a single lost packet for a failure")
            .help("3 is usual; a shorter interval detects as soon");
    }
    Some(multiplier)
}

fn read_auth(node: &Node, directory: &Path, report: &mut Report) -> Option<Auth> {
    const KEYS: [&str; 4] = ["type", "id", "key_file", "accept"];
    let fields = Fields::of(node, "`auth`", &KEYS, report)?;
    let auth_type = fields.require("type", "`auth`", report);
    let auth_type = auth_type.and_then(|node| scalar::choice(node, "a type", &TYPES, report));
    let id = fields.require("id", "`auth`", report);
    let id = id.and_then(|node| values::number(node, "id", 0..=255, report));
    let file = fields.require("key_file", "`auth`", report);
    let send = read_key(file?, (auth_type?, id?), directory, report);
    let accept = read_accept(&fields, (auth_type?, id?), directory, report);
    Some(Auth { auth_type: auth_type?, send: send?, accept: accept? })
}

/// Keys that are accepted beside the one that packets are sent with: files by id.
fn read_accept(
    fields: &Fields<'_>,
    (auth_type, send): (AuthType, u8),
    directory: &Path,
    report: &mut Report,
) -> Option<Vec<Key>> {
    let Some(node) = fields.get("accept") else { return Some(Vec::new()) };
    let mut ids = vec![send];
    let mut keys = Vec::new();
    let errors = report.errors();
    for (key, file) in mapping(node, "`accept`", report)? {
        let Some(id) = read_id(key, report) else { continue };
        if ids.contains(&id) {
            report.error(key.span, format!("key {id} stands twice"));
        }
        ids.push(id);
        keys.extend(read_key(file, (auth_type, id), directory, report));
    }
    (report.errors() == errors).then_some(keys)
}

fn read_id(key: &tree::Key, report: &mut Report) -> Option<u8> {
    let id = key.value.parse().ok();
    if id.is_none() {
        let found = tree::quote(&key.value);
        report.error(key.span, format!("expected the id of a key (0 to 255), found {found}"));
    }
    id
}

fn read_key(
    node: &Node,
    (auth_type, id): (AuthType, u8),
    directory: &Path,
    report: &mut Report,
) -> Option<Key> {
    let path = directory.join(scalar::text(node, "a file with a key", report)?);
    let what = format!("key {id}");
    let key = secret::read(&path).map_err(|error| error.to_string()).and_then(|file| {
        secret::warn_of_mode(node, &what, (&path, file.mode), report);
        let octets = secret::octets(&file.octets)?;
        Key::new(auth_type, id, octets).map_err(|error| {
            format!("{} octets (a key of {} has 1 to {})", error.length, auth_type, error.most)
        })
    });
    key.map_err(|reason| {
        report.error(node.span, format!("{what}: {}: {reason}", path.display()));
    })
    .ok()
}
