//! The shapes of the files, one file each; every reader reports what is wrong and goes on.
//!
//! - [`fields`]: a mapping with known keys.
//! - [`scalar`]: text to durations, numbers, addresses.
//! - [`zone`]: a zone file; [`name`] one name of it, [`when_down`] its last resort.
//! - [`record`]: presentation format to wire format.
//! - [`steering`]: the sections that say how clients are steered, of which [`probe`], [`pool`],
//!   [`rtt`] and [`policy`] are one each; [`client`] is a key of `geo` and `rtt`.

pub mod client;
pub mod fields;
pub mod name;
pub mod policy;
pub mod pool;
pub mod probe;
pub mod record;
pub mod rtt;
pub mod scalar;
pub mod steering;
pub mod when_down;
pub mod zone;
