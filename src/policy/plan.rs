//! A policy for one class of clients, its geography resolved; equal plans are one.

/// An index into a [`Plans`]; equal plans have equal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlanId(pub u32);

/// Every plan of a world, each once.
#[derive(Debug, Default)]
pub struct Plans {}
