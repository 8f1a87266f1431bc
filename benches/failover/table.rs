//! The table: one row for each contender, interval and scenario.

use std::time::Duration;

use crate::contender::Contender;
use crate::gaps::percentile;
use crate::rfc;
use crate::scenario::Scenario;
use crate::trial::{PRIORITIES, Trial};

/// What a row is about.
#[derive(Clone, Copy)]
pub struct Row {
    /// Whose row it is.
    pub contender: Contender,
    /// Between two advertisements.
    pub interval: Duration,
    /// What happened.
    pub scenario: Scenario,
}

/// The head of the table. Times are in milliseconds.
pub const HEAD: &str = "\
| contender | interval | scenario | trials | outage: median | p95 | worst | by RFC: median (most) \
| beside RFC: median | furthest | lost: median | most | two owners: median | longest | back: worst |
|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

impl Row {
    /// The lines of its trials: the undisturbed ones, and those whose control stream was not.
    pub fn lines(&self, trials: &[Trial]) -> Vec<String> {
        let (quiet, disturbed): (Vec<_>, Vec<_>) = trials.iter().partition(|t| t.is_undisturbed());
        let kinds = [(quiet, ""), (disturbed, " (disturbed)")];
        let kinds = kinds.into_iter().filter(|(trials, _)| !trials.is_empty());
        kinds.map(|(trials, kind): (Vec<Trial>, _)| self.line(&trials, kind)).collect()
    }

    fn line(&self, trials: &[Trial], kind: &str) -> String {
        let outages = column(trials, |t| t.outage.length);
        let owners = column(trials, |t| t.two_owners);
        let back = column(trials, |t| t.back.length);
        let lasting = trials.iter().any(|trial| !trial.back.ended);
        let endless = trials.iter().any(|trial| trial.two_owners_at_the_end);
        let lost: Vec<_> = trials.iter().map(|trial| trial.lost).collect();
        let lost = |percent| percentile(&lost, percent).unwrap_or_default();
        [
            self.contender.name().to_owned(),
            format!("{} ms", self.interval.as_millis()),
            format!("{}{kind}", self.scenario.name()),
            trials.len().to_string(),
            outages(50),
            outages(95),
            outages(100),
            self.by_rfc(trials),
            beside_rfc(trials, 50),
            beside_rfc(trials, 100),
            lost(50).to_string(),
            lost(100).to_string(),
            owners(50),
            format!("{}{}", if endless { "> " } else { "" }, owners(100)),
            format!("{}{}", if lasting { "> " } else { "" }, back(100)),
        ]
        .map(|cell| format!("| {cell} "))
        .concat()
            + "|"
    }

    fn by_rfc(&self, trials: &[Trial]) -> String {
        let each: Vec<_> = trials.iter().filter_map(|trial| trial.by_rfc).collect();
        let most = rfc::active_down(self.interval, PRIORITIES[1]);
        let median = percentile(&each, 50);
        median.map(|m| format!("{} ({})", millis(m), millis(most))).unwrap_or_default()
    }
}

/// How far the outages are from what the RFC's timer alone makes of each trial: ahead of it when
/// negative. The furthest of them is the 100th percentile.
fn beside_rfc(trials: &[Trial], percent: usize) -> String {
    let distance =
        |t: &Trial| Some(t.outage.length.as_micros() as i64 - t.by_rfc?.as_micros() as i64);
    let mut distances: Vec<i64> = trials.iter().filter_map(distance).collect();
    if percent == 100 {
        distances.sort_by_key(|distance| distance.abs());
        return distances.last().map(|furthest| signed(*furthest)).unwrap_or_default();
    }
    percentile(&distances, percent).map(signed).unwrap_or_default()
}

fn column(trials: &[Trial], of: impl Fn(&Trial) -> Duration) -> impl Fn(usize) -> String {
    let values: Vec<_> = trials.iter().map(of).collect();
    move |percent| percentile(&values, percent).map(millis).unwrap_or_default()
}

fn millis(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e3)
}

fn signed(micros: i64) -> String {
    format!("{:+.1}", micros as f64 / 1e3)
}
