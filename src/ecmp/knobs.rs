//! The knobs of the whole host under `/proc/sys/net` that flows depend on.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{EcmpConfig, HashPolicy};
use crate::policy::Family;

/// A knob (the kernel's `Documentation/networking/ip-sysctl.rst`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// What IPv4 flows are hashed by.
    HashPolicyV4,
    /// What IPv6 flows are hashed by.
    HashPolicyV6,
    /// What the hash of both families begins with; 0: a random number of this boot.
    HashSeed,
    /// Whether IPv4 packets of others are forwarded.
    ForwardingV4,
    /// Whether IPv6 packets of others are forwarded.
    ForwardingV6,
    /// Whether IPv4 sources are looked up, at the least, on every interface.
    ReversePathOfAll,
    /// The same on `lo`.
    ReversePathOfLoopback,
}

impl Knob {
    /// Its name, as `sysctl` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HashPolicyV4 => "net.ipv4.fib_multipath_hash_policy",
            Self::HashPolicyV6 => "net.ipv6.fib_multipath_hash_policy",
            Self::HashSeed => "net.ipv4.fib_multipath_hash_seed",
            Self::ForwardingV4 => "net.ipv4.ip_forward",
            Self::ForwardingV6 => "net.ipv6.conf.all.forwarding",
            Self::ReversePathOfAll => "net.ipv4.conf.all.rp_filter",
            Self::ReversePathOfLoopback => "net.ipv4.conf.lo.rp_filter",
        }
    }

    /// Whether packets of this family are forwarded.
    #[must_use]
    pub fn forwarding(family: Family) -> Self {
        match family {
            Family::V4 => Self::ForwardingV4,
            Family::V6 => Self::ForwardingV6,
        }
    }

    /// What flows of this family are hashed by.
    #[must_use]
    pub fn hash_policy(family: Family) -> Self {
        match family {
            Family::V4 => Self::HashPolicyV4,
            Family::V6 => Self::HashPolicyV6,
        }
    }
}

/// The value of a hash policy.
#[must_use]
pub fn number(policy: HashPolicy) -> u32 {
    match policy {
        HashPolicy::L3 => 0,
        HashPolicy::L4 => 1,
    }
}

/// Where the knobs are.
#[derive(Clone, Debug)]
pub struct Knobs {
    root: PathBuf,
}

impl Knobs {
    /// Those of the network namespace of the thread that turns them.
    #[must_use]
    pub fn of_host() -> Self {
        Self::at("/proc/sys")
    }

    /// Those under a directory laid out as `/proc/sys`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Its value.
    ///
    /// # Errors
    /// When the kernel does not have it, in words for people.
    pub fn read(&self, knob: Knob) -> Result<u32, String> {
        let read = || -> io::Result<u32> {
            let text = fs::read_to_string(self.path(knob))?;
            text.trim().parse().map_err(|_| io::Error::other(format!("{text:?} is no number")))
        };
        read().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("{}: this kernel does not have it", knob.name())
            }
            _ => format!("cannot read {}: {error}", knob.name()),
        })
    }

    /// Turns it.
    ///
    /// # Errors
    /// Without permission, in words for people.
    pub fn write(&self, knob: Knob, value: u32) -> Result<(), String> {
        let write = || {
            let mut file = OpenOptions::new().write(true).open(self.path(knob))?;
            file.write_all(format!("{value}\n").as_bytes())
        };
        write().map_err(|error| {
            format!(
                "cannot set {} = {value}: {error}; it needs CAP_NET_ADMIN and a writable /proc/sys \
                 (no ProtectKernelTunables=yes in the unit), or set it yourself and say `leave`",
                knob.name()
            )
        })
    }

    fn path(&self, knob: Knob) -> PathBuf {
        self.root.join(knob.name().replace('.', "/"))
    }
}

/// What some entries want of the host's knobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Each with its value.
    pub knobs: Vec<(Knob, u32)>,
    /// Entries, by their place in the list, that want something else than one before them.
    pub clashes: Vec<(usize, String)>,
}

/// What the entries want of the host's knobs, and where they contradict each other: the first that
/// asks for something has it.
#[must_use]
pub fn wanted(entries: &[EcmpConfig]) -> Wanted {
    let mut wanted = Wanted::default();
    for (place, entry) in entries.iter().enumerate() {
        for knob in [Knob::HashPolicyV4, Knob::HashPolicyV6] {
            wanted.add(place, knob, entry.hash_policy.map(number));
        }
        wanted.add(place, Knob::HashSeed, entry.hash_seed);
    }
    wanted
}

impl Wanted {
    fn add(&mut self, place: usize, knob: Knob, value: Option<u32>) {
        let Some(value) = value else { return };
        match self.knobs.iter().find(|(known, _)| *known == knob) {
            None => self.knobs.push((knob, value)),
            Some((_, other)) if *other != value => self.clashes.push((
                place,
                format!(
                    "{} is one for the whole host: {other}, as an entry before this one has it, \
                     not {value}",
                    knob.name()
                ),
            )),
            Some(_) => {}
        }
    }
}
