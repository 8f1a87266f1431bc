//! Without privileges.

use std::sync::Arc;

use rhumb::bgp::speaker::{Observer, Speaker};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::lab::Lab;
use crate::node::{Ear, config};

#[test]
fn a_port_below_1024_needs_a_capability_that_is_named() {
    let Some(lab) = Lab::new(&["n1"]) else { return };
    let error = lab.host("n1").inside(|| {
        // Of this thread alone.
        let mut sets = capabilities(None).expect("known");
        sets.effective.remove(CapabilitySet::NET_BIND_SERVICE);
        set_capabilities(None, sets).expect("less is always granted");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let observer = Arc::new(Ear::default()) as Arc<dyn Observer>;
        let started =
            runtime.expect("a runtime").block_on(Speaker::start(config(vec![]), observer));
        started.map(|_| ()).expect_err("no permission")
    });
    assert!(error.starts_with("cannot listen for bgp on 0.0.0.0:179: "), "{error}");
    assert!(error.ends_with("need root or the capability CAP_NET_BIND_SERVICE"), "{error}");
}
