//! What the crate does to a real kernel, in network namespaces of each test's own.
//!
//! Needs root and iproute2; a test that cannot be run says so and why, and fails instead with
//! `RHUMB_REQUIRE_PEERS=1`.

mod addresses;
mod adverts;
mod lab;
mod neighbours;
mod undo;
mod vmac;
