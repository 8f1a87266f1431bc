//! Two hosts, `a` and `b`, with an Ethernet between their interfaces `eth0`.

use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use vrrp::linux::netlink::{Event, LocalAddress, Monitor, Netlink};
use vrrp::linux::{Interface, Mac};

/// What must happen happens well within this; what must not is asked for behind something that
/// does happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Two hosts and a wire: `192.0.2.1` and `2001:db8::1`, `192.0.2.2` and `2001:db8::2`. Addresses
/// are usable at once; link-local ones too.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) a: Namespace,
    pub(crate) b: Namespace,
}

/// A host; removed at the end.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

/// A directory for state; removed at the end.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Lab {
    /// Absent, with a word why, where namespaces cannot be made.
    pub(crate) fn new() -> Option<Self> {
        match Self::try_new() {
            Ok(lab) => Some(lab),
            Err(why) => {
                let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|v| v == "1");
                assert!(!required, "network namespaces are required: {why}");
                eprintln!("skipped: needs root and iproute2 to make network namespaces: {why}");
                None
            }
        }
    }

    fn try_new() -> Result<Self, String> {
        let lab = Self { a: Namespace::new("a")?, b: Namespace::new("b")? };
        lab.plug();
        Ok(lab)
    }

    /// Puts the interfaces in; again after [`Lab::unplug`], with other indices.
    pub(crate) fn plug(&self) {
        let (a, b) = (&self.a, &self.b);
        a.ip(&format!("link add eth0 type veth peer name eth0 netns {}", b.name));
        for (host, last) in [(a, 1), (b, 2)] {
            host.ip(&format!("address add 192.0.2.{last}/24 dev eth0"));
            host.ip(&format!("address add 2001:db8::{last}/64 dev eth0 nodad"));
            host.ip("link set eth0 up");
        }
        // The carrier comes in the background, and the link-local addresses after it.
        a.await_link_local("eth0");
        b.await_link_local("eth0");
    }

    /// A second wire, between interfaces `eth1`, without addresses of its own.
    pub(crate) fn plug_another(&self) {
        self.a.ip(&format!("link add eth1 type veth peer name eth1 netns {}", self.b.name));
        self.a.ip("link set eth1 up");
        self.b.ip("link set eth1 up");
        self.a.await_link_local("eth1");
        self.b.await_link_local("eth1");
    }

    /// Takes the interfaces out.
    pub(crate) fn unplug(&self) {
        self.a.ip("link delete eth0");
    }
}

impl Namespace {
    fn new(letter: &str) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vrrp-{}-{number}-{letter}", std::process::id());
        let made = run("ip", &["netns", "add", &name])?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).trim().to_owned());
        }
        let host = Self { name };
        host.inside(|| {
            let dad = "/proc/sys/net/ipv6/conf/default/accept_dad";
            std::fs::write(dad, "0").expect("a sysctl");
        });
        host.ip("link set lo up");
        Ok(host)
    }

    /// Does something in the namespace, on a thread of its own.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = Path::new("/run/netns").join(&self.name);
        let namespace = std::fs::File::open(path).expect("a namespace");
        let outcome = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("permission");
                work()
            });
            thread.join()
        });
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// What `ip` prints.
    pub(crate) fn ip(&self, words: &str) -> String {
        let mut all = vec!["-n", &self.name];
        all.extend(words.split_whitespace());
        let output = run("ip", &all).expect("iproute2");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip {words}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a program in the namespace.
    pub(crate) fn run(&self, program: &str, words: &[&str]) -> Output {
        let words = [&["netns", "exec", &self.name, program], words].concat();
        run("ip", &words).expect("iproute2")
    }

    /// The interface of that name, and its MAC address.
    pub(crate) fn interface(&self, name: &str) -> (Interface, Mac) {
        self.inside(|| {
            let link = Netlink::open().expect("a socket").link(name).expect("a list");
            let link = link.unwrap_or_else(|| panic!("{name} is there"));
            (link.interface, link.mac.expect("an Ethernet"))
        })
    }

    /// The addresses of an interface.
    pub(crate) fn addresses(&self, interface: &Interface) -> Vec<LocalAddress> {
        let all = self.inside(|| Netlink::open().expect("a socket").addresses().expect("a list"));
        all.into_iter().filter(|address| address.interface == interface.index).collect()
    }

    /// Whether an interface has an address.
    pub(crate) fn has(&self, interface: &Interface, address: IpAddr) -> bool {
        self.addresses(interface).iter().any(|present| present.address == address)
    }

    /// The link-local address of an interface.
    pub(crate) fn link_local(&self, interface: &Interface) -> IpAddr {
        let all = self.addresses(interface).into_iter().map(|present| present.address);
        all.into_iter().find(is_link_local).expect("a link-local address")
    }

    fn await_link_local(&self, name: &str) {
        let (interface, _) = self.interface(name);
        let is_it = |local: &LocalAddress| {
            local.interface == interface.index && is_link_local(&local.address)
        };
        self.inside(|| {
            let mut monitor = Monitor::open().expect("a socket");
            let present = Netlink::open().expect("a socket").addresses().expect("a list");
            if present.iter().any(is_it) {
                return;
            }
            let descriptor = monitor.as_fd().try_clone_to_owned().expect("a descriptor");
            wait([descriptor.as_fd()], "a link-local address", || {
                let events = std::iter::from_fn(|| monitor.receive().expect("a socket"));
                events.into_iter().find_map(|event| match event {
                    Event::Address(added) => is_it(&added).then_some(()),
                    _ => None,
                })
            });
        });
    }
}

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vrrp-linux-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// An address.
pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn is_link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// The virtual addresses.
pub(crate) fn vips() -> [IpAddr; 2] {
    [address("192.0.2.100"), address("2001:db8::100")]
}

/// Calls `next` whenever one of the descriptors is readable, until it finds what is waited for.
///
/// # Panics
/// When that takes longer than [`PATIENCE`].
pub(crate) fn wait<'a, T>(
    descriptors: impl IntoIterator<Item = BorrowedFd<'a>>,
    what: &str,
    mut next: impl FnMut() -> Option<T>,
) -> T {
    let descriptors: Vec<_> = descriptors.into_iter().collect();
    let patience = Timespec::try_from(PATIENCE).expect("seconds");
    loop {
        if let Some(found) = next() {
            return found;
        }
        let mut polled: Vec<_> =
            descriptors.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        assert_ne!(poll(&mut polled, Some(&patience)).expect("a poll"), 0, "waited for {what}");
    }
}

fn run(program: &str, words: &[&str]) -> Result<Output, String> {
    Command::new(program).args(words).output().map_err(|error| format!("{program}: {error}"))
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = run("ip", &["netns", "delete", &self.name]);
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
