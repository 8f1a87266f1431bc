//! `rhumb.yaml`: the node itself. Every key has a default; paths are relative to the file.
//!
//! - [`read`]: the file's text to a [`NodeConfig`], collecting every mistake.
//! - [`files`]: what `zones` names, as files.
//! - [`vrrp`], [`bgp`], [`ecmp`]: the sections of the same names; `bfd` is a part of two.
//! - [`pools`]: what those say of pools, checked where the zones are known.
//! - `services`, `secret`, `prefix` and `values`: what the sections share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Severity};
use crate::announce::{Announcement, Drain};
use crate::bgp::config::SpeakerConfig;
use crate::ecmp::EcmpConfig;
use crate::server::tcp::TcpLimits;
use crate::sys::may_write;

mod bfd;
pub mod bgp;
pub mod ecmp;
pub mod files;
pub mod pools;
mod prefix;
pub mod read;
mod secret;
mod services;
#[cfg(test)]
mod tests;
mod values;
pub mod vrrp;

pub use pools::PoolReference;
pub use vrrp::{HealthQuestion, VrrpEntry};

/// Where the configuration is looked for when no file is named, in this order.
pub const PLACES: [&str; 2] = ["rhumb.yaml", "/etc/rhumb/rhumb.yaml"];

/// The port of the default addresses: free of privileges and of a resolver's.
const DNS_PORT: u16 = 5300;

/// The admin address's default port.
const ADMIN_PORT: u16 = 8053;

/// A node as configured.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The file it was read from; absent: built-in defaults.
    pub file: Option<PathBuf>,
    /// The node's name, for logs, metrics and `status`; by default the host's.
    pub node: String,
    /// What answers DNS.
    pub dns: DnsConfig,
    /// Files, directories and patterns with `*` in their last part: see [`NodeConfig::zone_files`].
    pub zones: Vec<PathBuf>,
    /// Reload when a file changes.
    pub watch: bool,
    /// MMDB files beside the embedded country database; a later one wins.
    pub databases: Vec<PathBuf>,
    /// What answers operators.
    pub admin: AdminConfig,
    /// Groups of virtual routers; without any, this node shares no address.
    pub vrrp: Vec<VrrpEntry>,
    /// The announcer of anycast prefixes; absent: this node announces none.
    pub bgp: Option<BgpConfig>,
    /// Routes of this host over the members of pools.
    pub ecmp: Vec<EcmpConfig>,
    /// The pools that it speaks of; whether there are such shows with the zones.
    pub pools: Vec<PoolReference>,
    /// The directory of what survives a restart.
    pub state: PathBuf,
}

/// What is announced, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpConfig {
    /// To whom.
    pub speaker: SpeakerConfig,
    /// What, each under a name of its own.
    pub announcements: Vec<Announcement>,
    /// How this node takes its leave.
    pub drain: Drain,
}

/// What answers DNS.
#[derive(Clone, Debug)]
pub struct DnsConfig {
    /// UDP and TCP addresses.
    pub listen: Vec<SocketAddr>,
    /// Whether somebody wrote them: a default IPv6 address that cannot be bound is a warning, a
    /// listed one an error.
    pub listed: Listed,
    /// Threads per UDP address.
    pub udp_threads: UdpThreads,
    /// Of all TCP addresses together.
    pub tcp: TcpLimits,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It is built in.
    ByDefault,
    /// It stands in the file.
    InTheFile,
}

/// How many threads serve UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpThreads {
    /// One for each core that the process may use.
    Auto,
    /// So many.
    Exactly(NonZeroUsize),
}

/// What answers operators.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// The address of metrics, status and commands.
    pub listen: SocketAddr,
    /// The token that changes need; made at start when absent.
    pub token_file: PathBuf,
}

/// What of the machine the defaults depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The host's name.
    pub host: String,
    /// Where state is kept unless the file says otherwise.
    pub state: PathBuf,
}

impl UdpThreads {
    /// The number, 1 at least.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Auto => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            Self::Exactly(count) => count.get(),
        }
    }
}

impl NodeConfig {
    /// The built-in defaults, for zones in `zones/` below `directory`.
    #[must_use]
    pub fn defaults(directory: &Path, machine: &Machine) -> Self {
        let local = |ip: IpAddr| SocketAddr::new(ip, DNS_PORT);
        Self {
            file: None,
            node: machine.host.clone(),
            dns: DnsConfig {
                listen: vec![local(Ipv4Addr::LOCALHOST.into()), local(Ipv6Addr::LOCALHOST.into())],
                listed: Listed::ByDefault,
                udp_threads: UdpThreads::Auto,
                tcp: TcpLimits::default(),
            },
            zones: vec![directory.join("zones")],
            watch: false,
            databases: Vec::new(),
            admin: AdminConfig {
                listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), ADMIN_PORT),
                token_file: machine.state.join("token"),
            },
            vrrp: Vec::new(),
            bgp: None,
            ecmp: Vec::new(),
            pools: Vec::new(),
            state: machine.state.clone(),
        }
    }

    /// The defaults of this machine, for zones in `zones/` below the working directory.
    #[must_use]
    pub fn built_in() -> Self {
        Self::defaults(Path::new(""), &Machine::this())
    }

    /// Finds the configuration as every command does: the file named, else the first of
    /// [`PLACES`] that exists, else the defaults; and reads it.
    ///
    /// # Errors
    /// Every mistake in the file, or the reason why it cannot be read. Warnings come with success.
    pub fn find(file: Option<&Path>) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (config, found) = Self::find_as_far(file);
        match config {
            Some(config) if !found.iter().any(|d| d.severity == Severity::Error) => {
                Ok((config, found))
            }
            _ => Err(found),
        }
    }

    /// [`Self::find`], with what could be read beside the mistakes: a check goes on to the zones
    /// that a file with a mistake names. Absent when the file cannot be read at all.
    #[must_use]
    pub fn find_as_far(file: Option<&Path>) -> (Option<Self>, Vec<Diagnostic>) {
        let place = || PLACES.iter().map(PathBuf::from).find(|place| place.exists());
        let Some(path) = file.map(Path::to_owned).or_else(place) else {
            return (Some(Self::built_in()), Vec::new());
        };
        match super::read_text(&path) {
            Ok(text) => {
                let (config, found) = read::read_as_far(&path, &text, &Machine::this());
                (Some(config), found)
            }
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                (None, vec![Diagnostic::without_place(Severity::Error, message)])
            }
        }
    }
}

impl Machine {
    /// This machine, as the process sees it.
    #[must_use]
    pub fn this() -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = match host.trim() {
            "" => "rhumb".to_owned(),
            name => name.to_owned(),
        };
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let system = PathBuf::from("/var/lib/rhumb");
        let state = match is_writable(&system) {
            true => system,
            false => user_state(variable("XDG_STATE_HOME"), variable("HOME")),
        };
        Self { host, state }
    }
}

/// The XDG Base Directory Specification: relative values are ignored.
fn user_state(state_home: Option<PathBuf>, home: Option<PathBuf>) -> PathBuf {
    let state_home = state_home.filter(|path| path.is_absolute());
    let home = home.filter(|path| path.is_absolute());
    let base = state_home.or_else(|| Some(home?.join(".local/state")));
    base.unwrap_or_else(std::env::temp_dir).join("rhumb")
}

/// Whether files can be made in a directory, or it can be made itself. Nothing is tried: `check`
/// must leave no trace.
fn is_writable(directory: &Path) -> bool {
    match directory.is_dir() {
        true => may_write(directory),
        false => directory.parent().is_some_and(may_write),
    }
}
