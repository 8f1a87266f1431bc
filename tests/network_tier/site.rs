//! A node that announces: its files, and what its status says of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::lab::{Host, Lab, until};
use crate::node::{Folder, Node, PATIENCE, said};

/// The address that every node of the site answers on.
pub const ANYCAST: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 53));
/// The same in the other family.
pub const ANYCAST6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x53, 0, 0, 0, 0, 0x53));
/// The prefixes of both.
pub const PREFIXES: [&str; 2] = ["203.0.113.53/32", "2001:db8:53::53/128"];

/// A section `bgp:`, and what stands beside it in `rhumb.yaml`.
#[derive(Clone, Debug)]
pub struct Section {
    /// Keys of `bgp:` itself.
    keys: BTreeMap<&'static str, String>,
    peers: Vec<String>,
    /// Each a list of keys.
    announcements: Vec<BTreeMap<&'static str, String>>,
    /// Other sections.
    beside: String,
}

impl Section {
    /// Both prefixes to the gateway, which is to be the router `tor`; short times everywhere.
    pub fn of(host: &Host, lab: &Lab) -> Self {
        Self::bare(host).to("tor", host, lab.host("gateway").address(), "")
    }

    /// The same without a peer.
    pub fn bare(host: &Host) -> Self {
        let [v4, v6] = PREFIXES;
        let keys = [
            ("asn", "64512".to_owned()),
            ("router_id", host.address().to_string()),
            ("allow", format!("[{v4}, \"{v6}\"]")),
            ("drain", "{ gshut: 1s, linger: 500ms }".to_owned()),
        ];
        let announcement = [
            ("name", "dns".to_owned()),
            ("prefixes", format!("[{v4}, \"{v6}\"]")),
            ("addresses", format!("[{ANYCAST}, \"{ANYCAST6}\"]")),
            ("when", "dns".to_owned()),
            ("health", "{ up_hold: 1s }".to_owned()),
            ("keep_last", "false".to_owned()),
        ];
        let announcements = vec![announcement.into()];
        Self { keys: keys.into(), peers: Vec::new(), announcements, beside: String::new() }
    }

    /// The same with an eBGP peer more, which is told that IPv6 goes to the node's own address;
    /// `more` are further keys, each with a comma before it.
    pub fn to(mut self, name: &str, host: &Host, address: IpAddr, more: &str) -> Self {
        let next_hop = format!("{{ ipv6: \"{}\" }}", host.address6());
        let families = "families: [ipv4, ipv6], connect_retry: 1s/2s";
        self.peers.push(format!(
            "{{ name: {name}, address: {address}, asn: 64500, next_hop: {next_hop}, {families}{more} }}"
        ));
        self
    }

    /// The same with this peer and no other, as YAML.
    pub fn with_peer(mut self, peer: &str) -> Self {
        self.peers = vec![peer.to_owned()];
        self
    }

    /// The same with a key of `bgp:` more, or another value for it.
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.keys.insert(key, value.to_string());
        self
    }

    /// The same with a key more in its last announcement, or another value for it.
    pub fn announcing(mut self, key: &'static str, value: impl ToString) -> Self {
        let last = self.announcements.last_mut().expect("there is always one");
        last.insert(key, value.to_string());
        self
    }

    /// The same with another announcement, of which nothing but this is said.
    pub fn also(mut self, name: &str) -> Self {
        let keys = [("name", name.to_owned()), ("keep_last", "false".to_owned())];
        self.announcements.push(keys.into());
        self
    }

    /// The same with another section beside it.
    pub fn beside(mut self, text: &str) -> Self {
        self.beside.push_str(text);
        self
    }

    /// The whole `rhumb.yaml`.
    pub fn file(&self, host: &Host) -> String {
        let mut text = without_bgp(host);
        text.push_str(&self.beside);
        text.push_str("bgp:\n");
        for (key, value) in &self.keys {
            writeln!(text, "  {key}: {value}").expect("room");
        }
        text.push_str("  peers:\n");
        for peer in &self.peers {
            writeln!(text, "    - {peer}").expect("room");
        }
        text.push_str("  announce:\n");
        for announcement in &self.announcements {
            let keys = announcement.iter().map(|(key, value)| format!("{key}: {value}"));
            let keys = keys.collect::<Vec<_>>().join("\n      ");
            writeln!(text, "    - {keys}").expect("room");
        }
        text
    }

    /// Its files, with a zone `lab.test` in which `who` says which node answers.
    pub fn folder(&self, host: &Host) -> Folder {
        let folder = Folder::new(host, &[]);
        folder.write("rhumb.yaml", &self.file(host));
        folder.write("lab.zone", &zone(host, ""));
        folder
    }

    /// Starts it.
    pub fn start<'l>(&self, host: &'l Host) -> Node<'l> {
        Node::start_in(host, self.folder(host))
    }

    /// Starts it and waits until it announces everything.
    pub fn announced<'l>(&self, host: &'l Host) -> Node<'l> {
        let node = self.start(host);
        await_stage(&node, "announced");
        node
    }

    /// Has a node take this for its configuration.
    pub fn reload(&self, node: &Node<'_>) {
        let reload = self.try_reload(node);
        assert!(reload.status.success(), "{}", said(&reload));
    }

    /// The same, whether it can or not: what the command said.
    pub fn try_reload(&self, node: &Node<'_>) -> std::process::Output {
        node.folder.write("rhumb.yaml", &self.file(node.host));
        node.rhumb("reload")
    }
}

/// A file that says nothing of the network tier.
pub fn without_bgp(host: &Host) -> String {
    format!(
        "node: {}\n\
         dns: {{ listen: [\"0.0.0.0:53\", \"[::]:53\"], udp_threads: 1 }}\n\
         zones: [\"*.zone\"]\n\
         state: state\n",
        host.name()
    )
}

/// The zone `lab.test` with further sections.
pub fn zone(host: &Host, more: &str) -> String {
    format!(
        "zone: lab.test\n\
         soa: {{ primary: ns1, contact: hostmaster@lab.test }}\n\
         ns: [ns1]\n{more}\
         names:\n  ns1: {{ A: 192.0.2.53 }}\n  who: {{ A: 192.0.2.{} }}\n",
        host.number()
    )
}

/// What the status says of BGP; null without it, and while the node does not answer.
pub fn bgp(node: &Node<'_>) -> Value {
    node.node_status()["bgp"].take()
}

/// The stage of an announcement, and why; empty if there is none of this name.
pub fn stage_of(node: &Node<'_>, name: &str) -> (String, String) {
    let bgp = bgp(node);
    let all = bgp["announcements"].as_array().into_iter().flatten();
    let named = all.into_iter().find(|one| one["name"] == name);
    let word = |key: &str| named.and_then(|one| one[key].as_str()).unwrap_or_default().to_owned();
    (word("stage"), word("why"))
}

/// Waits until the announcement `dns` is at this stage; why it is.
pub fn await_stage(node: &Node<'_>, stage: &str) -> String {
    await_stage_of(node, "dns", stage)
}

/// Waits until an announcement is at this stage; why it is.
pub fn await_stage_of(node: &Node<'_>, name: &str, stage: &str) -> String {
    let mut why = String::new();
    let found = until(PATIENCE, || {
        let seen = stage_of(node, name);
        why = seen.1;
        seen.0 == stage
    });
    assert!(found, "{}: {name} is not {stage}: {:#}", node.host.name(), bgp(node));
    why
}

/// What the status says of a peer.
pub fn peer(node: &Node<'_>, name: &str) -> Value {
    let bgp = bgp(node);
    let peers = bgp["peers"].as_array().into_iter().flatten();
    peers.into_iter().find(|peer| peer["name"] == name).cloned().unwrap_or_default()
}

/// Waits until a session is Established.
pub fn await_session(node: &Node<'_>, name: &str) {
    let is_up = || peer(node, name)["state"] == "Established";
    assert!(until(PATIENCE, is_up), "{}: {name}: {:#}", node.host.name(), bgp(node));
}

/// Waits until the path to the only neighbour that is watched is up on both sides.
pub fn await_path(node: &Node<'_>) {
    let is_up = || {
        let status = node.node_status();
        status["bfd"][0]["state"] == "Up" && status["bfd"][0]["remote_state"] == "Up"
    };
    assert!(until(PATIENCE, is_up), "{}: {:#}", node.host.name(), node.node_status());
}
