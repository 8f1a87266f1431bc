//! Messages as bytes, and back (RFC 4271 §4).
//!
//! ```text
//!           0               1               2               3
//!   0 +---------------+---------------+---------------+---------------+
//!     |                   marker: 16 bytes of all ones                |
//!  16 +---------------+---------------+---------------+---------------+
//!     |            length             |     kind      |  body …
//!     +-------------------------------+---------------+----------
//! ```
//!
//! What cannot be read is the [`Notification`] that ends the session. [`Framer`] cuts a stream into
//! messages. The bodies of UPDATEs are framed and dropped: this speaker learns no routes, so
//! nothing that a peer says about routes can reset the session. [`update`] writes them.

pub mod capability;
pub mod frame;
pub mod notification;
pub mod open;
pub mod refresh;
#[cfg(test)]
mod tests;
pub mod update;

pub use capability::{Capabilities, GracefulRestart};
pub use frame::Framer;
pub use notification::{Cease, Notification};
pub use open::Open;
pub use refresh::RouteRefresh;

/// The header in bytes.
pub const HEADER: usize = 19;
/// The longest message in bytes (RFC 4271 §4.1); RFC 8654 is not spoken.
pub const LONGEST: usize = 4096;

/// The kind of a message (RFC 4271 §4.1, RFC 2918).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The first of each end.
    Open = 1,
    /// Routes.
    Update = 2,
    /// The last.
    Notification = 3,
    /// A sign of life.
    Keepalive = 4,
    /// Asks for all routes again.
    RouteRefresh = 5,
}

impl Kind {
    /// Of a number; absent: unknown.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Open),
            2 => Some(Self::Update),
            3 => Some(Self::Notification),
            4 => Some(Self::Keepalive),
            5 => Some(Self::RouteRefresh),
            _ => None,
        }
    }

    /// Whether a message of this kind may have a body of so many bytes (RFC 4271 §6.1).
    const fn permits(self, body: usize) -> bool {
        match self {
            Self::Open => body >= 10,
            Self::Update => body >= 4,
            Self::Notification => body >= 2,
            Self::Keepalive => body == 0,
            // A wrong length has an error of its own (RFC 7313 §5).
            Self::RouteRefresh => true,
        }
    }
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The peer's parameters.
    Open(Open),
    /// Routes, not looked at.
    Update {
        /// The body in bytes.
        length: usize,
    },
    /// The peer ends the session.
    Notification(Notification),
    /// A sign of life.
    Keepalive,
    /// The peer wants all routes again.
    RouteRefresh(RouteRefresh),
}

impl Message {
    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Open(_) => Kind::Open,
            Self::Update { .. } => Kind::Update,
            Self::Notification(_) => Kind::Notification,
            Self::Keepalive => Kind::Keepalive,
            Self::RouteRefresh(_) => Kind::RouteRefresh,
        }
    }

    /// Reads a body whose length the kind permits.
    fn parse(kind: Kind, body: &[u8]) -> Result<Self, Notification> {
        Ok(match kind {
            Kind::Open => Self::Open(Open::parse(body)?),
            Kind::Update => Self::Update { length: body.len() },
            Kind::Notification => Self::Notification(Notification::parse(body)?),
            Kind::Keepalive => Self::Keepalive,
            Kind::RouteRefresh => Self::RouteRefresh(RouteRefresh::parse(body)?),
        })
    }
}

/// A KEEPALIVE (RFC 4271 §4.4).
#[must_use]
pub fn keepalive() -> Vec<u8> {
    framed(Kind::Keepalive, &[])
}

/// A message around a body, which must leave room for the header in [`LONGEST`].
fn framed(kind: Kind, body: &[u8]) -> Vec<u8> {
    let length = HEADER + body.len();
    debug_assert!(length <= LONGEST, "{length} bytes are more than a message may have");
    let mut message = Vec::with_capacity(length);
    message.extend_from_slice(&[0xff; 16]);
    message.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    message.push(kind as u8);
    message.extend_from_slice(body);
    message
}
