//! What a scrape reads of anycast addresses, BFD and routes over pools.

use std::fmt;
use std::time::Instant;

use super::collect::Page;
use crate::announce::Stage;
use crate::anycast::{Anycast, Status};
use crate::bfd::{self, Driver};
use crate::bgp::session::State;
use crate::bgp::speaker::PeerStatus;
use crate::ecmp::{Ecmp, EntryStatus};

const STAGES: [Stage; 4] =
    [Stage::Announced, Stage::Depreferred, Stage::Draining, Stage::Withdrawn];

const SESSION_STATES: [State; 6] = [
    State::Idle,
    State::Active,
    State::Connect,
    State::OpenSent,
    State::OpenConfirm,
    State::Established,
];

const PATH_STATES: [bfd::State; 4] =
    [bfd::State::AdminDown, bfd::State::Down, bfd::State::Init, bfd::State::Up];

/// A label, or several.
type Labels<const N: usize> = [(&'static str, String); N];

/// Every series of the announcer; none without `bgp:`.
pub(super) fn bgp(page: &mut Page<'_>, anycast: &Anycast) -> fmt::Result {
    let Some(status) = anycast.status() else { return Ok(()) };
    announcements(page, &status)?;
    sessions(page, &status.peers, status.now)?;
    traffic(page, &status.peers)?;
    let help = "Connections of strangers that were reset.";
    page.counter("bgp_strangers", help, status.strangers)
}

fn announcements(page: &mut Page<'_>, status: &Status) -> fmt::Result {
    let stages = status.announcements.iter().flat_map(|entry| {
        STAGES.map(|stage| {
            let labels = [("name", entry.name.to_string()), ("stage", stage.word().to_owned())];
            (labels, i64::from(entry.stage == stage))
        })
    });
    page.gauges("announcement_stage", "An announcement's stage: 1 for the one it is at.", stages)?;
    let name = |name: &str| [("name", name.to_owned())];
    let penalties = status.announcements.iter().map(|e| (name(&e.name), i64::from(e.penalty)));
    page.gauges("announcement_penalty", "An announcement's penalty for flapping.", penalties)?;
    let siblings = status.announcements.iter().flat_map(|entry| {
        entry.siblings.iter().filter_map(|(address, sibling)| {
            let labels = [("name", entry.name.to_string()), ("sibling", address.to_string())];
            Some((labels, i64::from(sibling.answering?)))
        })
    });
    page.gauges("sibling_answering", "Whether another node of an announcement answers.", siblings)
}

fn sessions(page: &mut Page<'_>, peers: &[PeerStatus], now: Instant) -> fmt::Result {
    let states = peers.iter().flat_map(|peer| {
        SESSION_STATES.map(|state| (labels(peer, "state", state.name()), peer.state == state))
    });
    let states = states.map(|(labels, is)| (labels, i64::from(is)));
    page.gauges("bgp_state", "A session's state: 1 for the one it is in.", states)?;
    let uptime = peers.iter().map(|peer| {
        let uptime = peer.uptime(now).map_or(0, |uptime| uptime.as_secs());
        (name(peer), i64::try_from(uptime).unwrap_or(i64::MAX))
    });
    let help = "Seconds for which a session has been Established; 0 unless it is.";
    page.gauges("bgp_uptime_seconds", help, uptime)?;
    let told = peers.iter().map(|peer| (name(peer), peer.announced.len() as i64));
    page.gauges("bgp_announced", "Prefixes that a peer was told of.", told)
}

fn traffic(page: &mut Page<'_>, peers: &[PeerStatus]) -> fmt::Result {
    let counters = |read: fn(&PeerStatus) -> u64| peers.iter().map(move |p| (name(p), read(p)));
    let help = "Sessions that were Established.";
    page.counters("bgp_sessions", help, counters(|peer| peer.counters.sessions))?;
    let help = "Changes of a session's state.";
    page.counters("bgp_transitions", help, counters(|peer| peer.counters.transitions))?;
    let help = "Attempts to connect.";
    page.counters("bgp_attempts", help, counters(|peer| peer.counters.attempts))?;
    let help = "Connections that a peer opened.";
    page.counters("bgp_accepted", help, counters(|peer| peer.counters.accepted))?;
    let kinds = |peer: &PeerStatus, direction: &'static str| {
        let messages = match direction {
            "in" => peer.counters.messages.received,
            _ => peer.counters.messages.sent,
        };
        messages.by_kind().map(|(kind, count)| {
            let labels: Labels<3> = [
                ("peer", peer.name.to_string()),
                ("direction", direction.to_owned()),
                ("message", kind.to_owned()),
            ];
            (labels, count)
        })
    };
    let both = peers.iter().flat_map(|peer| ["in", "out"].map(|d| kinds(peer, d)));
    page.counters("bgp_messages", "Messages, by kind.", both.flatten())?;
    let bytes = peers.iter().flat_map(|peer| {
        let counters = peer.counters;
        let both = [("in", counters.bytes_received), ("out", counters.bytes_sent)];
        both.map(|(direction, count)| (labels(peer, "direction", direction), count))
    });
    page.counters("bgp_bytes", "Bytes of sessions.", bytes)
}

fn name(peer: &PeerStatus) -> Labels<1> {
    [("peer", peer.name.to_string())]
}

fn labels(peer: &PeerStatus, key: &'static str, value: &str) -> Labels<2> {
    [("peer", peer.name.to_string()), (key, value.to_owned())]
}

/// Every series of BFD; none where nobody needs it.
pub(super) fn bfd(page: &mut Page<'_>, driver: Option<&Driver>) -> fmt::Result {
    let Some(status) = driver.map(Driver::status) else { return Ok(()) };
    let sessions = &status.sessions;
    let path = |session: &bfd::driver::SessionStatus| {
        let names: Vec<_> = session.names.iter().map(ToString::to_string).collect();
        [("neighbour", session.neighbour.to_string()), ("name", names.join(","))]
    };
    let states = sessions.iter().flat_map(|session| {
        PATH_STATES.map(|state| {
            let [neighbour, name] = path(session);
            let labels: Labels<3> = [neighbour, name, ("state", state.to_string())];
            (labels, i64::from(session.session.state == state))
        })
    });
    page.gauges("bfd_state", "A path's state: 1 for the one it is in.", states)?;
    let counters = |read: fn(&bfd::driver::SessionStatus) -> u64| {
        sessions.iter().map(move |session| (path(session), read(session)))
    };
    page.counters("bfd_ups", "How often a path came up.", counters(|session| session.ups))?;
    let help = "How often a path that was up failed.";
    page.counters("bfd_downs", help, counters(|session| session.downs))?;
    let help = "Detection times that ended while this process did not run.";
    page.counters("bfd_stalls", help, counters(|session| session.stalls))?;
    page.counters("bfd_sent", "Packets sent.", counters(|session| session.sent))?;
    page.counters("bfd_received", "Packets heeded.", counters(|session| session.received))?;
    let discarded = sessions.iter().flat_map(|session| {
        session.discarded.iter().map(|(&reason, &count)| {
            let [neighbour, name] = path(session);
            let labels: Labels<3> = [neighbour, name, ("reason", reason.to_owned())];
            (labels, count)
        })
    });
    page.counters("bfd_discarded", "Packets of a session not heeded, by reason.", discarded)?;
    let strangers = status.strangers.iter().map(|(&reason, &n)| ([("reason", reason)], n));
    page.counters("bfd_strangers", "Packets that were for no session, by reason.", strangers)?;
    page.counter("bfd_late_wake_ups", "Timers that were handled late.", status.late_wake_ups)
}

/// Every series of the routes over pools; none without `ecmp:`.
pub(super) fn ecmp(page: &mut Page<'_>, ecmp: &Ecmp) -> fmt::Result {
    let entries = ecmp.status();
    if entries.is_empty() {
        return Ok(());
    }
    let name = |entry: &EntryStatus| -> Labels<1> { [("name", entry.name.to_string())] };
    let shares = entries.iter().flat_map(|entry| {
        entry.members.iter().map(|member| {
            let labels: Labels<2> =
                [("name", entry.name.to_string()), ("member", member.address.to_string())];
            (labels, i64::from(member.share.unwrap_or(0)))
        })
    });
    let help = "The weight of a member's next hop in the kernel's group; 0 when it is not in it.";
    page.gauges("ecmp_weight", help, shares)?;
    let leads = entries.iter().map(|entry| {
        let labels: Labels<2> =
            [("name", entry.name.to_string()), ("leads", entry.leads.word().to_owned())];
        (labels, 1)
    });
    page.gauges("ecmp_route", "Where a route leads: group, unreachable or absent.", leads)?;
    let alarms = entries.iter().map(|entry| (name(entry), entry.alarms.len() as i64));
    page.gauges("ecmp_alarms", "Things that are wrong with a route now.", alarms)?;
    let changes = entries.iter().map(|entry| (name(entry), entry.changes));
    page.counters("ecmp_changes", "Changes of a group or a route by this node.", changes)
}
