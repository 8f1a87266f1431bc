//! How long clients wait when the node with the address fails: `cargo bench --bench failover`.
//!
//! Two nodes of a contender share an address in a [`lab`] of network namespaces, and a client asks
//! 1,000 questions a second. `README.md` beside this file says what is measured, and how to read it.
//!
//! - [`trial`]: fresh nodes, a [`scenario`] that strikes one, what was seen.
//! - [`contender`]: [`keepalived`] and [`rhumb`], behind one interface.
//! - [`client`], [`responder`]: this program again, inside the namespaces; [`observer`] starts them.
//! - [`gaps`], [`owners`], [`rfc`]: the arithmetic, which `tests/failover.rs` tests.
#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(unreachable_pub, reason = "a program of several files; nothing leaves it")]

mod client;
mod contender;
mod gaps;
mod goals;
mod keepalived;
#[path = "../../tests/lab/mod.rs"]
mod lab;
mod load;
mod message;
mod observer;
mod options;
mod owners;
mod responder;
mod rfc;
mod rhumb;
mod scenario;
mod stamp;
mod table;
mod trial;

use std::process::ExitCode;
use std::time::Duration;

use contender::{Contender, Settings};
use goals::Goals;
use options::Options;
use table::Row;
use trial::Bench;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let address = |word: &str| word.parse().expect("an address and port");
    match words[..] {
        ["client", shared, control] => client::run(address(shared), address(control)),
        ["responder", number, ref addresses @ ..] => {
            let addresses: Vec<_> = addresses.iter().map(|word| address(word)).collect();
            responder::run(number.parse().expect("a number"), &addresses);
        }
        ["burn"] => load::burn(),
        _ => return measure(Options::read()),
    }
    ExitCode::SUCCESS
}

fn measure(mut options: Options) -> ExitCode {
    options.contenders.retain(|contender| contender.is_installed());
    let mut goals = Goals::new(options.slack);
    println!("{}", table::HEAD);
    for row in rows(&options) {
        // A network that no other contender has left anything in.
        let Some(bench) = Bench::open() else { return ExitCode::SUCCESS };
        let trials = trials(&bench, row, &options, &mut goals);
        row.lines(&trials).iter().for_each(|line| println!("{line}"));
        goals.row(row, &trials);
    }
    println!();
    for contender in options.contenders.iter().filter(|_| !options.load.is_zero()) {
        let Some(bench) = Bench::open() else { return ExitCode::SUCCESS };
        under_load(&bench, *contender, &options, &mut goals);
    }
    goals.say();
    if options.check && goals.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn rows(options: &Options) -> Vec<Row> {
    let mut rows = Vec::new();
    for &interval in &options.intervals {
        for &scenario in &options.scenarios {
            let part = options.contenders.iter().filter(|c| c.takes_part(scenario));
            rows.extend(part.map(|&contender| Row { contender, interval, scenario }));
        }
    }
    rows
}

fn trials(bench: &Bench, row: Row, options: &Options, goals: &mut Goals) -> Vec<trial::Trial> {
    let settings = settings(options, row.interval);
    // Every contender is struck at the same moments.
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let mut trials = Vec::new();
    for number in 1..=options.trials(row.interval) {
        match bench.trial(row.contender, &settings, row.scenario, rng.f64()) {
            Ok(trial) => trials.push(trial),
            Err(error) => goals.failed(row, number, &error),
        }
        // What does not work once will not work thirty times.
        if trials.is_empty() {
            break;
        }
        if let Some(trial) = trials.last().filter(|_| options.verbose) {
            eprintln!("{} {}: {trial:?}", row.contender.name(), row.scenario.name());
        }
    }
    trials
}

fn under_load(bench: &Bench, contender: Contender, options: &Options, goals: &mut Goals) {
    let settings = settings(options, Duration::from_millis(100));
    match load::run(bench, contender, &settings, options.load) {
        Ok(report) => {
            println!("{}", report.say(contender, &settings, options.load));
            goals.load(contender, &report);
        }
        Err(error) => goals.refused(contender, &error),
    }
}

fn settings(options: &Options, interval: Duration) -> Settings {
    let (multicast, rhumb) = (options.multicast, options.rhumb.clone());
    Settings { interval, multicast, rhumb }
}
