//! What a scrape reads from the running node.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::admin::Control;
use crate::admin::status::families_up;
use crate::answer::Transport;
use crate::health::State;
use crate::node::{Answering, NodeState, Reason, ServiceState};
use crate::policy::{Family, Policies, PoolId};
use crate::world::{Snapshot, World};

/// Reads a node for each scrape.
#[derive(Debug)]
pub(super) struct Node(pub(super) Control);

impl Collector for Node {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let snapshot = self.0.published.load_full();
        self.process(&mut page)?;
        self.served(&mut page, &snapshot)?;
        self.answered(&mut page, &snapshot)?;
        node(&mut page, &snapshot.node)?;
        pools(&mut page, &snapshot)?;
        members(&mut page, &snapshot)?;
        self.targets(&mut page, &snapshot)?;
        super::pair::groups(&mut page, &self.0.pair)?;
        super::tier::bgp(&mut page, &self.0.anycast)?;
        super::tier::bfd(&mut page, self.0.ground.bfd_if_started().as_ref())?;
        super::tier::ecmp(&mut page, &self.0.ecmp)
    }
}

impl Node {
    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        let mut info =
            page.0.encode_descriptor("build", "This program.", None, MetricType::Info)?;
        info.encode_info(&version)?;
        let uptime = self.0.started.elapsed().as_secs_f64();
        let unit = Some(&Unit::Seconds);
        let help = "Time since this process began to serve.";
        let series = page.0.encode_descriptor("uptime", help, unit, MetricType::Gauge)?;
        ConstGauge::new(uptime).encode(series)?;
        let ready = self.0.ready.load(Relaxed);
        page.gauge("ready", "Whether the first answer may be given.", ready.into())
    }

    fn served(&self, page: &mut Page<'_>, snapshot: &Snapshot) -> fmt::Result {
        let help = "Number of the snapshot served; grows with each change of health or world.";
        page.gauge("generation", help, snapshot.generation as i64)?;
        let zones = snapshot.world.zones.len() as i64;
        page.gauge("zones", "Zones served.", zones)?;
        let connections = (self.0.tcp_connections)() as i64;
        page.gauge("tcp_connections", "TCP connections open with clients.", connections)
    }

    fn answered(&self, page: &mut Page<'_>, snapshot: &Snapshot) -> fmt::Result {
        let Control { counters, metrics, .. } = &self.0;
        let queries = counters.queries().into_iter().map(|series| {
            let labels = [
                ("transport", transport_word(series.transport)),
                ("type", series.qtype),
                ("rcode", series.rcode.mnemonic()),
            ];
            (labels, series.count)
        });
        page.counters("queries", "Queries answered.", queries)?;
        let answers = metrics.answers.totals(&snapshot.world);
        let answers = answers.into_iter().map(|(pool, count)| ([("pool", pool)], count));
        page.counters("answers", "Answers that carry members of a pool.", answers)?;
        page.counter("silenced", "Messages that deserve no answer.", counters.silenced())?;
        page.counter("truncated", "Answers cut with TC=1.", counters.truncated())?;
        let help = "Datagrams that the kernel dropped because a receive buffer was full.";
        page.counter("receive_drops", help, counters.receive_drops())
    }

    fn targets(&self, page: &mut Page<'_>, snapshot: &Snapshot) -> fmt::Result {
        // Equal labels may belong to two targets (one probe's name in two zones, say), and a series
        // must not appear twice: the worse one is told.
        let mut up: BTreeMap<[(&str, String); 3], i64> = BTreeMap::new();
        let World { targets, target_names, .. } = &*snapshot.world;
        let health = self.0.prober.health(targets);
        for ((target, name), health) in targets.iter().zip(target_names).zip(&health) {
            let labels = [
                ("probe", name.clone()),
                ("kind", target.probe.kind.word().to_owned()),
                ("target", target.address.to_string()),
            ];
            let serves = i64::from(health.state.serves());
            up.entry(labels).and_modify(|worst| *worst = serves.min(*worst)).or_insert(serves);
        }
        page.gauges("target_up", "Whether a probed target counts as up.", up)
    }
}

/// What the node knows of itself.
fn node(page: &mut Page<'_>, node: &NodeState) -> fmt::Result {
    let answering = node.services.iter().filter_map(|(name, service)| {
        let value = match service.answering {
            Answering::Yes => 1,
            Answering::No => 0,
            Answering::Unknown => return None,
        };
        Some(([("service", &**name)], value))
    });
    let help = "Whether the node can answer, as it finds itself; absent before the first verdict.";
    page.gauges("node_answering", help, answering)?;
    let alarm = |of: fn(&ServiceState) -> &Option<Reason>| {
        let services = node.services.iter();
        services.map(move |(name, service)| ([("service", &**name)], of(service).is_some().into()))
    };
    let help = "Whether the node answers others and leaves its own questions unanswered.";
    page.gauges("node_overloaded", help, alarm(|service| &service.overloaded))?;
    let help = "Whether the node cannot ask itself, so that its last verdict stands.";
    page.gauges("node_no_result", help, alarm(|service| &service.no_result))?;
    let help = "Whether the node leaves its own questions over TCP unanswered.";
    page.gauges("node_tcp_failing", help, alarm(|service| &service.tcp_failing))?;
    page.gauge("node_drained", "Whether an operator drains the node.", node.drained.into())?;
    let help = "Whether the configuration on disk was refused and an older one is in force.";
    page.gauge("node_stale", help, node.stale.into())
}

fn pools(page: &mut Page<'_>, snapshot: &Snapshot) -> fmt::Result {
    let policies = &snapshot.world.policies;
    let standings = policies.pools.iter().enumerate().flat_map(|(id, pool)| {
        let families = families_up(policies, PoolId(id as u32), &snapshot.health);
        let series = |(word, up): (&'static str, Option<bool>)| {
            Some(([("pool", &*pool.name), ("family", word)], i64::from(up?)))
        };
        Family::BOTH
            .map(Family::word)
            .into_iter()
            .zip(families)
            .filter_map(series)
            .collect::<Vec<_>>()
    });
    page.gauges("pool_up", "Whether enough of a pool serves, for a family it has.", standings)
}

fn members(page: &mut Page<'_>, snapshot: &Snapshot) -> fmt::Result {
    const STATES: [State; 4] = [State::Up, State::Degraded, State::Unknown, State::Down];
    let policies = &snapshot.world.policies;
    let states = labelled(policies).zip(&*snapshot.health).flat_map(|([pool, member], health)| {
        STATES.map(|state| {
            let labels = [pool.clone(), member.clone(), ("state", state.word().into())];
            (labels, i64::from(health.probed == state))
        })
    });
    page.gauges("member_state", "A member's state as probed: 1 for the one it is in.", states)?;
    let forced = labelled(policies).zip(&*snapshot.health).filter_map(|(labels, health)| {
        let [pool, member] = labels;
        Some(([pool, member, ("forced", health.forced?.word().into())], 1))
    });
    page.gauges("member_forced", "Members whose state an operator imposes.", forced)?;
    let health = snapshot.health.iter().map(|health| i64::from(health.serves()));
    let help = "Whether a member serves: probed and forced state together.";
    page.gauges("member_serving", help, labelled(policies).zip(health))
}

/// Every member's labels, in the order of `MemberId`.
fn labelled(policies: &Policies) -> impl Iterator<Item = [(&'static str, String); 2]> {
    policies.members.iter().map(|member| {
        let pool = policies.pool(member.pool).name.to_string();
        [("pool", pool), ("member", member.address.to_string())]
    })
}

fn transport_word(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    }
}

/// The text under construction.
pub(super) struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: i64) -> fmt::Result {
        let series = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(series)
    }

    pub(super) fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (L, i64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in series {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let series = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(series)
    }

    pub(super) fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in series {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Counters of time.
    pub(super) fn seconds<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let unit = Some(&Unit::Seconds);
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, value) in series {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
