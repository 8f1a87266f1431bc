//! The arithmetic of the failover bench: what its table says must follow from what was seen.
#![allow(dead_code, unreachable_pub, reason = "the bench uses more of it")]

#[path = "../benches/failover/gaps.rs"]
mod gaps;
#[path = "../benches/failover/message.rs"]
mod message;
#[path = "../benches/failover/owners.rs"]
mod owners;
#[path = "../benches/failover/rfc.rs"]
mod rfc;
#[path = "../benches/failover/stamp.rs"]
mod stamp;

use std::time::Duration;

use gaps::{Outage, Sample, irregularity, longest_outage, lost, percentile};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A query each millisecond from 100 on; `.` was answered in 200 µs, `x` was not.
fn stream(answers: &str) -> Vec<Sample> {
    let query = |(n, answer): (usize, char)| {
        let sent = ms(100 + n as u64);
        Sample { sent, answered: (answer == '.').then_some(sent + Duration::from_micros(200)) }
    };
    answers.chars().enumerate().map(query).collect()
}

fn outage(begin: u64, length: u64, ended: bool) -> Outage {
    Outage { begin: ms(begin), length: ms(length), ended }
}

#[test]
fn an_outage_lasts_from_the_first_lost_query_to_the_next_answered_one() {
    let cases = [
        ("...", 0, outage(0, 0, true)),
        ("..x..", 1, outage(102, 1, true)),
        (".xx.xxx..", 5, outage(104, 3, true)),
        (".xxx.xx..", 5, outage(101, 3, true)),
        ("xx..", 2, outage(100, 2, true)),
        ("..xxx", 3, outage(102, 2, false)),
        ("xxx.xx", 5, outage(100, 3, true)),
        ("", 0, outage(0, 0, true)),
    ];
    for (answers, unanswered, expected) in cases {
        let samples = stream(answers);
        assert_eq!((longest_outage(&samples), lost(&samples)), (expected, unanswered), "{answers}");
    }
}

#[test]
fn a_sender_that_paused_is_an_irregularity_and_no_outage() {
    let mut samples = stream("....");
    assert_eq!(irregularity(&samples), ms(1));
    samples.remove(1);
    samples.remove(1);
    assert_eq!((longest_outage(&samples).length, irregularity(&samples)), (ms(0), ms(3)));
    samples[1].answered = Some(ms(110));
    assert_eq!(irregularity(&samples), ms(10) - Duration::from_micros(200), "a late answer");
    assert_eq!(irregularity(&stream(".....xxxx")), ms(3), "no answers at all");
}

#[test]
fn percentiles_are_values_that_were_measured() {
    let values = [50, 10, 30, 20, 40];
    for (percent, value) in [(0, 10), (1, 10), (50, 30), (95, 50), (100, 50)] {
        assert_eq!(percentile(&values, percent), Some(value), "{percent}");
    }
    assert_eq!(percentile(&[1, 2, 3, 4], 50), Some(2));
    assert_eq!(percentile::<u8>(&[], 50), None);
}

#[test]
fn a_backup_waits_three_intervals_and_its_skew() {
    // RFC 9568 §6.1: the higher the priority, the shorter the skew.
    for (interval, priority, micros) in
        [(1_000, 100, 3_609_375), (100, 100, 360_937), (10, 100, 36_093), (1_000, 254, 3_007_812)]
    {
        let wait = rfc::active_down(ms(interval), priority);
        assert_eq!(wait.as_micros(), micros, "{interval} ms, priority {priority}");
    }
    assert_eq!(rfc::outage(ms(5_000), ms(361), ms(5_040)), ms(321));
    assert_eq!(rfc::outage(ms(5_000), ms(361), ms(6_000)), ms(0));
}

/// 2026-01-31T12:00:00 UTC.
const NOON: Duration = Duration::from_secs(1_769_860_800);

#[test]
fn a_monitor_tells_who_held_the_address_and_when() {
    let log = "\
[2026-01-31T12:00:00.000000] 4: eth0    inet 10.0.0.1/24 scope global eth0\\       valid_lft forever
[2026-01-31T12:00:01.500000] 4: eth0    inet 10.0.0.100/32 scope global eth0\\       valid_lft 10sec
[2026-01-31T12:00:02.000000] 1: lo    inet 10.0.0.100/32 scope host lo\\       valid_lft forever
[2026-01-31T12:00:04.000000] 4: eth0    inet 10.0.0.100/32 scope global eth0\\       valid_lft 10sec
[2026-01-31T12:00:05.250000] Deleted 4: eth0    inet 10.0.0.100/32 scope global eth0\\       valid_lft
[2026-01-31T12:00:06.000000] Deleted 1: lo    inet 10.0.0.100/32 scope host lo\\       valid_lft
[2026-01-31T12:00:09.000000] 4: eth0    inet6 fd00:1::100/128 scope global nodad \\       valid_lft
[2026-01-31T12:00:10.000000] 4: eth0    inet 10.0.0.100/32 scope global eth0\\       valid_lft 10sec
";
    let [vip, vip6] = ["10.0.0.100", "fd00:1::100"].map(|ip| ip.parse().expect("an address"));
    let now = NOON + ms(12_000);
    let first = (NOON + ms(1_500), NOON + ms(5_250));
    assert_eq!(owners::held(log, "eth0", vip, now), [first, (NOON + ms(10_000), now)]);
    assert_eq!(owners::held(log, "lo", vip, now), [(NOON + ms(2_000), NOON + ms(6_000))]);
    assert_eq!(owners::held(log, "eth0", vip6, now), [(NOON + ms(9_000), now)]);
    assert_eq!(owners::held("no such line\n[broken] 4: eth0", "eth0", vip, now), []);
}

#[test]
fn two_owners_are_counted_only_while_both_hold_the_address() {
    let first = [(ms(100), ms(200)), (ms(400), ms(500))];
    for (second, from, both) in [
        ((200, 400), 0, 0),
        ((150, 450), 0, 100),
        ((150, 450), 170, 80),
        ((0, 900), 0, 200),
        ((0, 900), 450, 50),
        ((600, 900), 0, 0),
    ] {
        let second_span = [(ms(second.0), ms(second.1))];
        assert_eq!(owners::overlap(&first, &second_span, ms(from)), ms(both), "{second:?} {from}");
    }
}

#[test]
fn an_answer_says_which_node_gave_it() {
    let query = message::query(0xabcd);
    let answer = message::answer(&query, 2).expect("a query");
    assert_eq!(message::identity(&answer), Some((0xabcd, 2)));
    assert_eq!(message::identity(&query), None, "a query is no answer");
    assert_eq!(message::answer(&[7], 2), None);
    for length in 0..answer.len() {
        assert_eq!(message::identity(&answer[..length]), None, "{length} octets");
    }
    let mut refused = answer.clone();
    refused[3] |= 5;
    assert_eq!(message::identity(&refused), None, "REFUSED");
}
