//! What the tests with a real server share: the server, a target that can be broken, `dig`.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part; nothing leaves it")]

pub mod server;
pub mod target;

use std::process::Command;

/// Whether a peer program is there. Without it the test is skipped and says so; with
/// `RHUMB_REQUIRE_PEERS=1` it fails instead.
pub fn peer(program: &str, package: &str) -> bool {
    let there = Command::new(program).arg("-v").output().is_ok();
    if !there {
        let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|v| v == "1");
        assert!(!required, "{program} (Debian package {package}) is required and not installed");
        eprintln!("skipped: {program} (Debian package {package}) is not installed");
    }
    there
}

/// What `dig` printed, `+short`-like or whole as asked.
pub fn dig(server: std::net::SocketAddr, words: &str) -> String {
    let output = Command::new("dig")
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string(), "+tries=1", "+time=2", "+norec"])
        .args(words.split_whitespace())
        .output()
        .expect("dig runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "dig {words}: {text}");
    text
}

/// The addresses or values that `dig +short` printed, sorted.
pub fn short(server: std::net::SocketAddr, words: &str) -> Vec<String> {
    let text = dig(server, &format!("{words} +short"));
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
