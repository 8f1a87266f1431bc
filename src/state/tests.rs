//! Files as they may be found, and serials as they must grow.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::*;
use crate::health::{HttpSpec, ProbeKind, ProbeSpec, State, Target, TargetHealth, TlsSpec};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn carried(kind: ProbeKind, state: State, results_to_change: u32) -> Carried {
    let probe = ProbeSpec {
        kind,
        every: Duration::from_millis(2_500),
        timeout: Duration::from_secs(1),
        fall: 3,
        rise: 2,
    };
    let reason = (state == State::Down).then(|| "status 503".into());
    let warning = (state == State::Up).then(|| "certificate expires in 6 days".into());
    Carried {
        target: Target { probe: Arc::new(probe), address: "[2001:db8::1]:443".parse().unwrap() },
        health: TargetHealth { state, results_to_change, reason, warning },
    }
}

/// One of everything.
fn saved() -> Saved {
    let http = HttpSpec {
        path: "/healthz?deep=1".into(),
        host: Some("www.example.com".into()),
        status: Box::new([(200, 299), (401, 401)]),
        body: Some("\"ok\"\n".into()),
    };
    let named = TlsSpec {
        host: Some("www.example.com".into()),
        ca: Some(PathBuf::from("/etc/ca.pem").into()),
    };
    let bare = TlsSpec { host: None, ca: None };
    let zones = [
        ("example.com.".to_owned(), Stored { serial: u32::MAX, content: u64::MAX }),
        (".".to_owned(), Stored { serial: 0, content: 0 }),
    ];
    let health = vec![
        carried(ProbeKind::Tcp, State::Unknown, 1),
        carried(ProbeKind::Tls(bare), State::Degraded, 2),
        carried(ProbeKind::Http(http.clone()), State::Down, 2),
        carried(ProbeKind::Https(http, named), State::Up, 0),
    ];
    let before = Saved { drained: true, ..Saved::default() };
    before.updated(zones.into(), health, at(1_800_000_000))
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_saved_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::of(&directory.path().join("made").join("anew"));
    assert_eq!(file.load(), Saved::default());
    file.save(&saved()).unwrap();
    assert_eq!(file.load(), saved());
    // Over an old file, and over what a crash left.
    fs::write(file.path.with_extension("json.new"), "half a fi").unwrap();
    let newer = Saved { saved_at: Some(at(1_800_000_060)), ..saved() };
    file.save(&newer).unwrap();
    assert_eq!(file.load(), newer);
    assert_eq!(names(file.path.parent().unwrap()), ["state.json"]);
}

#[test]
fn the_file_is_readable_by_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::of(directory.path());
    file.save(&saved()).unwrap();
    let mode = fs::metadata(&file.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_used_is_set_aside() {
    let later = r#"{"version": 2, "zones": "of another shape"}"#;
    let version_missing = r#"{"zones": {}}"#;
    let serial_too_large =
        r#"{"version": 1, "zones": {"example.com.": {"serial": 4294967296, "content": 1}}}"#;
    let cut = r#"{"version": 1, "zones": {"#;
    for text in [later, version_missing, serial_too_large, cut, "", "[]", "\0\u{1}"] {
        let directory = tempfile::tempdir().unwrap();
        let file = StateFile::of(directory.path());
        fs::write(&file.path, text).unwrap();
        assert_eq!(file.load(), Saved::default(), "{text}");
        assert_eq!(names(directory.path()), ["state.json.unusable"], "{text}");
        assert_eq!(fs::read_to_string(directory.path().join("state.json.unusable")).unwrap(), text);
        // The next start begins afresh.
        file.save(&saved()).unwrap();
        assert_eq!(file.load(), saved());
    }
}

#[test]
fn bytes_that_are_no_text_are_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::of(directory.path());
    fs::write(&file.path, [0xff, 0xfe]).unwrap();
    assert_eq!(file.load(), Saved::default());
    assert_eq!(names(directory.path()), ["state.json.unusable"]);
}

#[test]
fn what_another_version_keeps_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = StateFile::of(directory.path());
    let text = r#"{"version": 1, "saved_at": 5, "forced": [{"pool": "eu", "to": "drain"}],
        "zones": {"example.com.": {"serial": 7, "content": 8, "signed_until": 9}},
        "health": [{"target": {"probe": {"kind": "icmp"}}, "state": "up"}]}"#;
    fs::write(&file.path, text).unwrap();
    let loaded = file.load();
    assert_eq!(loaded.zones["example.com."], Stored { serial: 7, content: 8 });
    assert_eq!(loaded.health, []);
    let zones = loaded.zones.clone();
    file.save(&loaded.updated(zones, Vec::new(), at(6))).unwrap();
    let kept: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&file.path).unwrap()).unwrap();
    assert_eq!(kept["forced"][0]["to"], "drain");
    assert_eq!(kept["saved_at"], 6);
}

#[test]
fn health_is_restored_for_ten_minutes() {
    let saved = saved();
    let all = saved.health.len();
    let table = [
        (at(1_800_000_000), all),
        (at(1_800_000_599), all),
        (at(1_800_000_600), 0),
        (at(1_900_000_000), 0),
        // The clock was set back: there is no telling how old it is.
        (at(1_799_999_999), 0),
        (at(0), 0),
    ];
    for (now, restored) in table {
        assert_eq!(saved.restore(now).len(), restored, "{now:?}");
    }
    assert_eq!(Saved::default().restore(at(0)), []);
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let blocked = directory.path().join("blocked");
    fs::write(&blocked, "a file where the directory should be").unwrap();
    let error = StateFile::of(&blocked).save(&saved()).unwrap_err().to_string();
    assert!(error.contains("blocked/state.json"), "{error}");
}

#[test]
fn serials_grow_with_the_content_and_not_without() {
    let stored = |serial| Some(Stored { serial, content: 1 });
    const SAME: u64 = 1;
    const NEW: u64 = 2;
    const Y2026: u32 = 1_790_000_000;
    let table = [
        // (stored, content, modified, given, served)
        (None, NEW, u64::from(Y2026), None, Y2026),
        (None, NEW, 0, None, 1),
        (None, NEW, u64::from(Y2026), Some(5), 5),
        // Given is the operator's word, even when it goes back.
        (stored(9), SAME, 100, Some(7), 7),
        (stored(9), NEW, 100, Some(0), 0),
        // The same content keeps its serial, whatever the files' times.
        (stored(9), SAME, 0, None, 9),
        (stored(9), SAME, u64::from(Y2026), None, 9),
        (stored(0), SAME, 5, None, 0),
        // New content: the time of the files, so that nodes agree …
        (stored(9), NEW, 100, None, 100),
        (stored(9), NEW, 10, None, 10),
        // … unless that would not grow.
        (stored(9), NEW, 9, None, 10),
        (stored(9), NEW, 8, None, 10),
        (stored(9), NEW, 0, None, 10),
        (stored(2_026_010_101), NEW, u64::from(Y2026), None, 2_026_010_102),
        // RFC 1982: across the wrap, and never 0.
        (stored(u32::MAX), NEW, 0, None, 1),
        (stored(u32::MAX), NEW, 1, None, 1),
        (stored(u32::MAX), NEW, u64::from(Y2026), None, Y2026),
        (stored(u32::MAX - 1), NEW, 0, None, u32::MAX),
        (stored(u32::MAX - 1), NEW, u64::from(u32::MAX) - 5, None, u32::MAX),
        // A distance of 2^31 is not ahead, one less is.
        (stored(1), NEW, (1 << 31) + 1, None, 2),
        (stored(1), NEW, 1 << 31, None, 1 << 31),
        (stored((1 << 31) + 1), NEW, 0, None, (1 << 31) + 2),
        // A time past 2106 wraps as serials do.
        (stored(u32::MAX - 9), NEW, (1 << 32) + 5, None, 5),
        (stored(9), NEW, u64::MAX, None, 10),
        (None, NEW, 1 << 32, None, 1),
    ];
    for (stored, content, modified, given, served) in table {
        let found = serial(stored, content, modified, given);
        assert_eq!(found, served, "{stored:?}, content {content}, {modified}, {given:?}");
    }
}

proptest::proptest! {
    #[test]
    fn a_derived_serial_is_always_ahead_of_the_stored_one(old: u32, modified: u64) {
        let stored = Some(Stored { serial: old, content: 1 });
        let new = serial(stored, 2, modified, None);
        proptest::prop_assert!(is_ahead(new, old), "{old} → {new}");
        proptest::prop_assert!(new != 0);
    }
}
