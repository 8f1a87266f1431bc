//! What happens to the node that has the address, and how it is put right.

use std::time::Duration;

use crate::contender::{Contender, Node, Seat, Settings};
use crate::lab::{Fault, Port, Signal};

/// How long a killed process may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// A way to fail, or to be taken out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// The switch passes nothing on; the carrier stays.
    Silent,
    /// SIGKILL to VRRP and DNS in one instant; nobody cleans up.
    Crash,
    /// The same, and the unit's `ExecStopPost` runs.
    CrashReleased,
    /// SIGSTOP to both in one instant; later they go on.
    Freeze,
    /// The operator hands the address over.
    Planned,
    /// The service is stopped, SIGTERM.
    Stop,
    /// Queries no longer reach the DNS server; VRRP is well.
    CannotAnswer,
}

/// What a scenario has changed and must put right.
pub enum Damage {
    /// Something in the network.
    Network(Fault),
    /// Its programs are stopped.
    Frozen,
    /// Its programs are gone.
    Dead,
    /// It has given the address away.
    HandedOver,
}

/// Everything that a scenario touches.
pub struct Victim<'a> {
    /// The node that has the address; none while it is dead.
    pub node: Option<Node>,
    /// Where it sits.
    pub seat: Seat<'a>,
    /// Where it is plugged in.
    pub port: Port,
    /// What it is.
    pub contender: Contender,
    /// How it is configured.
    pub settings: &'a Settings,
}

impl Scenario {
    /// All, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Silent,
        Self::Crash,
        Self::CrashReleased,
        Self::Freeze,
        Self::Planned,
        Self::Stop,
        Self::CannotAnswer,
    ];

    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Crash => "crash",
            Self::CrashReleased => "crash, released",
            Self::Freeze => "freeze",
            Self::Planned => "planned",
            Self::Stop => "stop",
            Self::CannotAnswer => "cannot answer",
        }
    }

    /// Whether the backup learns of it by its timer alone, so that the RFC says how long it takes.
    pub fn is_timed_out(self) -> bool {
        matches!(self, Self::Silent | Self::Crash | Self::Freeze)
    }

    /// Whether the other owner can be seen by nobody while it lasts: then two owners do no harm.
    pub fn is_cut_off(self) -> bool {
        self == Self::Silent
    }

    /// Makes it happen.
    pub fn strike(self, victim: &mut Victim<'_>) -> Damage {
        let node = victim.node.as_mut().expect("it lives until it is struck");
        match self {
            Self::Silent => return Damage::Network(victim.port.silence()),
            Self::CannotAnswer => {
                let every_address = None;
                let port = crate::contender::PORT;
                return Damage::Network(victim.seat.host.drop_udp(port, every_address));
            }
            Self::Freeze => {
                node.signal(Signal::Freeze);
                return Damage::Frozen;
            }
            Self::Planned => {
                victim.contender.hand_over(node, victim.seat, victim.settings);
                return Damage::HandedOver;
            }
            Self::Stop => node.vrrp.signal(Signal::Terminate),
            Self::Crash => node.signal(Signal::Kill),
            Self::CrashReleased => {
                node.signal(Signal::Kill);
                // As a service manager does: the process must be gone before what comes after it.
                node.vrrp.wait(GONE_WITHIN);
                victim.contender.release(victim.seat, victim.settings);
            }
        }
        Damage::Dead
    }
}

impl Damage {
    /// Puts it right: the node is in service again, as far as that depends on us.
    pub fn repair(self, victim: &mut Victim<'_>) -> Result<(), String> {
        match self {
            Self::Network(fault) => fault.heal(),
            Self::Frozen => {
                if let Some(node) = &victim.node {
                    node.signal(Signal::Thaw);
                }
            }
            Self::Dead => {
                victim.node = None;
                victim.node = Some(victim.contender.start(victim.seat, victim.settings)?);
            }
            Self::HandedOver => {
                if let Some(node) = &mut victim.node {
                    victim.contender.take_back(node, victim.seat, victim.settings);
                }
            }
        }
        Ok(())
    }
}
