//! Waiting for a datagram, no longer than asked.
//!
//! A socket's own limit (`SO_RCVTIMEO`) counts in ticks of the kernel and is up to two of them late:
//! 8 ms at 250 Hz. `ppoll` has a timer of its own, of microseconds.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Receives a datagram within `patience`; with none left, only what is there already. The socket is
/// non-blocking afterwards.
///
/// # Errors
/// `WouldBlock` when nothing came in time, `Interrupted` when a signal did; else the socket's.
pub fn receive_within(
    socket: &UdpSocket,
    buffer: &mut [u8],
    patience: Duration,
) -> io::Result<usize> {
    socket.set_nonblocking(true)?;
    if !patience.is_zero() {
        wait(socket, patience)?;
    }
    socket.recv(buffer)
}

/// Waits until there is something to receive, be it an error, or `patience` is over.
#[expect(unsafe_code, reason = "no safe wrapper of ppoll exists")]
fn wait(socket: &UdpSocket, patience: Duration) -> io::Result<()> {
    let mut watched = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let limit = libc::timespec {
        tv_sec: libc::time_t::try_from(patience.as_secs()).unwrap_or(libc::time_t::MAX),
        // Below a thousand million, so it fits wherever a `c_long` has 32 bits.
        tv_nsec: patience.subsec_nanos() as libc::c_long,
    };
    // SAFETY: one `pollfd`, whose descriptor `socket` keeps open, and a limit, both alive during
    // the call; a null signal mask leaves the mask as it is.
    let ready = unsafe { libc::ppoll(&raw mut watched, 1, &raw const limit, std::ptr::null()) };
    if ready < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UdpSocket, UdpSocket) {
        let bound = || UdpSocket::bind("127.0.0.1:0").expect("bound");
        let (ours, other) = (bound(), bound());
        let address = |socket: &UdpSocket| socket.local_addr().expect("bound");
        ours.connect(address(&other)).expect("connected");
        other.connect(address(&ours)).expect("connected");
        (ours, other)
    }

    #[test]
    fn what_is_there_is_received_without_patience_and_what_comes_with_it() {
        let (ours, other) = pair();
        let mut buffer = [0; 16];
        other.send(b"one").expect("sent");
        assert_eq!(receive_within(&ours, &mut buffer, Duration::ZERO).expect("there"), 3);
        let sender = std::thread::spawn(move || other.send(b"three").expect("sent"));
        let patience = Duration::from_secs(60);
        assert_eq!(receive_within(&ours, &mut buffer, patience).expect("came"), 5);
        sender.join().expect("no panic");
    }

    #[test]
    fn patience_ends_when_nothing_comes() {
        let (ours, _other) = pair();
        for patience in [Duration::ZERO, Duration::from_millis(1)] {
            let error = receive_within(&ours, &mut [0; 16], patience).expect_err("nothing");
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn a_refusal_ends_the_waiting() {
        let (ours, other) = pair();
        drop(other);
        ours.send(b"who").expect("sent");
        let error = receive_within(&ours, &mut [0; 16], Duration::from_secs(60));
        assert_eq!(error.expect_err("refused").kind(), io::ErrorKind::ConnectionRefused);
    }
}
