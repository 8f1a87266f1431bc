//! What happens to the node that announces.

/// A way to be left by the routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Questions no longer reach the DNS server; BGP is well.
    CannotAnswer,
    /// The operator takes the node out: graceful shutdown (RFC 8326), later the withdrawal.
    Drain,
}

impl Scenario {
    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CannotAnswer => "cannot answer",
            Self::Drain => "drain",
        }
    }
}
