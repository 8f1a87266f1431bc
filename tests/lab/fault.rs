//! What goes wrong in a network, and how it is put right again.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::Host;
use super::host::run;

/// A fault that lasts until it is healed or dropped.
#[must_use = "a fault that is dropped is healed"]
pub struct Fault {
    undo: Option<Command>,
}

impl Fault {
    /// A rule in a table of its own; `chain` is the chain's declaration.
    pub(super) fn nft(namespace: &str, family: &str, chain: &str, rule: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let table = format!("{family} fault{}", COUNT.fetch_add(1, Relaxed));
        let rules = format!(
            "add table {table}; add chain {table} rules {chain}; add rule {table} rules {rule}"
        );
        let nft = |text: &str| {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", namespace, "nft", text]);
            command
        };
        run(&mut nft(&rules));
        Self { undo: Some(nft(&format!("delete table {table}"))) }
    }

    /// Ends the fault.
    pub fn heal(mut self) {
        if let Some(mut undo) = self.undo.take() {
            run(&mut undo);
        }
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        if let Some(mut undo) = self.undo.take() {
            let _ = undo.output();
        }
    }
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What the host sends.
    FromHost,
    /// What is sent to the host.
    ToHost,
}

/// Where a host is plugged into the switch.
pub struct Port {
    switch: String,
    port: String,
    host: String,
    interface: String,
}

impl Port {
    pub(super) fn new(switch: &Host, host: &Host, lan: u8) -> Self {
        Self {
            switch: switch.namespace().to_owned(),
            port: port_name(host.name(), lan),
            host: host.namespace().to_owned(),
            interface: format!("eth{lan}"),
        }
    }

    /// The switch passes nothing on, in either direction, and the host keeps its carrier.
    pub fn silence(&self) -> Fault {
        let set = |state: &str| {
            let mut bridge = Command::new("bridge");
            bridge.args(["-n", &self.switch, "link", "set", "dev", &self.port, "state", state]);
            bridge
        };
        // `if_link.h`: BR_STATE_DISABLED is 0, BR_STATE_FORWARDING 3.
        Self::fault(set("0"), set("3"))
    }

    /// The cable is pulled: the host loses its carrier.
    pub fn unplug(&self) -> Fault {
        let set = |state: &str| {
            let mut ip = Command::new("ip");
            ip.args(["-n", &self.switch, "link", "set", "dev", &self.port, state]);
            ip
        };
        Self::fault(set("down"), set("up"))
    }

    /// Loses this many packets of a hundred, by chance, in one direction.
    pub fn lose(&self, direction: Direction, percent: u8) -> Fault {
        assert!(percent <= 100, "{percent} % of packets cannot be lost");
        self.lose_of(direction, "", percent)
    }

    /// The same for the packets that match, in the words of nft: `"ip protocol 112"`.
    pub fn lose_of(&self, direction: Direction, matching: &str, percent: u8) -> Fault {
        // Both ends of the cable receive, so an ingress hook serves either direction.
        let (namespace, device) = match direction {
            Direction::FromHost => (&self.switch, &self.port),
            Direction::ToHost => (&self.host, &self.interface),
        };
        let chain = format!("{{ type filter hook ingress device \"{device}\" priority 0; }}");
        // nft refuses to compare with a number that is never reached.
        let chance = format!("numgen random mod 100 < {percent}");
        let chance = if percent == 100 { "" } else { &chance };
        Fault::nft(namespace, "netdev", &chain, &format!("{matching} {chance} drop"))
    }

    fn fault(mut cause: Command, undo: Command) -> Fault {
        run(&mut cause);
        Fault { undo: Some(undo) }
    }
}

/// What the switch calls the port of a host on the LAN of this index.
pub(super) fn port_name(host: &str, lan: u8) -> String {
    format!("{host}-{lan}")
}
