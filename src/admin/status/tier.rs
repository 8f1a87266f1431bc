//! The status of anycast addresses, BFD and routes, for people.

use std::fmt;

use super::text::Ago;
use crate::admin::anycast::{
    AnnouncementStatus, BgpStatus, DepartureStatus, PeerStatus, RouteStatus,
};
use crate::admin::bfd::BfdStatus;
use crate::admin::ecmp::EcmpStatus;

/// Anycast addresses and the routers that are told of them, where there are some.
pub(super) fn bgp(f: &mut fmt::Formatter<'_>, bgp: Option<&BgpStatus>) -> fmt::Result {
    let Some(bgp) = bgp else { return Ok(()) };
    writeln!(f, "\nanycast addresses (AS{}, router id {})", bgp.asn, bgp.router_id)?;
    departure(f, &bgp.departure)?;
    bgp.announcements.iter().try_for_each(|entry| announcement(f, entry))?;
    writeln!(f, "\nrouters: {}", bgp.peers.len())?;
    bgp.peers.iter().try_for_each(|entry| peer(f, entry))?;
    match bgp.strangers {
        0 => Ok(()),
        strangers => writeln!(f, "  connections of strangers that were reset: {strangers}"),
    }
}

fn departure(f: &mut fmt::Formatter<'_>, departure: &DepartureStatus) -> fmt::Result {
    match departure {
        DepartureStatus::Staying | DepartureStatus::Finished => Ok(()),
        DepartureStatus::Held => {
            writeln!(f, "  leaving: held until a sibling answers")
        }
        DepartureStatus::Draining { seconds } => {
            writeln!(f, "  leaving: draining, over in {}", Ago(*seconds))
        }
        DepartureStatus::Lingering { seconds } => writeln!(
            f,
            "  leaving: withdrawn, answers what is on its way for another {}",
            Ago(*seconds)
        ),
    }
}

fn announcement(f: &mut fmt::Formatter<'_>, entry: &AnnouncementStatus) -> fmt::Result {
    let AnnouncementStatus { name, prefixes, stage, why, seconds, .. } = entry;
    writeln!(f, "  {name}: {}", prefixes.join(", "))?;
    writeln!(f, "    {stage} for {}: {why}", Ago(*seconds))?;
    if let Some(seconds) = entry.next_seconds {
        writeln!(f, "    next step in {} at the earliest", Ago(seconds))?;
    }
    if entry.penalty > 0 {
        writeln!(f, "    penalty for flapping: {}", entry.penalty)?;
    }
    for sibling in &entry.siblings {
        let verdict = match (sibling.answering, &sibling.failure) {
            (Some(true), _) => "answers".to_owned(),
            (Some(false), Some(why)) => format!("does not answer: {why}"),
            (Some(false), None) => "does not answer".to_owned(),
            (None, _) => "not known yet whether it answers".to_owned(),
        };
        writeln!(f, "    sibling {}: {verdict}", sibling.address)?;
    }
    Ok(())
}

fn peer(f: &mut fmt::Formatter<'_>, peer: &PeerStatus) -> fmt::Result {
    let PeerStatus { name, address, asn, state, seconds, .. } = peer;
    write!(f, "  {name}: {address} AS{asn}, {state} for {}", Ago(*seconds))?;
    if let Some(hold) = peer.hold_seconds {
        write!(f, ", hold {hold} s")?;
    }
    writeln!(f)?;
    peer.announced.iter().try_for_each(|entry| route(f, entry))?;
    if peer.is_established() && peer.announced.is_empty() {
        writeln!(f, "    told of nothing")?;
    }
    if let (Some(trouble), Some(ago)) = (&peer.trouble, peer.trouble_seconds_ago) {
        writeln!(f, "    trouble {} ago: {trouble}", Ago(ago))?;
    }
    match peer.next_attempt_seconds {
        Some(seconds) => writeln!(f, "    next attempt in {}", Ago(seconds)),
        None => Ok(()),
    }
}

fn route(f: &mut fmt::Formatter<'_>, route: &RouteStatus) -> fmt::Result {
    write!(f, "    told of {}", route.prefix)?;
    let numbers =
        [("next hop", route.next_hop.map(|a| a.to_string())), ("MED", route.med.map(text))];
    for (what, value) in numbers {
        if let Some(value) = value {
            write!(f, ", {what} {value}")?;
        }
    }
    if let Some(preference) = route.local_pref {
        write!(f, ", LOCAL_PREF {preference}")?;
    }
    if route.prepend > 0 {
        let times = if route.prepend == 1 { "once" } else { &format!("{} times", route.prepend) };
        write!(f, ", AS prepended {times}")?;
    }
    if !route.communities.is_empty() {
        write!(f, ", communities {}", route.communities.join(" "))?;
    }
    writeln!(f)
}

fn text(number: u32) -> String {
    number.to_string()
}

/// The paths that BFD watches, where there are some.
pub(super) fn bfd(f: &mut fmt::Formatter<'_>, sessions: &[BfdStatus]) -> fmt::Result {
    if !sessions.is_empty() {
        writeln!(f, "\npaths (BFD): {}", sessions.len())?;
    }
    for session in sessions {
        let BfdStatus { neighbour, state, seconds, detection_milliseconds, .. } = session;
        let names = session.names.join(", ");
        write!(f, "  {neighbour} ({names}): {state} for {}", Ago(*seconds))?;
        writeln!(f, ", lost after {detection_milliseconds:.0} ms; failed {} times", session.downs)?;
        if session.state != "Up" && session.diagnostic != "no reason" {
            writeln!(f, "    {}", session.diagnostic)?;
        }
        if let Some(problem) = &session.problem {
            writeln!(f, "    {problem}")?;
        }
    }
    Ok(())
}

/// Routes over the members of pools, where there are some.
pub(super) fn ecmp(f: &mut fmt::Formatter<'_>, entries: &[EcmpStatus]) -> fmt::Result {
    if !entries.is_empty() {
        writeln!(f, "\nroutes over pools: {}", entries.len())?;
    }
    entries.iter().try_for_each(|entry| route_over(f, entry))
}

fn route_over(f: &mut fmt::Formatter<'_>, entry: &EcmpStatus) -> fmt::Result {
    let EcmpStatus { name, pool, route, leads, spreading, next_hops, .. } = entry;
    write!(f, "  {name}: {route} over {pool}: ")?;
    match (entry.group, entry.buckets) {
        (Some(id), Some(buckets)) => {
            writeln!(f, "{spreading} group {id} of {next_hops}, {buckets} buckets")?;
        }
        (Some(id), None) => writeln!(f, "{spreading} group {id} of {next_hops}")?,
        (None, _) => writeln!(f, "{leads}")?,
    }
    for member in &entry.members {
        write!(f, "    {}", member.address)?;
        if member.gateway != member.address {
            write!(f, " via {}", member.gateway)?;
        }
        if let Some(interface) = &member.interface {
            write!(f, " on {interface}")?;
        }
        match member.share {
            Some(share) => writeln!(f, ", weight {share}: {}", member.text)?,
            None => writeln!(f, ": {}", member.text)?,
        }
    }
    entry.alarms.iter().try_for_each(|alarm| writeln!(f, "    alarm: {alarm}"))
}
