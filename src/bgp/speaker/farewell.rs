//! The end of a connection: what waits is written, and the peer is given time to read it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::link::{Link, Read};
use crate::sys::routing;

/// How long a peer may take to read its last messages. Only a stuck one needs longer than a
/// moment, and [`Speaker::stop`](super::Speaker::stop) waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the peer's own end of the connection is waited for. A socket that is closed with
/// something unread is reset, and a reset may overtake our last message.
const LINGER: Duration = Duration::from_secs(1);

/// Connections of one peer that end at the same time; one more, and the oldest is reset.
const MOST: usize = 4;

/// The connections of a peer that are ending.
#[derive(Debug, Default)]
pub(super) struct Farewells {
    tasks: JoinSet<()>,
    handles: VecDeque<AbortHandle>,
}

impl Farewells {
    /// Takes leave on a connection.
    pub(super) fn add(&mut self, link: Link) {
        while self.tasks.try_join_next().is_some() {}
        self.handles.retain(|handle| !handle.is_finished());
        if self.handles.len() >= MOST {
            self.handles.pop_front().into_iter().for_each(|oldest| oldest.abort());
        }
        self.handles.push_back(self.tasks.spawn(take_leave(link)));
    }

    /// Waits until all have ended.
    pub(super) async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn take_leave(mut link: Link) {
    if timeout(PATIENCE, link.flush()).await.is_ok_and(|taken| taken) {
        let _ = link.stream.shutdown().await;
        let _ = timeout(LINGER, link.read_to_end()).await;
    } else {
        routing::reset_on_close(&link.stream);
    }
}

impl Link {
    /// Waits until the kernel has taken all; whether it has.
    async fn flush(&mut self) -> bool {
        loop {
            match self.write() {
                Err(_) => return false,
                Ok(_) if self.is_flushed() => return true,
                Ok(_) => {}
            }
            if self.stream.writable().await.is_err() {
                return false;
            }
        }
    }

    /// Reads and forgets until the peer closes.
    async fn read_to_end(&mut self) {
        let mut ignored = vec![0; 4096];
        while self.stream.readable().await.is_ok() {
            match self.read(&mut ignored) {
                Read::Bytes(_) | Read::Nothing => {}
                Read::Closed | Read::Broken(_) => return,
            }
        }
    }
}
