//! The limit of UDP sockets: the server's own loop of receive and send with nothing to decide. Every
//! query gets the same A record. What a real server takes beyond this is what its decisions cost.
//!
//! Usage: `fixed-answer ADDRESS:PORT`; one thread; runs until it is killed.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use rhumb::server::udp::{Responder, UdpServer};
use rhumb::sys::Round;

/// Owner: the question's name; A, IN, 300 s, 192.0.2.1.
const RECORD: [u8; 16] = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 192, 0, 2, 1];

/// The octets of a DNS header.
const HEADER: usize = 12;

struct Fixed;

impl Responder for Fixed {
    fn refresh(&mut self) {}

    fn respond(&mut self, message: &[u8], _: IpAddr, reply: &mut [u8]) -> usize {
        paste(message, reply).unwrap_or(0)
    }

    fn count(&mut self, _: &Round) {}
}

/// The question, the record, and what follows the question (an OPT record) as it came, so that
/// replies are as long as those of a server that means it.
fn paste(message: &[u8], reply: &mut [u8]) -> Option<usize> {
    let question = HEADER + message.get(HEADER..)?.iter().position(|&octet| octet == 0)? + 5;
    let (question, additional) = message.split_at_checked(question)?;
    let end = question.len() + RECORD.len();
    reply.get_mut(..question.len())?.copy_from_slice(question);
    reply.get_mut(question.len()..end)?.copy_from_slice(&RECORD);
    reply.get_mut(end..end + additional.len())?.copy_from_slice(additional);
    // QR and AA; one answer.
    *reply.get_mut(2)? |= 0x84;
    *reply.get_mut(7)? = 1;
    Some(end + additional.len())
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: fixed-answer ADDRESS:PORT")?;
    let address: SocketAddr = address.parse()?;
    let _server = UdpServer::start_with(&[address], 1, |_| Fixed)?;
    loop {
        std::thread::park();
    }
}
