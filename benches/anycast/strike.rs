//! The strike: from one instant on, no question reaches the service address.

use std::io::Write as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::contender::{PORT, SERVICE};
use crate::instrument;
use crate::lab::Host;
use crate::trial::now;

const RULES: &str = "add table inet strike\n\
                     add chain inet strike input { type filter hook input priority 0; }\n";

/// `nft` that has its orders but for their end. To start a program takes longer on a busy machine
/// than what is measured.
pub struct Strike<'l> {
    nft: Child,
    host: &'l Host,
}

/// The service address is deaf until this is dropped.
pub struct Deaf<'l>(&'l Host);

impl<'l> Strike<'l> {
    /// Gets ready.
    pub fn prepare(host: &'l Host) -> Self {
        let mut command = instrument::first(host, "nft".as_ref());
        let command = command.args(["-f", "-"]).stdin(Stdio::piped());
        let mut nft = command.spawn().expect("nft runs");
        let rule = format!("add rule inet strike input ip daddr {SERVICE} udp dport {PORT} drop\n");
        let orders = nft.stdin.as_mut().expect("piped");
        orders.write_all([RULES, &rule].concat().as_bytes()).expect("nft reads");
        Self { nft, host }
    }

    /// Strikes. When it was ordered: it holds a moment later.
    pub fn strike(mut self) -> Result<(Duration, Deaf<'l>), String> {
        let struck = now();
        drop(self.nft.stdin.take());
        let deaf = Deaf(self.host);
        let status = self.nft.wait().expect("its end");
        if status.success() { Ok((struck, deaf)) } else { Err(format!("nft: {status}")) }
    }
}

impl Drop for Deaf<'_> {
    fn drop(&mut self) {
        let _ = self.0.command("nft").args(["delete", "table", "inet", "strike"]).output();
    }
}
