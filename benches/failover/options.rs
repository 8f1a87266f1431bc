//! What can be asked of the bench.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::contender::Contender;
use crate::scenario::Scenario;

/// Outages of a shared address, as a client sees them.
#[derive(Debug, Parser)]
#[command(about, version = None)]
pub struct Options {
    /// Who is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "keepalived,rhumb")]
    pub contenders: Vec<Contender>,
    /// What happens; everything by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub scenarios: Vec<Scenario>,
    /// Between two advertisements: 1s, 100ms, 10ms by default.
    #[arg(long, value_parser = duration, value_delimiter = ',', default_value = "1s,100ms,10ms")]
    pub intervals: Vec<Duration>,
    /// Trials of each row: 30 by default, and 10 at 1 s.
    #[arg(long)]
    pub trials: Option<usize>,
    /// How long a pair runs beside full load, at 100 ms; 0s: not at all.
    #[arg(long, value_parser = duration, default_value = "10m")]
    pub load: Duration,
    /// 3 trials a row at 100 ms and 60 s of load.
    #[arg(long)]
    pub quick: bool,
    /// Fail when Rhumb misses a goal.
    #[arg(long)]
    pub check: bool,
    /// Let the goals allow so many times as much, where others use the machine too.
    #[arg(long, default_value_t = 1)]
    pub slack: u32,
    /// Advertise to 224.0.0.18 instead of the peer.
    #[arg(long)]
    pub multicast: bool,
    /// Print every trial.
    #[arg(long, short)]
    pub verbose: bool,
    /// The moments of the strikes are drawn from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The binary to measure.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_rhumb"))]
    pub rhumb: PathBuf,
    /// Cargo adds it.
    #[arg(long, hide = true)]
    pub bench: bool,
}

impl Options {
    /// The options of the command line; `--quick` and what is left out are filled in.
    pub fn read() -> Self {
        let mut options = Self::parse();
        if options.scenarios.is_empty() {
            options.scenarios = Scenario::ALL.to_vec();
        }
        if options.quick {
            options.intervals = vec![Duration::from_millis(100)];
            options.trials = options.trials.or(Some(3));
            options.load = options.load.min(Duration::from_secs(60));
        }
        options
    }

    /// How many trials a row of this interval has.
    pub fn trials(&self, interval: Duration) -> usize {
        let usual = if interval >= Duration::from_secs(1) { 10 } else { 30 };
        self.trials.unwrap_or(usual)
    }
}

/// `1s`, `100ms`, `10m`.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000)];
    let unit = |(unit, millis): &(&str, u64)| Some((text.strip_suffix(unit)?, *millis));
    let parsed = units.iter().find_map(unit).and_then(|(number, millis)| {
        Some(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))
    });
    parsed.ok_or_else(|| format!("{text:?} is no time: write 100ms, 1s or 10m"))
}
