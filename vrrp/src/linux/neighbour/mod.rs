//! Neighbours on an Ethernet: they are told where an address is, and asked.
//!
//! - [`Announcer`] says that the virtual addresses are here.
//! - [`Watch`] sees who else says so, and who answers.
//! - [`frame`]: the octets of both.

pub mod frame;
mod watch;

use std::net::IpAddr;

use socket2::{Domain, Protocol, Socket, Type};

use super::{Interface, KernelError, Mac, NEEDS_RAW, needs_at_first, raw};

pub use self::watch::{Asker, Distance, Sighting, Watch};

/// Sends gratuitous ARP and unsolicited neighbour advertisements.
#[derive(Debug)]
pub struct Announcer {
    socket: Socket,
}

/// Whether the host forwards IPv6: its neighbour advertisements say so, else neighbours would take
/// it off their list of routers (RFC 4861 §7.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It does not.
    Host,
    /// It does.
    Router,
}

impl Announcer {
    /// Opens a packet socket that sends on any interface and receives nothing.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn open() -> Result<Self, KernelError> {
        let failed = |error| {
            KernelError::new("open a socket for ARP announcements", error, needs_at_first())
        };
        // Protocol 0: no frames are delivered to it.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)));
        let socket = socket.map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Self { socket })
    }

    /// Says once on `interface` that `address` is at `mac`.
    ///
    /// # Errors
    /// When the interface is down or gone, or its queue is full.
    pub fn announce(
        &self,
        interface: &Interface,
        mac: Mac,
        address: IpAddr,
        role: Role,
    ) -> Result<(), KernelError> {
        let sent = match address {
            IpAddr::V4(v4) => self.send(interface, &frame::arp_announcement(mac, v4)),
            IpAddr::V6(v6) => self.send(interface, &frame::neighbour_advertisement(mac, v6, role)),
        };
        sent.map_err(|error| {
            KernelError::new(format!("announce {address} on {interface}"), error, NEEDS_RAW)
        })
    }

    /// The kernel takes the destination from the frame; the address names the interface alone.
    fn send(&self, interface: &Interface, frame: &[u8]) -> std::io::Result<()> {
        let to = raw::packet_address(interface.index, 0, Mac::BROADCAST);
        self.socket.send_to(frame, &to).map(drop)
    }
}
