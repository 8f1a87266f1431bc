//! The knobs of an interface under `/proc/sys/net`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::KernelError;

/// Where the knobs are.
#[derive(Clone, Debug)]
pub struct Sysctls {
    root: PathBuf,
}

/// A knob that every interface has (the kernel's `Documentation/networking/ip-sysctl.rst`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// Which ARP requests are answered. 1: only those for an address of the interface that they
    /// came in on.
    ArpIgnore,
    /// Which source ARP requests have. 2: always the best one for the target, never just any
    /// address of the host.
    ArpAnnounce,
    /// 1: an ARP request is answered only by the interface that would route to its sender.
    ArpFilter,
    /// 1: what comes in on another interface than the one that leads to its source is dropped
    /// (RFC 3704); 2: only what no interface leads to.
    RpFilter,
    /// 1: what has one of our own addresses as source is accepted.
    AcceptLocal,
    /// IPv6: 1: a router.
    Ipv6Forwarding,
    /// IPv6: 0: router advertisements are ignored.
    AcceptRa,
    /// IPv6: 1: the kernel makes no link-local address.
    AddrGenMode,
}

impl Sysctls {
    /// Those of this host, for the network namespace of the calling thread.
    #[must_use]
    pub fn of_host() -> Self {
        Self::at("/proc/sys")
    }

    /// Those under a directory laid out as `/proc/sys`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The value of an interface's knob.
    ///
    /// # Errors
    /// When the interface is gone, or the value is no number.
    pub fn read(&self, interface: &str, knob: Knob) -> Result<i32, KernelError> {
        let path = self.path(interface, knob);
        read_number(interface, &path)
            .map_err(|error| KernelError::new(format!("read {}", path.display()), error, NEEDS))
    }

    /// The value that counts: the kernel takes the greater of the interface's and that of `all` for
    /// [`Knob::ArpIgnore`], [`Knob::ArpAnnounce`] and [`Knob::RpFilter`].
    ///
    /// # Errors
    /// As [`Sysctls::read`].
    pub fn effective(&self, interface: &str, knob: Knob) -> Result<i32, KernelError> {
        let own = self.read(interface, knob)?;
        match knob {
            Knob::ArpIgnore | Knob::ArpAnnounce | Knob::RpFilter => {
                Ok(own.max(self.read("all", knob)?))
            }
            Knob::ArpFilter
            | Knob::AcceptLocal
            | Knob::Ipv6Forwarding
            | Knob::AcceptRa
            | Knob::AddrGenMode => Ok(own),
        }
    }

    /// Sets an interface's knob.
    ///
    /// # Errors
    /// Without permission, when `/proc/sys` is read-only (systemd's `ProtectKernelTunables=yes`, a
    /// container), or when the interface is gone.
    pub fn write(&self, interface: &str, knob: Knob, value: i32) -> Result<(), KernelError> {
        let path = self.path(interface, knob);
        write_number(interface, &path, value).map_err(|error| unwritten(&path, value, error))
    }

    /// Whether [`Sysctls::write`] could give an interface's knob `value`, or has no need to: tried by
    /// writing what is there. Of an interface that is not there yet `lo` is the example.
    ///
    /// # Errors
    /// Those of the write of `value`.
    pub fn may_turn(&self, interface: &str, knob: Knob, value: i32) -> Result<(), KernelError> {
        if self.effective(interface, knob).is_ok_and(|now| now >= value) {
            return Ok(());
        }
        let example = if self.path(interface, knob).exists() { interface } else { "lo" };
        let now = self.read(example, knob)?;
        let tried = write_number(example, &self.path(example, knob), now);
        tried.map_err(|error| unwritten(&self.path(interface, knob), value, error))
    }

    /// The line that loosens an interface's strict reverse path filter, where it has one: with more
    /// than one uplink it drops what the other one should carry.
    #[must_use]
    pub fn strict_filter(&self, interface: &str) -> Option<String> {
        let strict = self.effective(interface, Knob::RpFilter).is_ok_and(|value| value == 1);
        strict.then(|| format!("net.ipv4.conf.{}.rp_filter = 2", interface.replace('.', "/")))
    }

    fn path(&self, interface: &str, knob: Knob) -> PathBuf {
        self.root.join("net").join(knob.family()).join("conf").join(interface).join(knob.name())
    }
}

/// Said when permission is missing.
const NEEDS: &str = "the capability CAP_NET_ADMIN and a writable /proc/sys are needed";

impl Knob {
    /// Its file's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ArpIgnore => "arp_ignore",
            Self::ArpAnnounce => "arp_announce",
            Self::ArpFilter => "arp_filter",
            Self::RpFilter => "rp_filter",
            Self::AcceptLocal => "accept_local",
            Self::Ipv6Forwarding => "forwarding",
            Self::AcceptRa => "accept_ra",
            Self::AddrGenMode => "addr_gen_mode",
        }
    }

    fn family(self) -> &'static str {
        match self {
            Self::ArpIgnore
            | Self::ArpAnnounce
            | Self::ArpFilter
            | Self::RpFilter
            | Self::AcceptLocal => "ipv4",
            Self::Ipv6Forwarding | Self::AcceptRa | Self::AddrGenMode => "ipv6",
        }
    }
}

fn unwritten(path: &Path, value: i32, error: io::Error) -> KernelError {
    let explanation = (error.kind() == io::ErrorKind::ReadOnlyFilesystem).then_some(
        "take ProtectKernelTunables=yes from the unit, or let the container write there",
    );
    KernelError::new(format!("write {value} to {}", path.display()), error, NEEDS)
        .explained(explanation.map(str::to_owned))
}

fn read_number(interface: &str, path: &Path) -> io::Result<i32> {
    check_name(interface)?;
    let text = fs::read_to_string(path)?;
    text.trim().parse().map_err(|_| io::Error::other(format!("{text:?} is no number")))
}

fn write_number(interface: &str, path: &Path, value: i32) -> io::Result<()> {
    check_name(interface)?;
    // Never made: it is there while the interface is.
    OpenOptions::new().write(true).open(path)?.write_all(format!("{value}\n").as_bytes())
}

/// An interface's name is one component of a path: the kernel allows none with a slash in it, a
/// configuration might.
fn check_name(interface: &str) -> io::Result<()> {
    let is_component = !interface.contains('/') && !matches!(interface, "" | "." | "..");
    if is_component { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::testing::Directory;

    fn tree(interface: &str, name: &str, value: &str) -> Directory {
        let root = Directory::new();
        let directory = root.path().join("net/ipv4/conf").join(interface);
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(name), value).expect("a file");
        root
    }

    #[test]
    fn knob_is_written_and_read_where_the_kernel_has_it() {
        let root = tree("eth0", "arp_ignore", "0\n");
        let sysctls = Sysctls::at(root.path());
        assert_eq!(sysctls.read("eth0", Knob::ArpIgnore).expect("a number"), 0);
        sysctls.write("eth0", Knob::ArpIgnore, 1).expect("written");
        assert_eq!(sysctls.read("eth0", Knob::ArpIgnore).expect("a number"), 1);
        let file = root.path().join("net/ipv4/conf/eth0/arp_ignore");
        assert_eq!(fs::read_to_string(file).expect("a file"), "1\n");
    }

    #[test]
    fn vanished_interface_and_garbage_are_errors_with_the_path() {
        let root = tree("eth0", "arp_ignore", "many");
        let sysctls = Sysctls::at(root.path());
        let error = sysctls.read("eth0", Knob::ArpIgnore).expect_err("no number").to_string();
        assert!(error.ends_with("net/ipv4/conf/eth0/arp_ignore: \"many\" is no number"), "{error}");
        let error = sysctls.write("eth1", Knob::ArpIgnore, 1).expect_err("no interface");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!root.path().join("net/ipv4/conf/eth1").exists());
    }

    #[test]
    fn trial_names_what_it_is_a_trial_of_and_not_what_it_writes() {
        let root = tree("lo", "arp_ignore", "0\n");
        let file = root.path().join("net/ipv4/conf/lo/arp_ignore");
        let sysctls = Sysctls::at(root.path());
        sysctls.may_turn("eth0", Knob::ArpIgnore, 1).expect("it may");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "0\n", "nothing was turned");
        // A number that the kernel lets nobody write.
        fs::remove_file(&file).expect("our own file");
        std::os::unix::fs::symlink("/proc/sys/kernel/random/poolsize", &file).expect("a link");
        let error = sysctls.may_turn("eth0", Knob::ArpIgnore, 1).expect_err("read-only");
        let wanted = root.path().join("net/ipv4/conf/eth0/arp_ignore");
        let wanted = format!("cannot write 1 to {}: ", wanted.display());
        assert!(error.to_string().starts_with(&wanted), "{error}");
    }

    #[test]
    fn interface_name_leads_nowhere_else() {
        let root = tree("eth0", "arp_ignore", "0");
        let sysctls = Sysctls::at(root.path());
        for name in ["", ".", "..", "../conf/eth0", "/etc"] {
            let error = sysctls.write(name, Knob::ArpIgnore, 1).expect_err("no name");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
        }
    }

    #[test]
    fn greater_value_of_the_interface_and_all_counts() {
        let root = tree("eth0.100", "rp_filter", "0");
        let all = root.path().join("net/ipv4/conf/all");
        fs::create_dir_all(&all).expect("a directory");
        for (value, expected) in [("0", None), ("2", None)] {
            fs::write(all.join("rp_filter"), value).expect("a file");
            assert_eq!(Sysctls::at(root.path()).strict_filter("eth0.100"), expected, "{value}");
        }
        fs::write(all.join("rp_filter"), "1").expect("a file");
        assert_eq!(
            Sysctls::at(root.path()).strict_filter("eth0.100").as_deref(),
            Some("net.ipv4.conf.eth0/100.rp_filter = 2")
        );
    }
}
