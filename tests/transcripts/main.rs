//! Runs `tests/answers/*.txt` and the promises in the comments of `zones/*.yaml`.
//!
//! A transcript is a configuration and cases of query and answer, written to be read by people who
//! run networks; `tests/answers/README.md` is the format. Every reply is decoded by hickory-proto,
//! which shares no code with the server.

#![allow(unreachable_pub, reason = "nothing leaves a test")]

mod case;
mod reply;
mod scene;

use std::path::{Path, PathBuf};

use case::Case;
use scene::Scene;

/// A draw is repeated this often: enough to see every alternative that a case names (the rarest
/// used has a share of 10 %: missed with a chance below 1e-18), and the seeds are fixed.
const DRAWS: u64 = 400;

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder is there");
    let mut files: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == ending));
    files.sort();
    assert!(!files.is_empty(), "no .{ending} in {}", folder.display());
    files
}

/// Runs every case of a text; gives what went wrong, and how many cases there were.
fn run(file: &Path, scene: &Scene, cases: &[Case]) -> Vec<String> {
    let place = |case: &Case| format!("{}:{}: {}", file.display(), case.line, case.title);
    let outcome = |case: &Case| case.check(scene, DRAWS).err();
    cases.iter().filter_map(|case| Some(format!("{}\n{}", place(case), outcome(case)?))).collect()
}

#[test]
fn every_transcript_is_answered_as_written() {
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for file in files("tests/answers", "txt") {
        let text = std::fs::read_to_string(&file).expect("a readable transcript");
        let (scene, of_file) = case::parse(&file, &text);
        cases += of_file.len();
        wrong.extend(run(&file, &scene, &of_file));
    }
    assert!(wrong.is_empty(), "{} of {cases} cases:\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(cases >= 88, "only {cases} cases");
}

#[test]
fn every_example_zone_does_what_its_comments_promise() {
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("a readable zone");
        (file, text)
    };
    let zones: Vec<_> = files("zones", "yaml").into_iter().map(read).collect();
    let scene = case::zones_together(&zones);
    let mut wrong = Vec::new();
    for (file, text) in &zones {
        let cases = case::promises(text);
        assert!(!cases.is_empty(), "{}: its comments promise nothing", file.display());
        wrong.extend(run(file, &scene, &cases));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
