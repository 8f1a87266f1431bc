//! Authentication of advertisements.
//!
//! RFC 9568 has none (§9). Version 2 had a password in clear text, which keeps apart groups that
//! share a VRID by mistake and nobody else. The keyed trailer of version 3 is [`Trailer`]; whoever
//! has no key can then neither send an advertisement nor send one again.
//!
//! Keys are rotated without a loss: give the new key to every node, then `send` with it on one
//! after the other, then take the old one away. Authentication is introduced in the same way:
//! [`HmacMode::ReceiveOnly`] everywhere, [`HmacMode::Permissive`] on one node after the other, and
//! [`HmacMode::Enforce`] once all of them send.

mod hmac;
mod replay;
mod sequence;

use std::fmt;
use std::time::Duration;

pub use hmac::Trailer;
pub(crate) use hmac::trailer;
pub(crate) use replay::{Replay, staleness};
pub use sequence::{Sequence, Stamp};

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

/// What is added to an advertisement so that others believe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal<'a> {
    /// Nothing.
    None,
    /// The password, in version 2; nothing in version 3.
    Password(&'a Password),
    /// The keyed trailer, in version 3; nothing in version 2.
    Hmac {
        /// What it is made with.
        key: &'a Key,
        /// Its place in the sender's sequence.
        stamp: Stamp,
    },
}

impl Auth {
    /// The seal of the next packet. `wall` is the time since the epoch; `sequence` is taken from
    /// only where a trailer is sent. Nothing is sealed if `send` is not among the keys.
    #[must_use]
    pub fn seal<'a>(&'a self, sequence: &mut Sequence, wall: Duration) -> Seal<'a> {
        match self {
            Self::None => Seal::None,
            Self::Password(password) => Seal::Password(password),
            Self::Hmac(hmac) => match hmac.sending() {
                Some(key) => Seal::Hmac { key, stamp: sequence.next(wall) },
                None => Seal::None,
            },
        }
    }

    /// The key of an id, where there are keys.
    #[must_use]
    pub fn key(&self, id: u8) -> Option<&Key> {
        match self {
            Self::None | Self::Password(_) => None,
            Self::Hmac(hmac) => hmac.key(id),
        }
    }
}

impl HmacAuth {
    /// The key of an id.
    #[must_use]
    pub fn key(&self, id: u8) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The key that is sent with; absent where trailers are not sent.
    #[must_use]
    pub fn sending(&self) -> Option<&Key> {
        match self.mode {
            HmacMode::ReceiveOnly => None,
            HmacMode::Permissive | HmacMode::Enforce => self.key(self.send),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hmac(mode: HmacMode, send: u8) -> Auth {
        let keys = [1, 2].map(|id| Key { id, secret: vec![id] }).to_vec();
        Auth::Hmac(HmacAuth { mode, keys, send, window: Duration::ZERO })
    }

    #[test]
    fn trailers_are_sent_but_in_receive_only_mode() {
        let wall = Duration::from_secs(7);
        for (mode, id) in [
            (HmacMode::ReceiveOnly, None),
            (HmacMode::Permissive, Some(2)),
            (HmacMode::Enforce, Some(2)),
        ] {
            let (auth, mut sequence) = (hmac(mode, 2), Sequence::new());
            let sent = match auth.seal(&mut sequence, wall) {
                Seal::Hmac { key, stamp } => Some((key.id, stamp)),
                Seal::None | Seal::Password(_) => None,
            };
            assert_eq!(sent, id.map(|id| (id, Stamp::at(wall))), "{mode:?}");
            assert_eq!(sequence.last().is_some(), id.is_some(), "{mode:?}");
        }
    }

    #[test]
    fn nothing_is_sealed_with_a_key_that_is_not_there() {
        let mut sequence = Sequence::new();
        let auth = hmac(HmacMode::Enforce, 3);
        assert_eq!(auth.seal(&mut sequence, Duration::ZERO), Seal::None);
        assert_eq!(sequence.last(), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let password = Password(*b"secret\0\0");
        let auth = Auth::Hmac(HmacAuth {
            mode: HmacMode::Enforce,
            keys: vec![Key { id: 1, secret: b"secret".to_vec() }],
            send: 1,
            window: Duration::ZERO,
        });
        let shown = format!("{password:?} {auth:?}");
        assert!(!shown.contains("secret") && !shown.contains("115"), "{shown}");
    }
}
