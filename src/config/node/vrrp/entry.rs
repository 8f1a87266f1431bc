//! One entry of the list: its parts, and what they are to each other.

use std::path::Path;
use std::time::Duration;

use vrrp::auth::Auth;
use vrrp::config::{AddressMismatch, ChecksumMode, Config, Lease, Priority, Track, Version};

use super::clashes::{self, Roles};
use super::conditions::{self, Health, WitnessShape};
use super::election::{self, Election};
use super::identity::Identity;
use super::kernel::Kernel;
use super::peers::Paths;
use super::values::{self, Addresses};
use super::{HealthQuestion, addresses, auth, bfd, timing};
use crate::bfd::BfdOptions;
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::read::fields::Fields;
use crate::config::tree::Node;

/// What messages call an entry.
pub(super) const WHAT: &str = "a `vrrp` entry";

/// The keys of an entry, in the order in which people are told of them.
pub(super) const KEYS: [&str; 26] = [
    "name",
    "id",
    "interface",
    "version",
    "addresses",
    "priority",
    "advertise",
    "preempt",
    "preempt_delay",
    "startup_delay",
    "fault_hold",
    "peers",
    "source",
    "pair_mode",
    "checksum",
    "address_mismatch",
    "auth",
    "health",
    "track",
    "witness",
    "bfd",
    "resident",
    "lease",
    "vmac",
    "arp",
    "notify",
];

const CHECKSUM: [(&str, ChecksumMode); 3] = [
    ("pseudo", ChecksumMode::Pseudo),
    ("plain", ChecksumMode::Plain),
    ("mirror", ChecksumMode::Mirror),
];
const MISMATCH: [(&str, AddressMismatch); 2] =
    [("warn", AddressMismatch::Warn), ("drop", AddressMismatch::Drop)];

/// An entry as far as it could be read.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it stands.
    pub span: Span,
    /// Who it is.
    pub identity: Identity,
    /// Its virtual addresses.
    pub addresses: Addresses,
    /// All of it, when there is no mistake in it.
    pub whole: Option<Whole>,
}

/// An entry without a mistake.
#[derive(Debug)]
pub(super) struct Whole {
    pub group: Config,
    pub health: HealthQuestion,
    pub bfd: Option<BfdOptions>,
}

/// Reads an entry; `None` when it is none at all.
pub(super) fn read(node: &Node, directory: &Path, report: &mut Report) -> Option<Entry> {
    let errors = report.errors();
    let fields = Fields::of(node, WHAT, &KEYS, report)?;
    let identity = Identity::read(&fields, report);
    let version = read_version(&fields, report);
    let addresses = addresses::read(&fields, version, report);
    let parts = Parts::read(&fields, version, &addresses, directory, report);
    parts.check(&fields, &addresses, report);
    let whole = match report.errors() == errors {
        true => parts.join(&identity, &addresses),
        false => None,
    };
    Some(Entry { span: fields.span, identity, addresses, whole })
}

fn read_version(fields: &Fields<'_>, report: &mut Report) -> Option<Version> {
    const VERSIONS: [(&str, Version); 2] = [("2", Version::V2), ("3", Version::V3)];
    values::choice_or(fields, "version", Version::V3, &VERSIONS, report)
}

/// Reads `bfd`; the outer `None` is a mistake.
fn read_bfd(
    fields: &Fields<'_>,
    directory: &Path,
    report: &mut Report,
) -> Option<Option<BfdOptions>> {
    let Some(node) = fields.get("bfd") else { return Some(None) };
    let fields = bfd::fields(node, &bfd::KEYS, report)?;
    bfd::read(&fields, directory, report).map(Some)
}

/// Everything but identity and addresses; each part absent after a mistake.
struct Parts {
    version: Option<Version>,
    advertise: Option<Duration>,
    lease: Option<Lease>,
    election: Option<Election>,
    paths: Paths,
    checksum: Option<ChecksumMode>,
    address_mismatch: Option<AddressMismatch>,
    auth: Option<Auth>,
    health: Option<Health>,
    track: Vec<Spanned<Track>>,
    witness: Option<Option<WitnessShape>>,
    bfd: Option<Option<BfdOptions>>,
    kernel: Option<Kernel>,
}

impl Parts {
    fn read(
        fields: &Fields<'_>,
        version: Option<Version>,
        addresses: &Addresses,
        directory: &Path,
        report: &mut Report,
    ) -> Self {
        let advertise = timing::advertise(fields, version, report);
        let around = auth::Around { directory, version, advertise };
        let (pseudo, warn) = (ChecksumMode::Pseudo, AddressMismatch::Warn);
        Self {
            version,
            advertise,
            lease: timing::lease(fields, advertise, report),
            election: Election::read(fields, report),
            paths: Paths::read(fields, addresses, report),
            checksum: values::choice_or(fields, "checksum", pseudo, &CHECKSUM, report),
            address_mismatch: values::choice_or(
                fields,
                "address_mismatch",
                warn,
                &MISMATCH,
                report,
            ),
            auth: auth::read(fields, around, report),
            health: conditions::health(fields, report),
            track: conditions::track(fields, report),
            witness: conditions::witness(fields, report),
            bfd: read_bfd(fields, directory, report),
            kernel: Kernel::read(fields, report),
        }
    }

    /// What the parts are to each other.
    fn check(&self, fields: &Fields<'_>, addresses: &Addresses, report: &mut Report) {
        let auth = self.auth.as_ref();
        addresses::check_room(addresses, auth, report);
        if self.version == Some(Version::V2) {
            refuse_version_3(fields, report);
        }
        if let (Some(election), Some(health)) = (&self.election, &self.health) {
            election::check_floor(fields, election.priority, health, report);
        }
        if auth == Some(&Auth::None) {
            warn_of_distance(&self.paths, report);
        }
        if let Some(span) = fields.key("bfd").filter(|_| self.paths.peers.is_empty()) {
            report
                .error(span, "`bfd` needs `peers`: this entry uses multicast")
                .help("BFD watches the path to an address that is known; name the other nodes");
        }
        let witness = self.witness.as_ref().and_then(Option::as_ref);
        let roles = Roles {
            virtual_addresses: addresses,
            paths: &self.paths,
            track: &self.track,
            witness: witness.map(|(_, addresses)| addresses),
        };
        let priority = self.election.map(|election| election.priority);
        clashes::check(roles, priority == Some(Priority::OWNER), report);
    }

    fn join(self, identity: &Identity, addresses: &Addresses) -> Option<Whole> {
        let (election, paths, health) = (self.election?, self.paths.finish()?, self.health?);
        let kernel = self.kernel?;
        let group = Config {
            name: identity.name.as_ref()?.value.clone(),
            id: identity.id?.value,
            interface: identity.interface.as_ref()?.value.clone(),
            version: self.version?,
            addresses: addresses.values(),
            priority: election.priority,
            advertise: self.advertise?,
            preempt: election.preempt,
            preempt_delay: election.preempt_delay,
            startup_delay: election.startup_delay,
            fault_hold: election.fault_hold,
            peers: paths.peers,
            source: paths.source,
            pair_mode: paths.pair_mode,
            checksum: self.checksum?,
            address_mismatch: self.address_mismatch?,
            auth: self.auth?,
            floor: health.floor,
            track: self.track.into_iter().map(|track| track.value).collect(),
            witness: self.witness?.map(|(witness, _)| witness),
            resident: kernel.resident,
            lease: self.lease?,
            vmac: kernel.vmac,
            arp: kernel.arp,
            notify: kernel.notify,
        };
        Some(Whole { group, health: health.question, bfd: self.bfd? })
    }
}

/// Version 2 has one checksum (RFC 3768 §5.3.8) and one way with other addresses (§7.1).
fn refuse_version_3(fields: &Fields<'_>, report: &mut Report) {
    for key in ["checksum", "address_mismatch"] {
        if let Some(span) = fields.key(key) {
            report
                .error(span, format!("`{key}` is of version 3"))
                .help("take it out: version 2 leaves no choice");
        }
    }
}

/// A TTL of 255 proves that a packet is of this link (RFC 9568 §5.1.1.3); less proves nothing.
fn warn_of_distance(paths: &Paths, report: &mut Report) {
    let hops = |peer: &super::peers::PeerShape| peer.hops().filter(|hops| *hops > 1);
    for peer in &paths.peers {
        let Some(hops) = hops(peer) else { continue };
        let name = peer.label();
        report
            .warning(
                peer.place(),
                format!("anybody {hops} hops away can pretend to be peer {name}"),
            )
            .help("`auth` with `keys`, or `hops: 1` where no router is between them");
    }
}
