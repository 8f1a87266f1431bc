//! The table: one row for each contender and scenario.

use crate::contender::Contender;
use crate::gaps::percentile;
use crate::scenario::Scenario;
use crate::trial::{Micros, Trial};

/// What a row is about.
#[derive(Clone, Copy)]
pub struct Row {
    /// Whose row it is.
    pub contender: Contender,
    /// What happened.
    pub scenario: Scenario,
}

/// The head of the table. Times are in milliseconds: median / p95 / worst.
pub const HEAD: &str = "\
| contender | scenario | trials | strike to verdict | verdict to wire | strike to wire \
| wire to kernel, one router away | two routers away |
|---|---|---:|---:|---:|---:|---:|---:|";

impl Row {
    /// The lines of its trials: the undisturbed ones, and those that the machine disturbed.
    pub fn lines(&self, trials: &[Trial]) -> Vec<String> {
        let (quiet, disturbed): (Vec<_>, Vec<_>) = trials.iter().partition(|t| t.is_undisturbed());
        let kinds = [(quiet, ""), (disturbed, " (disturbed)")];
        let kinds = kinds.into_iter().filter(|(trials, _)| !trials.is_empty());
        kinds.map(|(trials, kind): (Vec<Trial>, _)| self.line(&trials, kind)).collect()
    }

    fn line(&self, trials: &[Trial], kind: &str) -> String {
        [
            self.contender.name().to_owned(),
            format!("{}{kind}", self.scenario.name()),
            trials.len().to_string(),
            cell(trials, |t| t.detection),
            cell(trials, |t| Some(t.reaction)),
            cell(trials, |t| Some(t.whole)),
            cell(trials, |t| t.left[0]),
            cell(trials, |t| t.left[1]),
        ]
        .map(|cell| format!("| {cell} "))
        .concat()
            + "|"
    }
}

/// Rhumb beside the other, medians over all trials of a scenario that both had.
pub fn ratios(rows: &[(Row, Vec<Trial>)]) -> Vec<String> {
    let of = |contender: Contender| move |(row, _): &&(Row, _)| row.contender == contender;
    let ours = rows.iter().filter(of(Contender::Rhumb));
    let both = ours.filter_map(|(row, ours)| {
        let mut others = rows.iter().filter(of(Contender::Exabgp));
        let (_, theirs) = others.find(|(other, _)| other.scenario == row.scenario)?;
        let ratio = |of: fn(&Trial) -> Micros| Some(median(ours, of)? / median(theirs, of)?);
        let (whole, reaction) = (ratio(|t| t.whole)?, ratio(|t| t.reaction)?);
        let scenario = row.scenario.name();
        Some(format!(
            "{scenario}, rhumb / exabgp, medians of all trials: strike to wire {whole:.2}, \
             verdict to wire {reaction:.3}"
        ))
    });
    both.collect()
}

fn median(trials: &[Trial], of: fn(&Trial) -> Micros) -> Option<f64> {
    let values: Vec<_> = trials.iter().map(of).collect();
    percentile(&values, 50).map(|micros| micros as f64)
}

fn cell(trials: &[Trial], of: impl Fn(&Trial) -> Option<Micros>) -> String {
    let values: Vec<_> = trials.iter().filter_map(of).collect();
    let each = [50, 95, 100].map(|percent| percentile(&values, percent).map(millis));
    each.into_iter().flatten().collect::<Vec<_>>().join(" / ")
}

fn millis(micros: Micros) -> String {
    format!("{:.1}", micros as f64 / 1e3)
}
