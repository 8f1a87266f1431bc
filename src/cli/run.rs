//! `rhumb run`: serves until a signal ends it. SIGTERM and SIGINT end it cleanly, SIGHUP reloads.

use clap::Args;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing::{error, info, warn};

use super::logs::{self, Format, LogOptions};
use super::{Complaint, NodeFile, node};
use crate::config::diagnostic::Severity;
use crate::config::node::NodeConfig;
use crate::run::{self, Running, StartError};

/// Serve
///
/// SIGHUP and `rhumb reload` read every file anew; SIGTERM and SIGINT end it cleanly.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    node: NodeFile,
    #[command(flatten)]
    logs: LogOptions,
}

/// Serves until a signal ends it.
///
/// # Errors
/// When the node does not start.
pub fn run(arguments: &Arguments) -> Result<(), Complaint> {
    logs::start(&arguments.logs, LevelFilter::INFO)?;
    let (node, warnings) = node::load(&arguments.node)?;
    warnings.iter().for_each(|warning| warn!("{}", warning.one_line()));
    let runtime = tokio::runtime::Runtime::new();
    let runtime =
        runtime.map_err(|error| Complaint::new(format!("the runtime does not start: {error}")))?;
    runtime.block_on(serve(node, arguments.logs.log_format))
}

async fn serve(node: NodeConfig, format: Format) -> Result<(), Complaint> {
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        started = run::start(node) => started.map_err(|error| complain(error, format))?,
        () = signals.end() => return Ok(()),
    };
    notify(NotifyState::Ready);
    while signals.next().await == Wanted::Reload {
        reload(&running);
    }
    notify(NotifyState::Stopping);
    let hurry = running.hurry();
    let stopping = running.stop();
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => return Ok(()),
            _ = signals.terminate.recv() => {
                info!("SIGTERM again: no waiting");
                hurry();
            }
            _ = signals.interrupt.recv() => {
                return Err(Complaint::new("ended by SIGINT before all was closed"));
            }
        }
    }
}

/// The signals that a node heeds.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Complaint> {
        let listen = |kind| {
            signal(kind).map_err(|error| Complaint::new(format!("no signal handler: {error}")))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            reload: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wanted {
        tokio::select! {
            _ = self.terminate.recv() => info!("SIGTERM"),
            _ = self.interrupt.recv() => info!("SIGINT"),
            _ = self.reload.recv() => {
                info!("SIGHUP");
                return Wanted::Reload;
            }
        }
        Wanted::End
    }

    /// Returns when the node is to end; there is nothing to reload yet, or no more.
    pub(super) async fn end(&mut self) {
        while self.next().await != Wanted::End {}
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    End,
    Reload,
}

/// Asks for a reload and does not wait: the node logs its outcome.
fn reload(running: &Running) {
    let orders = running.control().orders.clone();
    tokio::spawn(async move { orders.reload().await });
}

/// Tells systemd, when it is there.
fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "systemd was not told");
    }
}

/// Shows why a node did not start: to people with the lines, to a log as one line each.
pub(super) fn complain(failure: StartError, format: Format) -> Complaint {
    match (failure, format) {
        (StartError::Configuration(found), Format::Human) => {
            node::show(&found);
            Complaint::new(node::counted(&found)).help("`rhumb check` shows the same")
        }
        (StartError::Configuration(found), Format::Json) => {
            for diagnostic in &found {
                match diagnostic.severity {
                    Severity::Error => error!("{}", diagnostic.one_line()),
                    Severity::Warning => warn!("{}", diagnostic.one_line()),
                }
            }
            Complaint::Told
        }
        (StartError::System(message), Format::Human) => Complaint::new(message),
        (StartError::System(message), Format::Json) => {
            error!("{message}");
            Complaint::Told
        }
    }
}
