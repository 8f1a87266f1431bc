//! Groups on real interfaces, in network namespaces: with each other and with keepalived.
//!
//! Skipped where namespaces cannot be made; with `RHUMB_REQUIRE_PEERS=1` that is a failure.

#[expect(dead_code, reason = "another test's laboratory, of which this one needs a part")]
#[path = "../linux/lab.rs"]
mod lab;

mod keepalived;
mod kernel;
mod node;
mod pair;
