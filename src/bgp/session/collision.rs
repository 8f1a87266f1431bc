//! Two connections with one peer: which one stays (RFC 4271 §6.8).

use super::connection::Stage;
use super::event::ConnectionId;
use super::negotiate::Negotiated;
use super::{Outgoing, Session};

impl Session {
    /// Which connection is to be closed now that `id` has received an OPEN.
    pub(super) fn loser(&self, id: ConnectionId, open: &Negotiated) -> Option<ConnectionId> {
        let other = self.open().find(|connection| connection.id != id)?;
        match &other.stage {
            // The peer's identifier is not known yet.
            Stage::OpenSent => None,
            Stage::OpenConfirm(_) if self.stays(id, open) => Some(other.id),
            Stage::OpenConfirm(_) | Stage::Established(_) => Some(id),
        }
    }

    /// The connection stays that the higher BGP Identifier has opened; of equal ones the higher AS
    /// (RFC 6286 §2.3).
    fn stays(&self, id: ConnectionId, open: &Negotiated) -> bool {
        let ours = (self.config.router_id, self.config.asn);
        let we_win = ours > (open.identifier, open.asn);
        let we_opened = matches!(&self.outgoing, Outgoing::Open(connection) if connection.id == id);
        we_win == we_opened
    }
}
