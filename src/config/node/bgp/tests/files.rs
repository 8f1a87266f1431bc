//! Files that hold the secrets of sessions.

use super::*;
use crate::bfd::auth::{Auth, AuthType, Key};
use crate::bgp::config::Password;
use crate::config::node::BgpConfig;

/// A section with one peer.
fn with_peer(more: &str) -> String {
    format!(
        "bgp: {{ asn: 64512, router_id: 192.0.2.1, peers: {{ address: 192.0.2.2, asn: 1, {more} }} }}"
    )
}

fn read_in(directory: &Path, more: &str) -> (Option<BgpConfig>, Vec<String>) {
    let (config, found) = load(&directory.join("f"), &with_peer(more));
    let directory = format!("{}/", directory.display());
    let said = found.iter().map(|one| one.message.replace(&directory, ""));
    (config.bgp, said.collect())
}

#[test]
fn a_password_is_one_line_of_at_most_80_octets() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let long = "x".repeat(80);
    file(root, "good", "pass word\r\n", 0o640);
    file(root, "long", &long, 0o600);
    for (name, expected) in [("good", "pass word"), ("long", &long)] {
        let (config, said) = read_in(root, &format!("password_file: {name}"));
        assert!(said.is_empty(), "{said:?}");
        let password = config.expect("a section").speaker.peers[0].password.clone();
        assert_eq!(password, Some(Password(expected.as_bytes().to_vec())));
    }
    file(root, "open", "secret\n", 0o604);
    file(root, "longer", &format!("{long}x"), 0o600);
    file(root, "empty", "\n", 0o600);
    file(root, "lines", "a\nb\n", 0o600);
    for (name, expected, is_taken) in [
        ("open", "password: open: mode 0604 is open to everybody", true),
        ("longer", "password: longer: 81 octets (a password has 1 to 80)", false),
        ("empty", "password: empty: 0 octets (a password has 1 to 80)", false),
        ("lines", "password: lines: not one line of printable ASCII", false),
        ("none", "password: none: No such file or directory (os error 2)", false),
    ] {
        let (config, said) = read_in(root, &format!("password_file: {name}"));
        assert_eq!((said, config.is_some()), (vec![expected.to_owned()], is_taken), "{name}");
    }
}

#[test]
fn bfd_has_a_key_to_send_with_and_others_that_are_accepted() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    file(root, "one", "secret\n", 0o600);
    file(root, "two", "hex:00ff\n", 0o600);
    let of_type = AuthType::MeticulousKeyedSha1;
    let key = |id, secret: &[u8]| Key::new(of_type, id, secret.to_vec()).expect("short");
    let more = "bfd: { auth: { type: meticulous-sha1, id: 1, key_file: one, accept: { 2: two } } }";
    let (config, said) = read_in(root, more);
    assert!(said.is_empty(), "{said:?}");
    let bfd = config.expect("a section").speaker.peers[0].bfd.clone().expect("watched");
    let (send, accept) = (key(1, b"secret"), vec![key(2, &[0, 255])]);
    assert_eq!(bfd.auth, Some(Auth { auth_type: of_type, send, accept }));
}

#[test]
fn a_key_of_bfd_fits_its_type() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    file(root, "short", "secret\n", 0o600);
    file(root, "of17", &"x".repeat(17), 0o600);
    file(root, "of21", &"x".repeat(21), 0o600);
    file(root, "empty", "", 0o600);
    file(root, "open", "secret", 0o644);
    for (auth, expected) in [
        ("type: sha1, id: 0, key_file: of17", &[][..]),
        ("type: md5, id: 255, key_file: short", &[]),
        (
            "type: md5, id: 1, key_file: of17",
            &["key 1: of17: 17 octets (a key of keyed MD5 has 1 to 16)"],
        ),
        (
            "type: meticulous-md5, id: 1, key_file: of17",
            &["key 1: of17: 17 octets (a key of meticulous keyed MD5 has 1 to 16)"],
        ),
        (
            "type: sha1, id: 1, key_file: of21",
            &["key 1: of21: 21 octets (a key of keyed SHA1 has 1 to 20)"],
        ),
        (
            "type: sha1, id: 1, key_file: empty",
            &["key 1: empty: 0 octets (a key of keyed SHA1 has 1 to 20)"],
        ),
        ("type: sha1, id: 1, key_file: open", &["key 1: open: mode 0644 is open to everybody"]),
        (
            "type: sha1, id: 1, key_file: short, accept: { 1: short, 256: short, 3: none }",
            &[
                "key 1 stands twice",
                "expected the id of a key (0 to 255), found `256`",
                "key 3: none: No such file or directory (os error 2)",
            ],
        ),
        (
            "type: sha1, id: 1, key_file: short, accept: short",
            &["`accept` is a mapping (`key: value`), found `short`"],
        ),
    ] {
        let (_, said) = read_in(root, &format!("bfd: {{ auth: {{ {auth} }} }}"));
        assert_eq!(said, *expected, "{auth}");
    }
}
