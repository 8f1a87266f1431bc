//! Who may change anything: the bearer token (RFC 6750). Who may ask at all: no page in a browser
//! that reaches a loopback address by a name of its own (DNS rebinding).
//!
//! A page cannot send the token across origins (no CORS header is ever sent), so changes need no
//! more; the check of the Host header keeps what can be read without a token from it as well.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::Response;
use tracing::{info, warn};

use super::failure::Failure;

/// How many random octets a token made here holds; it is written as twice as many digits.
const RANDOM_OCTETS: usize = 32;
/// The shortest token taken from a file, in characters: what an operator made by hand.
const SHORTEST: usize = 16;

/// The secret that changes need, and where it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: Box<str>,
    path: PathBuf,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum TokenError {
    #[error(
        "admin token {path}: {source} (`state:` or `admin.token_file` names another place)",
        path = path.display()
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "admin token {path}: this is none: a token is {SHORTEST} or more printable ASCII \
         characters without spaces",
        path = path.display()
    )]
    Malformed { path: PathBuf },
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// When the file cannot be read or holds no token.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |source| TokenError::Unreadable { path: path.into(), source };
        let text = fs::read(path).map_err(unreadable)?;
        let secret = str::from_utf8(&text).unwrap_or_default().trim();
        if secret.len() < SHORTEST || !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(TokenError::Malformed { path: path.into() });
        }
        // Whoever is told the path may be in another directory.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        Ok(Self { secret: secret.into(), path })
    }

    /// Reads a token, or makes one when the file is not there: 32 random octets in hexadecimal,
    /// for the owner alone. Warns of a file that others can read.
    ///
    /// # Errors
    /// When the file cannot be read, holds no token, or cannot be made.
    pub fn read_or_make(path: &Path) -> Result<Self, TokenError> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path)
                    .map_err(|source| TokenError::Unreadable { path: path.into(), source })?;
                info!(path = %path.display(), "made an admin token");
            }
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                let mode = format!("{:04o}", metadata.permissions().mode() & 0o7777);
                let path = path.display();
                warn!(%path, mode, "others can read the admin token: chmod 600 {path}");
            }
            Ok(_) | Err(_) => {}
        }
        Self::read(path)
    }

    /// The secret itself, for the Authorization header.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether this is the secret; takes the same time wherever a wrong one differs.
    fn matches(&self, given: &[u8]) -> bool {
        let ours = self.secret.as_bytes();
        let differing = ours.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differing) == 0 && ours.len() == given.len()
    }
}

/// Keeps the secret out of logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Makes a token whole or not at all, and never replaces one that another process made meanwhile.
fn make(path: &Path) -> io::Result<()> {
    let mut random = [0; RANDOM_OCTETS];
    io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut random)?;
    let digits: String = random.iter().map(|octet| format!("{octet:02x}")).collect();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let made =
        writeln!(file, "{digits}").and_then(|()| file.sync_all()).and_then(
            |()| match fs::hard_link(&fresh, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            },
        );
    fs::remove_file(&fresh)?;
    made
}

/// Lets a request pass that carries the token.
pub(super) async fn require_token(
    State(token): State<Arc<Token>>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let kept = format!(
        "send the header `Authorization: Bearer TOKEN`; this node keeps its token in {}",
        token.path.display()
    );
    let refuse = |error| Err(Failure::new(StatusCode::UNAUTHORIZED, error, kept));
    let Some(given) = request.headers().get(AUTHORIZATION) else {
        return refuse("this changes the node and needs its token");
    };
    match bearer(given.as_bytes()) {
        Some(secret) if token.matches(secret) => Ok(next.run(request).await),
        Some(_) => refuse("the token is wrong"),
        None => refuse("the Authorization header holds no bearer token"),
    }
}

/// The credentials of `Bearer TOKEN`; the scheme's name is case-insensitive (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, secret) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| secret.trim_ascii())
}

/// How the admin address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachedBy {
    /// From this host alone, so by an address or as `localhost`.
    Loopback,
    /// From the network, by any name that leads here.
    Network,
}

impl ReachedBy {
    /// By the address listened on.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        match address {
            Some(address) if address.is_loopback() => Self::Loopback,
            _ => Self::Network,
        }
    }
}

/// Refuses requests that came to a loopback address under a name: a browser was led here by a page
/// whose name resolves to this host.
pub(super) async fn refuse_foreign_hosts(
    State(reached_by): State<ReachedBy>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let host = request.headers().get(HOST).map(|host| host.as_bytes());
    if reached_by == ReachedBy::Loopback && host.is_some_and(is_foreign) {
        let help = "ask by an address or as `localhost`; other names are refused on a loopback \
                    address, so that no page in a browser can read it under a name of its own";
        return Err(Failure::new(StatusCode::FORBIDDEN, "this host is not known here", help));
    }
    Ok(next.run(request).await)
}

/// Whether a Host header is anything but an IP address or `localhost`.
fn is_foreign(host: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(host) else { return true };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_err() && !host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/token");
        let made = Token::read_or_make(&path).expect("made");
        assert_eq!(made.secret().len(), 2 * RANDOM_OCTETS);
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Token::read_or_make(&path).expect("read"), made);
        assert_eq!(Token::read(&path).expect("read"), made);
        let files = fs::read_dir(folder.path().join("state")).expect("a folder").count();
        assert_eq!(files, 1, "nothing is left behind");
        let other = Token::read_or_make(&folder.path().join("other")).expect("made");
        assert_ne!(other.secret(), made.secret());
    }

    #[test]
    fn a_file_without_a_token_is_refused_with_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        for text in ["", "short\n", "with spaces in the middle of it", "ümläute-are-not-ascii"] {
            fs::write(&path, text).expect("written");
            let error = Token::read_or_make(&path).expect_err(text).to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }

    #[test]
    fn the_secret_is_not_in_the_debug_text() {
        let token = Token { secret: "0123456789abcdef".into(), path: "/token".into() };
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn only_the_whole_secret_matches() {
        let token = Token { secret: "0123456789abcdef".into(), path: "/token".into() };
        assert!(token.matches(b"0123456789abcdef"));
        for wrong in
            [&b""[..], b"0", b"0123456789abcdeF", b"0123456789abcdef0", b"x123456789abcdef"]
        {
            assert!(!token.matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_no_other_is() {
        for (header, secret) in [
            (&b"Bearer x"[..], Some(&b"x"[..])),
            (b"bearer  x ", Some(b"x")),
            (b"Basic eDp4", None),
            (b"Bearer", None),
            (b"", None),
        ] {
            assert_eq!(bearer(header), secret, "{header:?}");
        }
    }

    #[test]
    fn addresses_and_localhost_are_at_home_and_names_are_foreign() {
        for host in ["127.0.0.1", "127.0.0.1:8053", "[::1]:8053", "localhost", "LocalHost:8053"] {
            assert!(!is_foreign(host.as_bytes()), "{host}");
        }
        for host in ["", "evil.example", "evil.example:8053", "127.0.0.1.evil.example", "a b"] {
            assert!(is_foreign(host.as_bytes()), "{host}");
        }
    }
}
