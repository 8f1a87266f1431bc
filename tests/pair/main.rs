//! Two nodes that share addresses: `rhumb run` in network namespaces, with itself, with keepalived,
//! and with everything that goes wrong in a network.
//!
//! What the protocol does is tested in the `vrrp` crate; here, what a node makes of it. Intervals
//! are short, and every wait has far more patience than the protocol needs: nothing here measures
//! time but the test of a planned hand-over, which counts answers.
#![allow(clippy::disallowed_methods, reason = "it waits for kernels and processes")]
#![allow(unreachable_pub, reason = "nothing leaves a test")]

mod client;
mod clocks;
mod drain;
mod elections;
mod faults;
mod keepalived;
#[path = "../lab/mod.rs"]
mod lab;
mod mistakes;
mod node;
mod privileges;
mod reload;
mod strangers;
#[allow(dead_code, reason = "it has more moods than are needed here")]
#[path = "../support/target.rs"]
mod target;
mod turns;
