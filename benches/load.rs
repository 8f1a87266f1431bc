//! From the text of a large zone to a world that answers: `cargo bench --bench load`, of 100,000
//! names; `cargo bench --bench load -- 1000000` of as many as that.
#![allow(clippy::disallowed_methods, reason = "it measures time")]

mod support;

use std::time::Instant;

use rhumb::geo::mmdb::Databases;
use rhumb::world::World;

const NAMES: usize = 100_000;
const ROUNDS: usize = 5;

fn main() {
    // Cargo adds `--bench`.
    let names = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let names = names.map_or(NAMES, |names| names.parse().expect("a number of names"));
    let started = Instant::now();
    let databases = Databases::embedded();
    println!("the embedded database, verified: {:?}", started.elapsed());
    let text = support::zone(names);
    let before = memory("VmRSS:");
    let (mut read, mut built) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let started = Instant::now();
        let config = support::read(text.clone(), &databases);
        read.push(started.elapsed());
        let started = Instant::now();
        let world = World::build(config, &databases, 1, 1);
        // As a node does.
        rhumb::sys::return_freed_memory();
        built.push(started.elapsed());
        assert!(!world.zones.is_empty());
        if round == 0 {
            let grown = |field| memory(field).saturating_sub(before) / 1024;
            println!("{names} names, {} KiB of YAML", text.len() / 1024);
            println!("resident: {} MiB at most, then {}", grown("VmHWM:"), grown("VmRSS:"));
        }
    }
    read.sort();
    built.sort();
    let (read, built) = (read[ROUNDS / 2], built[ROUNDS / 2]);
    println!("read and check: median {read:?} of {ROUNDS}\nbuild: median {built:?} of {ROUNDS}");
}

/// Memory of this process in KiB, as Linux tells it; 0 where it does not.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}
