//! A stream of bytes, cut into messages.
//!
//! Holds one message at most, whatever arrives.

use super::{HEADER, Kind, LONGEST, Message, Notification};

/// Cuts what one connection receives into messages.
#[derive(Debug, Default)]
pub struct Framer {
    /// The beginning of a message.
    partial: Vec<u8>,
}

impl Framer {
    /// The next message in `input`, from which the bytes that were used are taken. Absent: all of
    /// it was used and more is needed.
    ///
    /// # Errors
    ///
    /// The NOTIFICATION to end the connection with; nothing that follows can be read.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Notification> {
        if !self.fill(HEADER, input) {
            return Ok(None);
        }
        let (kind, length) = header(&self.partial)?;
        if !self.fill(length, input) {
            return Ok(None);
        }
        let message = Message::parse(kind, self.partial.get(HEADER..).unwrap_or_default());
        self.partial.clear();
        message.map(Some)
    }

    /// Takes from `input` until `length` bytes are there; whether they are.
    fn fill(&mut self, length: usize, input: &mut &[u8]) -> bool {
        let missing = length.saturating_sub(self.partial.len()).min(input.len());
        let (taken, rest) = input.split_at(missing);
        self.partial.extend_from_slice(taken);
        *input = rest;
        self.partial.len() >= length
    }
}

/// Kind and length of the message that begins so (RFC 4271 §6.1).
fn header(bytes: &[u8]) -> Result<(Kind, usize), Notification> {
    let Some((&[ref marker @ .., high, low, kind], _)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Notification::NOT_SYNCHRONIZED);
    };
    if marker.iter().any(|&byte| byte != 0xff) {
        return Err(Notification::NOT_SYNCHRONIZED);
    }
    let field = u16::from_be_bytes([high, low]);
    let length = usize::from(field);
    if !(HEADER..=LONGEST).contains(&length) {
        return Err(Notification::bad_length(field));
    }
    let kind = Kind::new(kind).ok_or_else(|| Notification::bad_type(kind))?;
    match kind.permits(length - HEADER) {
        true => Ok((kind, length)),
        false => Err(Notification::bad_length(field)),
    }
}
