//! A thread for the log, which may wait for a disk or a pipe as the loop's thread must not.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tracing::{info, warn};

use crate::bfd::Discard;
use crate::bfd::session::Event;

/// More than this many lines wait only when the log hangs; further ones are lost.
const QUEUE: usize = 256;

/// Queues lines; never waits. The thread ends when this is dropped.
#[derive(Clone)]
pub(super) struct Scribe(SyncSender<Line>);

/// What is said.
pub(super) enum Line {
    /// A session tells something.
    Event(Arc<str>, IpAddr, Event),
    /// Packets of a session are not heeded.
    Discarded(Arc<str>, IpAddr, Discard, u64),
    /// A packet is for no session.
    Stranger(IpAddr, Discard, u64),
    /// A session cannot send.
    Mute(Arc<str>, IpAddr, String),
    /// It can again.
    Unmuted(Arc<str>, IpAddr),
    /// Something of the driver's own.
    Trouble(String),
}

impl Scribe {
    /// Starts the thread. Not to be called in a real-time thread, whose scheduling it would inherit.
    pub(super) fn spawn() -> io::Result<Self> {
        let (sender, lines) = sync_channel::<Line>(QUEUE);
        let work = move || lines.iter().for_each(|line| write(&line));
        thread::Builder::new().name("bfd-log".to_owned()).spawn(work)?;
        Ok(Self(sender))
    }

    /// Queues a line, or loses it.
    pub(super) fn say(&self, line: Line) {
        let _ = self.0.try_send(line);
    }
}

fn write(line: &Line) {
    match line {
        Line::Event(name, neighbour, event) if is_worrying(event) => {
            warn!("BFD {name} ({neighbour}): {event}");
        }
        Line::Event(name, neighbour, event) => info!("BFD {name} ({neighbour}): {event}"),
        Line::Discarded(name, neighbour, discard, unsaid) => {
            warn!("BFD {name} ({neighbour}): {discard}{}", others(*unsaid));
        }
        Line::Stranger(source, discard, unsaid) => {
            warn!("BFD: {source} {discard}{}", others(*unsaid));
        }
        Line::Mute(name, neighbour, why) => warn!("BFD {name} ({neighbour}): {why}"),
        Line::Unmuted(name, neighbour) => info!("BFD {name} ({neighbour}): can send again"),
        Line::Trouble(text) => warn!("BFD: {text}"),
    }
}

fn is_worrying(event: &Event) -> bool {
    match event {
        Event::Down(_) | Event::Stalled { .. } => true,
        Event::Up | Event::Lapsed(_) | Event::AdminDown(_) | Event::Enabled => false,
    }
}

fn others(unsaid: u64) -> String {
    match unsaid {
        0 => String::new(),
        unsaid => format!(" ({unsaid} more packets were discarded since the last such line)"),
    }
}
