//! The announce-only BGP speaker (RFC 4271).
//!
//! It tells routers that this node serves its anycast addresses and learns nothing from them.
//! [`routes`] is what is to be told and [`message`] how it is written, both pure.

pub mod message;
pub mod routes;
