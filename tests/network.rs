//! What the lab promises to the tests that are built on it.
#![allow(clippy::disallowed_methods, reason = "it waits for kernels and processes")]

mod lab;

use std::time::{Duration, Instant};

use lab::{Daemon, Direction, Host, Lab, Signal, VIP, VIP6, signal, until};

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many of `count` echo requests come back, 2 ms apart.
fn echoes(from: &Host, to: &Host, count: u32) -> usize {
    let words = format!("-n -c {count} -i 0.002 -W 0.3 {}", to.address());
    let output = from.command("ping").args(words.split(' ')).output().expect("ping runs");
    String::from_utf8_lossy(&output.stdout).matches("bytes from").count()
}

/// The state of a process: `R`, `S`, `T` for stopped; `None` when it is gone.
fn state(daemon: &Daemon) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn sleeper(host: &Host) -> Daemon {
    // A child in a session of its own, as daemons have them.
    host.start("sleeper", host.command("sh").args(["-c", "setsid sleep 60 & echo up; wait"]))
}

#[test]
fn hosts_reach_each_other_in_both_families_on_both_lans() {
    let Some(lab) = Lab::with_two_lans(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let link_local = format!("{}%eth0", n2.link_local());
    let second = [n2.address_on(1), n2.address6_on(1)];
    let global = [n2.address(), n2.address6()].into_iter().chain(second);
    for to in global.map(|ip| ip.to_string()).chain([link_local]) {
        n1.run("ping", &format!("-n -c 1 -W 2 {to}"));
    }
}

#[test]
fn a_silent_port_passes_nothing_and_keeps_its_carrier() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    assert_eq!(echoes(n1, n2, 5), 5);
    let fault = lab.port("n1").silence();
    assert_eq!(echoes(n1, n2, 5), 0);
    assert!(n1.ip("link show eth0").contains("LOWER_UP"));
    fault.heal();
    // Meanwhile it may have given up looking for its neighbour, and looks again in its own time.
    assert!(until(PATIENCE, || echoes(n1, n2, 5) == 5));
}

#[test]
fn a_host_whose_cable_is_pulled_loses_its_carrier() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let carrier = || lab.host("n1").ip("link show eth0").contains("LOWER_UP");
    let fault = lab.port("n1").unplug();
    assert!(until(PATIENCE, || !carrier()));
    drop(fault);
    assert!(until(PATIENCE, carrier));
}

#[test]
fn loss_is_by_chance_and_one_way() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    assert_eq!(echoes(n1, n2, 10), 10);
    let fault = lab.port("n1").lose(Direction::FromHost, 50);
    // 400 tosses of a coin: fewer than 100 or more than 300 come once in 10^23 runs.
    let kept = echoes(n1, n2, 400);
    assert!((100..300).contains(&kept), "{kept} of 400");
    fault.heal();
    let asked = lab.port("n1").lose_of(Direction::ToHost, "ip protocol icmp", 100);
    let capture = n2.capture("eth0", "icmp[0] == 8");
    assert_eq!(echoes(n1, n2, 3), 0);
    assert_eq!(capture.stop().len(), 3, "the requests arrive: only the replies are lost");
    asked.heal();
    assert_eq!(echoes(n1, n2, 10), 10);
}

#[test]
fn packets_are_captured_whole_and_in_order() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let capture = n2.capture("eth0", "icmp[0] == 8");
    assert_eq!(echoes(n1, n2, 5), 5);
    let packets = capture.stop();
    assert!(packets.is_sorted_by_key(|packet| packet.at));
    // RFC 792: identifier, then the sequence number, from the fifth octet on.
    let sequence: Vec<_> = packets.iter().map(|packet| packet.ip()[27]).collect();
    assert_eq!(sequence, [1, 2, 3, 4, 5]);
}

#[test]
fn addresses_of_an_interface_are_seen_as_they_come_and_go() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let n1 = lab.host("n1");
    for vip in [VIP, VIP6] {
        assert!(!n1.holds("eth0", vip));
        n1.ip(&format!("address add {vip} dev eth0"));
        assert!(n1.holds("eth0", vip));
        n1.ip(&format!("address del {vip} dev eth0"));
        assert!(!n1.holds("eth0", vip));
    }
    let all = [n1.address(), n1.address6(), n1.link_local()];
    assert_eq!(n1.addresses("eth0"), all.into());
    assert!(n1.addresses("eth7").is_empty());
}

#[test]
fn a_blocked_port_is_deaf_on_one_address_only() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let n1 = lab.host("n1");
    n1.ip(&format!("address add {VIP} dev lo"));
    // A refused datagram is an ICMP error at once; a dropped one is silence.
    let refused = |ip: std::net::IpAddr| {
        let script = format!("echo x >/dev/udp/{ip}/5353; sleep 0.1; echo x >&3");
        let script = format!("exec 3<>/dev/udp/{ip}/5353; echo x >&3; {script}");
        !n1.command("bash").args(["-c", &script]).output().expect("bash").status.success()
    };
    assert!(refused(VIP) && refused(n1.address()));
    let fault = n1.drop_udp(5353, Some(VIP));
    assert!(!refused(VIP) && refused(n1.address()));
    fault.heal();
    assert!(refused(VIP));
}

#[test]
fn daemons_freeze_thaw_and_die_together_with_their_children() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let n1 = lab.host("n1");
    let (mut first, mut second) = (sleeper(n1), sleeper(n1));
    first.wait_for_log("up", PATIENCE);
    second.wait_for_log("up", PATIENCE);
    signal(&[&first, &second], Signal::Freeze);
    assert!(until(PATIENCE, || [&first, &second].map(state) == [Some('T'); 2]));
    signal(&[&first, &second], Signal::Thaw);
    assert!(until(PATIENCE, || [&first, &second].map(state) == [Some('S'); 2]));
    signal(&[&first, &second], Signal::Kill);
    assert!(first.wait(PATIENCE).is_some() && second.wait(PATIENCE).is_some());
    assert!(until(PATIENCE, || n1.processes().is_empty()), "{:?}", n1.processes());
}

#[test]
fn a_lab_is_gone_when_dropped_even_in_a_panic() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let path = format!("/run/netns/{}", lab.host("n1").namespace());
    assert!(std::path::Path::new(&path).exists());
    let started = Instant::now();
    let panicked = std::thread::spawn(move || {
        let (_sleeper, _lab) = (sleeper(lab.host("n1")), lab);
        std::panic::resume_unwind(Box::new("as a failed test does"));
    });
    drop(panicked.join().expect_err("it panics"));
    assert!(!std::path::Path::new(&path).exists());
    assert!(started.elapsed() < PATIENCE, "nothing waits for the sleeper's 60 s");
}
