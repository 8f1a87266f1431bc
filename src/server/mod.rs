//! Wire in, wire out. Owns sockets, makes no decision.
//!
//! - [`udp`]: one thread per core and socket; the hot loop.
//! - [`tcp`]: RFC 7766.
//! - [`counters`]: what was answered, counted without a lock.

pub mod counters;
pub mod tcp;
pub mod udp;
