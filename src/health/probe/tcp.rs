//! A TCP connection: the whole of a `tcp` probe, the start of every other.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::{Failure, Progress, Step};

/// Connects, and lets small writes go out at once (a TLS handshake's last one is followed by the
/// request).
///
/// # Errors
/// When the connection is not accepted.
pub(super) async fn connect(
    address: SocketAddr,
    progress: &mut Progress,
) -> Result<TcpStream, Failure> {
    progress.begin(Step::Connect);
    let stream =
        TcpStream::connect(address).await.map_err(|error| Failure::of_io("connect", &error))?;
    progress.done();
    // Of use only for speed; a socket that refuses it still serves.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Makes the close of a bare connection a reset. Nothing was said on it, so nothing can be lost,
/// and neither side keeps it in TIME_WAIT for a minute: thousands of targets every few seconds
/// would pile up. The probes that speak close in the ordinary way: a server should see the end of
/// what it said, and it closes first (`Connection: close`).
pub(super) fn reset_on_close(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
