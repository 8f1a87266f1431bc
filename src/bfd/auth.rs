//! Authentication of control packets: a digest over the packet and a shared secret.
//!
//! The section at the end of a packet (RFC 5880 §4.3, §4.4):
//!
//! ```text
//!           0               1               2               3
//!  24 +---------------+---------------+---------------+---------------+
//!     |   auth type   |   auth len    |    key id     |   reserved    |
//!  28 +---------------+---------------+---------------+---------------+
//!     |                       sequence number                         |
//!  32 +---------------------------------------------------------------+
//!     |              digest: 16 bytes (MD5) or 20 (SHA1)              |
//!     +---------------------------------------------------------------+
//! ```
//!
//! The digest is that of the whole packet with the secret, padded with zeros, in its place. Against
//! replay the sequence number must not go back; in the meticulous types it must grow with every
//! packet. Both digests are weak by today's standards and what routers know; SHA1 meticulous is the
//! one to choose. Without authentication the TTL keeps out everybody who is not on the link (RFC
//! 5881 §5), which is enough for most.

mod sequence;
#[cfg(test)]
mod tests;

use std::fmt;

use thiserror::Error;

use super::Discard;
use super::packet::{HEADER, Packet};
pub(super) use sequence::{Received, Sent};

/// Where the digest begins in the section.
const DIGEST: usize = 8;

/// How packets are authenticated (RFC 5880 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthType {
    /// 2: with MD5; a packet can be replayed while the sequence number stays.
    KeyedMd5,
    /// 3: with MD5.
    MeticulousKeyedMd5,
    /// 4: with SHA1; a packet can be replayed while the sequence number stays.
    KeyedSha1,
    /// 5: with SHA1.
    MeticulousKeyedSha1,
}

/// A shared secret; not shown in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: u8,
    secret: Vec<u8>,
}

/// A secret of a length that its type has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("key {id}: a secret of {length} bytes (must be 1 to {most} for {auth_type})")]
pub struct SecretLength {
    /// The key's.
    pub id: u8,
    /// In bytes.
    pub length: usize,
    /// In bytes: 16 or 20.
    pub most: usize,
    /// Which wants it.
    pub auth_type: AuthType,
}

/// The authentication of a session.
///
/// A key is changed without a loss by giving the new one to both systems to `accept`, then to `send`
/// with, and then taking the old one away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Both systems must have the same.
    pub auth_type: AuthType,
    /// What packets are sent with; accepted, too.
    pub send: Key,
    /// What else is accepted.
    pub accept: Vec<Key>,
}

/// What an authentication section is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal<'a> {
    /// How.
    pub auth_type: AuthType,
    /// With which key.
    pub key: &'a Key,
    /// bfd.XmitAuthSeq.
    pub sequence: u32,
}

/// A section that has the right shape.
struct Section<'a> {
    key: u8,
    sequence: u32,
    digest: &'a [u8],
}

impl AuthType {
    /// Auth Type on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::KeyedMd5 => 2,
            Self::MeticulousKeyedMd5 => 3,
            Self::KeyedSha1 => 4,
            Self::MeticulousKeyedSha1 => 5,
        }
    }

    /// The digest's size, which is the most that a secret can have, in bytes.
    #[must_use]
    pub fn digest_size(self) -> usize {
        match self {
            Self::KeyedMd5 | Self::MeticulousKeyedMd5 => 16,
            Self::KeyedSha1 | Self::MeticulousKeyedSha1 => 20,
        }
    }

    /// The section's size, in bytes.
    pub(super) fn section(self) -> usize {
        DIGEST + self.digest_size()
    }

    /// Every packet has its own sequence number.
    fn is_meticulous(self) -> bool {
        match self {
            Self::KeyedMd5 | Self::KeyedSha1 => false,
            Self::MeticulousKeyedMd5 | Self::MeticulousKeyedSha1 => true,
        }
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::KeyedMd5 | Self::MeticulousKeyedMd5 => md5::compute(message).to_vec(),
            Self::KeyedSha1 | Self::MeticulousKeyedSha1 => {
                let sha1 = &ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
                ring::digest::digest(sha1, message).as_ref().to_vec()
            }
        }
    }
}

impl Key {
    /// A secret for packets of a type, under an id that both systems have for it.
    ///
    /// # Errors
    ///
    /// The secret is empty, or longer than the digest.
    pub fn new(auth_type: AuthType, id: u8, secret: Vec<u8>) -> Result<Self, SecretLength> {
        let (length, most) = (secret.len(), auth_type.digest_size());
        if (1..=most).contains(&length) {
            return Ok(Self { id, secret });
        }
        Err(SecretLength { id, length, most, auth_type })
    }
}

impl Auth {
    fn key(&self, id: u8) -> Option<&Key> {
        std::iter::once(&self.send).chain(&self.accept).find(|key| key.id == id)
    }

    /// Checks the authentication of a packet (RFC 5880 §6.7.3, §6.7.4), and returns its sequence
    /// number, to be remembered. Beyond the RFC, nothing is remembered of a packet whose digest is
    /// wrong: anybody could else say which sequence numbers are heard.
    pub(super) fn verify(&self, packet: &Packet<'_>, received: Received) -> Result<u32, Discard> {
        let section = self.section(packet.section().ok_or(Discard::MissingAuth)?)?;
        let unknown = Discard::UnknownKey { key: section.key };
        let key = self.key(section.key).ok_or(unknown)?;
        let control = &packet.control;
        received.check(section.sequence, self.auth_type.is_meticulous(), control.detect_mult)?;
        if same(section.digest, &digest(self.auth_type, key, packet.message())) {
            return Ok(section.sequence);
        }
        Err(Discard::Digest { key: section.key })
    }

    /// The length is looked at before the key id, which a section that ends early may not have.
    fn section<'a>(&self, section: &'a [u8]) -> Result<Section<'a>, Discard> {
        let (theirs, ours) = (section.first().copied().unwrap_or(0), self.auth_type.code());
        if theirs != ours {
            return Err(Discard::AuthType { theirs, ours });
        }
        let needed = self.auth_type.section();
        let claimed = section.get(1).copied().map_or(0, usize::from);
        let wrong = |length| Discard::AuthLength { length, needed };
        if claimed != needed {
            return Err(wrong(claimed));
        }
        if section.len() != needed {
            return Err(wrong(section.len()));
        }
        let Some((head, digest)) = section.split_first_chunk::<DIGEST>() else {
            return Err(wrong(section.len()));
        };
        let &[_, _, key, _, a, b, c, d] = head;
        Ok(Section { key, sequence: u32::from_be_bytes([a, b, c, d]), digest })
    }
}

/// Appends the section to the packet that begins at `start` of `out` and has its header there.
pub(super) fn append(seal: &Seal<'_>, start: usize, out: &mut Vec<u8>) {
    let length = u8::try_from(seal.auth_type.section()).unwrap_or(u8::MAX);
    out.extend_from_slice(&[seal.auth_type.code(), length, seal.key.id, 0]);
    out.extend_from_slice(&seal.sequence.to_be_bytes());
    let place = out.len();
    out.resize(place + seal.auth_type.digest_size(), 0);
    let digest = digest(seal.auth_type, seal.key, &out[start..]);
    out[place..].copy_from_slice(&digest);
}

/// Of a packet whose section has the right length; whatever is in the digest's place.
fn digest(auth_type: AuthType, key: &Key, message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    message.truncate(HEADER + DIGEST);
    message.extend_from_slice(&key.secret);
    message.resize(HEADER + auth_type.section(), 0);
    auth_type.digest(&message)
}

/// In a time that does not tell how much is the same.
fn same(left: &[u8], right: &[u8]) -> bool {
    let differs = left.iter().zip(right).fold(0, |all, (left, right)| all | (left ^ right));
    left.len() == right.len() && differs == 0
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyedMd5 => "keyed MD5",
            Self::MeticulousKeyedMd5 => "meticulous keyed MD5",
            Self::KeyedSha1 => "keyed SHA1",
            Self::MeticulousKeyedSha1 => "meticulous keyed SHA1",
        })
    }
}
