use std::fs;

use super::*;

/// A tree of knobs.
fn knobs(values: &[(Knob, u32)]) -> (tempfile::TempDir, Knobs) {
    let root = tempfile::tempdir().expect("a directory");
    for (knob, value) in values {
        let path = root.path().join(knob.name().replace('.', "/"));
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(path, format!("{value}\n")).expect("written");
    }
    let knobs = Knobs::at(root.path());
    (root, knobs)
}

const POLICY: Knob = Knob::HashPolicyV4;
const SEED: Knob = Knob::HashSeed;

fn none() -> BTreeSet<Knob> {
    BTreeSet::new()
}

#[test]
fn a_knob_is_turned_back_to_what_it_was_by_whoever_finds_the_record() {
    let (_root, knobs) = knobs(&[(POLICY, 0), (SEED, 5)]);
    let state = tempfile::tempdir().expect("a directory");
    let mut record = Record::open(state.path()).expect("opened");
    assert!(!record.found());
    record.turn(&knobs, POLICY, 1).expect("turned");
    record.turn(&knobs, SEED, 7).expect("turned");
    record.turn(&knobs, SEED, 9).expect("turned again");
    drop(record);

    let mut record = Record::open(state.path()).expect("opened");
    assert!(record.found());
    assert_eq!((knobs.read(POLICY), knobs.read(SEED)), (Ok(1), Ok(9)));
    let done = record.turn_back(&knobs, &none()).expect("turned back");
    assert!(done.len() == 2 && done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!((knobs.read(POLICY), knobs.read(SEED)), (Ok(0), Ok(5)));
    record.close().expect("closed");
    assert!(!Record::exists(state.path()));
}

#[test]
fn a_knob_that_is_as_wanted_or_that_somebody_turned_is_not_ours() {
    let (_root, knobs) = knobs(&[(POLICY, 1), (SEED, 5)]);
    let state = tempfile::tempdir().expect("a directory");
    let mut record = Record::open(state.path()).expect("opened");
    record.turn(&knobs, POLICY, 1).expect("as wanted");
    record.turn(&knobs, SEED, 7).expect("turned");
    knobs.write(SEED, 8).expect("somebody turned it");
    assert_eq!(record.turn_back(&knobs, &none()), Ok(vec![]));
    assert_eq!((knobs.read(POLICY), knobs.read(SEED)), (Ok(1), Ok(8)));
}

#[test]
fn what_is_to_stay_is_not_turned_back_and_keeps_the_record() {
    let (_root, knobs) = knobs(&[(POLICY, 0)]);
    let state = tempfile::tempdir().expect("a directory");
    let mut record = Record::open(state.path()).expect("opened");
    record.turn(&knobs, POLICY, 1).expect("turned");
    let keep = Keep { routes: BTreeSet::new(), knobs: [POLICY].into() };
    assert_eq!(record.turn_back(&knobs, &keep.knobs), Ok(vec![]));
    record.set_keep(keep.clone()).expect("written");
    record.close().expect("closed");
    drop(record);
    assert_eq!(knobs.read(POLICY), Ok(1));
    assert_eq!(*Record::open(state.path()).expect("opened").keep(), keep);
}

#[test]
fn a_record_of_another_boot_says_nothing_of_this_one() {
    let (_root, knobs) = knobs(&[(POLICY, 0)]);
    let state = tempfile::tempdir().expect("a directory");
    let mut record = Record::open(state.path()).expect("opened");
    record.turn(&knobs, POLICY, 1).expect("turned");
    record.contents.kernel.boot = "another".to_owned();
    record.write().expect("written");
    drop(record);
    let mut record = Record::open(state.path()).expect("opened");
    assert!(!record.found());
    assert_eq!(record.turn_back(&knobs, &none()), Ok(vec![]));
}

#[test]
fn a_damaged_record_is_kept_aside_and_said_so() {
    let state = tempfile::tempdir().expect("a directory");
    let path = state.path().join("ecmp.json");
    for damage in ["{", "{\"format\": 2, \"kernel\": {\"boot\": \"\", \"namespace\": 1}}"] {
        fs::write(&path, damage).expect("written");
        let record = Record::open(state.path()).expect("opened");
        assert!(record.complaint().is_some_and(|c| c.contains("ecmp.json is damaged")));
        assert!(state.path().join("ecmp.json.bad").exists() && !path.exists());
    }
}

#[test]
fn two_processes_do_not_share_a_record() {
    let state = tempfile::tempdir().expect("a directory");
    let _held = Record::open(state.path()).expect("opened");
    let error = Record::open(state.path()).expect_err("locked");
    assert!(error.contains("another process keeps this state directory"), "{error}");
}
