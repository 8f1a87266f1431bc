//! An HTTP target whose health the test decides.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How the target treats who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// 200, body `ok`.
    Well,
    /// 503.
    Unavailable,
    /// Accepts and never says a word.
    Hanging,
    /// The port is closed.
    Refusing,
}

/// A target on a loopback address.
pub struct Target {
    pub address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    /// Starts well. Port 0 takes a free one.
    pub fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("a loopback address and port");
        let address = listener.local_addr().expect("its address");
        let mood = Arc::new(Mutex::new(Mood::Well));
        let thread = Some(Self::serve(listener, &mood));
        Self { address, mood, thread }
    }

    /// Changes how it answers from now on.
    pub fn set(&mut self, mood: Mood) {
        let before = std::mem::replace(&mut *self.mood.lock().expect("no panic"), mood);
        if mood == Mood::Refusing {
            let _ = TcpStream::connect(self.address);
            self.thread.take().map(JoinHandle::join);
        } else if before == Mood::Refusing {
            let listener = TcpListener::bind(self.address).expect("its own port");
            self.thread = Some(Self::serve(listener, &self.mood));
        }
    }

    fn serve(listener: TcpListener, mood: &Arc<Mutex<Mood>>) -> JoinHandle<()> {
        let mood = Arc::clone(mood);
        std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for stream in listener.incoming().flatten() {
                match *mood.lock().expect("no panic") {
                    Mood::Well => reply(stream, "200 OK", "ok"),
                    Mood::Unavailable => reply(stream, "503 Service Unavailable", "no"),
                    Mood::Hanging => hanging.push(stream),
                    Mood::Refusing => return,
                }
            }
        })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.set(Mood::Refusing);
        }
    }
}

fn reply(mut stream: TcpStream, status: &str, body: &str) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let _ = stream.read(&mut [0; 2048]);
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close");
    let _ = write!(stream, "{head}\r\n\r\n{body}");
}
