//! Authentication of advertisements.

use std::fmt;
use std::time::Duration;

/// How advertisements are authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Not at all, as RFC 9568 has it.
    None,
    /// Version 2: a simple text password (RFC 2338 §5.3.6, type 1), padded with zeros.
    Password(Password),
    /// Version 3: a keyed trailer, as keepalived's `auth_hmac`.
    Hmac(HmacAuth),
}

/// Eight bytes; not shown in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub [u8; 8]);

/// The keyed trailer's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HmacAuth {
    /// What is done with advertisements without a good trailer.
    pub mode: HmacMode,
    /// By key id; several during a rotation.
    pub keys: Vec<Key>,
    /// The id of the key that is sent with.
    pub send: u8,
    /// How old a good advertisement may be; zero: only its sequence must grow.
    pub window: Duration,
}

/// A key; its secret is not shown in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id on the wire.
    pub id: u8,
    /// The secret.
    pub secret: Vec<u8>,
}

/// How far authentication is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacMode {
    /// Trailers are checked when there are some, and not sent.
    ReceiveOnly,
    /// Trailers are sent; an advertisement without one is accepted.
    Permissive,
    /// Trailers are sent; an advertisement without a good one is dropped.
    Enforce,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}
