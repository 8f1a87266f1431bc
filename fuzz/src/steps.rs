//! Octets as a story: steps, numbers, and stretches of octets.

use std::time::{Duration, Instant};

/// What is left of the input.
pub(crate) struct Steps<'i>(pub(crate) &'i [u8]);

impl<'i> Steps<'i> {
    /// The next octet; absent at the end of the story.
    pub(crate) fn octet(&mut self) -> Option<u8> {
        let (octet, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*octet)
    }

    /// The next octets, as many as a number of two octets before them says, or all that are left.
    pub(crate) fn octets(&mut self) -> Option<&'i [u8]> {
        let (high, low) = (self.octet()?, self.octet()?);
        let length = usize::from(u16::from_be_bytes([high, low])).min(self.0.len());
        let (octets, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(octets)
    }

    /// A time up to 25.5 s.
    pub(crate) fn while_(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(100) * u32::from(self.octet()?))
    }
}

/// A step that brings these octets.
pub(crate) fn octets(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("seeds are short");
    [&length.to_be_bytes(), bytes].concat()
}

/// Where a clock starts.
#[allow(clippy::disallowed_methods, reason = "there is no other way to an `Instant`")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}
