//! One connection's life: read, answer every whole message, write, again.
//!
//! Replies go out in the order of the queries, many in one write. Nothing is read while replies
//! wait to be written, so a client that does not read makes us hold one round of them at most, and
//! not for longer than its patience: neither a message nor a write may take longer than a
//! connection may idle.

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::register::Seat;

/// Answers one message; shared by every connection.
pub trait Handler: Send + Sync + 'static {
    /// Writes the reply to `message` at the start of `reply` (65,535 octets); its length, 0 for
    /// silence.
    fn respond(&self, message: &[u8], from: IpAddr, reply: &mut [u8]) -> usize;
}

/// The longest message: what two octets of length can say.
const LONGEST: usize = u16::MAX as usize;

/// How many octets are read at once. An unfinished message grows by as many, up to its end.
const READ: usize = 4096;

/// From how many octets on replies are written before more are made; with the longest reply behind
/// them, the most that ever waits.
const WRITE: usize = 16 << 10;

/// How often a connection still reads when the server stops: more than clients usually send ahead.
const LAST_READS: usize = 16;

/// How long such a read waits for what is under way.
const LAST_PATIENCE: Duration = Duration::from_millis(50);

thread_local! {
    /// Where a reply is made before its length is known: one for each thread, not each connection.
    static REPLY: RefCell<Box<[u8]>> = RefCell::new(vec![0; LONGEST].into());
}

/// A connection and what it holds in memory.
pub(super) struct Connection<'c, S, H> {
    stream: S,
    from: IpAddr,
    handler: &'c H,
    seat: &'c Seat,
    idle: Duration,
    /// What has been read and not been answered: between reads, less than one message.
    input: Vec<u8>,
    /// What has not been written.
    output: Vec<u8>,
}

impl<'c, S: AsyncRead + AsyncWrite + Unpin, H: Handler> Connection<'c, S, H> {
    /// A client that is waited for no longer than `idle`, be it for a whole query or for taking
    /// the replies to what it asked.
    pub(super) fn new(
        stream: S,
        from: IpAddr,
        handler: &'c H,
        seat: &'c Seat,
        idle: Duration,
    ) -> Self {
        let (input, output) = (Vec::new(), Vec::new());
        Self { stream, from, handler, seat, idle, input, output }
    }

    /// Serves until the client closes, or until `stop` changes or its sender is gone.
    ///
    /// # Errors
    /// When the connection was not ended in order: the client was too slow, sent what is not DNS,
    /// or lost its seat.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<()>) -> io::Result<()> {
        let mut deadline = Instant::now() + self.idle;
        loop {
            let read = tokio::select! {
                read = self.read(deadline) => read?,
                _ = stop.changed() => return self.finish().await,
            };
            if self.answer().await? {
                deadline = Instant::now() + self.idle;
            }
            if read == 0 {
                return self.stream.shutdown().await;
            }
        }
    }

    /// Answers what is under way, for the server stops.
    async fn finish(&mut self) -> io::Result<()> {
        for _ in 0..LAST_READS {
            let read = self.read(Instant::now() + LAST_PATIENCE).await.unwrap_or(0);
            self.answer().await?;
            if read == 0 {
                break;
            }
        }
        self.stream.shutdown().await
    }

    /// Reads what there is; how much, 0 at the end of the stream.
    async fn read(&mut self, deadline: Instant) -> io::Result<usize> {
        self.input.reserve_exact(READ);
        tokio::select! {
            read = timeout_at(deadline, self.stream.read_buf(&mut self.input)) => read?,
            () = self.seat.dismissed() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// Answers every whole message that was read; whether there was one.
    async fn answer(&mut self) -> io::Result<bool> {
        let mut answered = 0;
        while let Some(message) = self.input.get(answered..).and_then(first_message) {
            answered += 2 + message.len();
            if !append_reply(self.handler, message, self.from, &mut self.output) {
                // What deserves silence is not DNS, and what follows it is not either.
                self.write().await?;
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.output.len() >= WRITE {
                self.write().await?;
            }
        }
        self.write().await?;
        if answered > 0 {
            self.seat.heard();
            self.input.drain(..answered);
            self.input.shrink_to(READ);
        }
        Ok(answered > 0)
    }

    /// Writes all replies made so far.
    async fn write(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        tokio::select! {
            written = timeout(self.idle, self.stream.write_all(&self.output)) => written??,
            () = self.seat.dismissed() => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
        self.output.clear();
        self.output.shrink_to(READ);
        Ok(())
    }
}

/// The first message of `input`, without its length, when it is there as a whole.
fn first_message(input: &[u8]) -> Option<&[u8]> {
    let (length, rest) = input.split_first_chunk()?;
    rest.get(..u16::from_be_bytes(*length).into())
}

/// Answers one message at the end of `output`; whether there was an answer.
fn append_reply(
    handler: &impl Handler,
    message: &[u8],
    from: IpAddr,
    output: &mut Vec<u8>,
) -> bool {
    REPLY.with_borrow_mut(|reply| {
        let len = handler.respond(message, from, reply).min(LONGEST);
        let length = u16::try_from(len).expect("no more than the longest");
        if len > 0 {
            output.extend_from_slice(&length.to_be_bytes());
            output.extend_from_slice(&reply[..len]);
        }
        len > 0
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::super::register::Register;
    use super::*;

    /// Longer than any test takes.
    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(50);

    /// Sends messages back; `[n, n]` asks for a reply of n × 257 octets, an empty one for silence.
    struct Echo;

    impl Handler for Echo {
        fn respond(&self, message: &[u8], _: IpAddr, reply: &mut [u8]) -> usize {
            let len = match message {
                &[a, b] => u16::from_be_bytes([a, b]).into(),
                _ => message.len(),
            };
            reply[..len].fill(b'x');
            reply[..len.min(message.len())].copy_from_slice(&message[..len.min(message.len())]);
            len
        }
    }

    struct Peer {
        stream: DuplexStream,
        server: JoinHandle<io::Result<()>>,
        stop: watch::Sender<()>,
        register: Arc<Register>,
    }

    /// A connection whose window holds `window` octets each way.
    fn connect(window: usize, idle: Duration) -> Peer {
        let (stream, theirs) = duplex(window);
        let (stop, stopped) = watch::channel(());
        let register = Arc::new(Register::new(1, 1));
        let from = Ipv4Addr::LOCALHOST.into();
        let seat = register.admit(from);
        let server = tokio::spawn(async move {
            Connection::new(theirs, from, &Echo, &seat, idle).run(stopped).await
        });
        Peer { stream, server, stop, register }
    }

    impl Peer {
        async fn send(&mut self, messages: &[&[u8]]) {
            self.stream.write_all(&framed(messages)).await.expect("taken");
        }

        async fn receive(&mut self) -> Vec<u8> {
            let len = self.stream.read_u16().await.expect("a length");
            let mut message = vec![0; len.into()];
            self.stream.read_exact(&mut message).await.expect("a whole message");
            message
        }

        /// What is still sent until the server closes, and how it ended.
        async fn rest(mut self) -> (Vec<u8>, Result<(), io::ErrorKind>) {
            let mut rest = Vec::new();
            self.stream.read_to_end(&mut rest).await.expect("read");
            (rest, self.server.await.expect("no panic").map_err(|error| error.kind()))
        }
    }

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        let mut octets = Vec::new();
        for message in messages {
            octets.extend_from_slice(&(message.len() as u16).to_be_bytes());
            octets.extend_from_slice(message);
        }
        octets
    }

    #[tokio::test]
    async fn pipelined_queries_are_answered_in_order() {
        let mut peer = connect(1 << 20, LONG);
        let queries: Vec<[u8; 4]> = (0..2000u32).map(u32::to_be_bytes).collect();
        let queries: Vec<&[u8]> = queries.iter().map(|query| &query[..]).collect();
        peer.send(&queries).await;
        for query in queries {
            assert_eq!(peer.receive().await, query);
        }
        drop(peer.stop);
    }

    #[tokio::test]
    async fn message_may_come_octet_by_octet() {
        let mut peer = connect(1 << 10, LONG);
        for octet in framed(&[b"first", b"second"]) {
            peer.stream.write_all(&[octet]).await.expect("taken");
            // Lets the connection look at every octet alone.
            tokio::task::yield_now().await;
        }
        assert_eq!(peer.receive().await, b"first");
        assert_eq!(peer.receive().await, b"second");
    }

    #[tokio::test]
    async fn longest_messages_go_both_ways() {
        let peer = connect(100, LONG);
        let longest = vec![7; LONGEST];
        let (mut reading, mut writing) = tokio::io::split(peer.stream);
        let octets = framed(&[&longest, &[0xff, 0xff], b"after"]);
        let sent = tokio::spawn(async move { writing.write_all(&octets).await });
        let mut replies = vec![0; 2 * (2 + LONGEST) + 7];
        reading.read_exact(&mut replies).await.expect("all");
        sent.await.expect("no panic").expect("taken");
        assert_eq!(replies[..2 + LONGEST], framed(&[&longest]));
        assert_eq!(replies[2 * (2 + LONGEST)..], framed(&[b"after"]));
        peer.stop.send_replace(());
    }

    #[tokio::test]
    async fn client_that_closes_is_answered_first() {
        let mut peer = connect(1 << 10, LONG);
        peer.send(&[b"one", b"two"]).await;
        peer.stream.shutdown().await.expect("half closed");
        assert_eq!(peer.rest().await, (framed(&[b"one", b"two"]), Ok(())));
    }

    #[tokio::test]
    async fn idle_connection_is_closed() {
        let mut peer = connect(1 << 10, SHORT);
        peer.send(&[b"one"]).await;
        assert_eq!(peer.receive().await, b"one");
        assert_eq!(peer.rest().await, (vec![], Err(io::ErrorKind::TimedOut)));
    }

    #[tokio::test]
    async fn message_that_trickles_in_does_not_keep_the_connection() {
        let mut peer = connect(1 << 10, SHORT);
        peer.stream.write_all(&[0xff, 0xff]).await.expect("taken");
        // An octet now and then is no query; this ends because the server does.
        while peer.stream.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(peer.rest().await.1, Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn client_that_does_not_read_is_given_up() {
        let mut peer = connect(64, SHORT);
        // The reply is far longer than the window, and nobody takes it.
        peer.send(&[&[0x10, 0x00]]).await;
        let ended = (&mut peer.server).await.expect("no panic");
        assert_eq!(ended.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn garbage_ends_the_connection_behind_what_was_answered() {
        let mut peer = connect(1 << 10, LONG);
        peer.send(&[b"one", b"", b"two"]).await;
        assert_eq!(peer.rest().await, (framed(&[b"one"]), Err(io::ErrorKind::InvalidData)));
    }

    #[tokio::test]
    async fn stop_answers_what_was_sent_and_closes() {
        let mut peer = connect(1 << 10, LONG);
        peer.send(&[b"one", b"two"]).await;
        peer.stream.write_all(&[0, 9, b'h']).await.expect("half a message");
        peer.stop.send_replace(());
        assert_eq!(peer.rest().await, (framed(&[b"one", b"two"]), Ok(())));
    }

    #[tokio::test]
    async fn connection_leaves_when_its_seat_is_taken() {
        let peer = connect(1 << 10, LONG);
        let _newcomer = peer.register.admit(Ipv4Addr::LOCALHOST.into());
        assert_eq!(peer.rest().await, (vec![], Err(io::ErrorKind::ConnectionAborted)));
    }
}
