//! The command that the health-check program runs: one question, answered in time or not.
//!
//! It gives up on time: a socket's own limit (`SO_RCVTIMEO`) is as coarse as the kernel's tick, and
//! the contender would have to answer for that.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::message;

/// Asks a service once. Success: it answered within `millis`.
pub fn run(service: SocketAddr, millis: u64) -> ExitCode {
    let id = fastrand::Rng::new().u16(..);
    let Ok(socket) = ask(service, id) else { return ExitCode::FAILURE };
    let (tell, answered) = channel();
    std::thread::spawn(move || listen(&socket, id, &tell));
    match answered.recv_timeout(Duration::from_millis(millis)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn ask(service: SocketAddr, id: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(service)?;
    socket.send(&message::query(id))?;
    Ok(socket)
}

/// Tells of the answer; ends without a word when there cannot be one.
fn listen(socket: &UdpSocket, id: u16, tell: &Sender<()>) {
    let mut buffer = [0; 512];
    while let Ok(length) = socket.recv(&mut buffer) {
        if message::identity(&buffer[..length]).is_some_and(|(found, _)| found == id) {
            let _ = tell.send(());
            return;
        }
    }
}
