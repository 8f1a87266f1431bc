//! The shapes of the files, one file each; every reader reports what is wrong and goes on.
//!
//! - [`fields`]: a mapping with known keys.
//! - [`scalar`]: text to durations, numbers, addresses.
//! - [`zone`]: a zone file, or a shared one.
//! - [`record`]: presentation format to wire format.

pub mod fields;
pub mod record;
pub mod scalar;
pub mod zone;
