//! Instructions of `answer()` case by case, repeatable on a noisy machine:
//! `cargo bench --bench instructions`.
//!
//! The bench runs itself under `valgrind --tool=callgrind` with N and with 2 N queries; the
//! difference, divided by N, is what one query takes, start-up and loading left out.

mod support;

use std::process::Command;

const QUERIES: u64 = 2_000;
/// The goal for a query that is steered by place and weight (instructions).
const GOAL: u64 = 600;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, mode, case, queries] = &words[..]
        && mode == "--ask"
    {
        return ask(case.parse().expect("a case"), queries.parse().expect("a number"));
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("skipped: valgrind (Debian package valgrind) is not installed");
        return;
    }
    println!("| case | instructions |\n|---|---:|");
    for (index, (case, ..)) in support::CASES.iter().enumerate() {
        let (once, twice) = (count(index, QUERIES), count(index, 2 * QUERIES));
        println!("| {case} | {} |", (twice - once) / QUERIES);
    }
    println!("\ngoal: below {GOAL} for a geo + weighted hit");
}

/// Answers one case `queries` times.
fn ask(case: usize, queries: u64) {
    let snapshot = support::snapshot();
    let (_, name, subnet) = support::CASES[case];
    let query = support::query(name, subnet);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut buffer = [0; 1232];
    let answered: usize =
        (0..queries).map(|_| support::ask(&snapshot, &query, &mut rng, &mut buffer)).sum();
    assert!(answered > 0);
}

/// The instructions of a whole run, as callgrind counts them.
fn count(case: usize, queries: u64) -> u64 {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["--ask", &case.to_string(), &queries.to_string()])
        .output()
        .expect("valgrind runs");
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("Collected :"));
    let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no count in callgrind's report:\n{text}"))
}
