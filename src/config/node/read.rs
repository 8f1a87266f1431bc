//! The text of `rhumb.yaml` to a [`NodeConfig`].

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::services::Around;
use super::{AdminConfig, DnsConfig, Listed, Machine, NodeConfig, UdpThreads, bgp, ecmp, vrrp};
use crate::config::diagnostic::{Diagnostic, Report, Severity, Source, Span, Spanned};
use crate::config::read::{fields::Fields, scalar};
use crate::config::tree::{self, Node};
use crate::server::tcp::TcpLimits;

/// More threads than this on one address is a slip.
const MOST_THREADS: u64 = 1024;

/// More connections than this need more file descriptors than a process gets.
const MOST_CONNECTIONS: u64 = 1_000_000;

/// What an address to listen on looks like, for messages.
const LISTEN: &str = "an address and port such as 0.0.0.0:53 or \"[::]:53\"";

/// The keys of the file.
pub const KEYS: [&str; 10] =
    ["node", "dns", "zones", "watch", "geoip", "admin", "state", "vrrp", "bgp", "ecmp"];

/// Reads a node's configuration from `text`; `path` is for messages and relative paths.
///
/// # Errors
/// Every mistake, with warnings among them. Warnings alone come with success.
pub fn read(
    path: &Path,
    text: &str,
    machine: &Machine,
) -> Result<(NodeConfig, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (config, found) = read_as_far(path, text, machine);
    match found.iter().any(|d| d.severity == Severity::Error) {
        false => Ok((config, found)),
        true => Err(found),
    }
}

/// [`read`], with what could be read beside the mistakes: where one stands, the default.
#[must_use]
pub fn read_as_far(path: &Path, text: &str, machine: &Machine) -> (NodeConfig, Vec<Diagnostic>) {
    let mut report = Report::default();
    let file = report.add_source(Source::new(path.display().to_string(), text));
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let mut config = NodeConfig::defaults(directory, machine);
    config.file = Some(path.to_owned());
    if let Some(tree) = tree::parse(file, &mut report).filter(|tree| !tree.is_omitted()) {
        read_file(&tree, directory, &mut config, &mut report);
    }
    (config, report.into_diagnostics())
}

fn read_file(tree: &Node, directory: &Path, config: &mut NodeConfig, report: &mut Report) {
    let Some(fields) = Fields::of(tree, "a node's configuration", &KEYS, report) else { return };
    if let Some(node) = fields.get("node") {
        config.node = scalar::text(node, "a name", report).unwrap_or_default().to_owned();
    }
    let errors = report.errors();
    let listen = fields.get("dns").and_then(|node| read_dns(node, &mut config.dns, report));
    let dns_is_sound = report.errors() == errors;
    if let Some(node) = fields.get("zones") {
        config.zones = read_paths(node, directory, report);
    }
    if let Some(node) = fields.get("watch") {
        config.watch = scalar::boolean(node, report).unwrap_or_default();
    }
    if let Some(node) = fields.get("geoip") {
        let fields = Fields::of(node, "`geoip`", &["databases"], report);
        let list = fields.and_then(|fields| fields.get("databases"));
        config.databases = list.map(|node| read_paths(node, directory, report)).unwrap_or_default();
    }
    if let Some(path) = fields.get("state").and_then(|node| read_path(node, directory, report)) {
        // A token file that is not named lies with the state.
        config.admin.token_file = path.join("token");
        config.state = path;
    }
    if let Some(node) = fields.get("admin") {
        read_admin(node, directory, &mut config.admin, report);
    }
    // Cloned: the sections are read into what `dns` is a part of.
    let dns = Some(config.dns.clone()).filter(|_| dns_is_sound);
    read_network(&fields, Around { directory, dns: dns.as_ref(), listen }, config, report);
}

/// Reads the sections by which traffic comes here and goes on: `vrrp`, `bgp`, `ecmp`.
fn read_network(
    fields: &Fields<'_>,
    around: Around<'_>,
    config: &mut NodeConfig,
    report: &mut Report,
) {
    let list = fields.get("vrrp").map(|node| vrrp::read(node, around, report));
    let list = list.unwrap_or_default();
    config.vrrp = list.entries;
    let mut own = list.addresses;
    if let Some(node) = fields.get("bgp") {
        let section = bgp::read(node, around, &own, report);
        config.bgp = section.whole;
        config.pools.extend(section.pools);
        own.extend(section.addresses);
    }
    if let Some(node) = fields.get("ecmp") {
        let list = ecmp::read(node, &own, report);
        config.ecmp = list.entries;
        config.pools.extend(list.pools);
    }
}

/// Reads `dns`; the place of its `listen`.
fn read_dns(node: &Node, dns: &mut DnsConfig, report: &mut Report) -> Option<Span> {
    let fields = Fields::of(node, "`dns`", &["listen", "udp_threads", "tcp"], report)?;
    if let Some(node) = fields.get("listen") {
        dns.listen = read_listen(node, report);
        dns.listed = Listed::InTheFile;
    }
    if let Some(node) = fields.get("udp_threads").filter(|node| node.text() != Some("auto")) {
        let what = "`auto` or a number of threads";
        let count = scalar::integer(node, what, 1..=MOST_THREADS, report);
        let count = count.and_then(|count| NonZeroUsize::new(usize::try_from(count).ok()?));
        dns.udp_threads = count.map_or(UdpThreads::Auto, UdpThreads::Exactly);
    }
    if let Some(node) = fields.get("tcp") {
        read_tcp(node, &mut dns.tcp, report);
    }
    fields.get("listen").map(|node| node.span)
}

/// Where DNS is answered; without a port it is 53.
fn read_listen(node: &Node, report: &mut Report) -> Vec<SocketAddr> {
    const DNS: u16 = 53;
    if node.one_or_more().is_empty() {
        report.error(node.span, "`listen` is empty: the node would answer nobody");
    }
    read_addresses(node, DNS, LISTEN, report).iter().map(|address| address.value).collect()
}

/// Addresses with ports, each once; `port` where none is written. `form` is what should stand there.
pub(super) fn read_addresses(
    node: &Node,
    port: u16,
    form: &str,
    report: &mut Report,
) -> Vec<Spanned<SocketAddr>> {
    let items = node.one_or_more();
    let mut addresses: Vec<Spanned<SocketAddr>> = Vec::with_capacity(items.len());
    for item in items {
        let Some(value) = read_address(item, port, form, report) else { continue };
        if addresses.iter().any(|earlier| earlier.value == value) {
            report.error(item.span, format!("{value} stands twice"));
        }
        addresses.push(Spanned { span: item.span, value });
    }
    addresses
}

fn read_address(node: &Node, port: u16, form: &str, report: &mut Report) -> Option<SocketAddr> {
    let text = node.text().unwrap_or("");
    let bare = |text: &str| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, port));
    let address = text.parse().ok().or_else(|| bare(text));
    if address.is_none() {
        scalar::expected(node, form, report);
    }
    address
}

fn read_tcp(node: &Node, tcp: &mut TcpLimits, report: &mut Report) {
    const KEYS: [&str; 3] = ["connections", "connections_per_client", "idle"];
    let Some(fields) = Fields::of(node, "`tcp`", &KEYS, report) else { return };
    let mut number = |key: &str, default: usize| {
        let node = fields.get(key)?;
        let count = scalar::integer(node, "a number of connections", 1..=MOST_CONNECTIONS, report);
        Some(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(default))
    };
    tcp.connections = number("connections", tcp.connections).unwrap_or(tcp.connections);
    let per_client = number("connections_per_client", tcp.connections_per_client);
    tcp.connections_per_client =
        per_client.unwrap_or(tcp.connections_per_client).min(tcp.connections);
    if let Some(idle) = fields.get("idle").and_then(|node| scalar::duration(node, report)) {
        tcp.idle = idle;
    }
}

fn read_admin(node: &Node, directory: &Path, admin: &mut AdminConfig, report: &mut Report) {
    let Some(fields) = Fields::of(node, "`admin`", &["listen", "token_file"], report) else {
        return;
    };
    let listen = fields.get("listen");
    if let Some(address) =
        listen.and_then(|node| read_address(node, super::ADMIN_PORT, LISTEN, report))
    {
        if let Some(node) = listen.filter(|_| !address.ip().is_loopback()) {
            report
                .warning(node.span, format!("the admin address {address} is open to the network"))
                .help("it has no TLS, and only changes need the token; 127.0.0.1 is the default");
        }
        admin.listen = address;
    }
    let token = fields.get("token_file").and_then(|node| read_path(node, directory, report));
    if let Some(path) = token {
        admin.token_file = path;
    }
}

fn read_paths(node: &Node, directory: &Path, report: &mut Report) -> Vec<PathBuf> {
    node.one_or_more().iter().filter_map(|node| read_path(node, directory, report)).collect()
}

/// A path, relative to the directory of the file that names it.
fn read_path(node: &Node, directory: &Path, report: &mut Report) -> Option<PathBuf> {
    Some(directory.join(scalar::text(node, "a path", report)?))
}
