//! Writing a reply into a buffer that the caller owns.

/// A reply under construction, in the caller's buffer. Never grows past it.
#[derive(Debug)]
pub struct Reply<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Reply<'b> {
    /// Starts an empty reply; `buffer` is the most it can ever hold (1,232 octets suffice over UDP,
    /// 65,535 over TCP).
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// The message so far; empty when there is nothing to send.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}
