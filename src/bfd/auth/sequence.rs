//! Sequence numbers of authenticated packets, which stand against replay (RFC 5880 §6.7.3).

use super::AuthType;
use crate::bfd::Discard;
use crate::bfd::packet::{Control, DetectMult};

/// bfd.XmitAuthSeq, and what the last packet said.
#[derive(Clone, Copy, Debug)]
pub(in crate::bfd) struct Sent {
    sequence: u32,
    last: Option<Control>,
}

/// bfd.RcvAuthSeq, absent while bfd.AuthSeqKnown is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::bfd) struct Received(pub(in crate::bfd) Option<u32>);

impl Sent {
    /// From a random number (RFC 5880 §6.8.1).
    pub(in crate::bfd) fn new(sequence: u32) -> Self {
        Self { sequence, last: None }
    }

    /// The sequence number of the next packet. One that says the same as the one before may have the
    /// same, but in the meticulous types.
    pub(in crate::bfd) fn next(&mut self, auth_type: AuthType, control: &Control) -> u32 {
        if auth_type.is_meticulous() || self.last.as_ref() != Some(control) {
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.last = Some(*control);
        self.sequence
    }
}

impl Received {
    /// Not before the last one, not the last one if they are meticulous, and not so far ahead that
    /// more packets must have been lost than the session would outlive three times. The numbers go
    /// in a circle.
    pub(super) fn check(
        self,
        sequence: u32,
        meticulous: bool,
        detect_mult: DetectMult,
    ) -> Result<(), Discard> {
        let Some(known) = self.0 else { return Ok(()) };
        let ahead = sequence.wrapping_sub(known);
        let most = 3 * u32::from(detect_mult.0.get());
        if (u32::from(meticulous)..=most).contains(&ahead) {
            return Ok(());
        }
        Err(Discard::Sequence { sequence, known })
    }
}
