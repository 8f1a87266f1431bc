//! Routes of this host over the members of a pool, as next-hop groups of the kernel.

mod config;

pub use config::{EcmpConfig, HashPolicy, OnExit, Spreading, WhenDown};
