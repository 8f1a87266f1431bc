//! `GET /v1/events`: what happens, as server-sent events (WHATWG HTML §9.2).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State as Handle;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::Control;
use crate::events::{Event, Events};

/// A comment is sent when nothing else was for so long, so that connections that are gone are found.
const SILENCE: Duration = Duration::from_secs(15);

/// `GET /v1/events`: those that are kept, then each as it happens. `Last-Event-ID` leaves out those
/// that were heard before. Each has an `id`, its kind as `event`, and [`Event`] as JSON.
pub(super) async fn handle(Handle(control): Handle<Control>, headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (lines, stream) = mpsc::channel(1);
    tokio::spawn(tell(control.events.clone(), last.unwrap_or(0), lines));
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    (headers, Body::new(Stream(stream))).into_response()
}

/// Tells a listener until it is gone, or so slow that it has missed something: then it asks again,
/// with the id of what it heard last.
async fn tell(events: Events, after: u64, listener: mpsc::Sender<Bytes>) {
    let (kept, mut live) = events.listen(after);
    for event in kept {
        if listener.send(line(&event)).await.is_err() {
            return;
        }
    }
    loop {
        let line = match tokio::time::timeout(SILENCE, live.recv()).await {
            Ok(Ok(event)) => line(&event),
            Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => return,
            Err(_) => Bytes::from_static(b":\n\n"),
        };
        if listener.send(line).await.is_err() {
            return;
        }
    }
}

fn line(event: &Arc<Event>) -> Bytes {
    // Neither floats nor strings of ours are such that JSON has no words for them.
    let json = serde_json::to_string(&**event).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {json}\n\n", event.id, event.kind.word()).into()
}

/// A body of what comes through a channel.
struct Stream(mpsc::Receiver<Bytes>);

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
