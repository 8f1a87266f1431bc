//! A client of the admin address: one connection, one request, plain HTTP.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::http::request::Builder;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Complaint;
use crate::admin::auth::{Token, TokenError};
use crate::admin::failure::Body;
use crate::admin::listen::ANSWER_PATIENCE;

/// How long a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// The most octets of an answer: the status of a hundred thousand members.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// A running node as seen from here.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its admin address.
    pub address: SocketAddr,
    /// Where its token is, for changes.
    pub token_file: PathBuf,
}

/// Why a running node did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ClientError {
    #[error("no rhumb answers at {address}: {reason}")]
    Silent { address: SocketAddr, reason: io::Error },
    #[error("{address} does not speak as rhumb's admin address does: {reason}")]
    Strange { address: SocketAddr, reason: String },
    #[error("the node at {address} refused: {error}", error = body.error)]
    Refused { address: SocketAddr, status: StatusCode, body: Body },
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// What a node answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 200, or 422 when what was asked is refused as wrong.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
}

impl Client {
    /// Asks for a path with its query.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        let stream = self.connect().await?;
        self.ask(stream, Request::get(path)).await
    }

    /// Asks for a change, with the node's token.
    ///
    /// # Errors
    /// When there is no answer, no token, or a refusal other than 422.
    pub async fn post(&self, path: &str) -> Result<Answer, ClientError> {
        let stream = self.connect().await?;
        let token = Token::read(&self.token_file)?;
        let authorization = format!("Bearer {}", token.secret());
        self.ask(stream, Request::post(path).header(AUTHORIZATION, authorization)).await
    }

    async fn ask(&self, stream: TcpStream, request: Builder) -> Result<Answer, ClientError> {
        let request = request.header(HOST, self.address.to_string()).body(Empty::new());
        let request = request.map_err(|error| self.strange(error))?;
        let answered = timeout(ANSWER_PATIENCE, exchange(stream, request)).await;
        let late = || self.strange(format!("no answer within {} s", ANSWER_PATIENCE.as_secs()));
        let answer = answered.map_err(|_| late())?.map_err(|error| self.strange(error))?;
        match answer.status {
            StatusCode::OK | StatusCode::UNPROCESSABLE_ENTITY => Ok(answer),
            status => Err(self.refused(status, &answer.body)),
        }
    }

    async fn connect(&self) -> Result<TcpStream, ClientError> {
        let silent = |reason| ClientError::Silent { address: self.address, reason };
        match timeout(CONNECT_PATIENCE, TcpStream::connect(self.address)).await {
            Ok(connected) => connected.map_err(silent),
            Err(_) => Err(silent(io::Error::new(io::ErrorKind::TimedOut, "timeout"))),
        }
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> ClientError {
        match serde_json::from_slice(body) {
            Ok(body) => ClientError::Refused { address: self.address, status, body },
            Err(_) => self.strange(format!("status {status}")),
        }
    }

    fn strange(&self, reason: impl ToString) -> ClientError {
        ClientError::Strange { address: self.address, reason: reason.to_string() }
    }

    /// An answer as it came.
    ///
    /// # Errors
    /// When it is no text: not this program.
    pub fn text<'a>(&self, answer: &'a Answer) -> Result<&'a str, ClientError> {
        str::from_utf8(&answer.body).map_err(|error| self.strange(error))
    }

    /// Reads an answer's JSON.
    ///
    /// # Errors
    /// When it is of another shape: not this program, or another version of it.
    pub fn read<T: serde::de::DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        serde_json::from_slice(&answer.body).map_err(|error| self.strange(error))
    }
}

/// The query of a URL, each value percent-encoded (RFC 3986 §2.1).
pub fn query<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> String {
    let encode = |octet: u8| match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(octet).to_string()
        }
        _ => format!("%{octet:02X}"),
    };
    let pair = |(key, value): (&str, &str)| {
        format!("{key}={}", value.bytes().map(encode).collect::<String>())
    };
    pairs.map(pair).collect::<Vec<_>>().join("&")
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(stream: TcpStream, request: Request<Empty<Bytes>>) -> Result<Answer, Failed> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response: Response<Incoming> = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await?.to_bytes();
    connection.abort();
    Ok(Answer { status, body })
}

impl From<ClientError> for Complaint {
    fn from(error: ClientError) -> Self {
        let complaint = Self::new(&error);
        match &error {
            ClientError::Silent { .. } => complaint.help(
                "is it running? its configuration sets the address as `admin.listen`; \
                 `--admin ADDRESS:PORT` asks another",
            ),
            ClientError::Strange { .. } => complaint
                .help("`--admin ADDRESS:PORT` asks another address; or the versions differ"),
            ClientError::Refused { status: StatusCode::UNAUTHORIZED, body, .. } => {
                complaint.help(format!("{}; `--token-file FILE` reads another", body.help))
            }
            ClientError::Refused { body, .. } if body.help.is_empty() => complaint,
            ClientError::Refused { body, .. } => complaint.help(&body.help),
            ClientError::Token(_) => {
                complaint.help("`--token-file FILE` names the token of the running node")
            }
        }
    }
}
