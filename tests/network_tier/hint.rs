//! BFD tells a Backup that the Active is gone, long before VRRP would.

use std::time::{Duration, Instant};

use crate::lab::{Lab, Signal, VIP, until};
use crate::node::{Entry, Node, PATIENCE, await_one_active};
use crate::site::await_path;

#[test]
fn a_frozen_active_is_replaced_before_its_advertisements_are_missed() {
    let Some(lab) = Lab::new(&["n1", "n2"]) else { return };
    let (n1, n2) = (lab.host("n1"), lab.host("n2"));
    let entry = |priority, peer: &crate::lab::Host| {
        Entry::ipv4(priority)
            .with("advertise", "1s")
            .with("bfd", "{ interval: 50ms, multiplier: 3 }")
            .to(&[peer.address()])
    };
    let first = Node::active(n1, &entry(150, n2));
    let second = Node::backup(n2, &entry(100, n1));
    [&first, &second].into_iter().for_each(await_path);
    let frozen = Instant::now();
    first.daemon.signal(Signal::Freeze);
    assert!(until(PATIENCE, || n2.holds("eth0", VIP)), "nobody took over");
    let taken = frozen.elapsed();
    println!("hint: n2 has the address {} ms after n1 froze", taken.as_millis());
    // By itself VRRP waits for 3 × 1 s and a skew of 0.6 s; the last advertisement may have been
    // sent a second before. With the hint: 150 ms and the skew.
    assert!(taken < Duration::from_millis(2500), "{taken:?}");
    second.await_state("Active");
    first.daemon.signal(Signal::Thaw);
    await_one_active([&second, &first]);
    assert!(until(PATIENCE, || n1.holds("eth0", VIP) != n2.holds("eth0", VIP)));
}
