//! What the standard library has no words for: socket options, control messages, batched calls.
//! The only unsafe code of the server stands here, behind an interface that is safe.
//!
//! - [`DatagramSocket`], [`listen`]: sockets with every option that a DNS server wants.
//! - [`Batch`]: `recvmmsg` and `sendmmsg` over one block of memory that is allocated once.
//! - [`HopReceiver`], [`HopSender`]: datagrams whose hops count, in both directions.
//! - [`ask_udp`], [`ask_tcp`], [`is_local`]: how a host asks itself.
//! - [`receive_within`]: a datagram in time, to the microsecond.
//! - [`routing`]: TCP as routing protocols want it.
//! - `control`: the control messages of `ip(7)` and `ipv6(7)`, read and written octet by octet.

mod batch;
mod control;
mod hops;
mod loopback;
mod patience;
mod process;
pub mod routing;
mod socket;

pub use batch::{Batch, MESSAGE_SIZE, REPLY_SIZE, Round, WIDTH, Wait};
pub use hops::{Heard, HopReceiver, HopSender};
pub use loopback::{ask_tcp, ask_udp, is_absence, is_local};
pub use patience::receive_within;
pub use process::{may_write, nice_this_thread, raise_open_files, return_freed_memory};
pub use socket::{DatagramSocket, PATIENCE, listen};
