//! todo
use clap::Args;
#[derive(Debug, Args)]
pub struct Arguments {}
pub fn run(_: &Arguments) -> Result<(), super::Complaint> {
    todo!()
}
