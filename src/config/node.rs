//! `rhumb.yaml`: the node itself. Every key has a default; paths are relative to the file that
//! names them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostic::{Diagnostic, Report, Severity, Source};
use super::read::fields::Fields;
use super::read::scalar::{self, expected};
use super::tree::{self, Node};

/// The port of the defaults: free for everyone, unlike 53.
const DEFAULT_PORT: u16 = 5300;
/// The port of the admin address by default.
const ADMIN_PORT: u16 = 8053;
/// The most UDP threads for each address: more than any machine has cores.
const MOST_THREADS: u64 = 1024;

/// A node's configuration, every default filled in.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The file it was read from; absent: the built-in defaults.
    pub file: Option<PathBuf>,
    /// The node's name, in status and logs.
    pub node: String,
    /// Where DNS is answered, UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// Whether `listen` was written: an address that is missing is an error then.
    pub listen_listed: bool,
    /// UDP threads for each address.
    pub udp_threads: usize,
    /// The limits of DNS over TCP.
    pub tcp: TcpConfig,
    /// Zone files; the last part of a path may be a pattern with `*`.
    pub zones: Vec<PathBuf>,
    /// Whether a changed file is a reason to reload.
    pub watch: bool,
    /// MMDB files; none: the embedded country database.
    pub geoip_databases: Vec<PathBuf>,
    /// Where the admin API listens.
    pub admin: SocketAddr,
    /// Where the admin API's token is kept.
    pub token_file: PathBuf,
    /// The directory of what survives a restart.
    pub state: PathBuf,
}

/// The limits of DNS over TCP (RFC 7766 §6.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpConfig {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one client address.
    pub connections_per_client: usize,
    /// How long a connection may stand without a whole query.
    pub idle: Duration,
}

impl Default for TcpConfig {
    fn default() -> Self {
        let limits = crate::server::tcp::TcpLimits::default();
        Self {
            connections: limits.connections,
            connections_per_client: limits.connections_per_client,
            idle: limits.idle,
        }
    }
}

impl NodeConfig {
    /// The built-in defaults: zones in `zones/`, on loopback, the embedded database.
    #[must_use]
    pub fn built_in() -> Self {
        let state = default_state();
        Self {
            file: None,
            node: host_name(),
            listen: vec![
                (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
                (Ipv6Addr::LOCALHOST, DEFAULT_PORT).into(),
            ],
            listen_listed: false,
            udp_threads: automatic_threads(),
            tcp: TcpConfig::default(),
            zones: vec!["zones/*.yaml".into()],
            watch: false,
            geoip_databases: Vec::new(),
            admin: (Ipv4Addr::LOCALHOST, ADMIN_PORT).into(),
            token_file: state.join("token"),
            state,
        }
    }

    /// Reads the file given, else the first of `./rhumb.yaml` and `/etc/rhumb/rhumb.yaml` that is
    /// there, else takes the built-in defaults. Warnings come beside it.
    ///
    /// # Errors
    /// Every mistake; also a file given that cannot be read.
    pub fn load(given: Option<&Path>) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let usual = ["rhumb.yaml", "/etc/rhumb/rhumb.yaml"].map(Path::new);
        let Some(path) = given.or_else(|| usual.into_iter().find(|path| path.exists())) else {
            return Ok((Self::built_in(), Vec::new()));
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            let text = format!("{}: cannot be read: {error}", path.display());
            vec![Diagnostic::without_place(Severity::Error, text)]
        })?;
        Self::parse(path, &text)
    }

    /// Reads a text as if it stood in the file `path`.
    ///
    /// # Errors
    /// Every mistake, and the warnings.
    pub fn parse(path: &Path, text: &str) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut report = Report::default();
        let id = report.add_source(Source::new(path.display().to_string(), text));
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut config = Self { file: Some(path.to_owned()), ..Self::built_in() };
        config.zones = vec![folder.join("zones/*.yaml")];
        if let Some(root) = tree::parse(id, &mut report).filter(|root| !root.is_omitted()) {
            Reader { folder, config: &mut config, report: &mut report }.root(&root);
        }
        let good = report.errors() == 0;
        let diagnostics = report.into_diagnostics();
        if good { Ok((config, diagnostics)) } else { Err(diagnostics) }
    }

    /// The zone files, patterns expanded, each once, in the order of their names.
    ///
    /// # Errors
    /// A path that is not there, a pattern that matches nothing, a folder that cannot be read.
    pub fn zone_files(&self) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
        let (mut files, mut mistakes) = (Vec::new(), Vec::new());
        for path in &self.zones {
            match expand(path) {
                Ok(found) => files.extend(found),
                Err(text) => mistakes.push(Diagnostic::without_place(Severity::Error, text)),
            }
        }
        files.sort();
        files.dedup();
        if mistakes.is_empty() { Ok(files) } else { Err(mistakes) }
    }
}

/// The files that a path with a pattern as its last part stands for.
fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    let pattern = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let Some(pattern) = pattern.filter(|pattern| pattern.contains('*')) else {
        let there = path.exists();
        let missing = || format!("zones: {}: no such file", path.display());
        return if there { Ok(vec![path.to_owned()]) } else { Err(missing()) };
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).map_err(|error| {
        format!("zones: {}: the folder cannot be read: {error}", folder.display())
    })?;
    let matching = entries.filter_map(Result::ok).filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        !name.starts_with('.') && matches(&pattern, &name)
    });
    let found: Vec<_> = matching.map(|entry| entry.path()).collect();
    if found.is_empty() {
        return Err(format!("zones: {}: no file matches", path.display()));
    }
    Ok(found)
}

/// Whether a name fits a pattern in which each `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Reads the sections into a configuration that holds the defaults.
struct Reader<'r> {
    folder: PathBuf,
    config: &'r mut NodeConfig,
    report: &'r mut Report,
}

impl Reader<'_> {
    fn root(&mut self, root: &Node) {
        let known = &["node", "dns", "zones", "watch", "geoip", "admin", "state"];
        let Some(fields) = Fields::of(root, "the node's file", known, self.report) else { return };
        if let Some(node) = fields.get("node") {
            let name = scalar::text(node, "the node's name", self.report);
            self.config.node = name.unwrap_or_default().to_owned();
        }
        // The state directory first: the token is kept there by default.
        if let Some(state) = fields.get("state").and_then(|node| self.path(node)) {
            self.config.token_file = state.join("token");
            self.config.state = state;
        }
        fields.get("dns").into_iter().for_each(|node| self.dns(node));
        if let Some(node) = fields.get("zones") {
            self.config.zones = self.paths(node);
        }
        if let Some(node) = fields.get("watch") {
            self.config.watch = scalar::boolean(node, self.report).unwrap_or_default();
        }
        fields.get("geoip").into_iter().for_each(|node| self.geoip(node));
        fields.get("admin").into_iter().for_each(|node| self.admin(node));
    }

    fn dns(&mut self, node: &Node) {
        let known = &["listen", "udp_threads", "tcp"];
        let Some(fields) = Fields::of(node, "dns", known, self.report) else { return };
        if let Some(node) = fields.get("listen") {
            self.config.listen_listed = true;
            self.config.listen = self.addresses(node, 53);
        }
        if let Some(node) = fields.get("udp_threads")
            && node.text() != Some("auto")
        {
            let what = "`auto` or a number of threads";
            let threads = scalar::integer(node, what, 1..=MOST_THREADS, self.report);
            self.config.udp_threads = threads.unwrap_or(1) as usize;
        }
        fields.get("tcp").into_iter().for_each(|node| self.tcp(node));
    }

    fn tcp(&mut self, node: &Node) {
        let known = &["connections", "connections_per_client", "idle"];
        let Some(fields) = Fields::of(node, "dns.tcp", known, self.report) else { return };
        let mut number = |key: &str, into: &mut usize| {
            if let Some(node) = fields.get(key) {
                let number = scalar::integer(node, "a number", 1..=1_000_000, self.report);
                *into = number.unwrap_or(1) as usize;
            }
        };
        number("connections", &mut self.config.tcp.connections);
        number("connections_per_client", &mut self.config.tcp.connections_per_client);
        if let Some(node) = fields.get("idle") {
            self.config.tcp.idle = scalar::duration(node, self.report).unwrap_or_default();
        }
    }

    fn geoip(&mut self, node: &Node) {
        let Some(fields) = Fields::of(node, "geoip", &["databases"], self.report) else { return };
        if let Some(node) = fields.get("databases") {
            self.config.geoip_databases = self.paths(node);
        }
    }

    fn admin(&mut self, node: &Node) {
        let known = &["listen", "token_file"];
        let Some(fields) = Fields::of(node, "admin", known, self.report) else { return };
        if let Some(node) = fields.get("listen")
            && let Some(address) = self.address(node, ADMIN_PORT)
        {
            self.config.admin = address;
        }
        if let Some(path) = fields.get("token_file").and_then(|node| self.path(node)) {
            self.config.token_file = path;
        }
    }

    /// One or more addresses with ports, none twice.
    fn addresses(&mut self, node: &Node, port: u16) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        for item in node.one_or_more() {
            let Some(address) = self.address(item, port) else { continue };
            if address.port() != 0 && addresses.contains(&address) {
                self.report.error(item.span, format!("{address} stands here twice"));
            }
            addresses.push(address);
        }
        if node.one_or_more().is_empty() {
            expected(node, "at least one address such as \"0.0.0.0:53\"", self.report);
        }
        addresses
    }

    /// An address with a port, or without for the usual one.
    fn address(&mut self, node: &Node, port: u16) -> Option<SocketAddr> {
        let text = node.text().unwrap_or("");
        let bare = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let address = text.parse().ok().or_else(|| Some(SocketAddr::new(bare.ok()?, port)));
        if address.is_none() {
            let what = "an address and port such as \"192.0.2.1:53\" or \"[2001:db8::1]:53\"";
            expected(node, what, self.report);
        }
        address
    }

    fn paths(&mut self, node: &Node) -> Vec<PathBuf> {
        node.one_or_more().iter().filter_map(|item| self.path(item)).collect()
    }

    fn path(&mut self, node: &Node) -> Option<PathBuf> {
        scalar::text(node, "a path", self.report).map(|path| self.folder.join(path))
    }
}

/// As many threads as there are cores for this process.
fn automatic_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `/var/lib/rhumb` if it is there and ours to write, else the user's own state directory.
fn default_state() -> PathBuf {
    let system = Path::new("/var/lib/rhumb");
    if system.is_dir() && crate::sys::may_write(system) {
        return system.to_owned();
    }
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let of_user = variable("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(variable("HOME")?.join(".local/state")));
    of_user.unwrap_or_else(std::env::temp_dir).join("rhumb")
}

/// The machine's name, else `rhumb`.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "rhumb".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> NodeConfig {
        let path = Path::new("/etc/rhumb/rhumb.yaml");
        NodeConfig::parse(path, text).unwrap_or_else(|d| panic!("{}", d[0].one_line())).0
    }

    #[test]
    fn an_empty_file_is_all_defaults() {
        for text in ["", "# nothing\n"] {
            let config = parse(text);
            assert_eq!(config.listen[0], "127.0.0.1:5300".parse().expect("an address"));
            assert!(!config.listen_listed && !config.watch);
            assert_eq!(config.zones, [Path::new("/etc/rhumb/zones/*.yaml")]);
        }
    }

    #[test]
    fn every_key_is_read_and_paths_are_relative_to_the_file() {
        let config = parse(
            "node: gtm-a\n\
             dns: { listen: [\"0.0.0.0:53\", \"[::]:53\", 192.0.2.1], udp_threads: 3, \
             tcp: { connections: 10, connections_per_client: 2, idle: 5s } }\n\
             zones: [\"z/*.yaml\", /srv/one.yaml]\n\
             watch: true\n\
             geoip: { databases: city.mmdb }\n\
             admin: { listen: 127.0.0.1:9000 }\n\
             state: /var/tmp/rhumb\n",
        );
        assert_eq!(config.node, "gtm-a");
        assert_eq!(config.listen[2], "192.0.2.1:53".parse().expect("an address"));
        assert_eq!((config.udp_threads, config.watch, config.listen_listed), (3, true, true));
        let tcp =
            TcpConfig { connections: 10, connections_per_client: 2, idle: Duration::from_secs(5) };
        assert_eq!(config.tcp, tcp);
        assert_eq!(config.zones[0], Path::new("/etc/rhumb/z/*.yaml"));
        assert_eq!(config.zones[1], Path::new("/srv/one.yaml"));
        assert_eq!(config.geoip_databases, [Path::new("/etc/rhumb/city.mmdb")]);
        assert_eq!(config.admin, "127.0.0.1:9000".parse().expect("an address"));
        assert_eq!(config.token_file, Path::new("/var/tmp/rhumb/token"));
    }

    #[test]
    fn mistakes_are_reported_together_with_their_lines() {
        let text = "dns: { listen: nowhere, udp_threads: 0 }\nvrrp: {}\nadmn: {}\nwatch: yes\n";
        let mistakes = NodeConfig::parse(Path::new("rhumb.yaml"), text).expect_err("mistakes");
        let lines: Vec<_> = mistakes.iter().map(Diagnostic::one_line).collect();
        for (line, text) in lines.iter().zip([
            "rhumb.yaml:1:16: error: expected an address and port",
            "rhumb.yaml:1:38: error: expected `auto` or a number of threads",
            "rhumb.yaml:2:1: error: `vrrp` is not yet supported",
            "rhumb.yaml:3:1: error: the node's file has no key `admn`",
            "rhumb.yaml:4:8: error: expected true or false",
        ]) {
            assert!(line.starts_with(text), "{line}");
        }
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn a_pattern_is_matched_part_by_part() {
        for (pattern, name, fits) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a.yml", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("*", "x", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
