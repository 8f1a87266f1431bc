//! What `rhumb.yaml` says of pools, which stand in the zones: checked where both are known.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::config::diagnostic::{Diagnostic, Label, Severity};
use crate::config::read::fields::did_you_mean;
use crate::policy::{Family, Policies, Pool};

#[cfg(test)]
mod tests;

/// A pool that is spoken of.
#[derive(Clone, Debug)]
pub struct PoolReference {
    /// `ZONE/POOL`, or the name of a shared pool.
    pub pool: Arc<str>,
    /// Of these families some member is needed.
    pub families: Vec<Family>,
    /// Where it stands.
    pub place: Label,
    /// Addresses that should be those of its members, and where they stand.
    pub members: Vec<(IpAddr, Label)>,
    /// The prefix that is routed to its members, and where it stands: none of them should be in it.
    pub prefix: Option<(IpNet, Label)>,
}

/// Every mistake and warning about references to pools.
#[must_use]
pub fn check(references: &[PoolReference], policies: &Policies) -> Vec<Diagnostic> {
    references.iter().flat_map(|reference| check_one(reference, policies)).collect()
}

fn check_one(reference: &PoolReference, policies: &Policies) -> Vec<Diagnostic> {
    let pool = policies.pools.iter().find(|pool| *pool.name == *reference.pool);
    let Some(pool) = pool else { return vec![unknown(reference, policies)] };
    let addresses: Vec<_> =
        pool.member_ids().filter_map(|id| policies.members.get(id.0 as usize)).collect();
    let addresses: Vec<IpAddr> = addresses.iter().map(|member| member.address).collect();
    let strangers = reference.members.iter().filter(|(address, _)| !addresses.contains(address));
    let mut found: Vec<_> = strangers.map(|stranger| not_a_member(stranger, pool)).collect();
    if let Some((prefix, place)) = &reference.prefix {
        let swallowed = addresses.iter().find(|address| prefix.contains(*address));
        found.extend(swallowed.map(|member| swallows(*member, (prefix, place), pool)));
    }
    let needed = |address: &IpAddr| reference.families.contains(&Family::of(*address));
    if !addresses.iter().any(needed) {
        found.push(without_family(reference));
    }
    found
}

fn unknown(reference: &PoolReference, policies: &Policies) -> Diagnostic {
    let name = &*reference.pool;
    let pools = || policies.pools.iter().map(|pool| &*pool.name);
    let own = |pool: &&str| pool.rsplit_once('/').is_some_and(|(_, own)| own == name);
    let near = pools().find(own).or_else(|| did_you_mean(name, pools()));
    Diagnostic {
        severity: Severity::Error,
        message: format!("there is no pool {name}"),
        labels: vec![reference.place.clone()],
        help: Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a pool of a zone is ZONE/POOL, a shared one has no zone".to_owned(),
        }),
    }
}

fn not_a_member((address, place): &(IpAddr, Label), pool: &Pool) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        message: format!("{address} is no member of pool {}", pool.name),
        labels: vec![place.clone()],
        help: Some("the address of a member stands before the colon".to_owned()),
    }
}

/// Packets for the member itself, and probes of it, take the route that leads to it, unless a more
/// specific one does: that of a link, where the prefix is the wider.
fn swallows(member: IpAddr, (prefix, place): (&IpNet, &Label), pool: &Pool) -> Diagnostic {
    let is_host = prefix.prefix_len() == prefix.max_prefix_len();
    Diagnostic {
        severity: if is_host { Severity::Error } else { Severity::Warning },
        message: format!("prefix {prefix} has {member} in it, a member of its pool {}", pool.name),
        labels: vec![place.clone()],
        help: Some(format!(
            "without a more specific route to {member} this one takes what is for the member itself, \
             and its probes: write a prefix of the service alone"
        )),
    }
}

fn without_family(reference: &PoolReference) -> Diagnostic {
    let words: Vec<_> = reference
        .families
        .iter()
        .map(|family| match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
        .collect();
    let message = format!("pool {} has no {} member", reference.pool, words.join(" or "));
    Diagnostic {
        severity: Severity::Warning,
        message,
        labels: vec![reference.place.clone()],
        help: None,
    }
}
