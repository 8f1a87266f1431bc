//! TCP (RFC 7766): pipelining, limits on connections and on idle time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::counters::Counters;
use crate::world::publish::Published;

/// The limits of TCP service.
#[derive(Clone, Copy, Debug)]
pub struct TcpLimits {
    /// Connections at once; at the limit the one idle longest is closed for a new one.
    pub connections: usize,
    /// Connections at once from one client address.
    pub connections_per_client: usize,
    /// How long a connection may stand without a whole query.
    pub idle: Duration,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self { connections: 4096, connections_per_client: 256, idle: Duration::from_secs(10) }
    }
}

/// The running TCP listeners; dropped or stopped, they close.
#[derive(Debug)]
pub struct TcpServer {}

impl TcpServer {
    /// Binds and starts serving on the current tokio runtime.
    ///
    /// # Errors
    /// When a socket cannot be made or bound; the address is in the message.
    pub fn start(
        _listen: &[SocketAddr],
        _limits: TcpLimits,
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

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        todo!()
    }

    /// Stops accepting, answers what is already read, closes.
    pub async fn stop(self) {
        todo!()
    }
}
