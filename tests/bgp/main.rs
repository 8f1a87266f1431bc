//! The BGP speaker in network namespaces: with BIRD, FRR, GoBGP and ExaBGP, over links that do what
//! they should not.
//!
//! What a session does is tested where it is written; here, that sockets, clocks and other people's
//! routers agree. Every wait has far more patience than is needed: nothing here measures time.
#![allow(clippy::disallowed_methods, reason = "it waits for kernels and processes")]
#![allow(unreachable_pub, reason = "nothing leaves a test")]

mod addresses;
mod attributes;
mod distance;
mod exabgp;
mod faults;
mod frr;
mod gobgp;
#[path = "../lab/mod.rs"]
mod lab;
mod node;
mod privileges;
#[allow(dead_code, reason = "it has more than is needed here")]
#[path = "../lab/routers.rs"]
mod routers;
mod signatures;
mod tor;
mod words;
