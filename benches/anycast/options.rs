//! What can be asked of the bench.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::contender::{Contender, Settings};
use crate::routers::{Program, there};
use crate::scenario::Scenario;

/// How soon routers leave a node that cannot answer, or that is taken out.
#[derive(Debug, Parser)]
#[command(about, version = None)]
pub struct Options {
    /// Who is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "exabgp,rhumb")]
    pub contenders: Vec<Contender>,
    /// What happens; everything by default.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "cannot-answer,drain")]
    pub scenarios: Vec<Scenario>,
    /// Trials of each row: 20 by default.
    #[arg(long)]
    pub trials: Option<usize>,
    /// Between two questions, in milliseconds; a question that is not answered for as long is lost.
    #[arg(long, default_value_t = 200)]
    pub every: u64,
    /// So many lost questions in a row are a verdict.
    #[arg(long, default_value_t = 2)]
    pub fall: u32,
    /// 3 trials a row.
    #[arg(long)]
    pub quick: bool,
    /// Fail when Rhumb misses a goal.
    #[arg(long)]
    pub check: bool,
    /// Let the goals allow so many times as much, where others use the machine too.
    #[arg(long, default_value_t = 1)]
    pub slack: u32,
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
    /// The options of the command line, without contenders that are not installed: that is said, and
    /// is a failure with `RHUMB_REQUIRE_PEERS=1`.
    pub fn read() -> Self {
        let mut options = Self::parse();
        let routers = there(&[Program::Bird]);
        options.contenders.retain(|contender| {
            routers && (*contender == Contender::Rhumb || there(&[Program::ExaBgp]))
        });
        options
    }

    /// How many trials a row has.
    pub fn trials(&self) -> usize {
        self.trials.unwrap_or(if self.quick { 3 } else { 20 })
    }

    /// What is the same for every contender.
    pub fn settings(&self) -> Settings {
        let every = Duration::from_millis(self.every);
        Settings { every, timeout: every, fall: self.fall, rhumb: self.rhumb.clone() }
    }
}
