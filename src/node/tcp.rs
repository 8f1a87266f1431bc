//! Asks one service over TCP, once a second, for an alarm.
//!
//! A thread beside the one that asks over UDP: a connection that hangs must not make that one late.
#![expect(clippy::disallowed_methods, reason = "a driver: it owns the clock")]

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::Service;
use super::asker::{Message, Shared, absent, is_timeout, silent, unasked, wrong};
use super::askers::Transport;
use super::query::{Judged, OwnQuery, queries};
use super::question::Finding;
use crate::sys;

/// Between two questions, and the longest that one step of a question may take.
const EVERY: Duration = Duration::from_secs(1);

/// One service's thread.
pub(super) struct TcpAsker {
    pub(super) service: Service,
    pub(super) shared: Arc<Shared>,
    pub(super) results: Sender<Message>,
    pub(super) rng: fastrand::Rng,
}

impl TcpAsker {
    /// Asks until the other end of `stop` is dropped, or nobody wants results.
    pub(super) fn run(mut self, stop: &Receiver<()>) {
        loop {
            let started = Instant::now();
            let finding = self.ask_all();
            if self.results.send(Message::Tcp(finding)).is_err() {
                return;
            }
            match stop.recv_timeout(EVERY.saturating_sub(started.elapsed())) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn ask_all(&mut self) -> Finding {
        let queries = queries(&self.shared.published.load().world);
        let mut worst = Finding::Answered;
        for &to in &self.service.addresses {
            let Some(query) = queries.first() else { break };
            let finding = ask(to, query, self.rng.u16(..));
            self.shared.observer.asked(&self.service.name, Transport::Tcp, &finding);
            worst = worst.worse(finding);
        }
        worst
    }
}

fn ask(to: SocketAddr, query: &OwnQuery, id: u16) -> Finding {
    if let Some(reason) = absent(to) {
        return Finding::NoResult(reason);
    }
    match exchange(to, &query.message(id)).map(|reply| query.judge(id, &reply)) {
        Ok(Judged::Good) => Finding::Answered,
        Ok(Judged::Wrong(why)) => wrong(to, query, &why),
        Ok(Judged::Stray) => wrong(to, query, "something else"),
        Err(error) if is_timeout(&error) => silent(to, query, EVERY),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            wrong(to, query, "the end of the connection")
        }
        Err(error) => unasked(to, &error),
    }
}

/// One message there, one back (RFC 1035 §4.2.2).
fn exchange(to: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = sys::ask_tcp(to, EVERY)?;
    let length = (message.len() as u16).to_be_bytes();
    stream.write_all(&[&length, message].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}
