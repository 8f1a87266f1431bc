//! `rhumb demo`: three simulated regions on loopback, the real server on the zone `zones/demo.yaml`,
//! and a keyboard that takes regions down and brings them back.
//!
//! - [`region`]: the regions: HTTP servers that can be made to fail.
//! - [`stage`]: ports, the zone and the node's configuration in a folder of their own.
//! - [`order`]: what the keyboard and a script can say.
//! - [`show`]: what is printed: how to try it, and each change of health as it happens.

mod order;
mod region;
mod show;
mod stage;

use std::io::{self, BufRead as _, IsTerminal as _};
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;
use tracing::level_filters::LevelFilter;

use self::order::{Order, Script};
use self::region::Regions;
use self::show::Watch;
use self::stage::Stage;
use super::logs::{self, LogOptions};
use super::run::{Signals, complain};
use super::{Complaint, print};
use crate::admin::status::Status;
use crate::config::node::NodeConfig;
use crate::run::{self, Running};

/// How often the node is looked at for changes to print.
const LOOK: Duration = Duration::from_millis(50);

/// See it steer: three simulated regions on loopback, probed for real, and a keyboard to break them
///
/// Starts two HTTP servers for each of three regions, and the real server on a demo zone. Then
/// `fail virginia` makes a region answer 503, `hang virginia` makes it silent, `heal virginia`
/// brings it back; each change of health is printed as it happens. Nothing outside this machine is
/// asked, and nothing is left behind.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rhumb demo
  rhumb demo --script '3s fail virginia; 8s heal virginia; 12s quit'")]
pub struct Arguments {
    /// Where DNS is answered; may be repeated [default: 127.0.0.1 and ::1, port 5300 if it is free]
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Vec<SocketAddr>,
    /// The admin address [default: 127.0.0.1, port 8053 if it is free]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<SocketAddr>,
    /// What to do and when, counted from the first answer: 'TIME ORDER; TIME ORDER; …'
    #[arg(long, value_name = "SCRIPT", value_parser = order::script)]
    script: Option<Script>,
    #[command(flatten)]
    logs: LogOptions,
}

/// Runs until it is told to quit.
///
/// # Errors
/// When a port cannot be had or the node does not start.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    // Changes of health are printed anyway; the log would tell each a second time.
    logs::start(&arguments.logs, LevelFilter::ERROR)?;
    let runtime = tokio::runtime::Runtime::new();
    let runtime =
        runtime.map_err(|error| Complaint::new(format!("the runtime does not start: {error}")))?;
    runtime.block_on(play(arguments))
}

async fn play(arguments: &Arguments) -> Result<(), Complaint> {
    let mut signals = Signals::listen()?;
    let regions = Regions::open().await?;
    let stage = Stage::set(&arguments.dns, arguments.admin, regions.port())?;
    let node = NodeConfig::find(Some(&stage.node_file())).map_err(|mistakes| {
        super::node::show(&mistakes);
        Complaint::new("the demo's own configuration has mistakes")
    })?;
    let started = run::start(node.0).await;
    let running = started.map_err(|error| complain(error, arguments.logs.log_format))?;
    print(show::Welcome { regions: &regions, running: &running, stage: &stage });

    let (orders, inbox) = mpsc::channel(16);
    read_keyboard(orders.clone());
    if let Some(script) = arguments.script.clone() {
        tokio::spawn(script.recite(orders.clone()));
    }
    tokio::select! {
        () = obey(&regions, &running, inbox) => {}
        () = signals.end() => {}
    }
    running.stop().await;
    Ok(())
}

/// Prints changes and does what it is told, until it is told to quit.
async fn obey(regions: &Regions, running: &Running, mut inbox: mpsc::Receiver<Order>) {
    let control = running.control();
    let mut watch = Watch::new(control);
    let mut look = tokio::time::interval(LOOK);
    loop {
        let order = tokio::select! {
            _ = look.tick() => {
                watch.changes(control).iter().for_each(print);
                continue;
            }
            order = inbox.recv() => order,
        };
        match order {
            Some(Order::Set(what, mood)) => {
                regions.set(what, mood);
                print(watch.now(format_args!("{what} {}", mood.says())));
            }
            Some(Order::Status) => print(Status::of(control)),
            Some(Order::Help) => print(order::HELP),
            Some(Order::Misread(why)) => print(format_args!("{why}\n")),
            Some(Order::Quit) | None => return,
        }
    }
}

/// Reads orders line by line on a thread of its own, which the end of the process ends. The end of
/// the input ends the demo only when somebody sits at a terminal: `</dev/null` does not.
fn read_keyboard(orders: mpsc::Sender<Order>) {
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let order = match line.trim() {
                "" => continue,
                line => line.parse().unwrap_or_else(Order::Misread),
            };
            if orders.blocking_send(order).is_err() {
                return;
            }
        }
        if io::stdin().is_terminal() {
            let _ = orders.blocking_send(Order::Quit);
        }
    });
}
