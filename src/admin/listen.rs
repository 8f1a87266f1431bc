//! Connections to the admin address: how many, how long, how large.
//!
//! The admin address must not be a way to exhaust a node that answers queries: connections, the
//! size and the time of a request's head, and the time of an answer are all bounded. No request
//! here has a body that is read.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::failure::Failure;

/// Connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 64;
/// The most octets of a request's head.
const LARGEST_HEAD: usize = 16 * 1024;
/// How long a request's head may take, and so how long a connection may stand idle.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer may take. A reload of large zones, with its round of probes, is the longest.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_secs(120);
/// The pause after `accept` has failed, for lack of file descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections for as long as it is polled; dropped, it closes them.
pub(super) async fn accept(listener: TcpListener, router: Router) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                connections.spawn(async move {
                    serve(stream, router).await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "admin: a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = connection.await {
        debug!(%error, "admin: a connection ended early");
    }
}

/// Gives up an answer that takes too long.
pub(super) async fn limit_time(request: Request, next: Next) -> Result<Response, Failure> {
    tokio::time::timeout(ANSWER_PATIENCE, next.run(request)).await.map_err(|_| {
        let error = format!("no answer within {} s", ANSWER_PATIENCE.as_secs());
        Failure::new(StatusCode::GATEWAY_TIMEOUT, error, "the node's log says more")
    })
}
