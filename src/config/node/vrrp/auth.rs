//! `auth`: a password in version 2, keys in version 3.

use std::path::Path;
use std::time::Duration;

use vrrp::auth::{Auth, HmacAuth, HmacMode, Key, Password};
use vrrp::config::Version;

use super::{secret, values};
use crate::config::diagnostic::{Report, Spanned};
use crate::config::read::fields::{Fields, mapping};
use crate::config::read::scalar;
use crate::config::tree::{self, Node};

/// The keys of `auth` in version 3.
const HMAC_KEYS: [&str; 4] = ["mode", "keys", "send", "window"];

/// The key of `auth` in version 2.
const PASSWORD_KEY: &str = "password_file";

/// Of the time for which a good advertisement stays fresh, when not given: clocks that are kept
/// agree to far less, and three intervals may pass in silence anyway.
const WINDOW: Duration = Duration::from_secs(5);
const LONGEST_WINDOW: Duration = Duration::from_secs(300);

/// What the rest of the entry says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub directory: &'a Path,
    pub version: Option<Version>,
    pub advertise: Option<Duration>,
}

/// Reads `auth`; `None` is a mistake.
pub(super) fn read(fields: &Fields<'_>, around: Around<'_>, report: &mut Report) -> Option<Auth> {
    const KEYS: [&str; 5] = ["mode", "keys", "send", "window", "password_file"];
    let Some(node) = fields.get("auth") else { return Some(Auth::None) };
    let fields = Fields::of(node, "`auth`", &KEYS, report)?;
    match around.version? {
        Version::V2 => {
            let strange = HMAC_KEYS.iter().filter_map(|key| fields.key(key).map(|at| (key, at)));
            for (key, span) in strange {
                report
                    .error(span, format!("`{key}` is of version 3"))
                    .help("version 2 is authenticated by a `password_file` alone");
            }
            read_password(&fields, around.directory, report).map(Auth::Password)
        }
        Version::V3 => {
            if let Some(span) = fields.key(PASSWORD_KEY) {
                report
                    .error(span, format!("`{PASSWORD_KEY}` is of version 2"))
                    .help("version 3 is authenticated by `keys`");
            }
            read_hmac(&fields, around, report).map(Auth::Hmac)
        }
    }
}

fn read_password(fields: &Fields<'_>, directory: &Path, report: &mut Report) -> Option<Password> {
    let node = fields.require(PASSWORD_KEY, "`auth` in version 2", report)?;
    let path = directory.join(scalar::text(node, "a file with a password", report)?);
    let octets = read_file(node, "password", &path, report)?;
    match secret::password(&octets) {
        Ok(password) => Some(password),
        Err(reason) => {
            refuse(node, "password", &path, &reason, report);
            None
        }
    }
}

fn read_hmac(fields: &Fields<'_>, around: Around<'_>, report: &mut Report) -> Option<HmacAuth> {
    const MODES: [(&str, HmacMode); 3] = [
        ("receive-only", HmacMode::ReceiveOnly),
        ("permissive", HmacMode::Permissive),
        ("enforce", HmacMode::Enforce),
    ];
    let mode = values::choice_or(fields, "mode", HmacMode::Enforce, &MODES, report);
    let window = read_window(fields, around.advertise, report);
    let keys = fields.require("keys", "`auth` in version 3", report);
    let keys = keys.and_then(|node| read_keys(node, around.directory, report));
    let send = read_send(fields, mode, keys.as_ref(), report);
    let keys = keys?.into_iter().map(|key| key.value).collect::<Option<_>>()?;
    Some(HmacAuth { mode: mode?, keys, send: send?, window: window? })
}

/// 0: only the sequence counts.
fn read_window(
    fields: &Fields<'_>,
    advertise: Option<Duration>,
    report: &mut Report,
) -> Option<Duration> {
    match fields.get("window") {
        Some(node) => values::duration(node, "window", Duration::ZERO..=LONGEST_WINDOW, report),
        None => Some(WINDOW.max(advertise? * 3)),
    }
}

/// A key by its id; absent where its file has a mistake.
type KeyShape = IdOf<Option<Key>>;

/// Something and the id it has.
#[derive(Debug)]
struct IdOf<T> {
    id: Spanned<u8>,
    value: T,
}

/// Reads `keys`: files by id. `None` when there is nothing to choose from.
fn read_keys(node: &Node, directory: &Path, report: &mut Report) -> Option<Vec<KeyShape>> {
    let entries = mapping(node, "`keys`", report)?;
    if entries.is_empty() {
        report.error(node.span, "`keys` is empty: give each key an id and a file");
        return None;
    }
    let mut keys: Vec<KeyShape> = Vec::with_capacity(entries.len());
    let mut has_all = true;
    for (key, file) in entries {
        let Some(id) = read_id(key, report) else {
            has_all = false;
            continue;
        };
        if let Some(first) = keys.iter().find(|earlier| earlier.id.value == id) {
            let entry = report.error(key.span, format!("key {id} stands twice"));
            entry.label(first.id.span, "the first one");
            continue;
        }
        let value = read_key(id, file, directory, report);
        keys.push(IdOf { id: Spanned { span: key.span, value: id }, value });
    }
    has_all.then_some(keys)
}

/// 1 to 255, as other implementations have it.
fn read_id(key: &tree::Key, report: &mut Report) -> Option<u8> {
    let id = key.value.parse().ok().filter(|id| *id != 0);
    if id.is_none() {
        let found = tree::quote(&key.value);
        report.error(key.span, format!("expected the id of a key (1 to 255), found {found}"));
    }
    id
}

fn read_key(id: u8, node: &Node, directory: &Path, report: &mut Report) -> Option<Key> {
    let path = directory.join(scalar::text(node, "a file with a key", report)?);
    let what = format!("key {id}");
    let octets = read_file(node, &what, &path, report)?;
    match secret::key(&octets) {
        Ok(secret) => Some(Key { id, secret }),
        Err(reason) => {
            refuse(node, &what, &path, &reason, report);
            None
        }
    }
}

/// A file's octets; warns when everybody on the host can read them.
fn read_file(node: &Node, what: &str, path: &Path, report: &mut Report) -> Option<Vec<u8>> {
    match secret::read(path) {
        Ok(file) => {
            secret::warn_of_mode(node, what, (path, file.mode), report);
            Some(file.octets)
        }
        Err(error) => {
            refuse(node, what, path, &error.to_string(), report);
            None
        }
    }
}

fn refuse(node: &Node, what: &str, path: &Path, reason: &str, report: &mut Report) {
    let message = format!("{what}: {}: {reason}", path.display());
    let advice = (what != "password").then(|| {
        format!(
            "make one for all nodes: (umask 077; printf 'hex:%s' \"$(openssl rand -hex 32)\" > {})",
            path.display()
        )
    });
    report.error(node.span, message).help_if(advice);
}

/// The key to send with: the only one, or the one named.
fn read_send(
    fields: &Fields<'_>,
    mode: Option<HmacMode>,
    keys: Option<&Vec<KeyShape>>,
    report: &mut Report,
) -> Option<u8> {
    let named = match fields.get("send") {
        Some(node) => Some((node, values::number(node, "send", 1..=255, report)?)),
        None => None,
    };
    let keys = keys?;
    match (named, &keys[..]) {
        (Some((node, id)), _) => {
            let known = keys.iter().any(|key| key.id.value == id);
            if !known {
                let ids: Vec<_> = keys.iter().map(|key| key.id.value.to_string()).collect();
                report
                    .error(node.span, format!("send {id} is none of `keys`"))
                    .help(format!("the ids are {}", ids.join(", ")));
            }
            known.then_some(id)
        }
        (None, [only]) => Some(only.id.value),
        // Nothing is sent, so it does not matter.
        (None, [first, ..]) if mode == Some(HmacMode::ReceiveOnly) => Some(first.id.value),
        (None, _) => {
            let message = "several keys, and no `send` says which to send with";
            report.error(fields.span, message).help("write `send: ID`");
            None
        }
    }
}
