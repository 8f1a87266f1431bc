//! Policies under health, from the model to the addresses picked.

mod agreement;
mod down;
mod fixture;
mod geography;
mod methods;
mod sticky;
mod ttl;
mod whole;
