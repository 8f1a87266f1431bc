//! Connections come, are read and written, and go.

#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tokio::net::TcpStream;

use super::Peer;
use crate::bgp::session::{ConnectionId, State};
use crate::bgp::speaker::link::{Link, Read};
use crate::bgp::speaker::reach::{self, End};
use crate::sys::routing;

/// How many buffers a broken connection is read for: a NOTIFICATION may be the last thing in it.
const LAST_WORDS: usize = 16;

/// A connection that is being opened.
pub(super) struct Attempt {
    id: ConnectionId,
    dialling: Pin<Box<dyn Future<Output = Result<TcpStream, String>> + Send>>,
}

/// How a connection is read: [`Link::read`] or [`Link::read_now`].
type How = fn(&Link, &mut [u8]) -> Read;

impl Peer {
    pub(super) fn dial(&mut self, id: ConnectionId) {
        self.counters.attempts += 1;
        let services = self.surroundings.services.load_full();
        let dialling = Box::pin(reach::dial(Arc::clone(&self.config), services));
        self.attempt = Some(Attempt { id, dialling });
    }

    pub(super) fn connected(&mut self, outcome: Result<TcpStream, String>) {
        let Some(Attempt { id, .. }) = self.attempt.take() else { return };
        let now = Instant::now();
        match outcome.and_then(|stream| self.end_of(stream)) {
            Ok((end, stream)) => {
                self.session.handle_connected(now, id, end.local);
                self.links.push(Link::new(id, stream, end.address));
            }
            Err(trouble) => self.lose(id, &trouble, now),
        }
    }

    pub(super) fn accept(&mut self, stream: TcpStream) {
        self.counters.accepted += 1;
        let tuned = reach::tune(&stream, &self.config).map_err(|error| error.to_string());
        // What is dropped here is gone already.
        let Ok((end, stream)) = tuned.and_then(|()| self.end_of(stream)) else { return };
        match self.session.handle_accepted(Instant::now(), end.local) {
            Some(id) => self.links.push(Link::new(id, stream, end.address)),
            None => routing::reset_on_close(&stream),
        }
    }

    fn end_of(&self, stream: TcpStream) -> Result<(End, TcpStream), String> {
        let services = self.surroundings.services.load();
        let end = reach::end_of(&stream, &self.config, &services);
        Ok((end.map_err(|error| error.to_string())?, stream))
    }

    /// Ends a connection, or the attempt to open it.
    pub(super) fn close(&mut self, id: ConnectionId) {
        if self.attempt.take_if(|attempt| attempt.id == id).is_some() {
            self.give_up();
        }
        if let Some(at) = self.links.iter().position(|link| link.id == id) {
            let mut link = self.links.swap_remove(at);
            self.counters.bytes_sent += link.write().unwrap_or(0) as u64;
            self.farewells.add(link);
        }
    }

    /// Nobody has answered; or another connection has made this one needless.
    fn give_up(&mut self) {
        if self.session.state() == State::Connect {
            let advice =
                if self.config.password.is_some() { "; is the password the same?" } else { "" };
            let (address, port) = (self.config.address, self.config.port);
            self.note(format!("{address} does not answer on port {port}{advice}").into());
        }
    }

    /// Hears every connection once.
    pub(super) fn read(&mut self, now: Instant, how: How) {
        let ids: Vec<ConnectionId> = self.links.iter().map(|link| link.id).collect();
        for id in ids {
            match self.read_once(id, now, how) {
                Some(Read::Bytes(_) | Read::Nothing) | None => {}
                Some(Read::Closed) => self.lose(id, "the peer closed TCP", now),
                Some(Read::Broken(error)) => self.lose(id, &error.to_string(), now),
            }
        }
    }

    fn read_once(&mut self, id: ConnectionId, now: Instant, how: How) -> Option<Read> {
        let link = self.links.iter().find(|link| link.id == id)?;
        let read = how(link, &mut self.buffer);
        if let Read::Bytes(bytes) = read {
            self.counters.bytes_received += bytes as u64;
            let heard = self.buffer.get(..bytes).unwrap_or_default();
            self.session.handle_received(now, id, heard);
            self.act(now);
        }
        Some(read)
    }

    /// Writes what waits; whether the kernel took any of it.
    pub(super) fn write(&mut self, now: Instant) -> bool {
        let mut written = Vec::new();
        for link in self.links.iter_mut().filter(|link| !link.is_flushed()) {
            written.push((link.id, link.write()));
        }
        let mut any = false;
        for (id, outcome) in written {
            match outcome {
                Ok(0) => {}
                Ok(bytes) => {
                    any = true;
                    self.counters.bytes_sent += bytes as u64;
                    self.session.handle_sent(now, id, bytes);
                }
                Err(error) => {
                    any = true;
                    self.hear_last_words(id, now);
                    self.lose(id, &error.to_string(), now);
                }
            }
        }
        any
    }

    /// A connection that cannot be written to may have the reason in it.
    fn hear_last_words(&mut self, id: ConnectionId, now: Instant) {
        for _ in 0..LAST_WORDS {
            let Some(Read::Bytes(_)) = self.read_once(id, now, Link::read_now) else { return };
        }
    }

    /// A connection is gone, or an attempt has failed.
    fn lose(&mut self, id: ConnectionId, trouble: &str, now: Instant) {
        self.links.retain(|link| link.id != id);
        self.trouble = Some(trouble.into());
        self.session.handle_closed(now, id);
        self.act(now);
        // The other connection goes on, and so does the state.
        self.trouble.take().into_iter().for_each(|trouble| self.note(trouble));
    }
}

/// The end of an attempt to connect, if there is one.
pub(super) async fn dialled(attempt: &mut Option<Attempt>) -> Result<TcpStream, String> {
    match attempt {
        Some(attempt) => attempt.dialling.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Until one of these can be read or written.
pub(super) async fn ready(links: &[Link]) {
    poll_fn(|cx| {
        // Each is asked, so that each will wake this task.
        let ready = links.iter().filter(|link| link.poll_ready(cx).is_ready()).count();
        if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
