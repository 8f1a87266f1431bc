//! ROUTE-REFRESH: all routes of a family once more (RFC 2918), between marks (RFC 7313).

use super::capability::{SAFI_UNICAST, afi};
use super::{Kind, Notification, framed};
use crate::bgp::routes::Family;

/// Asks for all routes of a family, or marks where they begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteRefresh {
    /// Absent: none that is spoken here.
    pub family: Option<Family>,
    /// What it says.
    pub subtype: Subtype,
}

/// What a ROUTE-REFRESH says (RFC 7313 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subtype {
    /// Send all again.
    Request,
    /// All routes follow (BoRR).
    Begin,
    /// That was all (EoRR).
    End,
    /// Something of the future, to be ignored.
    Unknown(u8),
}

impl RouteRefresh {
    /// The whole message; absent for an unknown family.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let [high, low] = afi(self.family?).to_be_bytes();
        Some(framed(Kind::RouteRefresh, &[high, low, self.subtype.number(), SAFI_UNICAST]))
    }

    pub(super) fn parse(body: &[u8]) -> Result<Self, Notification> {
        let &[high, low, subtype, safi] = body else {
            return Err(Notification::bad_refresh_length(body));
        };
        let family = super::capability::family(u16::from_be_bytes([high, low]), safi);
        Ok(Self { family, subtype: Subtype::of(subtype) })
    }
}

impl Subtype {
    const fn number(self) -> u8 {
        match self {
            Self::Request => 0,
            Self::Begin => 1,
            Self::End => 2,
            Self::Unknown(number) => number,
        }
    }

    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Request,
            1 => Self::Begin,
            2 => Self::End,
            number => Self::Unknown(number),
        }
    }
}
