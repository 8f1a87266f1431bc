//! The shape of a packet. Nothing is copied and nothing is believed.

use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

use super::checksum::{ChecksumStyle, covers_trailer};
use super::{ADVERTISEMENT, Advertisement};
use crate::auth::{Key, Trailer};
use crate::config::{Family, Priority, Version, Vrid};

/// The auth type of version 2 without authentication (RFC 3768 §5.3.6).
pub(crate) const NO_AUTHENTICATION: u8 = 0;
/// The auth type of version 2 with a password (RFC 2338 §5.3.6).
pub(crate) const SIMPLE_PASSWORD: u8 = 1;
/// The longest interval of version 3, in centiseconds, and the mask of its bits.
pub(super) const LONGEST: u16 = 0x0fff;
/// The bytes before the addresses.
const HEADER: usize = 8;
/// The authentication data of version 2.
const PASSWORD: usize = 8;

/// A view of a packet that is long enough for what it says it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// 2 and 3 are known.
    pub version: u8,
    /// 1 is known: [`ADVERTISEMENT`].
    pub kind: u8,
    /// 0 is nobody's.
    pub vrid: u8,
    /// The sender's.
    pub priority: Priority,
    /// As it stands there.
    pub checksum: u16,
    /// The authentication data of version 2; absent in others.
    pub password: Option<&'a [u8; PASSWORD]>,
    /// In version 3, what follows the addresses, if that is a trailer.
    pub trailer: Option<Trailer<'a>>,
    /// How many bytes follow all that.
    pub surplus: usize,
    family: Family,
    interval: [u8; 2],
    header: &'a [u8; HEADER],
    addresses: &'a [u8],
    payload: &'a [u8],
}

/// A payload that ends before the packet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{length} bytes where at least {least} are needed")]
pub struct TooShort {
    /// What there is, in bytes.
    pub length: usize,
    /// What its beginning calls for.
    pub least: usize,
}

/// The length of an address in bytes.
pub(super) const fn width(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

impl<'a> Packet<'a> {
    /// Reads an IP payload. A packet of an unknown version is read as one of version 3 without a
    /// trailer.
    ///
    /// # Errors
    ///
    /// The payload is shorter than the header, the addresses that it counts, and in version 2 the
    /// authentication data.
    pub fn parse(family: Family, payload: &'a [u8]) -> Result<Self, TooShort> {
        let short = |least| TooShort { length: payload.len(), least };
        let (header, rest) = payload.split_first_chunk().ok_or_else(|| short(HEADER))?;
        let &[version_type, vrid, priority, count, high, low, c0, c1] = header;
        let version = version_type >> 4;
        let size = usize::from(count) * width(family);
        let short = short(HEADER + size + if version == 2 { PASSWORD } else { 0 });
        let (addresses, rest) = rest.split_at_checked(size).ok_or(short)?;
        let (password, rest) = match version {
            2 => rest.split_first_chunk().map(|(p, rest)| (Some(p), rest)).ok_or(short)?,
            _ => (None, rest),
        };
        let trailer = Some(rest).filter(|_| version == 3).and_then(Trailer::parse);
        Ok(Self {
            version,
            kind: version_type & 0x0f,
            vrid,
            priority: Priority(priority),
            checksum: u16::from_be_bytes([c0, c1]),
            password,
            trailer,
            surplus: if trailer.is_some() { 0 } else { rest.len() },
            family,
            interval: [high, low],
            header,
            addresses,
            payload,
        })
    }

    /// The auth type of version 2.
    #[must_use]
    pub fn auth_type(&self) -> u8 {
        self.interval[0]
    }

    /// Between two advertisements: sent as whole seconds in version 2, else as centiseconds.
    #[must_use]
    pub fn interval(&self) -> Duration {
        match self.version {
            2 => Duration::from_secs(u64::from(self.interval[1])),
            _ => {
                let centiseconds = u16::from_be_bytes(self.interval) & LONGEST;
                Duration::from_millis(u64::from(centiseconds) * 10)
            }
        }
    }

    /// The virtual addresses, in order.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + Clone + use<'a> {
        let (v4, v6): (&[[u8; 4]], &[[u8; 16]]) = match self.family {
            Family::V4 => (self.addresses.as_chunks().0, &[]),
            Family::V6 => (&[], self.addresses.as_chunks().0),
        };
        v4.iter().copied().map(IpAddr::from).chain(v6.iter().copied().map(IpAddr::from))
    }

    /// The length in bytes that the packet has without the surplus.
    #[must_use]
    pub fn length(&self) -> usize {
        self.payload.len() - self.surplus
    }

    /// How the checksum is right, if it is.
    #[must_use]
    pub fn checksum_style(&self, source: IpAddr, destination: IpAddr) -> Option<ChecksumStyle> {
        let styles: &[ChecksumStyle] = match (self.version, self.family) {
            (2, _) => &[ChecksumStyle::Plain],
            (_, Family::V4) => &[ChecksumStyle::Pseudo, ChecksumStyle::Plain],
            (_, Family::V6) => &[ChecksumStyle::Pseudo],
        };
        let message = self.checksummed();
        styles.iter().copied().find(|style| style.verifies(message, source, destination))
    }

    fn checksummed(&self) -> &'a [u8] {
        let beyond = match self.trailer {
            Some(_) if !covers_trailer(self.family) => Trailer::LENGTH,
            Some(_) | None => 0,
        };
        self.payload.get(..self.payload.len() - beyond).unwrap_or_default()
    }

    /// True if there is a trailer and `key` made it.
    #[must_use]
    pub fn verifies(&self, key: &Key, source: IpAddr) -> bool {
        self.trailer.is_some_and(|t| t.verifies(key, source, self.header, self.addresses))
    }

    /// What it says, if it is an advertisement of a known version and a possible VRID.
    #[must_use]
    pub fn advertisement(&self) -> Option<Advertisement> {
        let version = match self.version {
            2 => Version::V2,
            3 => Version::V3,
            _ => return None,
        };
        let vrid = Vrid::new(self.vrid).filter(|_| self.kind == ADVERTISEMENT)?;
        Some(Advertisement {
            version,
            vrid,
            priority: self.priority,
            interval: self.interval(),
            addresses: self.addresses().collect(),
        })
    }
}
