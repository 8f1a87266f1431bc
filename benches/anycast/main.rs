//! How soon routers leave a node that cannot answer: `cargo bench --bench anycast`.
//!
//! A node of a contender announces an anycast address to a router, which tells another one: a
//! [`network`] of namespaces with BIRD. `README.md` beside this file says what is measured, and how
//! to read it.
//!
//! - [`trial`]: a fresh node, a [`scenario`] that strikes it, what was seen.
//! - [`contender`]: [`exabgp`] with its health-check program and [`rhumb`], behind one interface.
//! - [`checker`], [`responder`]: this program again, inside the namespace.
//! - [`wire`], [`rounds`], [`kernel`]: captures and logs read back, which `tests/withdrawal.rs`
//!   tests.
#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(unreachable_pub, reason = "a program of several files; nothing leaves it")]
#![allow(dead_code, reason = "files that other programs use too have more")]

mod checker;
mod contender;
mod exabgp;
#[path = "../failover/gaps.rs"]
mod gaps;
mod goals;
mod instrument;
mod kernel;
#[path = "../../tests/lab/mod.rs"]
mod lab;
#[path = "../failover/message.rs"]
mod message;
mod network;
mod options;
#[path = "../failover/responder.rs"]
mod responder;
mod rhumb;
mod rounds;
#[path = "../../tests/lab/routers.rs"]
mod routers;
mod scenario;
#[path = "../failover/stamp.rs"]
mod stamp;
mod steady;
mod strike;
mod table;
mod trial;
mod wire;

use std::process::ExitCode;

use goals::Goals;
use network::Network;
use options::Options;
use table::Row;
use trial::Trial;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let address = |word: &str| word.parse().expect("an address and port");
    match words[..] {
        ["check", service, millis] => {
            return checker::run(address(service), millis.parse().expect("milliseconds"));
        }
        ["responder", number, ref addresses @ ..] => {
            let addresses: Vec<_> = addresses.iter().map(|word| address(word)).collect();
            responder::run(number.parse().expect("a number"), &addresses);
        }
        _ => return measure(&Options::read()),
    }
    ExitCode::SUCCESS
}

fn measure(options: &Options) -> ExitCode {
    let mut goals = Goals::new(options.slack, &options.settings());
    let mut rows = Vec::new();
    println!("{}", table::HEAD);
    for row in wanted(options) {
        // A network that no other contender has left anything in.
        let Some(network) = Network::open() else { return ExitCode::SUCCESS };
        let trials = trials(&network, row, options, &mut goals);
        row.lines(&trials).iter().for_each(|line| println!("{line}"));
        goals.row(row, &trials);
        rows.push((row, trials));
    }
    println!();
    table::ratios(&rows).iter().for_each(|line| println!("{line}"));
    goals.say();
    if options.check && goals.missed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn wanted(options: &Options) -> Vec<Row> {
    let mut rows = Vec::new();
    for &scenario in &options.scenarios {
        let part = options.contenders.iter().filter(|c| c.takes_part(scenario));
        rows.extend(part.map(|&contender| Row { contender, scenario }));
    }
    rows
}

fn trials(network: &Network, row: Row, options: &Options, goals: &mut Goals) -> Vec<Trial> {
    let settings = options.settings();
    // Every contender is struck at the same moments.
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let mut trials = Vec::new();
    for number in 1..=options.trials() {
        match trial::trial(network, row.contender, &settings, row.scenario, rng.f64()) {
            Ok(trial) => trials.push(trial),
            Err(error) => goals.failed(row, number, &error),
        }
        // What does not work once will not work twenty times.
        if trials.is_empty() {
            break;
        }
        if let Some(trial) = trials.last().filter(|_| options.verbose) {
            eprintln!("{} {}: {trial:?}", row.contender.name(), row.scenario.name());
        }
    }
    trials
}
