//! What the demo prints: how to try it, and each change of health as it happens.

use std::fmt;
use std::net::IpAddr;

use super::order::HELP;
use super::region::{REGIONS, Regions, members};
use super::stage::Stage;
use crate::admin::Control;
use crate::admin::status::families_up;
use crate::health::{State, TargetHealth};
use crate::policy::PoolId;
use crate::run::Running;
use crate::world::Snapshot;

/// What is there and what to try.
pub(super) struct Welcome<'d> {
    pub(super) regions: &'d Regions,
    pub(super) running: &'d Running,
    pub(super) stage: &'d Stage,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.regions.port();
        writeln!(f, "Three simulated regions, two members each, probed by HTTP every second:\n")?;
        for (name, [first, second]) in REGIONS {
            writeln!(f, "  {name:9} http://{first}:{port}  http://{second}:{port}")?;
        }
        let addresses = self.running.dns_addresses();
        let dns: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        let admin = self.running.admin_address();
        let zone = self.stage.zone_file();
        writeln!(f, "\nRhumb answers for demo.example on {}, UDP and TCP.", dns.join(" and "))?;
        writeln!(f, "  zone      {} (save a change: it is reloaded)", zone.display())?;
        writeln!(f, "  metrics   http://{admin}/metrics")?;
        writeln!(
            f,
            "  why       rhumb explain www.demo.example --client 91.0.0.1 --live --admin {admin}"
        )?;
        let Some(server) = addresses.first() else { return Ok(()) };
        let dig = format!("dig @{} -p {} +short", server.ip(), server.port());
        writeln!(
            f,
            "
Try in another terminal:

  geo: a client in Germany is sent to dublin; try Japan, 133.11.0.0/24, too
    {dig} www.demo.example +subnet=91.0.0.0/24
  weighted: four of five answers are virginia's; ask some more times
    {dig} canary.demo.example
  failover: virginia while it is up; type `fail virginia` here, and ask again
    {dig} api.demo.example
  sticky: a client keeps its member; another client may have another
    {dig} cart.demo.example +subnet=198.51.100.0/24

{HELP}"
        )
    }
}

/// What was printed last of the node's health.
pub(super) struct Watch {
    /// Since the node was started; for the time before each line.
    started: std::time::Instant,
    /// Which world is served.
    configuration: u64,
    targets: Vec<TargetHealth>,
    pools: Vec<(Box<str>, bool)>,
}

impl Watch {
    pub(super) fn new(control: &Control) -> Self {
        Self::of(control, &control.published.load_full())
    }

    fn of(control: &Control, snapshot: &Snapshot) -> Self {
        Self {
            started: control.started,
            configuration: snapshot.world.configuration,
            targets: control.prober.health(&snapshot.world.targets),
            pools: pools(snapshot),
        }
    }

    /// One line for each change since the last call.
    pub(super) fn changes(&mut self, control: &Control) -> Vec<String> {
        let snapshot = control.published.load_full();
        let before = std::mem::replace(self, Self::of(control, &snapshot));
        if before.configuration != self.configuration {
            return vec![self.now("the zone has changed and is served as it is now")];
        }
        let mut lines = Vec::new();
        let targets = snapshot.world.targets.iter().zip(&before.targets).zip(&self.targets);
        for ((target, before), now) in targets.filter(|((_, was), is)| was.state != is.state) {
            lines.push(self.now(member_line(target.address.ip(), before, now)));
        }
        let pools = self.pools.iter().zip(&before.pools);
        for ((name, up), _) in pools.filter(|((_, is), (_, was))| is != was) {
            lines.push(self.now(pool_line(name, *up)));
        }
        lines
    }

    /// A line with the time before it.
    pub(super) fn now(&self, line: impl fmt::Display) -> String {
        format!("{:7.1} s  {line}\n", self.started.elapsed().as_secs_f64())
    }
}

/// Each pool's name and whether it is up.
fn pools(snapshot: &Snapshot) -> Vec<(Box<str>, bool)> {
    let policies = &snapshot.world.policies;
    let pools = policies.pools.iter().enumerate();
    let up = |id| families_up(policies, PoolId(id as u32), &snapshot.health);
    pools.map(|(id, pool)| (pool.name.clone(), up(id).contains(&Some(true)))).collect()
}

fn member_line(address: IpAddr, before: &TargetHealth, now: &TargetHealth) -> String {
    let region = members().find(|(_, member)| *member == address);
    let region = region.map_or("", |(name, _)| name);
    let (was, is) = (before.state.word(), now.state.word());
    let reason = now.reason.as_deref().filter(|_| now.state != State::Up);
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{region:9} {address}  {was} → {is}{reason}")
}

fn pool_line(name: &str, up: bool) -> String {
    let name = name.rsplit('/').next().unwrap_or_default();
    match up {
        true => format!("{name:9} is up: its clients come back"),
        false => format!("{name:9} is down: its clients are sent elsewhere"),
    }
}
