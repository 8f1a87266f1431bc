//! The command line as people and scripts meet it: usage, exit statuses, what is said where.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};

use assert_cmd::assert::Assert;

fn rhumb(folder: &Path, words: &[&str]) -> Assert {
    let mut command = assert_cmd::Command::cargo_bin("rhumb").expect("the binary");
    command.current_dir(folder).args(words).env_remove("RUST_LOG").assert()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a configuration and one zone.
fn folder(zone: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let node = "zones: [\"*.zone.yaml\"]\nadmin: { listen: 127.0.0.1:1 }\nstate: state\n";
    std::fs::write(folder.path().join("rhumb.yaml"), node).expect("written");
    std::fs::write(folder.path().join("example.zone.yaml"), zone).expect("written");
    folder
}

const GOOD: &str = r#"
zone: example.com
soa: { primary: ns1, contact: hostmaster@example.com }
ns: [ns1]
pools:
  east: { members: [192.0.2.1] }
  west: { members: [192.0.2.2] }
names:
  ns1: { A: 192.0.2.53 }
  www: { route: { failover: [east, west] } }
"#;

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    for (words, said) in [
        (&[][..], "Usage:"),
        (&["sail"], "unrecognized subcommand"),
        (&["explain"], "<NAME>"),
        (&["explain", "www.example.com"], "--client"),
        (&["explain", "a..b", "--client", "192.0.2.1"], "a label is empty"),
        (&["explain", "a", "MX", "--client", "192.0.2.1"], "only A and AAAA"),
        (&["explain", "a", "--client", "here"], "invalid IP address"),
        (&["status", "--admin", "nowhere"], "--admin"),
        (&["run", "--log", "rhumb=shout"], "--log"),
        (&["run", "--log-format", "xml"], "human, json"),
        (&["demo", "--script", "3s dance"], "is no order"),
    ] {
        let output = rhumb(folder.path(), words).code(2).get_output().clone();
        let stderr = text(&output.stderr);
        assert!(stderr.contains(said), "{words:?}: no {said:?} in\n{stderr}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn help_is_there_for_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["run", "demo", "check", "explain", "status", "reload"] {
        let output = rhumb(folder.path(), &[command, "--help"]).success().get_output().clone();
        let help = text(&output.stdout);
        assert!(help.contains(&format!("Usage: rhumb {command}")), "{help}");
        let first = help.lines().next().unwrap_or_default();
        assert!(
            first.len() > 3 && !first.starts_with("Usage"),
            "{command} does not say what it is"
        );
    }
}

#[test]
fn check_counts_what_is_good_and_shows_what_is_not() {
    let good = folder(GOOD);
    let output = rhumb(good.path(), &["check"]).success().get_output().clone();
    assert_eq!(text(&output.stdout), "ok: 1 zone, 3 names, 2 pools\n");
    let output = rhumb(good.path(), &["check", "example.zone.yaml"]).success();
    assert_eq!(text(&output.get_output().stdout), "ok: 1 zone, 3 names, 2 pools\n");

    let bad = folder(
        &GOOD
            .replace("[east, west]", "[eats, west]")
            .replace("[192.0.2.2] }", "[192.0.2.2], colour: red }"),
    );
    for words in [&["check"][..], &["check", "rhumb.yaml"], &["check", "example.zone.yaml"]] {
        let output = rhumb(bad.path(), words).code(1).get_output().clone();
        let stdout = text(&output.stdout);
        assert!(stdout.contains("eats"), "{stdout}");
        assert!(stdout.ends_with("2 errors in 1 file\n"), "{stdout}");
        assert!(!stdout.contains('\x1b'), "colours in a pipe");
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    }
    let output = rhumb(bad.path(), &["check", "--format", "short"]).code(1).get_output().clone();
    let short = text(&output.stdout);
    assert_eq!(short.lines().count(), 3, "{short}");
    assert!(short.contains("example.zone.yaml:7:"), "{short}");
    assert!(short.contains("example.zone.yaml:10:"), "{short}");
    let output = rhumb(bad.path(), &["check", "--format", "json"]).code(1).get_output().clone();
    for line in text(&output.stdout).lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["severity"], "error");
        assert!(line["line"].is_u64() && line["message"].is_string(), "{line}");
    }
}

#[test]
fn check_refuses_what_cannot_be_read() {
    let folder = folder(GOOD);
    for words in [&["check", "missing.yaml"][..], &["check", "-c", "missing.yaml"]] {
        let output = rhumb(folder.path(), words).code(1).get_output().clone();
        assert!(text(&output.stdout).contains("missing.yaml"), "{}", text(&output.stdout));
    }
    std::fs::write(folder.path().join("bad.mmdb"), "no database").expect("written");
    let node = "zones: [\"*.zone.yaml\"]\ngeoip: { databases: [bad.mmdb] }\n";
    std::fs::write(folder.path().join("rhumb.yaml"), node).expect("written");
    let output = rhumb(folder.path(), &["check"]).code(1).get_output().clone();
    assert!(text(&output.stdout).contains("bad.mmdb"), "{}", text(&output.stdout));
}

#[test]
fn explain_reads_the_files_and_takes_pools_down() {
    let folder = folder(GOOD);
    let asked = ["explain", "www.example.com", "--client", "198.51.100.1"];
    let output = rhumb(folder.path(), &asked).success().get_output().clone();
    assert!(text(&output.stdout).contains("192.0.2.1"), "{}", text(&output.stdout));
    let with = |more: &[&str]| rhumb(folder.path(), &[&asked[..], more].concat());
    let output = with(&["--down", "east", "--json"]).success().get_output().clone();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(json["steering"]["answer"].to_string().contains("192.0.2.2"), "{json:#}");
    let output = with(&["--down", "eats"]).code(1).get_output().clone();
    let stderr = text(&output.stderr);
    assert!(stderr.contains("no pool is called eats"), "{stderr}");
    assert!(stderr.contains("did you mean example.com/east?"), "{stderr}");
}

#[test]
fn commands_for_a_running_node_say_so_when_there_is_none() {
    let folder = folder(GOOD);
    for words in [
        &["status"][..],
        &["reload"],
        &["explain", "www.example.com", "--client", "192.0.2.1", "--live"],
    ] {
        let output = rhumb(folder.path(), words).code(1).get_output().clone();
        let stderr = text(&output.stderr);
        assert!(stderr.contains("no rhumb answers at 127.0.0.1:1"), "{words:?}: {stderr}");
        assert!(stderr.contains("is it running?"), "{words:?}: {stderr}");
    }
}

/// Reads until a line contains all of these words; what was read.
fn until(output: &mut BufReader<ChildStdout>, words: &[&str]) -> String {
    let mut read = String::new();
    loop {
        let start = read.len();
        let len = output.read_line(&mut read).expect("text");
        assert!(len > 0, "it ended before a line with {words:?}:\n{read}");
        if words.iter().all(|word| read[start..].contains(word)) {
            return read;
        }
    }
}

#[test]
fn the_demo_fails_a_region_and_brings_it_back() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rhumb"))
        .args(["demo", "--dns", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut keyboard = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let welcome = until(&mut output, &["WHAT is"]);
    assert_eq!(welcome.matches("dig @127.0.0.1 -p ").count(), 4, "{welcome}");
    writeln!(keyboard, "fail virginia").expect("it reads");
    until(&mut output, &["virginia", "is down"]);
    writeln!(keyboard, "status").expect("it reads");
    until(&mut output, &["127.1.1.1", "down: status 503"]);
    writeln!(keyboard, "heal virginia").expect("it reads");
    until(&mut output, &["virginia", "is up"]);
    writeln!(keyboard, "quit").expect("it reads");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_demo_goes_on_without_a_terminal_until_its_script_ends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["demo", "--dns", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--script", "1s quit"];
    let output = rhumb(folder.path(), &words).success().get_output().clone();
    assert!(text(&output.stdout).contains("Try in another terminal"));
}

#[test]
fn the_packaged_configuration_has_no_mistake() {
    let folder = folder(GOOD);
    let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/rhumb.yaml");
    std::fs::copy(packaged, folder.path().join("rhumb.yaml")).expect("copied");
    std::fs::create_dir(folder.path().join("zones")).expect("a folder");
    std::fs::write(folder.path().join("zones/example.yaml"), GOOD).expect("written");
    let output = rhumb(folder.path(), &["check"]).success().get_output().clone();
    assert_eq!(text(&output.stdout), "ok: 1 zone, 3 names, 2 pools\n");
}

#[test]
fn a_pool_that_is_not_there_is_found_by_check_and_refused_by_run() {
    let folder = folder(GOOD);
    let file = folder.path().join("rhumb.yaml");
    let mut node = std::fs::read_to_string(&file).expect("a configuration");
    node += "ecmp: { name: r, prefix: 198.51.100.7/32, pool: example.com/eats }\n";
    std::fs::write(&file, &node).expect("written");
    let output = rhumb(folder.path(), &["check", "--format", "short"]).code(1).get_output().clone();
    let place = "rhumb.yaml:4:49: error: there is no pool example.com/eats\n";
    assert!(text(&output.stdout).contains(place), "{}", text(&output.stdout));
    let output = rhumb(folder.path(), &["run"]).code(1).get_output().clone();
    let said = "did you mean `example.com/east`?";
    assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    // Zones named on the command line may be a part of those that the node has.
    let zones = ["check", "-c", "rhumb.yaml", "example.zone.yaml"];
    rhumb(folder.path(), &zones).success();
    std::fs::write(&file, node.replace("eats", "east")).expect("written");
    rhumb(folder.path(), &["check"]).success();
}

#[test]
fn check_shows_the_mistakes_of_every_kind_of_file_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    let node = "foo: 1\nzones: z.yaml\ngeoip: { databases: none.mmdb }\nvrrp: { id: 0 }\n";
    write("rhumb.yaml", node).expect("one");
    write(
        "z.yaml",
        "zone: e.example\nns: [ns1]\nnames: { ns1: { A: 192.0.2.1 }, w: { route: x } }",
    )
    .expect("another");
    let output = rhumb(folder.path(), &["check"]).code(1).get_output().clone();
    let stdout = text(&output.stdout);
    for mistake in [
        "no key `foo`",
        "none.mmdb: cannot be read",
        "a `vrrp` entry needs `interface`",
        "unknown pool or policy `x`",
    ] {
        assert!(stdout.contains(mistake), "{mistake:?} is not in\n{stdout}");
    }
}
