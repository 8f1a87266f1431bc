//! How many messages went in and out.

use crate::bgp::message::{HEADER, Kind};

/// The messages of all connections with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Received, whole and with a header that is right.
    pub received: Messages,
    /// Given to the driver.
    pub sent: Messages,
}

/// Messages by their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Messages {
    /// Parameters.
    pub open: u64,
    /// Routes.
    pub update: u64,
    /// The ends of connections.
    pub notification: u64,
    /// Signs of life.
    pub keepalive: u64,
    /// Asked for again, or marks around that.
    pub route_refresh: u64,
}

impl Traffic {
    /// One of our own messages is on its way.
    pub(super) fn queued(&mut self, message: &[u8]) {
        let kind = message.get(HEADER - 1).copied().and_then(Kind::new);
        kind.into_iter().for_each(|kind| self.sent.count(kind));
    }
}

impl Messages {
    /// One more of this kind.
    pub(super) fn count(&mut self, kind: Kind) {
        *match kind {
            Kind::Open => &mut self.open,
            Kind::Update => &mut self.update,
            Kind::Notification => &mut self.notification,
            Kind::Keepalive => &mut self.keepalive,
            Kind::RouteRefresh => &mut self.route_refresh,
        } += 1;
    }

    /// Each kind's name, in the words of the RFC, and number.
    #[must_use]
    pub const fn by_kind(&self) -> [(&'static str, u64); 5] {
        [
            ("open", self.open),
            ("update", self.update),
            ("notification", self.notification),
            ("keepalive", self.keepalive),
            ("route_refresh", self.route_refresh),
        ]
    }
}
