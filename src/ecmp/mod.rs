//! Routes of this host over the members of a pool, as next-hop groups of the kernel.
//!
//! For a host that routes to a fleet of load balancers sharing one address: the members of a pool
//! become next hops, and health adds and removes them.
//!
//! ```text
//! Snapshot → members → group → plan → netlink → kernel
//!            (pure)    (pure)  (pure)              │
//!                        ↑       ↑                 │
//!                        └───────┴─ notices ───────┘
//! ```
//!
//! - [`members`]: what a snapshot says of the pools.
//! - [`group`]: the group that an entry wants, and why a member is not in it.
//! - [`plan`]: the steps from what the kernel has to what is wanted.
//! - [`pace`]: not too many updates of weights.
//! - [`kernel`]: what of the kernel is ours.
//! - [`netlink`]: how it is read and changed.
//! - [`knobs`]: the sysctls that flows depend on.
//! - [`record`]: what is undone after a crash.
//! - [`status`]: what became of it.
//! - [`flows`]: which member each flow takes, and what a removal moves.
//!
//! [`Ecmp`] is the driver: a thread that looks whenever the pools, the configuration or the kernel
//! changed. It does not remember what it did but compares with what the kernel lists, so it takes
//! over what a run before it left, and puts back what somebody removed.

mod config;
mod driver;
pub mod flows;
pub mod group;
pub mod kernel;
pub mod knobs;
pub mod members;
pub mod netlink;
pub mod pace;
pub mod plan;
pub mod record;
mod release;
pub mod status;

pub use config::{EcmpConfig, HashPolicy, OnExit, Spreading, WhenDown};
pub use driver::{Ecmp, OnChange};
pub use release::{Undone, release};
pub use status::{EntryStatus, Leads, MemberStatus, Standing, Why};
