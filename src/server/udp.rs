//! UDP: one thread per core and socket; the hot loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::counters::Counters;
use crate::world::publish::Published;

/// The running UDP threads.
#[derive(Debug)]
pub struct UdpServer {}

impl UdpServer {
    /// Binds every address once per thread (`SO_REUSEPORT`) and starts the threads. Port 0 takes
    /// one free port for all threads.
    ///
    /// # Errors
    /// When a socket cannot be made or bound; the address is in the message.
    pub fn start(
        _listen: &[SocketAddr],
        _threads: usize,
        _published: &Arc<Published>,
        _counters: &Arc<Counters>,
    ) -> io::Result<Self> {
        todo!()
    }

    /// The addresses in fact bound, in the order asked.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        todo!()
    }

    /// Answers what has been received, ends the threads and waits for them.
    pub fn stop(self) {
        todo!()
    }
}
