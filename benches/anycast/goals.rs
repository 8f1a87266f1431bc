//! What Rhumb has promised, and which trials did not come to an end.

use crate::contender::{Contender, Settings};
use crate::gaps::percentile;
use crate::scenario::Scenario;
use crate::table::Row;
use crate::trial::{Micros, Trial};

/// From a verdict to the withdrawal on the wire.
const REACTION: Micros = 5_000;

/// What became of the goals, in words.
pub struct Goals {
    /// A node that cannot answer knows it within this.
    detection: Micros,
    reaction: Micros,
    missed: Vec<String>,
    undecided: Vec<String>,
}

impl Goals {
    /// Goals that allow `slack` times as much as was promised.
    pub fn new(slack: u32, settings: &Settings) -> Self {
        let detection = (settings.every * settings.fall + settings.timeout).as_micros() as Micros;
        let [detection, reaction] = [detection, REACTION].map(|most| most * Micros::from(slack));
        Self { detection, reaction, missed: Vec::new(), undecided: Vec::new() }
    }

    /// Compares a row with the goals, if it is Rhumb's. Disturbed trials say nothing about it.
    pub fn row(&mut self, row: Row, trials: &[Trial]) {
        if row.contender != Contender::Rhumb {
            return;
        }
        let trials: Vec<_> = trials.iter().filter(|trial| trial.is_undisturbed()).collect();
        if trials.is_empty() {
            self.undecided.push(format!("{}: no undisturbed trial", row.scenario.name()));
            return;
        }
        match row.scenario {
            Scenario::CannotAnswer => {
                let reactions: Vec<_> = trials.iter().map(|trial| trial.reaction).collect();
                self.hold(row, "to the wire", &reactions, self.reaction);
                let detections: Vec<_> = trials.iter().filter_map(|t| t.detection).collect();
                self.hold(row, "to the verdict", &detections, self.detection);
            }
            // An order is on the disk before it is on the wire: the disk decides.
            Scenario::Drain => {}
        }
    }

    /// A trial that did not come to its end.
    pub fn failed(&mut self, row: Row, number: usize, error: &str) {
        let (name, scenario) = (row.contender.name(), row.scenario.name());
        self.missed.push(format!("{name}, {scenario}, trial {number}: {error}"));
    }

    /// Whether anything is missing.
    pub fn missed(&self) -> bool {
        !self.missed.is_empty()
    }

    /// Names what is missing.
    pub fn say(&self) {
        self.missed.iter().for_each(|what| eprintln!("missed: {what}"));
        self.undecided.iter().for_each(|what| eprintln!("undecided: rhumb, {what}"));
    }

    /// The worst of a row's times must be within a goal.
    fn hold(&mut self, row: Row, what: &str, times: &[Micros], most: Micros) {
        let worst = percentile(times, 100).unwrap_or_default();
        if worst > most {
            let (name, scenario) = (row.contender.name(), row.scenario.name());
            self.missed.push(format!("{name}, {scenario}: {worst} µs {what}, at most {most} µs"));
        }
    }
}
