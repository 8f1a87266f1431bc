//! From the text of 100,000 names to a world that answers: `cargo bench --bench load`.
#![allow(clippy::disallowed_methods, reason = "it measures time")]

mod support;

use std::time::Instant;

use rhumb::geo::mmdb::Databases;

const NAMES: usize = 100_000;
const ROUNDS: usize = 5;

fn main() {
    let started = Instant::now();
    let databases = Databases::embedded();
    println!("the embedded database, verified: {:?}", started.elapsed());
    let text = support::zone(NAMES);
    let before = resident();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let started = Instant::now();
        let world = support::load(text.clone(), &databases);
        times.push(started.elapsed());
        if round == 0 {
            let grown = resident().saturating_sub(before) / 1024;
            println!("{NAMES} names, {} KiB of YAML: {grown} MiB resident more", text.len() / 1024);
        }
        assert!(!world.zones.is_empty());
    }
    times.sort();
    println!("load and build: median {:?} of {ROUNDS}", times[ROUNDS / 2]);
}

/// Resident memory in KiB; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}
