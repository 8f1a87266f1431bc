//! Two to four hosts on a simulated network, with a clock that jumps.
//!
//! Whatever befell them, once the network is whole there is one Active within 4 intervals, the skew
//! and what the configuration tells them to wait; and where nothing befalls them nothing moves.

use std::time::Duration;

use proptest::prelude::*;

use self::host::Host;
use self::network::Network;
use self::story::{Cut, Disturbance, Setup, Trouble, dual_stack, family, setup, troubled};
use self::world::World;
use super::Command;
use crate::config::{Preempt, Priority, active_down};

mod host;
mod network;
mod story;
mod world;

/// An Active sends one advertisement in an interval, and in answer to others four at most; one more
/// for the interval that has begun.
const ADVERTISEMENTS_PER_INTERVAL: u64 = 6;

/// For so many of the shortest interval something may befall the hosts.
const STORY: u32 = 40;

/// What one disturbance may make every host send in addition: at its begin and its end a word about
/// the change, and an answer to every release, which is said twice.
const ADVERTISEMENTS_PER_DISTURBANCE: u64 = 8;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn when_the_network_is_whole_there_is_one_active_and_it_stays((setup, story, ill) in troubled()) {
        let mut world = World::new(setup.hosts(), Network::new(setup.seed, setup.shortest / 10));
        story.iter().for_each(|&disturbance| world.plan(disturbance));
        world.run(setup.shortest * STORY);
        no_storm(&world, &story);
        world.make_whole();
        for index in (0..ill.len()).filter(|&index| ill[index]) {
            world.fall_ill(index, true);
        }
        world.run(patience(&setup, &story));
        prop_assert!(!world.actives().is_empty(), "nobody is Active: {}", world.log());
        world.run(patience_of_pre_emption(&setup));
        one_active_that_stays(&mut world, &setup);
        the_right_one(&world);
    }
}

proptest! {
    #[test]
    fn a_planned_hand_over_leaves_no_instant_without_the_addresses(
        setup in setup(),
        acts in proptest::collection::vec(act(), 1..6),
    ) {
        let mut world = World::new(setup.hosts(), Network::new(setup.seed, setup.shortest / 4));
        settle(&mut world, &setup);
        world.fewest_owners = usize::MAX;
        for act in acts {
            let active = world.actives()[0];
            let apart = setup.longest * 8 + patience_of_pre_emption(&setup);
            match act {
                Act::Failover => world.command(active, Command::Failover),
                Act::Restart => world.command(active, Command::Stop),
                Act::Illness => world.fall_ill(active, true),
            }
            world.run(apart);
            match act {
                Act::Failover => world.command(active, Command::Release),
                Act::Restart => world.boot(active),
                Act::Illness => world.fall_ill(active, false),
            }
            world.run(apart + setup.longest_delay(|config| config.startup_delay));
            prop_assert_eq!(world.actives().len(), 1, "{}", world.log());
        }
        prop_assert!(world.fewest_owners > 0, "{}", world.log());
    }
}

proptest! {
    #[test]
    fn a_crashed_active_is_replaced_within_the_shortest_active_down(setup in setup()) {
        let delay = setup.shortest / 4;
        let mut world = World::new(setup.hosts(), Network::new(setup.seed, delay));
        settle(&mut world, &setup);
        let active = world.actives()[0];
        let interval = setup.hosts[active].advertise;
        let others = setup.hosts.iter().enumerate().filter(|&(index, _)| index != active);
        let down = others.map(|(_, host)| active_down(host.version, host.priority, interval));
        let down = down.min().expect("there are two");
        world.crash(active);
        world.run(down + delay);
        prop_assert!(!world.actives().is_empty(), "{}", world.log());
    }

    #[test]
    fn a_family_that_is_cut_moves_nothing_while_the_other_is_heard(
        setup in dual_stack(),
        cuts in proptest::collection::vec((0..4usize, 1..4usize, any::<bool>()), 1..6),
        family in family(),
    ) {
        let mut world = World::new(setup.hosts(), Network::new(setup.seed, setup.shortest / 4));
        settle(&mut world, &setup);
        let before = transitions(&world);
        let cut = |both| if both { Cut::Family(family) } else { Cut::FamilyOneWay(family) };
        let (hosts, mut ways) = (setup.hosts.len(), Vec::new());
        for (host, step, both) in cuts {
            let host = host % hosts;
            ways.extend(cut(both).ways(host, (host + step) % hosts, hosts));
        }
        ways.iter().for_each(|&way| world.network.cut(way));
        world.run(setup.longest * 30);
        ways.iter().for_each(|&way| world.network.join(way));
        world.run(setup.longest * 30);
        prop_assert_eq!(before, transitions(&world), "{}", world.log());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn where_nothing_happens_nothing_moves_for_a_thousand_intervals(setup in setup()) {
        let mut world = World::new(setup.hosts(), Network::new(setup.seed, setup.shortest / 4));
        settle(&mut world, &setup);
        let transitions = transitions(&world);
        world.run(setup.longest * 1000);
        prop_assert_eq!(transitions, self::transitions(&world), "{}", world.log());
    }
}

/// What an operator does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Failover,
    Restart,
    Illness,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![Just(Act::Failover), Just(Act::Restart), Just(Act::Illness)]
}

/// 4 intervals and a skew, and what else the end of the story gives reason to wait for.
fn patience(setup: &Setup, story: &[Disturbance]) -> Duration {
    let reasons = [Wait::Stall, Wait::Hold, Wait::Quarantine, Wait::Start, Wait::Astray];
    let lasting = |reason: Wait| {
        let waits = story.iter().filter(|told| Wait::after(told.trouble) == Some(reason));
        let still = waits.filter_map(|told| {
            let wait = reason.time(setup, told.trouble);
            (told.at + told.lasts + wait >= setup.shortest * STORY).then_some(wait)
        });
        still.max().unwrap_or_default()
    };
    setup.longest * 4 + longest_skew(setup) + reasons.map(lasting).iter().sum::<Duration>()
}

/// Why it takes longer until there is an Active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Who stood still listens.
    Stall,
    /// Who had a fault replaces nobody.
    Hold,
    /// Whose addresses were taken tries again later, and then holds.
    Quarantine,
    /// Who starts is told to wait.
    Start,
    /// An advertisement that was sent before is still on its way.
    Astray,
}

impl Wait {
    fn after(trouble: Trouble) -> Option<Self> {
        match trouble {
            Trouble::Freeze => Some(Self::Stall),
            Trouble::Fault | Trouble::Check => Some(Self::Hold),
            Trouble::Removal => Some(Self::Quarantine),
            Trouble::Crash | Trouble::Stop => Some(Self::Start),
            Trouble::Detour(_) => Some(Self::Astray),
            Trouble::Load
            | Trouble::Illness
            | Trouble::Blindness
            | Trouble::Failover
            | Trouble::Release
            | Trouble::BfdDown
            | Trouble::Priority(_)
            | Trouble::Loss(_)
            | Trouble::Cut(_) => None,
        }
    }

    fn time(self, setup: &Setup, trouble: Trouble) -> Duration {
        match (self, trouble) {
            (Self::Stall, _) => setup.longest + longest_skew(setup),
            (Self::Hold, _) => setup.longest_delay(|config| config.fault_hold),
            (Self::Quarantine, _) => setup.longest_delay(|config| config.fault_hold * 2),
            (Self::Start, _) => setup.longest_delay(|config| config.startup_delay),
            (Self::Astray, Trouble::Detour(by)) => by + setup.shortest,
            (Self::Astray, _) => Duration::ZERO,
        }
    }
}

/// For how long the right one may have to listen to another before it has the role.
fn patience_of_pre_emption(setup: &Setup) -> Duration {
    let delay = setup.longest_delay(|config| config.preempt_delay);
    let hold = setup.longest_delay(|config| config.fault_hold);
    hold + delay + setup.longest * 5 + longest_skew(setup)
}

fn longest_skew(setup: &Setup) -> Duration {
    setup.longest.max(setup.longest_delay(|config| config.active_down() - config.advertise * 3))
}

/// From the start to the one Active that stays.
fn settle(world: &mut World, setup: &Setup) {
    world.run(patience(setup, &[]) + setup.longest_delay(|config| config.startup_delay));
    world.run(patience_of_pre_emption(setup));
}

fn transitions(world: &World) -> u64 {
    world.hosts.iter().map(|host| host.transitions).sum()
}

fn no_storm(world: &World, story: &[Disturbance]) {
    let extra = ADVERTISEMENTS_PER_DISTURBANCE * (story.len() * world.hosts.len()) as u64;
    for host in &world.hosts {
        let intervals = world.elapsed().as_nanos() / host.config.advertise.as_nanos();
        let most = (intervals as u64 + 1) * ADVERTISEMENTS_PER_INTERVAL + extra;
        assert!(host.sent <= most, "host {}: {} of {most}", host.index, host.sent);
    }
}

/// For 20 intervals; it alone has the addresses and advertises, and all others know it.
fn one_active_that_stays(world: &mut World, setup: &Setup) {
    let (before, actives) = (transitions(world), world.actives());
    let sent: Vec<_> = world.hosts.iter().map(|host| host.sent).collect();
    world.run(setup.longest * 20);
    assert_eq!(transitions(world), before, "it moves: {}", world.log());
    assert_eq!(actives.len(), 1, "{}", world.log());
    assert_eq!(world.owners().collect::<Vec<_>>(), actives);
    for (host, before) in world.hosts.iter().zip(sent) {
        let sent = u128::from(host.sent - before);
        if host.is_active() {
            let turns = (setup.longest * 20).as_nanos() / host.config.advertise.as_nanos();
            assert!(sent.abs_diff(turns) <= 1, "{sent} in {turns} intervals");
        } else {
            assert_eq!(sent, 0, "host {}", host.index);
            let known = host.machine().other_active().map(|sender| sender.address);
            let active = host.addresses_of(actives[0]);
            assert!(known.is_some_and(|known| active.contains(&known)), "{known:?} of {active:?}");
        }
    }
}

/// Nobody who may displace it has reason to.
fn the_right_one(world: &World) {
    let active = &world.hosts[world.actives()[0]];
    let worse = active.machine().priority();
    for host in world.hosts.iter().filter(|host| host.index != active.index) {
        let (machine, mine) = (host.machine(), host.machine().priority());
        let always = preempt(host) == Preempt::Always && !machine.held();
        assert!(!always || mine <= worse, "{mine} leaves {worse} alone: {}", world.log());
        let healthy = machine.standing().unhealthy.is_none();
        let relieves = healthy && preempt(host) != Preempt::Never;
        let at_floor = worse <= host.config.floor;
        assert!(!(relieves && at_floor && mine > worse), "nobody relieves: {}", world.log());
    }
}

/// An owner always pre-empts (RFC 9568 §6.1).
fn preempt(host: &Host) -> Preempt {
    match host.machine().priority() {
        Priority::OWNER => Preempt::Always,
        _ => host.config.preempt,
    }
}
