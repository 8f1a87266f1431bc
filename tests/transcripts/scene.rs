//! A configuration at rest: a world, and the health that cases vary.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhumb::config::diagnostic::Style;
use rhumb::config::{Known, SourceFile};
use rhumb::geo::mmdb::Databases;
use rhumb::geo::{Asn, Continent, Coordinates, Country, Facts, Subdivision};
use rhumb::health::{Forced, MemberHealth, State};
use rhumb::world::{Snapshot, World};

/// A built world.
pub struct Scene {
    world: Arc<World>,
}

/// A change of health as a case writes it: `us-east down due 10s`.
#[derive(Clone, Debug)]
pub struct Change {
    /// A pool's name or a member's address; `*`: all.
    what: String,
    words: Vec<String>,
}

impl Scene {
    /// Builds the world of some zone files, in places given line by line.
    pub fn build(files: Vec<(PathBuf, String)>, places: &str) -> Self {
        let files: Vec<_> = files
            .into_iter()
            .map(|(path, text)| SourceFile { path, text, modified: 1_700_000_000 })
            .collect();
        let databases = Databases::from_places(places.lines().filter_map(place).collect());
        let loaded = rhumb::config::load(&files, Known { facts: databases.facts() });
        let Some(mut config) = loaded.config else {
            let mistakes = loaded.diagnostics.iter().map(|d| d.render(Style::Plain));
            panic!("{}", mistakes.collect::<String>());
        };
        for zone in &mut config.zones {
            zone.source.soa.serial = zone.serial.unwrap_or(1);
        }
        let world = World::build(config, &databases, 1, 1).named("node-1");
        Self { world: Arc::new(world) }
    }

    /// The world with every member up but for these changes.
    pub fn snapshot(&self, changes: &[Change]) -> Snapshot {
        let policies = &self.world.policies;
        let up = MemberHealth { probed: State::Up, ..MemberHealth::default() };
        let mut health = vec![up; policies.members.len()];
        for change in changes {
            let mut found = false;
            for (member, health) in policies.members.iter().zip(&mut health) {
                let pool = &policies.pool(member.pool).name;
                let address = change.what.parse::<IpAddr>().ok();
                let local = pool.rsplit('/').next();
                let whole = change.what == "*" || local == Some(&*change.what);
                if whole || address == Some(member.address) {
                    found = true;
                    change.apply(health);
                }
            }
            assert!(found, "no pool or member {:?}", change.what);
        }
        Snapshot::of(Arc::clone(&self.world), health)
    }
}

impl Change {
    /// Reads `WHAT word…`.
    pub fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace().map(str::to_owned);
        Self { what: words.next().expect("what changes"), words: words.collect() }
    }

    fn apply(&self, health: &mut MemberHealth) {
        let mut words = self.words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "up" => health.probed = State::Up,
                "degraded" => health.probed = State::Degraded,
                "unknown" => health.probed = State::Unknown,
                "down" => health.probed = State::Down,
                "forced-up" => health.forced = Some(Forced::Up),
                "forced-down" => health.forced = Some(Forced::Down),
                "drained" => health.forced = Some(Forced::Drain),
                "up-last" => health.last_served = true,
                "due" => {
                    let text = words.next().expect("a time after `due`");
                    let seconds = text.trim_end_matches('s').parse();
                    health.ttl_hint = Some(seconds.expect("seconds after `due`"));
                }
                _ => panic!("no such state: {word:?}"),
            }
        }
    }
}

/// Reads `91.0.0.0/8  DE  52.5,13.4  AS3320`; the facts in any order.
fn place(line: &str) -> Option<(ipnet::IpNet, Facts)> {
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_whitespace();
    let net = words.next()?.parse().expect("a network");
    let mut facts = Facts::default();
    for word in words {
        if let Some(subdivision) = Subdivision::parse(word) {
            facts.subdivision = Some(subdivision);
            facts.country = Some(subdivision.country);
        } else if let Some(country) = Country::new(word) {
            facts.country = Some(country);
        } else if let Some(continent) = Continent::from_word(word) {
            facts.continent = Some(continent);
        } else if let Some(number) = word.strip_prefix("AS").and_then(|n| n.parse().ok()) {
            facts.asn = Some(Asn(number));
        } else {
            let (latitude, longitude) = word.split_once(',').expect("a fact");
            let degrees = |text: &str| text.parse().expect("degrees");
            facts.coordinates = Coordinates::new(degrees(latitude), degrees(longitude));
        }
    }
    facts.continent = facts.continent.or_else(|| facts.country.map(|c| c.continent()));
    Some((net, facts))
}

/// The path of a file as a message should show it.
pub fn shown(path: &Path) -> PathBuf {
    path.file_name().map_or_else(|| path.to_owned(), PathBuf::from)
}
