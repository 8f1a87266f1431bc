//! The wiring: starts every part, owns shutdown.
