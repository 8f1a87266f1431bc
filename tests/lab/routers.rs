//! Routing daemons in the hosts of a lab: BIRD, FRR, GoBGP, ExaBGP.
//!
//! ```ignore
//! #[path = "lab/routers.rs"]                        // after `mod lab`, which it uses
//! mod routers;
//! if !routers::there(&[Program::Bird]) { return };  // skipped with a word, or failed
//! let bird = Bird::start(host, "protocol bgp rhumb { … }");   // birdc("show route all")
//! let frr = Frr::start(host, &["bfdd"], "router bgp 64500\n …");   // vtysh("show bgp summary")
//! let gobgp = GoBgp::start(host, "[global.config] …");        // gobgp("global rib")
//! let exabgp = ExaBgp::start(host, "neighbor … { … }");       // what it received: in its log
//! bird.daemon.signal(Signal::Freeze);  let bird = bird.restart();
//! ```
//!
//! They are never services of the machine: each has configuration, sockets and state in a folder of
//! its own, and ends with the test. Every daemon forks nothing and logs to its [`Daemon`]. The
//! beginnings of configurations below make them quick: no graceful restart (routes of a dead node
//! would stay), short waits after errors.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{Daemon, Host, installed, until};

/// A program, by its Debian package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `bird2`.
    Bird,
    /// `frr`: its daemons stand in `/usr/lib/frr`.
    Frr,
    /// `gobgpd`.
    GoBgp,
    /// `exabgp`.
    ExaBgp,
}

/// How long a daemon may take to answer its own tool.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
/// Where Debian keeps FRR's daemons.
const FRR: &str = "/usr/lib/frr";

/// Whether these programs are there. Without one the test is skipped and says so; with
/// `RHUMB_REQUIRE_PEERS=1` it fails instead.
pub fn there(programs: &[Program]) -> bool {
    let Some(lack) = programs.iter().find(|program| !program.is_there()) else { return true };
    let required = std::env::var("RHUMB_REQUIRE_PEERS").is_ok_and(|value| value == "1");
    assert!(
        !required,
        "{lack:?} (Debian package {}) is required and not installed",
        lack.package()
    );
    eprintln!("skipped: {lack:?} (Debian package {}) is not installed", lack.package());
    false
}

impl Program {
    fn package(self) -> &'static str {
        match self {
            Self::Bird => "bird2",
            Self::Frr => "frr",
            Self::GoBgp => "gobgpd",
            Self::ExaBgp => "exabgp",
        }
    }

    fn is_there(self) -> bool {
        match self {
            Self::Bird => installed("bird"),
            Self::Frr => Path::new(FRR).join("bgpd").exists(),
            Self::GoBgp => installed("gobgpd"),
            Self::ExaBgp => installed("exabgp"),
        }
    }
}

/// A folder that every user may look into: FRR and ExaBGP give up their privileges.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let open = Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).expect("our own folder");
    folder
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let [said, complained] = [output.stdout, output.stderr];
    [said, complained].map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
}

/// BIRD 2.
pub struct Bird<'l> {
    pub daemon: Daemon,
    host: &'l Host,
    folder: tempfile::TempDir,
}

impl<'l> Bird<'l> {
    /// With devices, and kernel routes neither read nor written; `more` is the rest. A protocol of
    /// BGP is quick with [`BIRD_QUICK`] in it.
    pub fn start(host: &'l Host, more: &str) -> Self {
        let folder = folder();
        let id = host.address();
        let text = format!("log stderr all;\nrouter id {id};\nprotocol device {{}}\n{more}\n");
        std::fs::write(folder.path().join("bird.conf"), text).expect("a file");
        let daemon = Self::run(host, folder.path());
        let bird = Self { daemon, host, folder };
        bird.await_ready();
        bird
    }

    /// What `birdc` prints.
    pub fn birdc(&self, words: &str) -> String {
        let mut command = self.host.command("birdc");
        command.arg("-s").arg(self.folder.path().join("bird.ctl"));
        output(command.args(words.split_whitespace()))
    }

    /// Another process with the same configuration; the old one must have ended.
    pub fn restart(self) -> Self {
        let Self { daemon, host, folder } = self;
        drop(daemon);
        let daemon = Self::run(host, folder.path());
        let bird = Self { daemon, host, folder };
        bird.await_ready();
        bird
    }

    fn run(host: &Host, folder: &Path) -> Daemon {
        let path = |name: &str| folder.join(name);
        let _ = std::fs::remove_file(path("bird.ctl"));
        let mut command = host.command("bird");
        command.arg("-f").arg("-c").arg(path("bird.conf"));
        command.arg("-s").arg(path("bird.ctl")).arg("-P").arg(path("bird.pid"));
        host.start("bird", &mut command)
    }

    fn await_ready(&self) {
        let ready = until(PATIENCE, || self.birdc("show status").contains("Daemon is up"));
        assert!(ready, "bird: {}", self.daemon.log());
    }
}

/// What belongs into every `protocol bgp` of BIRD, so that tests do not wait for its caution.
pub const BIRD_QUICK: &str = "error wait time 1,2; connect retry time 1; connect delay time 1; \
                              graceful restart off; long lived graceful restart off;";

/// FRR: zebra, bgpd, and what else is asked for.
pub struct Frr<'l> {
    /// Zebra first, then bgpd, then the others.
    pub daemons: Vec<Daemon>,
    host: &'l Host,
    folder: tempfile::TempDir,
}

impl<'l> Frr<'l> {
    /// `configuration` is that of vtysh, for all daemons; `more` are daemons beside zebra and bgpd.
    pub fn start(host: &'l Host, more: &[&str], configuration: &str) -> Self {
        let folder = folder();
        std::fs::write(folder.path().join("vtysh.conf"), "").expect("a file");
        let mut frr = Self { daemons: Vec::new(), host, folder };
        for name in ["zebra", "bgpd"].iter().chain(more) {
            let file = frr.path(&format!("{name}.conf"));
            std::fs::write(&file, "log stdout\n").expect("a file");
            let mut command = host.command(Path::new(FRR).join(name));
            command.arg("--vty_socket").arg(frr.folder.path());
            command.arg("-f").arg(&file).arg("-i").arg(frr.path(&format!("{name}.pid")));
            command.arg("-z").arg(frr.path("zserv.api")).args(["-P", "0"]);
            frr.daemons.push(host.start(name, &mut command));
            let ready = until(PATIENCE, || frr.path(&format!("{name}.vty")).exists());
            assert!(ready, "{name} is not ready");
        }
        frr.configure(configuration);
        frr
    }

    /// What `vtysh` prints for one command.
    pub fn vtysh(&self, words: &str) -> String {
        output(self.shell().args(["-c", words]))
    }

    /// Adds to the configuration.
    pub fn configure(&self, configuration: &str) {
        let file = self.path("add.conf");
        std::fs::write(&file, format!("{configuration}\n")).expect("a file");
        let said = output(self.shell().arg("-f").arg(&file));
        assert!(!said.contains("% "), "vtysh: {said}");
    }

    /// The process of BGP.
    pub fn bgpd(&self) -> &Daemon {
        &self.daemons[1]
    }

    fn shell(&self) -> Command {
        let mut command = self.host.command("vtysh");
        command.arg("--vty_socket").arg(self.folder.path());
        command.arg("--config_dir").arg(self.folder.path());
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// GoBGP.
pub struct GoBgp<'l> {
    pub daemon: Daemon,
    host: &'l Host,
    _folder: tempfile::TempDir,
}

impl<'l> GoBgp<'l> {
    /// `configuration` in TOML. A neighbour is quick with `idle-hold-time-after-reset = 1` and
    /// `connect-retry = 1` among its timers.
    pub fn start(host: &'l Host, configuration: &str) -> Self {
        let folder = folder();
        let file = folder.path().join("gobgpd.toml");
        std::fs::write(&file, configuration).expect("a file");
        let mut command = host.command("gobgpd");
        command.arg("-f").arg(&file).args(["--api-hosts", "127.0.0.1:50051", "--log-level=debug"]);
        let daemon = host.start("gobgpd", &mut command);
        let gobgp = Self { daemon, host, _folder: folder };
        let ready = until(PATIENCE, || gobgp.gobgp("global").contains("AS:"));
        assert!(ready, "gobgpd: {}", gobgp.daemon.log());
        gobgp
    }

    /// What `gobgp` prints.
    pub fn gobgp(&self, words: &str) -> String {
        output(self.host.command("gobgp").args(words.split_whitespace()))
    }
}

/// ExaBGP. It prints what it receives, as JSON, a line for each message.
pub struct ExaBgp {
    pub daemon: Daemon,
    _folder: tempfile::TempDir,
}

impl ExaBgp {
    /// `neighbour` is a block `neighbor ADDRESS { … }` without its end; it is told to print what it
    /// receives.
    pub fn start(host: &Host, neighbour: &str) -> Self {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        let (file, ear) = (path("exabgp.conf"), path("ear"));
        // It keeps its standard output open: ExaBGP takes the end of that for its death.
        std::fs::write(&ear, "#!/bin/sh\ncat >&2\nexit\n").expect("a file");
        std::fs::set_permissions(&ear, Permissions::from_mode(0o755)).expect("our own file");
        let listening = "api { processes [ ear ]; neighbor-changes; receive { parsed; update; \
                         open; refresh; } }";
        let process = format!("process ear {{ run {}; encoder json; }}", ear.display());
        let text = format!("{process}\n{neighbour}\n{listening}\n}}\n");
        std::fs::write(&file, text).expect("a file");
        let mut command = host.command("exabgp");
        command.env("exabgp.daemon.user", "root").env("exabgp.log.destination", "stderr");
        command.env("exabgp.api.cli", "false");
        let daemon = host.start("exabgp", command.arg(&file));
        Self { daemon, _folder: folder }
    }
}
