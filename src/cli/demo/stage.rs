//! What the real server is started with: free ports, the zone and the node's configuration, in a
//! folder that goes when the demo ends.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::region::USUAL_PORT;
use crate::cli::Complaint;

/// The demo's zone, as it stands in the repository.
const ZONE: &str = include_str!("../../../zones/demo.yaml");
/// Where DNS is answered and the node administered when those ports are free.
const DNS_PORT: u16 = 5300;
const ADMIN_PORT: u16 = 8053;
/// Folders of demos that were killed may lie about under the number of this process.
const MOST_FOLDERS: u32 = 100;

/// The folder; dropped, it is removed.
#[derive(Debug)]
pub(super) struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// Writes the zone for members on `members_port`, and a configuration that listens on `dns` and
    /// `admin`, or on the usual ports, or on others where those are taken.
    pub(super) fn set(
        dns: &[SocketAddr],
        admin: Option<SocketAddr>,
        members_port: u16,
    ) -> Result<Self, Complaint> {
        let complain = |error: io::Error| {
            Complaint::new(format!("no folder for the demo in {}: {error}", parent().display()))
                .help("the variable TMPDIR names another place")
        };
        let stage = Self { folder: make_folder().map_err(complain)? };
        let dns = if dns.is_empty() { usual_dns() } else { dns.to_vec() };
        let admin = admin.unwrap_or_else(usual_admin);
        stage.write(&dns, admin, members_port).map_err(complain)?;
        Ok(stage)
    }

    fn write(&self, dns: &[SocketAddr], admin: SocketAddr, members_port: u16) -> io::Result<()> {
        let listen: Vec<_> = dns.iter().map(|address| format!("\"{address}\"")).collect();
        let node = format!(
            "node: demo\ndns: {{ listen: [{}] }}\nzones: [zones/*.yaml]\nwatch: true\n\
             admin: {{ listen: \"{admin}\" }}\nstate: state\n",
            listen.join(", ")
        );
        fs::create_dir(self.folder.join("state"))?;
        fs::create_dir(self.folder.join("zones"))?;
        fs::write(self.zone_file(), zone(members_port))?;
        fs::write(self.node_file(), node)
    }

    /// The node's configuration.
    pub(super) fn node_file(&self) -> PathBuf {
        self.folder.join("rhumb.yaml")
    }

    /// The zone, which is reloaded when it changes.
    pub(super) fn zone_file(&self) -> PathBuf {
        self.folder.join("zones/demo.yaml")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A folder left in /tmp harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The zone with the port that the members in fact have; without the comments for tests.
fn zone(members_port: u16) -> String {
    let lines = ZONE.lines().filter(|line| !line.starts_with("#>"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let port = |port| format!("port: {port}");
    text.trim_end().replace(&port(USUAL_PORT), &port(members_port)) + "\n"
}

fn parent() -> PathBuf {
    std::env::temp_dir()
}

/// A new folder for this user alone.
fn make_folder() -> io::Result<PathBuf> {
    let make = |path: &Path| DirBuilder::new().mode(0o700).create(path);
    let id = std::process::id();
    let mut number = 0;
    loop {
        let path = parent().join(format!("rhumb-demo-{id}-{number}"));
        match make(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_FOLDERS => {
                number += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Loopback of both families, where this machine has both, on one port.
fn usual_dns() -> Vec<SocketAddr> {
    let families: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let mut families = families.to_vec();
    families.retain(|address| UdpSocket::bind((*address, 0)).is_ok());
    let port = if is_free(&families, DNS_PORT) { DNS_PORT } else { free_port(&families) };
    families.into_iter().map(|address| (address, port).into()).collect()
}

/// Whether a port is free for UDP and TCP on all of these addresses.
fn is_free(addresses: &[IpAddr], port: u16) -> bool {
    let free = |address: &IpAddr| {
        UdpSocket::bind((*address, port)).is_ok() && TcpListener::bind((*address, port)).is_ok()
    };
    addresses.iter().all(free)
}

/// A port that was free a moment ago; the usual one when there is none, whose refusal says more.
fn free_port(addresses: &[IpAddr]) -> u16 {
    const TRIES: usize = 16;
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?.local_addr().ok();
    let mut ports = (0..TRIES).filter_map(|_| any()).map(|address| address.port());
    ports.find(|port| is_free(addresses, *port)).unwrap_or(DNS_PORT)
}

fn usual_admin() -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT));
    if TcpListener::bind(usual).is_ok() { usual } else { (Ipv4Addr::LOCALHOST, 0).into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::region::REGIONS;
    use crate::config::node::NodeConfig;
    use crate::run::files::Files;

    #[test]
    fn the_stage_is_a_good_configuration_and_goes_with_the_demo() {
        let dns = ["127.0.0.1:0".parse().expect("one"), "[::1]:0".parse().expect("one")];
        let admin = "127.0.0.1:0".parse().expect("one");
        let stage = Stage::set(&dns, Some(admin), 4242).expect("a folder");
        let (node, warnings) = NodeConfig::find(Some(&stage.node_file())).expect("no mistake");
        assert!(warnings.is_empty(), "{warnings:?}");
        let Files { config, diagnostics, .. } = Files::read(&node);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        let config = config.expect("no mistake");
        for target in &config.targets {
            assert_eq!(target.address.port(), 4242);
        }
        let pools: Vec<_> = config.policies.pools.iter().map(|pool| &*pool.name).collect();
        let regions = REGIONS.map(|(name, _)| format!("demo.example/{name}"));
        assert_eq!(pools, regions);
        let folder = stage.folder.clone();
        drop(stage);
        assert!(!folder.exists());
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = taken.local_addr().expect("its address").port();
        assert!(!is_free(&[Ipv4Addr::LOCALHOST.into()], port));
    }
}
