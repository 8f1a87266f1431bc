//! A node's status for people.

use std::fmt;

use super::{
    MemberStatus, PoolStatus, ReloadStatus, ServiceStatus, Status, TargetStatus, ZoneStatus,
};

/// More zones than this are counted and not listed.
const MOST_ZONES: usize = 20;

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, version, generation, .. } = self;
        let ready = match (self.stopping, self.ready) {
            (true, _) => "stopping: it still answers",
            (false, true) => "ready",
            (false, false) => "not ready: no query is answered yet",
        };
        let time = Ago(self.uptime_seconds);
        writeln!(f, "{node}: rhumb {version}, {ready}, for {time}, generation {generation}")?;
        if let Some(seconds) = self.brake_seconds {
            writeln!(
                f,
                "\nbrake on for {}: so much fell at once that the prober is suspect; states are frozen",
                Ago(seconds)
            )?;
        }
        if self.drained {
            writeln!(
                f,
                "\ndrained: the node gives its addresses away and announces nothing, until `rhumb undrain \
                 --node`"
            )?;
        }
        if self.stale {
            writeln!(f, "\nstale: the files on disk were refused; what is served is older")?;
        }
        services(f, &self.services)?;
        super::pair::groups(f, &self.vrrp)?;
        super::tier::bgp(f, self.bgp.as_ref())?;
        super::tier::bfd(f, &self.bfd)?;
        super::tier::ecmp(f, &self.ecmp)?;
        zones(f, &self.zones)?;
        pools(f, &self.pools)?;
        warnings(f, &self.targets)?;
        match &self.last_reload {
            Some(reload) => write!(f, "\n{reload}"),
            None => Ok(()),
        }
    }
}

/// Whether the node answers where it asks itself; nothing where it does not ask.
fn services(f: &mut fmt::Formatter<'_>, services: &[ServiceStatus]) -> fmt::Result {
    if !services.is_empty() {
        writeln!(f, "\nservices: {}", services.len())?;
    }
    for service in services {
        let verdict = match &*service.answering {
            "yes" => "this node answers",
            "no" => "this node cannot answer",
            _ => "not known yet whether this node answers",
        };
        let failure = service.failure.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        writeln!(f, "  {}: {verdict}{failure}", service.name)?;
        for (alarm, reason) in [
            ("overloaded, others are answered", &service.overloaded),
            ("no result", &service.no_result),
            ("fails over TCP", &service.tcp_failing),
        ] {
            if let Some(reason) = reason {
                writeln!(f, "    {alarm}: {reason}")?;
            }
        }
    }
    Ok(())
}

fn zones(f: &mut fmt::Formatter<'_>, zones: &[ZoneStatus]) -> fmt::Result {
    writeln!(f, "\nzones: {}", zones.len())?;
    let shown = &zones[..zones.len().min(MOST_ZONES)];
    let width = shown.iter().map(|zone| zone.name.len()).max().unwrap_or(0);
    for zone in shown {
        writeln!(f, "  {:width$}  serial {}", zone.name, zone.serial)?;
    }
    match zones.len() - shown.len() {
        0 => Ok(()),
        more => writeln!(f, "  … and {more} more, all in --json"),
    }
}

fn pools(f: &mut fmt::Formatter<'_>, pools: &[PoolStatus]) -> fmt::Result {
    writeln!(f, "\npools: {}", pools.len())?;
    let of_pool = |pool: &PoolStatus| {
        let members = pool.members.iter().map(|member| member.address.to_string().len());
        members.max().unwrap_or(0)
    };
    let width = pools.iter().map(of_pool).max().unwrap_or(0);
    for pool in pools {
        write!(f, "  {}: {}", pool.name, Families(pool))?;
        match pool.capacity {
            Some(capacity) => writeln!(f, ", capacity {capacity}")?,
            None => writeln!(f)?,
        }
        for member in &pool.members {
            writeln!(f, "    {:width$}  {}", member.address, Member(member))?;
        }
    }
    Ok(())
}

/// Certificates that expire soon, and the like.
fn warnings(f: &mut fmt::Formatter<'_>, targets: &[TargetStatus]) -> fmt::Result {
    let warned = |target: &&TargetStatus| target.warning.is_some();
    if !targets.iter().any(|target| warned(&target)) {
        return Ok(());
    }
    writeln!(f, "\nwarnings")?;
    for target in targets.iter().filter(warned) {
        let warning = target.warning.as_deref().unwrap_or_default();
        writeln!(f, "  {} {} {}: {warning}", target.probe, target.kind, target.address)?;
    }
    Ok(())
}

impl fmt::Display for ReloadStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.published { "published" } else { "refused, nothing was changed" };
        writeln!(f, "last reload: {} ago, {how}", Ago(self.seconds_ago))?;
        self.errors.iter().chain(&self.warnings).try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// A pool's state: one word where its families agree.
struct Families<'p>(&'p PoolStatus);

impl fmt::Display for Families<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |up| if up { "up" } else { "down" };
        match (self.0.ipv4_up, self.0.ipv6_up) {
            (Some(v4), Some(v6)) if v4 != v6 => {
                write!(f, "{} for IPv4, {} for IPv6", word(v4), word(v6))
            }
            (Some(up), _) | (_, Some(up)) => f.write_str(word(up)),
            (None, None) => f.write_str("no members"),
        }
    }
}

/// A member's state and what caused it.
struct Member<'m>(&'m MemberStatus);

impl fmt::Display for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = self.0;
        let probed = if member.has_probe { &member.probed } else { "up (not probed)" };
        match member.forced.as_deref() {
            Some("drain") => write!(f, "drained; probed {probed}")?,
            Some(forced) => write!(f, "forced {forced}; probed {probed}")?,
            None => f.write_str(probed)?,
        }
        match &member.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// Seconds as people say them, in one unit or two.
pub(crate) struct Ago(pub(crate) u64);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours) = (self.0 / 86_400, self.0 / 3_600 % 24);
        let (minutes, seconds) = (self.0 / 60 % 60, self.0 % 60);
        match self.0 {
            0..60 => write!(f, "{seconds} s"),
            60..3_600 => write!(f, "{minutes} min {seconds} s"),
            3_600..86_400 => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}
