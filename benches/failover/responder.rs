//! The DNS server beside a daemon that has none, and the gateway's: it answers with its number.

use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::message;

/// Answers on these addresses until it is killed.
pub fn run(number: u8, addresses: &[SocketAddr]) {
    let sockets: Vec<_> = addresses.iter().map(|address| bind(*address)).collect();
    println!("ready");
    std::thread::scope(|scope| {
        for socket in &sockets {
            scope.spawn(move || serve(socket, number));
        }
    });
}

/// Binds an address that this host may not have yet.
fn bind(address: SocketAddr) -> UdpSocket {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP));
    let socket = socket.expect("a socket");
    socket.set_freebind_v4(true).expect("Linux has it");
    socket.bind(&address.into()).unwrap_or_else(|error| panic!("{address}: {error}"));
    socket.into()
}

fn serve(socket: &UdpSocket, number: u8) {
    let mut buffer = [0; 512];
    loop {
        // Errors are those of earlier replies: a client that is gone, an address that moved.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        if let Some(reply) = message::answer(&buffer[..length], number) {
            let _ = socket.send_to(&reply, from);
        }
    }
}
