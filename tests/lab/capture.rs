//! What passed an interface: `tcpdump` into a file, and the file read back.

use std::time::Duration;

use super::{Daemon, Host, Signal};

/// A running `tcpdump` (Debian package `tcpdump`).
pub struct Capture {
    tcpdump: Daemon,
    file: tempfile::NamedTempFile,
}

/// A packet as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When, since 1970, by the kernel's clock of the day.
    pub at: Duration,
    /// From the Ethernet header on.
    pub frame: Vec<u8>,
}

/// The file header of pcap, and the header of each packet (octets).
const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;
/// How long tcpdump may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(10);

impl Packet {
    /// The IP packet within.
    pub fn ip(&self) -> &[u8] {
        self.frame.get(14..).unwrap_or_default()
    }
}

impl Capture {
    pub(super) fn start(host: &Host, interface: &str, filter: &str) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut command = host.command("tcpdump");
        // At once (`--immediate-mode`, `-U`), as root (`-Z`), to the file.
        command.args(["--immediate-mode", "-U", "-n", "-Z", "root", "-i", interface, "-w"]);
        command.arg(file.path()).args(filter.split_whitespace());
        let tcpdump = host.start("tcpdump", &mut command);
        tcpdump.wait_for_log("listening on", PATIENCE);
        Self { tcpdump, file }
    }

    /// What was seen so far.
    pub fn packets(&self) -> Vec<Packet> {
        packets(&std::fs::read(self.file.path()).expect("its file"))
    }

    /// Ends it; what it saw.
    pub fn stop(mut self) -> Vec<Packet> {
        self.tcpdump.signal(Signal::Terminate);
        self.tcpdump.wait(PATIENCE);
        self.packets()
    }
}

/// The packets of a pcap file with microseconds, as this machine writes it.
fn packets(mut file: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    file = file.get(FILE_HEADER..).unwrap_or_default();
    while let Some((header, rest)) = file.split_at_checked(PACKET_HEADER) {
        let field = |n: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|octet| header[4 * n + octet]));
        let (seconds, micros, length) = (field(0), field(1), field(2));
        // The last one may be half written.
        let Some((frame, rest)) = rest.split_at_checked(length as usize) else { break };
        let at = Duration::from_secs(seconds.into()) + Duration::from_micros(micros.into());
        packets.push(Packet { at, frame: frame.to_vec() });
        file = rest;
    }
    packets
}
