//! Draws flows, asks the kernel, and counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::net::IpAddr;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use serde::Serialize;

use crate::cli::{Complaint, NodeFile, node, print};
use crate::ecmp::flows::{self, Draw, Live, Origin, Removal, Ways};
use crate::ecmp::group::gateway;
use crate::ecmp::kernel::RouteKey;
use crate::ecmp::knobs::{Knob, Knobs};
use crate::ecmp::netlink::{Flow, Netlink, Transport, Way};
use crate::ecmp::{EcmpConfig, HashPolicy};
use crate::policy::Family;

/// Ask the kernel which member each of many flows takes, and what the removal of one moves
///
/// Flows are drawn from a seed, asked for one by one and counted by member. With --without, the same
/// flows are asked for over a copy of the group in a network namespace of its own, before and after
/// the member is removed there: nothing live is touched, and nothing is left behind.
#[derive(Debug, Args)]
#[command(after_help = "\
To be run on the router itself, while `rhumb run` keeps the route. It needs no privilege but for
--without (CAP_SYS_ADMIN, for the namespace).

The kernel tells what becomes of packets whose hash it works out itself. A network card that hashes
ports (`ethtool -k DEV`: receive-hashing) has its word instead: then the shares are the same, but
which member a flow takes is the card's choice. In a copy of a resilient group buckets are dealt
anew: as many flows move as in the live group, not the same ones.

Examples:
  rhumb ecmp flows lb-fleet
  rhumb ecmp flows lb-fleet --flows 20000 --without 192.0.2.10
  rhumb ecmp flows lb-fleet --from 203.0.113.0/24 --flows 20 --list")]
pub(super) struct Arguments {
    /// The entry of `ecmp:`; may be left out where there is only one
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    flows: u32,
    /// The same seed draws the same flows
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where they come from; by default 198.18.0.0/15 or 2001:2::/48, which are for tests
    #[arg(long, value_name = "PREFIX")]
    from: Option<IpNet>,
    /// What carries them
    #[arg(long, value_enum, default_value_t = Carrier::Tcp)]
    transport: Carrier,
    /// The port that they go to
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    port: u16,
    /// Try on a copy what the removal of this member, or next hop, moves; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    without: Vec<IpAddr>,
    /// Print each flow
    #[arg(long)]
    list: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeFile,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Carrier {
    Tcp,
    Udp,
}

/// Asks and prints.
///
/// # Errors
/// When there is no such entry, its route does not lead to a group, or the kernel refuses to answer.
pub(super) fn run(arguments: &Arguments) -> Result<(), Complaint> {
    let node = node::as_far(&arguments.node)?;
    let entry = find(&node.ecmp, arguments.name.as_deref())?;
    let report = survey(entry, arguments)?;
    if arguments.json {
        let json = serde_json::to_string_pretty(&report).map_err(Complaint::new)?;
        print(format_args!("{json}\n"));
    } else {
        print(report);
    }
    Ok(())
}

fn find<'a>(entries: &'a [EcmpConfig], name: Option<&str>) -> Result<&'a EcmpConfig, Complaint> {
    let names = || entries.iter().map(|entry| &*entry.name).collect::<Vec<_>>().join(", ");
    match (name, entries) {
        (_, []) => Err(Complaint::new("this node has no routes over pools")
            .help("they stand in `ecmp:` of its configuration")),
        (None, [only]) => Ok(only),
        (None, _) => {
            Err(Complaint::new("which one is meant?").help(format!("name one of: {}", names())))
        }
        (Some(name), _) => entries.iter().find(|entry| &*entry.name == name).ok_or_else(|| {
            Complaint::new(format!("there is no entry {name} in `ecmp:`"))
                .help(format!("there are: {}", names()))
        }),
    }
}

fn survey(entry: &EcmpConfig, arguments: &Arguments) -> Result<Report, Complaint> {
    let mut netlink = Netlink::open().map_err(Complaint::new)?;
    let tables = netlink.tables().map_err(Complaint::new)?;
    let route = RouteKey::of(entry);
    let live = Live::of(route, &tables).ok_or_else(|| {
        Complaint::new(format!("{}: no route {route} of ours leads to a group", entry.name))
            .help("does `rhumb run` run on this host? `rhumb status` says what became of it")
    })?;
    let knobs = Knobs::of_host();
    let family = Family::of(entry.prefix.addr());
    let draw = what_to_draw(entry, arguments, &knobs)?;
    let drawn = flows::draw(&draw);
    let ways = flows::ask(&mut netlink, &drawn).map_err(|refusal| {
        Complaint::new(format!("the kernel takes no such flow in: {}", refusal.error))
            .help("the reverse path filter may want a route to the sources: name yours with --from")
    })?;
    let names = Names::of(entry, &live);
    let without = without(arguments, entry, &live, &drawn, &names)?;
    let mut notes = notes(family, &draw, &knobs);
    let elsewhere = ways.iter().filter(|way| !names.knows(way)).count();
    if elsewhere > 0 {
        notes.push(format!(
            "{elsewhere} flows do not take this route: a rule, a better metric or a more specific \
             route leads them elsewhere"
        ));
    }
    Ok(Report {
        entry: entry.name.to_string(),
        route,
        group: live.id,
        flows: ways.len(),
        seed: arguments.seed,
        shares: names.shares(&ways),
        without,
        list: arguments.list.then(|| names.list(&drawn, &ways)),
        notes,
    })
}

fn what_to_draw(
    entry: &EcmpConfig,
    arguments: &Arguments,
    knobs: &Knobs,
) -> Result<Draw, Complaint> {
    let family = Family::of(entry.prefix.addr());
    let from = arguments.from.unwrap_or_else(|| flows::default_sources(family));
    if Family::of(from.addr()) != family {
        let message = format!("--from {from} is not of the family of {}", entry.prefix);
        return Err(Complaint::new(message));
    }
    // Without forwarding the kernel takes nothing in: then as this host's own.
    let forwards = knobs.read(Knob::forwarding(family)) != Ok(0);
    Ok(Draw {
        to: entry.prefix,
        from,
        transport: match arguments.transport {
            Carrier::Tcp => Transport::Tcp,
            Carrier::Udp => Transport::Udp,
        },
        port: arguments.port,
        count: usize::try_from(arguments.flows).unwrap_or(usize::MAX),
        seed: arguments.seed,
        origin: if forwards { Origin::Forwarded } else { Origin::ThisHost },
    })
}

/// What makes the answers less than they seem.
fn notes(family: Family, draw: &Draw, knobs: &Knobs) -> Vec<String> {
    let mut notes = Vec::new();
    let policy = Knob::hash_policy(family);
    if knobs.read(policy) == Ok(crate::ecmp::knobs::number(HashPolicy::L3)) {
        notes.push(format!(
            "ports do not count: {} = 0 hashes addresses alone (`hash_policy: l4`)",
            policy.name()
        ));
    }
    if draw.origin == Origin::ThisHost {
        notes.push(format!(
            "this host does not forward ({} = 0): asked as flows of its own, which ports alone tell \
             apart",
            Knob::forwarding(family).name()
        ));
    }
    notes
}

fn without(
    arguments: &Arguments,
    entry: &EcmpConfig,
    live: &Live,
    drawn: &[Flow],
    names: &Names,
) -> Result<Option<Without>, Complaint> {
    if arguments.without.is_empty() {
        return Ok(None);
    }
    let gone: BTreeSet<IpAddr> =
        arguments.without.iter().map(|member| gateway(entry, *member)).collect();
    // In the copy everything is forwarded.
    let drawn: Vec<Flow> = drawn.iter().map(|flow| flow.coming_in()).collect();
    let tried = live.without(&gone, &drawn);
    let tried = tried.map_err(|why| {
        let gone: Vec<_> = gone.iter().map(ToString::to_string).collect();
        Complaint::new(format!("{} without {}: {why}", entry.name, gone.join(", ")))
    })?;
    Ok(Some(Without::of(&tried, arguments.without.clone(), names)))
}

/// Members by gateway.
struct Names(BTreeMap<IpAddr, Vec<IpAddr>>);

impl Names {
    fn of(entry: &EcmpConfig, live: &Live) -> Self {
        let members = |gateway: &IpAddr| {
            let via = entry.via.iter().filter(|(_, at)| *at == gateway).map(|(member, _)| *member);
            let members: Vec<_> = via.collect();
            if members.is_empty() { vec![*gateway] } else { members }
        };
        Self(live.gateways.values().map(|gateway| (*gateway, members(gateway))).collect())
    }

    fn knows(&self, way: &Option<Way>) -> bool {
        matches!(way, Some(Way::Through { gateway, .. }) if self.0.contains_key(gateway))
    }

    fn shares(&self, ways: &Ways) -> Vec<Share> {
        let counts = flows::by_gateway(ways);
        let share = |(gateway, members): (&IpAddr, &Vec<IpAddr>)| Share {
            members: members.clone(),
            next_hop: *gateway,
            flows: counts.get(gateway).copied().unwrap_or(0),
        };
        self.0.iter().map(share).collect()
    }

    fn list(&self, flows: &[Flow], ways: &Ways) -> Vec<Listed> {
        let listed = |(flow, way): (&Flow, &Option<Way>)| Listed {
            source: flow.source,
            source_port: flow.source_port,
            destination: flow.destination,
            destination_port: flow.destination_port,
            next_hop: match way {
                Some(Way::Through { gateway, .. }) => Some(*gateway),
                Some(Way::Direct { .. } | Way::Local | Way::Refused) | None => None,
            },
        };
        flows.iter().zip(ways).map(listed).collect()
    }
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    entry: String,
    route: RouteKey,
    group: u32,
    flows: usize,
    seed: u64,
    shares: Vec<Share>,
    #[serde(skip_serializing_if = "Option::is_none")]
    without: Option<Without>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Vec<Listed>>,
    notes: Vec<String>,
}

/// The flows of a next hop.
#[derive(Debug, Serialize)]
struct Share {
    members: Vec<IpAddr>,
    next_hop: IpAddr,
    flows: usize,
}

/// What a removal moved in a copy.
#[derive(Debug, Serialize)]
struct Without {
    members: Vec<IpAddr>,
    moved: usize,
    of_removed: usize,
    of_others: usize,
    shares: Vec<Share>,
}

/// One flow.
#[derive(Debug, Serialize)]
struct Listed {
    source: IpAddr,
    source_port: u16,
    destination: IpAddr,
    destination_port: u16,
    next_hop: Option<IpAddr>,
}

impl Without {
    fn of(removal: &Removal, members: Vec<IpAddr>, names: &Names) -> Self {
        let mut shares = names.shares(&removal.after);
        shares.retain(|share| share.flows > 0);
        Self {
            members,
            moved: removal.moved(),
            of_removed: removal.of_removed,
            of_others: removal.of_others,
            shares,
        }
    }
}

/// `1280 (12.80 %)`.
fn part(count: usize, all: usize) -> String {
    let percent = count as f64 * 100.0 / all.max(1) as f64;
    format!("{count} ({percent:.2} %)")
}

fn write_shares(f: &mut fmt::Formatter<'_>, shares: &[Share], all: usize) -> fmt::Result {
    let rows: Vec<_> =
        shares.iter().map(|share| (share.to_string(), part(share.flows, all))).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().try_for_each(|(name, part)| writeln!(f, "  {name:width$}  {part}"))
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members: Vec<_> = self.members.iter().map(ToString::to_string).collect();
        let mut name = members.join(", ");
        if self.members != [self.next_hop] {
            let _ = write!(name, " via {}", self.next_hop);
        }
        f.pad(&name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, route, group, flows, seed, .. } = self;
        writeln!(f, "{entry}: {route} → group {group}; {flows} flows of seed {seed}")?;
        write_shares(f, &self.shares, self.flows)?;
        if let Some(without) = &self.without {
            let members: Vec<_> = without.members.iter().map(ToString::to_string).collect();
            let Without { moved, of_removed, of_others, .. } = without;
            writeln!(
                f,
                "without {}, on a copy of the group: {} move, {of_removed} of the removed and \
                 {of_others} of others",
                members.join(", "),
                part(*moved, self.flows)
            )?;
            write_shares(f, &without.shares, self.flows)?;
        }
        self.list.iter().flatten().try_for_each(|listed| writeln!(f, "{listed}"))?;
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, source_port, destination, destination_port, next_hop } = self;
        write!(f, "{source} {source_port} → {destination} {destination_port}: ")?;
        match next_hop {
            Some(next_hop) => write!(f, "{next_hop}"),
            None => f.write_str("no next hop"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn report_names_members_with_their_shares_and_what_moves() {
        let share = |member, next_hop, flows| Share {
            members: vec![address(member)],
            next_hop: address(next_hop),
            flows,
        };
        let report = Report {
            entry: "fleet".to_owned(),
            route: RouteKey {
                table: 254,
                prefix: "10.0.0.100/32".parse().expect("a prefix"),
                metric: 50,
            },
            group: 820_000_002,
            flows: 1000,
            seed: 1,
            shares: vec![share(10, 10, 495), share(200, 11, 505)],
            without: Some(Without {
                members: vec![address(10)],
                moved: 495,
                of_removed: 495,
                of_others: 0,
                shares: vec![share(200, 11, 1000)],
            }),
            list: None,
            notes: vec!["ports do not count".to_owned()],
        };
        assert_eq!(
            report.to_string(),
            "fleet: 10.0.0.100/32 metric 50 in table 254 → group 820000002; 1000 flows of seed 1\n  \
             192.0.2.10                  495 (49.50 %)\n  \
             192.0.2.200 via 192.0.2.11  505 (50.50 %)\n\
             without 192.0.2.10, on a copy of the group: 495 (49.50 %) move, 495 of the removed and \
             0 of others\n  \
             192.0.2.200 via 192.0.2.11  1000 (100.00 %)\n\
             note: ports do not count\n"
        );
    }

    #[test]
    fn an_entry_need_not_be_named_where_there_is_one() {
        let error = |found: Result<&EcmpConfig, Complaint>| format!("{:?}", found.map(drop));
        assert!(error(find(&[], None)).contains("no routes over pools"));
        assert!(error(find(&[], Some("fleet"))).contains("no routes over pools"));
    }
}
