//! What the speaker tells, in the log.

use std::net::SocketAddr;

use ipnet::IpNet;
use tracing::{debug, error, info, warn};

use crate::bgp::message::{Cease, Notification};
use crate::bgp::routes::RouteSet;
use crate::bgp::session::{Reason, State, Transition, Unsendable};
use crate::bgp::speaker::{Change, Importance, Observer};
use crate::events::{Events, Kind};

/// One line of log for everything that happens to a peer.
pub(super) struct Log(pub(super) Events);

impl Observer for Log {
    fn transition(&self, peer: &str, change: &Change) {
        let (from, to) = (change.transition.from, change.transition.to);
        if change.importance() > Importance::Routine {
            self.0.tell(Kind::Bgp, peer, change);
        }
        match change.importance() {
            Importance::Routine => debug!(peer, %from, %to, "{change}"),
            Importance::Session | Importance::Refusal if is_good(&change.transition) => {
                info!(peer, %from, %to, "{change}");
            }
            Importance::Session | Importance::Refusal => warn!(peer, %from, %to, "{change}"),
        }
    }

    fn announced(&self, peer: &str, routes: &RouteSet) {
        let prefixes: Vec<_> = routes.keys().map(ToString::to_string).collect();
        let prefixes = prefixes.join(", ");
        let prefixes = if prefixes.is_empty() { "nothing" } else { &prefixes };
        info!(peer, routes = routes.len(), "now told of: {prefixes}");
        self.0.tell(Kind::Bgp, peer, format_args!("now told of: {prefixes}"));
    }

    fn unsendable(&self, peer: &str, prefix: &IpNet, why: Unsendable) {
        error!(peer, %prefix, "cannot be told of a prefix: {why}");
    }

    fn forbidden(&self, peer: &str, prefix: &IpNet) {
        error!(peer, %prefix, "a prefix that is not in bgp.allow was not told");
    }

    fn refused(&self, from: SocketAddr, strangers: u64) {
        warn!(%from, strangers, "no peer of ours: the connection was reset");
    }
}

/// A session has begun, or this end wanted what happened: a reload, a drain, a stop.
fn is_good(Transition { to, reason, .. }: &Transition) -> bool {
    let wanted = |sent: &Notification| {
        let ours = [
            Cease::AdministrativeShutdown,
            Cease::PeerDeconfigured,
            Cease::AdministrativeReset,
            Cease::OtherConfigurationChange,
        ];
        ours.into_iter().any(|cease| sent.is_cease(cease))
    };
    *to == State::Established || matches!(reason, Reason::Sent(sent) if wanted(sent))
}
