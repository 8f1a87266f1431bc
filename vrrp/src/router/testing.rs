//! For tests: a configuration.

use std::time::Duration;

use crate::auth::Auth;
use crate::config::{
    AddressMismatch, ArpSchedule, ChecksumMode, Config, Lease, Preempt, Priority, Version, Vrid,
};

/// Two families, by multicast.
pub(super) fn config() -> Config {
    Config {
        name: "test".to_owned(),
        id: Vrid::new(51).unwrap(),
        interface: "eth0".to_owned(),
        version: Version::V3,
        addresses: vec!["192.0.2.100".parse().unwrap(), "2001:db8::100".parse().unwrap()],
        priority: Priority(100),
        advertise: Duration::from_secs(1),
        preempt: Preempt::Unhealthy,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        fault_hold: Duration::from_secs(5),
        peers: Vec::new(),
        source: None,
        pair_mode: false,
        checksum: ChecksumMode::Pseudo,
        address_mismatch: AddressMismatch::Warn,
        auth: Auth::None,
        floor: Priority(1),
        track: Vec::new(),
        witness: None,
        resident: true,
        lease: Lease::Auto,
        vmac: false,
        arp: ArpSchedule { burst: 5, again: Vec::new(), refresh: None },
        notify: None,
    }
}
