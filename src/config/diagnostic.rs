//! A mistake with its place, shown in the manner of rustc.

/// A mistake or a warning.
#[derive(Clone, Debug)]
pub struct Diagnostic {}
