//! Next-hop groups in the kernel of a network namespace: followed through every change of a pool, of
//! links and of the configuration, with `ip` as the witness.
//!
//! The router is the lab's `n1`. Next hops need not be there: the kernel gives flows to them as long
//! as it does not know better.
#![allow(clippy::disallowed_methods, reason = "it waits for kernels and threads")]
#![allow(unreachable_pub, reason = "nothing leaves a test")]

mod flows;
mod groups;
#[path = "../lab/mod.rs"]
mod lab;
mod leave;
mod links;
mod others;
mod packets;
mod router;
