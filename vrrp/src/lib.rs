//! The Virtual Router Redundancy Protocol: version 2 (RFC 3768) and version 3 (RFC 9568), IPv4 and
//! IPv6, multicast and unicast.
//!
//! In reading order:
//!
//! - [`config`]: what one group of virtual routers is told to be.
//! - [`auth`]: how advertisements are authenticated.
//! - [`packet`]: advertisements as bytes, and back.
//! - [`receive`]: who is heard.
//! - [`conditions`]: what a node's circumstances make of its part in the election.
//! - [`machine`]: the election.
//! - [`witness`]: who tells a lost peer from a lost network.
//! - [`linux`]: what is done to a Linux kernel, and learnt from it.
//! - [`event_loop`]: the one thread of protocols that must not be late.
//! - [`mailbox`]: how other threads reach its handlers.
//! - [`notify`]: a program that is run at each transition.
//! - [`router`]: the driver of a group: all of the above put together.

pub mod auth;
pub mod conditions;
pub mod config;
pub mod event_loop;
#[cfg(test)]
mod fixture;
pub mod linux;
pub mod machine;
pub mod mailbox;
pub mod notify;
pub mod packet;
pub mod receive;
pub mod release;
pub mod router;
pub mod witness;

/// The example there compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
