//! Every fuzz target with its seeds, and with what chance makes of them: a few seconds of what
//! `cargo fuzz` does for hours (`fuzz/README.md`), on a stable compiler.
//!
//! The changes are drawn from a fixed seed, so a failure comes back. `RHUMB_FUZZ_ROUNDS` makes it as
//! many times as long, with other changes.

#[allow(unreachable_pub, reason = "the fuzz programs use it too")]
#[path = "../fuzz/src/lib.rs"]
mod bodies;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bodies::Target;

/// How often the seeds of a target are changed; texts are larger and take longer to read.
const ROUNDS: usize = 50_000;
const ROUNDS_OF_TEXT: usize = 1_000;
/// Octets that lie on limits.
const INTERESTING: [u8; 8] = [0, 1, 0x3f, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
/// Pieces of YAML, where a text is changed.
const WORDS: [&str; 16] =
    [":", "- ", "{", "}", "[", "]", "\"", "'", "#", "|\n", "*", "0", "4294967296", "-1", "é", "\t"];

fn try_target(name: &str, rounds: usize) {
    let target = bodies::target(name);
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds.iter().for_each(|seed| feed(target, seed));
    let longer = std::env::var("RHUMB_FUZZ_ROUNDS").ok().and_then(|times| times.parse().ok());
    let mut rng = fastrand::Rng::with_seed(longer.unwrap_or(1));
    for _ in 0..rounds * longer.unwrap_or(1) as usize {
        let mut input = seeds[rng.usize(..seeds.len())].clone();
        for _ in 0..=rng.usize(..4) {
            change(&mut input, &seeds, &mut rng);
        }
        feed(target, &input);
    }
}

/// Names the input when it is the last one.
fn feed(target: &Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let hex: String = input.iter().map(|octet| format!("{octet:02x}")).collect();
        eprintln!("{}: {} octets: {hex}", target.name, input.len());
        eprintln!("{}", String::from_utf8_lossy(input));
        resume_unwind(panic);
    }
}

/// One change: an octet, a stretch, or a piece of another seed.
fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut fastrand::Rng) {
    let at = rng.usize(..=input.len());
    let length = rng.usize(..=16.min(input.len() - at));
    match rng.u8(..8) {
        0 => input.truncate(at),
        1 => drop(input.drain(at..at + length)),
        2 => {
            let again = input[at..at + length].to_vec();
            input.splice(at..at, again.repeat(rng.usize(1..4)));
        }
        3 => {
            let other = &seeds[rng.usize(..seeds.len())];
            let from = rng.usize(..=other.len());
            let to = rng.usize(from..=other.len());
            input.splice(at..at + length, other[from..to].iter().copied());
        }
        4 => {
            let word = WORDS[rng.usize(..WORDS.len())];
            input.splice(at..at, word.bytes());
        }
        5 => input.insert(at, rng.u8(..)),
        kind => {
            if let Some(octet) = input.get_mut(at) {
                *octet = match kind {
                    6 => INTERESTING[rng.usize(..INTERESTING.len())],
                    _ => *octet ^ 1 << rng.u8(..8),
                };
            }
        }
    }
}

#[test]
fn no_query_can_do_harm() {
    try_target("dns_query", ROUNDS);
}

#[test]
fn no_reply_to_the_nodes_own_question_can_do_harm() {
    try_target("dns_reply", ROUNDS);
}

#[test]
fn no_stream_of_bgp_can_do_harm() {
    try_target("bgp_messages", ROUNDS);
}

#[test]
fn no_bgp_peer_can_do_harm() {
    try_target("bgp_session", ROUNDS);
}

#[test]
fn no_bfd_packet_can_do_harm() {
    try_target("bfd", ROUNDS);
}

#[test]
fn no_advertisement_can_do_harm() {
    try_target("vrrp", ROUNDS);
}

#[test]
fn no_netlink_message_can_do_harm() {
    try_target("netlink", ROUNDS);
}

#[test]
fn no_zone_file_can_do_harm() {
    try_target("zone_yaml", ROUNDS_OF_TEXT);
}

#[test]
fn no_node_configuration_can_do_harm() {
    try_target("node_yaml", ROUNDS_OF_TEXT);
}

#[test]
fn deep_and_long_texts_are_refused_or_read_but_end() {
    for name in ["zone_yaml", "node_yaml"] {
        for piece in ["[", "{a: ", "- ", "a:\n ", "? ", "\"", "é", "a: b\n", "&a ", "!"] {
            feed(bodies::target(name), piece.repeat(5_000).as_bytes());
        }
    }
}

#[test]
fn every_target_is_tried() {
    let source = include_str!("fuzz.rs");
    for target in bodies::TARGETS {
        assert!(source.contains(&format!("try_target(\"{}\"", target.name)), "{}", target.name);
    }
}
