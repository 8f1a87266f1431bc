//! One trial, from a fresh node to the table's figures.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::contender::{Contender, PORT, SERVICE, Seat, Settings};
use crate::lab::{Capture, Packet, until};
use crate::network::Network;
use crate::rhumb::{self, ADMIN_PORT};
use crate::rounds;
use crate::scenario::Scenario;
use crate::steady::Steady;
use crate::strike::Strike;
use crate::wire::{self, Seen, Word};

/// How long a node may take to be announced.
const START: Duration = Duration::from_secs(60);
/// It has settled by then: the first routes are told, the first questions answered.
const CALM: Duration = Duration::from_millis(1_500);
/// How long the routers may take to leave it: many times as long as any goal.
const PATIENCE: Duration = Duration::from_secs(20);
/// How late an ordinary program may be in an undisturbed trial.
const UNDISTURBED: Duration = Duration::from_millis(3);

/// Microseconds from one event to another: negative when the later one came first.
pub type Micros = i64;

/// What a trial has shown.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// From the strike to the deadline of the last lost question; absent when nothing was lost.
    pub detection: Option<Micros>,
    /// From then, or from the operator's request, to the word on the wire.
    pub reaction: Micros,
    /// From the strike, or the operator's command, to the word on the wire.
    pub whole: Micros,
    /// From the word on the wire to the route's leaving the kernel of the near and the far router.
    /// Absent when the word is not that of a withdrawal.
    pub left: [Option<Micros>; 2],
    /// How late the control was at worst.
    pub control: Duration,
}

impl Trial {
    /// Whether the machine itself left the trial alone.
    pub fn is_undisturbed(&self) -> bool {
        self.control <= UNDISTURBED
    }
}

/// What was captured of a node: its words to the router, and its loopback.
struct Captured {
    router: Vec<Packet>,
    own: Vec<Packet>,
}

/// Strikes a fresh node at a random moment between two of its questions, and watches.
pub fn trial(
    network: &Network,
    contender: Contender,
    settings: &Settings,
    scenario: Scenario,
    moment: f64,
) -> Result<Trial, String> {
    network.clear()?;
    let folder = tempfile::tempdir().expect("a folder");
    let seat = network.seat(folder.path());
    let router = network.near().capture("eth0", "tcp port 179");
    let own = seat.host.capture("lo", &format!("port {PORT} or port {ADMIN_PORT}"));
    let node = contender.start(seat, settings);
    if !until(START, || network.is_routed()) {
        return Err(format!("{SERVICE} is not announced:\n{}", node.announcer.log()));
    }
    std::thread::sleep(CALM + settings.every.mul_f64(moment));

    let control = Steady::start();
    let outcome = strike(network, (&router, seat), settings, scenario);
    let control = control.stop();
    let captured = Captured { router: router.stop(), own: own.stop() };
    let log = node.announcer.log();
    node.kill();
    let (struck, word) = outcome.map_err(|error| format!("{error}\n{log}"))?;
    evaluate(network, &captured, seat, settings, (struck, word), control)
}

/// Strikes, and waits until the routers have done all there is to do. When it was, and which word
/// was waited for.
fn strike(
    network: &Network,
    (router, seat): (&Capture, Seat<'_>),
    settings: &Settings,
    scenario: Scenario,
) -> Result<(Duration, Word), String> {
    match scenario {
        Scenario::CannotAnswer => {
            let (struck, _deaf) = Strike::prepare(seat.host).strike()?;
            let gone = until(PATIENCE, || network.left(struck).iter().all(Option::is_some));
            let late = || "the routers still have the route".to_owned();
            gone.then_some((struck, Word::Withdrawn)).ok_or_else(late)
        }
        Scenario::Drain => {
            let ordered = now();
            rhumb::drain(seat, settings)?;
            let leaving = |(at, word): &(Duration, Word)| *at > ordered && *word == Word::Leaving;
            let said = until(PATIENCE, || said(&router.packets(), seat).iter().any(leaving));
            let silent = || "the node says nothing of its leaving".to_owned();
            said.then_some((ordered, Word::Leaving)).ok_or_else(silent)
        }
    }
}

fn evaluate(
    network: &Network,
    captured: &Captured,
    seat: Seat<'_>,
    settings: &Settings,
    (struck, awaited): (Duration, Word),
    control: Duration,
) -> Result<Trial, String> {
    let words = said(&captured.router, seat);
    let wire = words.iter().find(|(at, word)| *at > struck && *word == awaited);
    let wire = wire.map(|(at, _)| *at).ok_or_else(|| format!("not on the wire: {words:?}"))?;
    let own = seen(&captured.own);
    let since_wire = |at: Option<Duration>| at.map(|at| between(wire, at));
    let rounds = rounds::rounds(own.clone(), (SERVICE, PORT), settings.every);
    let (struck, detection, cause, left) = match awaited {
        Word::Withdrawn => {
            // `nft` has its orders a moment before the kernel has the rule.
            let answered = rounds::last_answered(&rounds, wire).unwrap_or_default();
            let struck = struck.max(answered);
            let verdict = rounds::verdict(&rounds, settings.timeout, wire);
            let verdict = verdict.ok_or("no question was lost")?;
            let left = network.left(struck).map(since_wire);
            (struck, Some(between(struck, verdict)), verdict, left)
        }
        Word::Announced | Word::Leaving => {
            let posted = wire::posted(own, ADMIN_PORT).ok_or("no request was seen")?;
            (struck, None, posted, [None, None])
        }
    };
    let (reaction, whole) = (between(cause, wire), between(struck, wire));
    Ok(Trial { detection, reaction, whole, left, control })
}

/// What the node told the router of the service address.
fn said(packets: &[Packet], seat: Seat<'_>) -> Vec<(Duration, Word)> {
    let IpAddr::V4(node) = seat.host.address() else { return Vec::new() };
    wire::told(seen(packets), node, SERVICE)
}

fn seen(packets: &[Packet]) -> impl Iterator<Item = Seen<'_>> + Clone {
    packets.iter().map(|packet| (packet.at, packet.ip()))
}

fn between(from: Duration, to: Duration) -> Micros {
    to.as_micros() as Micros - from.as_micros() as Micros
}

/// The time of day: the clock that captures and monitors have in common.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}
