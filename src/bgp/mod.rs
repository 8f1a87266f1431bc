//! The announce-only BGP speaker (RFC 4271).
//!
//! It tells routers that this node serves its anycast addresses and learns nothing from them.
//! [`routes`] is what is to be told, [`message`] how it is written, and [`session`] when: all three
//! pure, with time, randomness and bytes as arguments.

pub mod message;
pub mod routes;
pub mod session;
