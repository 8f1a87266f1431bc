//! BFD with the routers' own daemons, BIRD 2.0 and FRR 8.4, and with itself: the driver in a network
//! namespace, the neighbour in another.
//!
//! What a session does is tested beside it, under a clock that jumps; here, that others mean the
//! same, and what sockets and interfaces make of it. Nothing depends on how fast this machine is: a
//! detection time is judged by what the driver measured itself.
#![allow(clippy::disallowed_methods, reason = "it waits for kernels and processes")]
#![allow(unreachable_pub, reason = "nothing leaves a test")]

mod bird;
mod frr;
mod itself;
#[path = "../lab/mod.rs"]
mod lab;
mod node;
