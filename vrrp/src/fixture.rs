//! Nodes to test with: an arbitrary origin of time, and plain configurations.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::auth::Auth;
use crate::conditions::Standing;
use crate::config::{
    AddressMismatch, ArpSchedule, ChecksumMode, Config, Lease, Peer, Preempt, Priority, Version,
    Vrid,
};

/// Where a clock starts.
#[expect(clippy::disallowed_methods, reason = "there is no other way to an `Instant`")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}

/// The IPv4 address of the `n`-th host.
pub(crate) fn v4(n: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, n).into()
}

/// The link-local address of the `n`-th host.
pub(crate) fn v6(n: u8) -> IpAddr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, n.into()).into()
}

/// One node of a unicast pair, 10.0.0.1 at priority 100, whose peer is 10.0.0.2. The neighbours are
/// told once and the kernel keeps the address, so that the election has the clock to itself.
pub(crate) fn pair(version: Version) -> Config {
    Config {
        name: "test".to_owned(),
        id: Vrid::new(51).expect("51 is not 0"),
        interface: "eth0".to_owned(),
        version,
        addresses: vec![v4(100)],
        priority: Priority(100),
        advertise: Duration::from_secs(1),
        preempt: Preempt::Unhealthy,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        fault_hold: Duration::from_secs(5),
        peers: vec![Peer { name: "b".to_owned(), addresses: vec![v4(2)], hops: 1 }],
        source: None,
        pair_mode: true,
        checksum: ChecksumMode::Pseudo,
        address_mismatch: AddressMismatch::Warn,
        auth: Auth::None,
        floor: Priority(1),
        track: Vec::new(),
        witness: None,
        resident: true,
        lease: Lease::Forever,
        vmac: false,
        arp: ArpSchedule { burst: 5, again: Vec::new(), refresh: None },
        notify: None,
    }
}

/// One node of several that speak by multicast.
pub(crate) fn multicast(version: Version) -> Config {
    Config { peers: Vec::new(), pair_mode: false, ..pair(version) }
}

/// One node of several, with addresses of both families.
pub(crate) fn dual_stack() -> Config {
    Config { addresses: vec![v4(100), v6(100)], ..multicast(Version::V3) }
}

/// A node with nothing wrong.
pub(crate) fn healthy(config: &Config) -> Standing {
    Standing { fault: None, priority: config.priority, unhealthy: None, witness: true }
}
