//! BFD: whether the path to a neighbour works, known within a few packets of its end (RFC 5880).
//!
//! Asynchronous mode, for single hops (RFC 5881) and several (RFC 5883), in both families. The way
//! of a packet that arrives, and of what follows:
//!
//! ```text
//! bytes → packet (is it BFD?) → table (whose?) → session (what does it change?) ─┬→ packets
//!                                                                                └→ events
//! ```
//!
//! All of it is pure: the time and random numbers are arguments. What is not is the [`driver`], with
//! its sockets, its clock and those who [`watch`](Driver::watch) a path through it. Every step can end in a
//! [`Discard`], with its reason. A [`Session`] tells who relies on the path that it is [`Up`],
//! [`Down`], or, which is no failure, [`AdminDown`].
//!
//! Left out, and never announced to a neighbour: echo packets (RFC 5880 §6.4), demand mode of our
//! own (§6.6; a neighbour's is respected) and passwords in clear text (§6.7.2).
//!
//! [`Up`]: Event::Up
//! [`Down`]: Event::Down
//! [`AdminDown`]: Event::AdminDown

pub mod auth;
mod discard;
pub mod driver;
pub mod hint;
mod options;
pub mod packet;
mod paths;
pub mod session;
pub mod table;

pub use discard::Discard;
pub use driver::{Driver, Watch, Watched};
pub use hint::hint;
pub use options::BfdOptions;
pub use packet::{Control, Diagnostic, Discriminator, Packet, State};
pub use paths::Paths;
pub use session::{Config, Event, Session};
pub use table::{SessionId, Table};
