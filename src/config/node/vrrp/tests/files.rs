//! Keys and passwords in files: what is wrong with them, and what others may do with them.

use super::*;

/// What is said of `auth`, with DIR for the directory.
fn said_of_auth(directory: &Path, more: &str) -> Vec<String> {
    let text = format!("{LISTEN}{}", entry(more));
    let (_, found) = load(&directory.join("f"), &text);
    let root = directory.display().to_string();
    let line = |one: &Diagnostic| one.one_line().replace(&root, "DIR").replace("DIR/f:", "");
    found.iter().map(line).collect()
}

#[test]
fn a_secret_is_refused_with_its_file_and_its_fault() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    file(root, "good", &"k".repeat(32), 0o600);
    file(root, "short", "secret", 0o600);
    file(root, "empty", "", 0o600);
    file(root, "digits", &format!("hex:{}", "0g".repeat(32)), 0o600);
    file(root, "open", &"k".repeat(32), 0o644);
    file(root, "ours", "secret", 0o440);
    for (more, expected) in [
        ("auth: { keys: { 1: good } }", &[][..]),
        ("auth: { keys: { 1: good, 2: good }, mode: receive-only }", &[]),
        (
            "auth: { keys: { 1: short } }",
            &["3:71: error: key 1: DIR/short: 6 octets (a key has 32 to 64)"],
        ),
        (
            "auth: { keys: { 1: empty } }",
            &["3:71: error: key 1: DIR/empty: 0 octets (a key has 32 to 64)"],
        ),
        (
            "auth: { keys: { 1: digits } }",
            &["3:71: error: key 1: DIR/digits: `hex:` is not followed by pairs of hexadecimal \
               digits"],
        ),
        ("auth: { keys: { 1: . } }", &["3:71: error: key 1: DIR/.: not a regular file"]),
        (
            "auth: { keys: { 1: open } }",
            &["3:71: warning: key 1: DIR/open: mode 0644 is open to everybody"],
        ),
        (
            "auth: { keys: { 1: gone, 2: \"a\\0b\" }, send: 1 }",
            &[
                "3:71: error: key 1: DIR/gone: No such file or directory (os error 2)",
                "3:80: error: key 2: DIR/a\0b: file name contained an unexpected NUL byte",
            ],
        ),
        ("version: 2, auth: { password_file: ours }", &[]),
        (
            "version: 2, auth: { password_file: good }",
            &["3:87: error: password: DIR/good: 32 octets (a password has 1 to 8)"],
        ),
        (
            "version: 2, auth: { password_file: empty }",
            &["3:87: error: password: DIR/empty: 0 octets (a password has 1 to 8)"],
        ),
    ] {
        assert_eq!(said_of_auth(root, more), expected, "{more}");
    }
}

#[test]
fn a_program_that_is_not_there_yet_is_a_warning() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join("notify");
    let more = format!("notify: {{ command: {} }}", program.display());
    let found = said_of_auth(directory.path(), &more);
    let expected = "3:71: warning: the program DIR/notify cannot be found: No such file or \
                    directory (os error 2)";
    assert_eq!(found, [expected]);
    file(directory.path(), "notify", "", 0o644);
    let found = said_of_auth(directory.path(), &more);
    assert_eq!(found, ["3:71: error: the program DIR/notify is not executable"]);
    file(directory.path(), "notify", "", 0o755);
    assert!(said_of_auth(directory.path(), &more).is_empty());
}

#[test]
fn a_trailer_takes_the_room_of_an_address() {
    let directory = tempfile::tempdir().expect("a directory");
    file(directory.path(), "k", &"k".repeat(32), 0o600);
    for (count, expected) in [(89, None), (90, Some("room for 89 IPv6 addresses"))] {
        let addresses: Vec<_> = (0..count).map(|n| format!("'fd00::{n:x}'")).collect();
        let addresses = addresses.join(", ");
        let keys = "auth: { keys: { 1: k } }";
        let text = format!("{LISTEN}- {{ id: 1, interface: e, addresses: [{addresses}], {keys} }}");
        let (_, found) = load(&directory.path().join("f"), &text);
        let found: Vec<_> = found.iter().map(|one| one.message.as_str()).collect();
        assert_eq!(found.len(), usize::from(expected.is_some()), "{found:?}");
        assert!(expected.is_none_or(|end| found[0].ends_with(end)), "{found:?}");
    }
}
