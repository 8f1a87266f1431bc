//! A test in a network namespace of its own: the test binary runs itself there, for this one test.

#![allow(unreachable_pub, reason = "nothing leaves a test")]

use std::process::Command;

/// Set in the process inside.
const INSIDE: &str = "RHUMB_TEST_INSIDE_NAMESPACE";

/// Runs the body of the test of this name where nothing but `lo` is. Needs root, and the Debian
/// packages `iproute2` and `nftables`; without them the test is skipped and says so, and with
/// `RHUMB_REQUIRE_PEERS=1` it fails instead.
pub fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        ip("link set lo up");
        return body();
    }
    if let Some(lack) = lack() {
        let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|v| v == "1");
        assert!(!required, "{lack}");
        return eprintln!("skipped: {lack}");
    }
    let this = std::env::current_exe().expect("this binary");
    let mut inside = Command::new("unshare");
    inside.arg("--net").arg(this).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let output = inside.output().expect("unshare runs");
    let [said, complained] = [output.stdout, output.stderr];
    let text = [said, complained].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "inside the namespace:\n{text}");
}

/// What is missing on this machine.
fn lack() -> Option<String> {
    for (program, word, package) in
        [("unshare", "-V", "util-linux"), ("ip", "-V", "iproute2"), ("nft", "-v", "nftables")]
    {
        if Command::new(program).arg(word).output().is_err() {
            return Some(format!("{program} (Debian package {package}) is not installed"));
        }
    }
    let may = Command::new("unshare").args(["--net", "true"]).output();
    let may = may.is_ok_and(|output| output.status.success());
    (!may).then(|| "network namespaces need root".to_owned())
}

/// Runs `ip` with these words.
pub fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}

/// Runs `nft` with one command.
pub fn nft(command: &str) {
    run(Command::new("nft").arg(command));
}

/// Sets a kernel parameter of the namespace.
pub fn sysctl(path: &str, value: &str) {
    let path = format!("/proc/sys/{path}");
    std::fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
}
