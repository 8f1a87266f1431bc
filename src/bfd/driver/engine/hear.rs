//! What arrives: read, checked, and given to whom it is for.

use std::net::IpAddr;

use super::Engine;
use crate::bfd::driver::scribe::Line;
use crate::bfd::table::{InterfaceIndex, Origin, Reach, SessionId};
use crate::bfd::{Discard, Packet};
use crate::sys::{Heard, HopReceiver};

/// More than the longest packet: a Length is one octet.
const BUFFER: usize = 512;

/// So many packets are read from a socket before others have their turn.
const SHARE: usize = 256;

/// A socket that packets arrive on.
pub(super) struct Inlet {
    reach: Reach,
    receiver: HopReceiver,
    /// More may wait in it than was read.
    backlog: bool,
}

impl Inlet {
    pub(super) fn new(reach: Reach, receiver: HopReceiver) -> Self {
        Self { reach, receiver, backlog: false }
    }
}

impl Engine {
    /// Reads a receive socket.
    pub(super) fn hear_neighbours(&mut self, number: u32) {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let mut inlets = std::mem::take(&mut self.inlets);
        if let Some(inlet) = inlets.get_mut(index) {
            self.drain(inlet);
        }
        self.inlets = inlets;
    }

    /// Reads what a share was too small for.
    pub(super) fn hear_backlog(&mut self) {
        let mut inlets = std::mem::take(&mut self.inlets);
        for inlet in inlets.iter_mut().filter(|inlet| inlet.backlog) {
            self.drain(inlet);
        }
        self.inlets = inlets;
    }

    fn drain(&mut self, inlet: &mut Inlet) {
        let mut buffer = [0; BUFFER];
        for _ in 0..SHARE {
            match inlet.receiver.receive(&mut buffer) {
                Ok(Some(heard)) => self.hear(inlet.reach, &heard),
                Ok(None) => {
                    inlet.backlog = false;
                    return;
                }
                // A datagram less: the socket is as good as before.
                Err(_) => {}
            }
        }
        inlet.backlog = true;
    }

    fn hear(&mut self, reach: Reach, heard: &Heard<'_>) {
        match self.judge(reach, heard) {
            Ok((session, packet)) => {
                if let Some(wire) = self.wires.get_mut(&session) {
                    wire.hear(self.now, heard.hops, &packet, &self.tools);
                }
            }
            Err(discard) => self.turn_away(heard.source, discard),
        }
    }

    /// Whose it is.
    fn judge<'a>(
        &self,
        reach: Reach,
        heard: &Heard<'a>,
    ) -> Result<(SessionId, Packet<'a>), Discard> {
        if !heard.is_unicast {
            return Err(Discard::NotUnicast);
        }
        let packet = Packet::parse(heard.payload)?;
        let interface = InterfaceIndex(heard.interface);
        let origin = Origin { source: heard.source, reach, interface };
        let session = self.table.select(&origin, &packet.control)?;
        Ok((session, packet))
    }

    /// Counts what is for nobody, and says so rarely. What still addresses the discriminators of a
    /// former life is not worth a line.
    fn turn_away(&mut self, source: IpAddr, discard: Discard) {
        self.strangers.count(&discard);
        if matches!(discard, Discard::UnknownDiscriminator { .. }) {
            return;
        }
        if let Some(unsaid) = self.quiet.admit(self.now) {
            self.tools.scribe.say(Line::Stranger(source, discard, unsaid));
        }
    }
}
