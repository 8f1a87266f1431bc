//! Rhumb, a global traffic manager: an authoritative DNS server whose answers follow policy, the
//! client's location, and the health of regional load-balancer clusters that it probes itself.
//!
//! There are two ways through the house. A query, and nothing else on its way:
//!
//! ```text
//! server::udp → dns::decode → zone::lookup → policy::pick (a table read) → dns::encode → server::udp
//!               └──────── all called, in this order, from `answer`, on one `Snapshot` ─────────┘
//! ```
//!
//! A change of health:
//!
//! ```text
//! health::probe (I/O) → health::tracker (pure)  ─┬→ world::publish ─┬→ the next query sees it
//! node::asker (I/O)   → node::question (pure)   ─┘                  └→ reaction (pure) ─┬→ pair → vrrp
//!                                                                           └→ announce → bgp
//! ```
//!
//! Everything a query needs is decided before it arrives: a publish turns zones × client classes ×
//! health into tables, and a query is one hash of the name, at most one search of the client's
//! place, one weighted draw, one copy.
//!
//! In reading order: [`dns`] the format; [`zone`] what we are authoritative for; [`geo`] where
//! clients are; [`policy`] what is decided; [`health`] what is known of the members; [`node`] what
//! the node knows of itself; [`world`] all of that as one immutable snapshot;
//! [`answer`](mod@answer) one query on one snapshot; [`reaction`] what else follows from one;
//! [`server`] the sockets; [`ground`] what the network tier stands on; [`pair`] the floating
//! addresses; [`anycast`] the anycast ones, of which [`announce`] is what is announced, [`bgp`] who
//! is told of it and [`bfd`] who can be reached; [`ecmp`] routes over the members of a pool;
//! [`config`] what people write; [`admin`] and [`cli`] what operators use; [`events`] what they
//! are told; [`state`] what survives
//! a restart; [`run`] the wiring.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test starts its clock somewhere"))]

pub mod admin;
pub mod announce;
pub mod answer;
pub mod anycast;
pub mod bfd;
pub mod bgp;
pub mod cli;
pub mod config;
pub mod dns;
pub mod ecmp;
pub mod events;
pub mod geo;
pub mod ground;
pub mod health;
pub mod node;
pub mod pair;
pub mod policy;
pub mod reaction;
pub mod run;
pub mod server;
pub mod state;
pub mod sys;
pub mod world;
pub mod zone;
