//! A busy machine: does the backup take over from an active that is only slow?

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::contender::{Contender, Settings};
use crate::gaps::Outage;
use crate::trial::{Bench, Pair, folder, now};

/// What was seen under load.
pub struct Report {
    /// How often the second node took the address.
    pub take_overs: usize,
    /// Queries that were sent, and of them lost.
    pub queries: (usize, usize),
    /// The longest outage.
    pub outage: Outage,
    /// How irregular the control stream was.
    pub control: Duration,
}

/// Twice as many processes as the machine has cores, each of which never waits.
struct Load(Vec<Child>);

impl Load {
    fn start() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let this = std::env::current_exe().expect("this program");
        let burn = |_| Command::new(&this).arg("burn").stdin(Stdio::null()).spawn();
        Self((0..2 * cores).map(burn).map(|child| child.expect("another process")).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Uses a core until killed.
pub fn burn() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// Runs a pair beside the load for so long.
pub fn run(
    bench: &Bench,
    contender: Contender,
    settings: &Settings,
    time: Duration,
) -> Result<Report, String> {
    let folders = [folder(), folder()];
    let Pair { victim, other } = bench.pair(contender, settings, &folders)?;
    let mut observer = bench.observer();
    observer.begin_phase();
    let began = now();
    let load = Load::start();
    std::thread::sleep(time);
    drop(load);
    let take_overs = bench.take_overs(began);
    let phases = observer.end();
    other.stop();
    victim.node.into_iter().for_each(|node| node.stop());
    let phase = phases.last().ok_or("the client has died")?;
    let queries = (phase.sent, phase.lost);
    Ok(Report { take_overs, queries, outage: phase.outage, control: phase.control })
}

impl Report {
    /// A sentence about it.
    pub fn say(&self, contender: Contender, settings: &Settings, time: Duration) -> String {
        let Self { take_overs, queries: (sent, lost), outage, control } = self;
        format!(
            "{}, {:?}, full load for {time:?}: {take_overs} take-overs, {lost} of {sent} queries lost, \
             longest outage {:.0} ms, control irregular by {:.1} ms at worst",
            contender.name(),
            settings.interval,
            outage.length.as_secs_f64() * 1e3,
            control.as_secs_f64() * 1e3,
        )
    }
}
