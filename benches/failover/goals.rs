//! What Rhumb has promised, and which trials did not come to an end.

use std::time::Duration;

use crate::contender::Contender;
use crate::gaps::percentile;
use crate::load;
use crate::scenario::Scenario;
use crate::table::Row;
use crate::trial::Trial;

/// A hand-over loses at most one query.
const LOST: usize = 1;
/// A silent node is replaced within this of the RFC's arithmetic, in the median and at worst.
const MEDIAN: Duration = Duration::from_millis(5);
const WORST: Duration = Duration::from_millis(20);

/// What became of the goals, in words.
pub struct Goals {
    /// What they allow is multiplied by it.
    slack: u32,
    missed: Vec<String>,
    undecided: Vec<String>,
}

impl Goals {
    /// Goals that allow `slack` times as much as was promised.
    pub fn new(slack: u32) -> Self {
        Self { slack, missed: Vec::new(), undecided: Vec::new() }
    }

    /// Compares a row with the goals, if it is Rhumb's. Disturbed trials say nothing about it.
    pub fn row(&mut self, row: Row, trials: &[Trial]) {
        if row.contender != Contender::Rhumb {
            return;
        }
        let trials: Vec<_> = trials.iter().filter(|trial| trial.is_undisturbed()).collect();
        if trials.is_empty() {
            let (interval, scenario) = (row.interval, row.scenario.name());
            self.undecided.push(format!("{interval:?}, {scenario}: no undisturbed trial"));
            return;
        }
        match row.scenario {
            Scenario::Planned => {
                let lost = trials.iter().map(|trial| trial.lost).max().unwrap_or_default();
                let most = LOST * self.slack as usize;
                self.hold(lost <= most, row, &format!("{lost} queries lost, at most {most}"));
            }
            Scenario::Silent => {
                let late = |t: &&Trial| Some(t.outage.length.abs_diff(t.by_rfc?));
                let late: Vec<_> = trials.iter().filter_map(late).collect();
                for (percent, most) in [(50, MEDIAN * self.slack), (100, WORST * self.slack)] {
                    let late = percentile(&late, percent).unwrap_or_default();
                    let what =
                        format!("{late:?} from the RFC, percentile {percent}, at most {most:?}");
                    self.hold(late <= most, row, &what);
                }
            }
            Scenario::Crash
            | Scenario::CrashReleased
            | Scenario::Freeze
            | Scenario::Stop
            | Scenario::CannotAnswer => {}
        }
    }

    /// Nobody takes over from a node that is only slow.
    pub fn load(&mut self, contender: Contender, report: &load::Report) {
        if contender == Contender::Rhumb && report.take_overs > 0 {
            self.missed.push(format!("rhumb, load: {} take-overs, none wanted", report.take_overs));
        }
    }

    /// A trial that did not come to its end.
    pub fn failed(&mut self, row: Row, number: usize, error: &str) {
        let (name, scenario) = (row.contender.name(), row.scenario.name());
        self.missed
            .push(format!("{name}, {:?}, {scenario}, trial {number}: {error}", row.interval));
    }

    /// A pair that could not be put under load.
    pub fn refused(&mut self, contender: Contender, error: &str) {
        self.missed.push(format!("{}, load: {error}", contender.name()));
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

    fn hold(&mut self, held: bool, row: Row, what: &str) {
        if !held {
            let (name, scenario) = (row.contender.name(), row.scenario.name());
            self.missed.push(format!("{name}, {:?}, {scenario}: {what}", row.interval));
        }
    }
}
