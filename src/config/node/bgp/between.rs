//! What no two peers or announcements may have in common, and what may leave at all.

use std::collections::HashMap;
use std::hash::Hash;

use ipnet::IpNet;

use super::announcement::AnnouncementShape;
use super::peer::PeerShape;
use super::speaker::{Allow, Speaker};
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::node::prefix;
use crate::config::read::pool::Soundness;

/// Reports every one that takes what an earlier one has, and what is not allowed.
pub(super) fn check(
    speaker: &Speaker,
    peers: &[PeerShape],
    announcements: &[AnnouncementShape],
    report: &mut Report,
) {
    check_peers(peers, report);
    let names = announcements.iter().filter_map(|one| one.name.as_ref());
    let help = "give each a `name` of its own";
    refuse_common(names, help, |name| format!("two announcements are named {name}"), report);
    let prefixes = announcements.iter().flat_map(|one| &one.prefixes);
    let help = "one announcement says when a prefix is announced, and how";
    refuse_common(prefixes.clone(), help, |prefix| format!("{prefix} is announced twice"), report);
    for prefix in prefixes {
        check_allowed(*prefix, &speaker.allow, report);
    }
}

fn check_peers(peers: &[PeerShape], report: &mut Report) {
    let addresses = peers.iter().filter_map(|peer| peer.endpoint.address.as_ref());
    let help = "a connection from there must tell which peer it is";
    refuse_common(addresses, help, |address| format!("two peers are at {address}"), report);
    // A name that follows from the address is wrong with it, once.
    let endpoints = peers.iter().map(|peer| &peer.endpoint).filter(|one| one.is_named);
    let names = endpoints.filter_map(|one| one.name.as_ref());
    let help = "give each a `name` of its own";
    refuse_common(names, help, |name| format!("two peers are named {name}"), report);
}

fn refuse_common<'a, T: Eq + Hash + 'a>(
    values: impl Iterator<Item = &'a Spanned<T>>,
    help: &str,
    message: impl Fn(&T) -> String,
    report: &mut Report,
) {
    let mut taken: HashMap<&T, Span> = HashMap::new();
    for Spanned { span, value } in values {
        match taken.get(value) {
            Some(first) => {
                report.error(*span, message(value)).label(*first, "the first one").help(help);
            }
            None => {
                taken.insert(value, *span);
            }
        }
    }
}

/// What stands in the list is judged there.
fn check_allowed(prefix: Spanned<IpNet>, allow: &Allow, report: &mut Report) {
    let Spanned { span, value } = prefix;
    if allow.list.iter().any(|allowed| allowed.value == value) {
        return;
    }
    if let Some(why) = prefix::refused(&value) {
        report.error(span, format!("prefix {value} is never announced: {why}"));
    } else if allow.soundness == Soundness::Sound {
        let entry = report.error(span, format!("prefix {value} is not in `allow`"));
        match allow.place {
            Some(place) => entry
                .label(place, "nothing else leaves")
                .help(format!("add \"{value}\" to it, exactly so")),
            None => entry.help(format!("add to `bgp`: allow: [\"{value}\"]")),
        };
    }
}
