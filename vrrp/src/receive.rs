//! Who is heard.

use std::fmt;
use std::net::IpAddr;

/// An index into `Config::peers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerId(pub usize);

/// Who sent an advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// From where.
    pub address: IpAddr,
    /// Which of the configured peers; absent in multicast.
    pub peer: Option<PeerId>,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
