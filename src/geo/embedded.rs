//! The country database in the binary.
