//! The one question of the bench, `who.lab.test A`, and its answer: which node this is.

/// The length of a DNS header (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// `who.lab.test`, type A, class IN.
const QUESTION: &[u8] = b"\x03who\x03lab\x04test\x00\x00\x01\x00\x01";
/// A name that points at the question, type A, class IN, TTL 0, four octets.
const RECORD: &[u8] = &[0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4];

/// The address that a node gives, with its number last (RFC 5737).
pub const IDENTITY: [u8; 3] = [192, 0, 2];

/// A query with this ID.
pub fn query(id: u16) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend_from_slice(QUESTION);
    message
}

/// What node `number` answers to a query: authoritatively, whatever was asked.
pub fn answer(query: &[u8], number: u8) -> Option<Vec<u8>> {
    let [high, low, ..] = *query else { return None };
    // QR and AA; one question, one answer.
    let mut message = vec![high, low, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    message.extend_from_slice(QUESTION);
    message.extend_from_slice(RECORD);
    message.extend_from_slice(&IDENTITY);
    message.push(number);
    Some(message)
}

/// The ID of an answer, and which node gave it. `None`: it is no answer to our question.
pub fn identity(answer: &[u8]) -> Option<(u16, u8)> {
    let (header, rest) = answer.split_at_checked(HEADER)?;
    let (counts, rcode) = (&header[4..8], header[3] & 15);
    let rest = rest.strip_prefix(QUESTION)?;
    // The record's name is a pointer, as in RECORD; its TTL is the server's affair.
    let (data, number) = (rest.get(RECORD.len()..)?, *rest.get(RECORD.len() + 3)?);
    let ours = counts == [0, 1, 0, 1] && rcode == 0 && data.starts_with(&IDENTITY);
    ours.then(|| (u16::from_be_bytes([header[0], header[1]]), number))
}
