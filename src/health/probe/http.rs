//! One HTTP/1.1 exchange: a GET, its status, and as much of the body as it takes.
//!
//! Redirects are not followed: a probe asks one place, and `status` says whether a redirect counts.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Failure, Progress, Step};
use crate::health::HttpSpec;

/// How much of a body is searched.
const BODY_LIMIT: usize = 64 * 1024;

/// How large the head of a response may be, and the buffer it is read through; ordinary servers
/// keep theirs under 16 KiB.
const HEAD_LIMIT: usize = 32 * 1024;

const AGENT: &str = concat!("rhumb/", env!("CARGO_PKG_VERSION"));

/// What the connection is secured by: it gives the default port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The request of a probe.
///
/// # Errors
/// When its path or host cannot stand in a request.
pub(super) fn request(
    spec: &HttpSpec,
    address: SocketAddr,
    scheme: Scheme,
) -> Result<Request<Empty<Bytes>>, Failure> {
    let uri = Uri::try_from(&*spec.path).ok().filter(|_| spec.path.starts_with('/'));
    let uri = uri.ok_or_else(|| wrong(format!("the path {:?} cannot be asked for", spec.path)))?;
    let host = spec.host.as_deref().map_or_else(|| host_of(address, scheme), str::to_owned);
    let host = HeaderValue::try_from(&host)
        .map_err(|_| wrong(format!("the host {host:?} cannot be sent")))?;
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// The Host header of a target without a name (RFC 9110 §7.2: the port unless it is the default).
fn host_of(address: SocketAddr, scheme: Scheme) -> String {
    match (address, address.port() == scheme.default_port()) {
        (SocketAddr::V4(v4), true) => v4.ip().to_string(),
        (SocketAddr::V6(v6), true) => format!("[{}]", v6.ip()),
        (SocketAddr::V4(_), false) => address.to_string(),
        // Without the scope that the address may have.
        (SocketAddr::V6(v6), false) => format!("[{}]:{}", v6.ip(), v6.port()),
    }
}

/// Sends the request and judges the response.
///
/// # Errors
/// When there is no response, or not the one wanted.
pub(super) async fn exchange<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
    spec: &HttpSpec,
    progress: &mut Progress,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    progress.begin(Step::Response);
    let (sender, connection) = Builder::new()
        .max_buf_size(HEAD_LIMIT)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let mut judged = std::pin::pin!(ask_and_judge(sender, request, spec, progress));
    // The connection does the reading and writing and may end first: the rest of the response is
    // then in hand.
    tokio::select! {
        biased;
        result = &mut judged => result,
        _ = connection => judged.await,
    }
}

async fn ask_and_judge(
    mut sender: SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
    spec: &HttpSpec,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    progress.done();
    let status = response.status();
    if !accepts(spec, status) {
        return Err(Failure::of_target(format!("status {}", status.as_u16())));
    }
    match spec.body.as_deref() {
        Some(wanted) => {
            progress.begin(Step::Body);
            find_in_body(response, wanted).await?;
            progress.done();
            Ok(())
        }
        None => Ok(()),
    }
}

fn accepts(spec: &HttpSpec, status: StatusCode) -> bool {
    spec.status.iter().any(|(first, last)| (*first..=*last).contains(&status.as_u16()))
}

async fn find_in_body(response: Response<Incoming>, wanted: &str) -> Result<(), Failure> {
    let mut search = Search::new(wanted);
    let mut body = response.into_body();
    while search.goes_on() && !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        if let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() {
            search.take(&data);
        }
    }
    if search.found {
        return Ok(());
    }
    Err(wrong(format!("body does not contain {wanted:?} in the first 64 KiB")))
}

/// Looks for a text in the first [`BODY_LIMIT`] bytes of a body that comes in pieces.
struct Search<'a> {
    wanted: &'a [u8],
    read: Vec<u8>,
    found: bool,
}

impl<'a> Search<'a> {
    fn new(wanted: &'a str) -> Self {
        Self { wanted: wanted.as_bytes(), read: Vec::new(), found: wanted.is_empty() }
    }

    fn goes_on(&self) -> bool {
        !self.found && self.read.len() < BODY_LIMIT
    }

    /// Searches only where the new piece can make a difference, so that a body in tiny pieces
    /// costs no more than one in large ones.
    fn take(&mut self, piece: &[u8]) {
        let from = self.read.len().saturating_sub(self.wanted.len().saturating_sub(1));
        let room = BODY_LIMIT.saturating_sub(self.read.len());
        self.read.extend_from_slice(&piece[..piece.len().min(room)]);
        let unsearched = self.read.get(from..).unwrap_or_default();
        self.found |= unsearched.windows(self.wanted.len().max(1)).any(|w| w == self.wanted);
    }
}

fn wrong(reason: String) -> Failure {
    Failure::of_target(reason)
}

/// An exchange that broke off, with what caused it.
fn broken(error: &hyper::Error) -> Failure {
    Failure::of_target(format!("http: {}", Causes(error)))
}

/// An error and its causes, on one line.
struct Causes<'a>(&'a hyper::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            match error.downcast_ref::<std::io::Error>() {
                Some(io) => write!(f, ": {}", super::io_text(io))?,
                None => write!(f, ": {error}")?,
            }
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec(path: &str, host: Option<&str>) -> HttpSpec {
        HttpSpec {
            path: path.into(),
            host: host.map(Into::into),
            status: Box::new([(200, 299), (301, 301)]),
            body: None,
        }
    }

    #[test]
    fn host_header_is_the_host_else_the_address_with_an_unusual_port() {
        let table = [
            (Some("www.example.com"), "192.0.2.1:8080", Scheme::Http, "www.example.com"),
            (None, "192.0.2.1:80", Scheme::Http, "192.0.2.1"),
            (None, "192.0.2.1:443", Scheme::Http, "192.0.2.1:443"),
            (None, "192.0.2.1:443", Scheme::Https, "192.0.2.1"),
            (None, "[2001:db8::1]:443", Scheme::Https, "[2001:db8::1]"),
            (None, "[2001:db8::1]:8443", Scheme::Https, "[2001:db8::1]:8443"),
        ];
        for (host, address, scheme, expected) in table {
            let address = address.parse().unwrap();
            let request = request(&spec("/healthz?deep=1", host), address, scheme).unwrap();
            assert_eq!(request.headers()[HOST], expected);
            assert_eq!(request.uri(), "/healthz?deep=1");
        }
    }

    #[test]
    fn what_cannot_stand_in_a_request_is_refused() {
        let address: SocketAddr = "192.0.2.1:80".parse().unwrap();
        for (path, host) in [("healthz", None), ("/a b", None), ("", None), ("/", Some("a\r\nb"))] {
            let refused = request(&spec(path, host), address, Scheme::Http);
            assert!(refused.is_err(), "{path:?} {host:?}");
        }
    }

    #[test]
    fn status_ranges_are_inclusive() {
        let spec = spec("/", None);
        for (status, accepted) in
            [(199, false), (200, true), (299, true), (300, false), (301, true)]
        {
            assert_eq!(accepts(&spec, StatusCode::from_u16(status).unwrap()), accepted, "{status}");
        }
    }

    #[test]
    fn nothing_past_the_first_64_kib_counts() {
        let mut body = vec![b'.'; BODY_LIMIT - 2];
        body.extend_from_slice(b"ok!");
        for (wanted, found) in [("ok", true), ("ok!", false), ("!", false)] {
            let mut search = Search::new(wanted);
            body.chunks(1_000).for_each(|piece| search.take(piece));
            assert_eq!(search.found, found, "{wanted}");
            assert!(search.read.len() <= BODY_LIMIT);
        }
    }

    proptest! {
        #[test]
        fn a_text_is_found_however_the_body_is_cut(
            body in "[ab]{0,40}",
            wanted in "[ab]{1,5}",
            cuts in prop::collection::vec(1_usize..6, 1..40),
        ) {
            let mut search = Search::new(&wanted);
            let mut rest = body.as_bytes();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                search.take(piece);
                rest = after;
            }
            search.take(rest);
            prop_assert_eq!(search.found, body.contains(&wanted));
        }
    }
}
