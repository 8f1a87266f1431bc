//! The announce-only BGP speaker (RFC 4271).
//!
//! It tells routers that this node serves its anycast addresses and learns nothing from them.
//! [`config`] is what an operator wants; [`routes`] what is to be told, [`message`] how it is
//! written, and [`session`] when: all of it pure, with time, randomness and bytes as arguments.
//! [`speaker`] has the sockets and the clock.

pub mod config;
pub mod message;
pub mod routes;
pub mod session;
pub mod speaker;
