//! A tiny keepalived: one group of virtual routers, from the command line.
//!
//! ```text
//! pair --interface eth0 --id 51 --priority 100 --advertise 100ms --address 192.0.2.100
//! ```
//!
//! Prints every change of state. SIGTERM and SIGINT hand the addresses over and undo everything;
//! SIGUSR1 hands them over and stays, SIGUSR2 lets the node displace others again, SIGHUP prints
//! the status. After a SIGKILL the kernel takes the addresses off the interface when their lease
//! is over, and the next run removes the rest.

use std::error::Error;
use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use vrrp::auth::{Auth, HmacAuth, HmacMode, Key, Password};
use vrrp::conditions::Unhealthy;
use vrrp::config::{
    AddressMismatch, ArpSchedule, ChecksumMode, Config, Lease, Need, Notify, Peer, Preempt,
    Priority, Track, Tracked, Version, Vrid, Witness,
};
use vrrp::event_loop::{Loop, Scheduling};
use vrrp::linux::netlink::Netlink;
use vrrp::linux::record::Record;
use vrrp::linux::sysctl::Sysctls;
use vrrp::machine::{Outcome, Transition};
use vrrp::notify::Report;
use vrrp::router::{Environment, Observer, Router, RouterHandle, Status, Traffic};

const USAGE: &str = "\
usage: pair --interface NAME --id 1..255 --priority 1..255 --address ADDRESS [--address ADDRESS]…
  --advertise 1s | 100ms      between advertisements (1s)
  --peer ADDRESS[,ADDRESS]…   by unicast, with one address for each path; again for another peer
  --source ADDRESS            where to send from; again for each path
  --version 2 | 3             of the protocol (3)
  --preempt unhealthy | always | never        (unhealthy)
  --password TEXT             version 2
  --key ID:HEX                version 3; the first is sent with
  --checksum pseudo | plain | mirror          (pseudo)
  --track-interface NAME[:WEIGHT]             without a weight: a fault
  --witness ADDRESS           must answer before a silence is believed
  --lease auto | never | 10s  how long the kernel keeps an address that nobody renews (auto)
  --vmac                      a virtual MAC address
  --no-resident               the addresses are not kept on lo
  --notify COMMAND            with INSTANCE NAME STATE PRIORITY
  --state DIRECTORY           for what is to be undone after a crash (/run/pair-INTERFACE-ID)";

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match Arguments::parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pair: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints to the standard output.
struct Printer;

impl Observer for Printer {
    fn transition(&self, group: &str, transition: &Transition) {
        let Transition { from, to, reason, priority, .. } = transition;
        println!("{group}: {from} -> {to}: {reason} (priority {priority})");
    }

    fn standing(&self, group: &str, priority: Priority, unhealthy: Option<&Unhealthy>) {
        match unhealthy {
            Some(why) => println!("{group}: {why}: priority {priority}"),
            None => println!("{group}: priority {priority}"),
        }
    }

    fn warning(&self, group: &str, text: &str) {
        println!("{group}: {text}");
    }

    fn notified(&self, group: &str, report: &Report) {
        println!("{group}: notify {} {}", report.notice.word, report.end);
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2])?;
    let state = arguments.state();
    fs::create_dir_all(&state)?;
    let record = Arc::new(Mutex::new(Record::open(&state)?));
    undo(&record)?;
    let environment = Environment::new(record.clone(), Sysctls::of_host(), Arc::new(Printer))?;
    let event_loop = Loop::spawn("vrrp", Scheduling::RealTime)?;
    if let Err(why) = event_loop.handle().realtime() {
        println!("not real-time: {why}");
    }
    let group = Router::start(arguments.config, &event_loop.handle(), &environment)?;
    group.set_ready(true);
    wait(&mut signals, &group);
    // A second signal ends it at once; so does the end of the hand-over.
    let stopped = group.stop();
    let again = signals.handle();
    let group = Arc::new(group);
    let impatient = group.clone();
    std::thread::spawn(move || signals.forever().for_each(|_| drop(impatient.stop())));
    stopped.recv()?;
    again.close();
    event_loop.stop()?;
    undo(&record)
}

/// Until it is asked to stop.
fn wait(signals: &mut Signals, group: &RouterHandle) {
    for signal in signals.forever() {
        match signal {
            SIGHUP => print!("{}", Shown(&group.status())),
            SIGUSR1 => {
                let end = group.failover();
                std::thread::spawn(move || {
                    println!(
                        "failover: {}",
                        end.recv().map_or_else(|_| "the group has ended".to_owned(), ended)
                    )
                });
            }
            SIGUSR2 => group.release(),
            _ => return,
        }
    }
}

/// How a failover ended.
fn ended(outcome: Outcome) -> String {
    match outcome {
        Outcome::TookOver(by) => format!("{by} took over"),
        Outcome::NobodyTookOver => "nobody took over".to_owned(),
        Outcome::NotActive(state) => format!("nothing to give away in {state}"),
        Outcome::Unheld => "the node displaces others again".to_owned(),
        Outcome::Stopped => "the group has stopped".to_owned(),
    }
}

/// A status as people read it.
struct Shown<'s>(&'s Status);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status) = self;
        let (state, seconds) = (status.state, status.since.elapsed().as_secs());
        writeln!(f, "{}: {state} for {seconds} s, priority {}", status.name, status.priority)?;
        for source in &status.sources {
            writeln!(f, "  sends from {source}")?;
        }
        if let Some(active) = &status.active {
            writeln!(f, "  Active: {active}")?;
        }
        for Traffic { family, sent, unsent, received } in &status.traffic {
            writeln!(f, "  {family}: {sent} sent, {unsent} not sent, {received} heard")?;
        }
        for (reason, count) in &status.dropped {
            writeln!(f, "  dropped, {reason}: {count}")?;
        }
        for (reason, count) in &status.transitions {
            writeln!(f, "  transitions, {reason}: {count}")?;
        }
        self.complaints(f)
    }
}

impl Shown<'_> {
    fn complaints(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(status) = self;
        if let Some(fault) = &status.fault {
            writeln!(f, "  fault: {fault}")?;
        }
        if let Some(unhealthy) = &status.unhealthy {
            writeln!(f, "  should not be Active: {unhealthy}")?;
        }
        for (what, why) in [("real-time", &status.realtime), ("resident", &status.resident)] {
            if let Err(why) = why {
                writeln!(f, "  not {what}: {why}")?;
            }
        }
        status.warnings.iter().try_for_each(|warning| writeln!(f, "  warning: {}", warning.text))
    }
}

/// Undoes what the record lists.
fn undo(record: &Mutex<Record>) -> Result<(), Box<dyn Error>> {
    let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
    for undone in record.undo(&mut Netlink::open()?, &Sysctls::of_host())? {
        println!("{undone}");
    }
    Ok(())
}

struct Arguments {
    config: Config,
    state: Option<PathBuf>,
}

impl Arguments {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut arguments = Self { config: defaults(), state: None };
        let mut words = words;
        while let Some(option) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("a value is missing\n{USAGE}"));
            arguments.set(&option, &mut value).map_err(|error| format!("{option}: {error}"))?;
        }
        arguments.finish()
    }

    fn set(
        &mut self,
        option: &str,
        value: &mut dyn FnMut() -> Result<String, String>,
    ) -> Result<(), Box<dyn Error>> {
        let config = &mut self.config;
        match option {
            "--interface" => config.interface = value()?,
            "--id" => config.id = Vrid::new(value()?.parse()?).ok_or("0 is no VRID")?,
            "--priority" => config.priority = Priority(value()?.parse()?),
            "--address" => config.addresses.push(value()?.parse()?),
            "--advertise" => config.advertise = span(&value()?)?,
            "--peer" => config.peers.push(peer(&value()?)?),
            "--source" => config.source.get_or_insert_default().push(value()?.parse()?),
            "--version" => config.version = version(&value()?)?,
            "--preempt" => config.preempt = preempt(&value()?)?,
            "--password" => config.auth = password(&value()?)?,
            "--key" => add_key(&mut config.auth, &value()?)?,
            "--checksum" => config.checksum = checksum(&value()?)?,
            "--track-interface" => config.track.push(track(&value()?)?),
            "--witness" => add_witness(&mut config.witness, value()?.parse()?),
            "--lease" => config.lease = lease(&value()?)?,
            "--vmac" => config.vmac = true,
            "--no-resident" => config.resident = false,
            "--notify" => config.notify = Some(notify(value()?)),
            "--state" => self.state = Some(value()?.into()),
            _ => return Err(format!("unknown option\n{USAGE}").into()),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Self, Box<dyn Error>> {
        let config = &mut self.config;
        if config.interface.is_empty() || config.addresses.is_empty() {
            return Err(USAGE.into());
        }
        config.name = format!("{}/{}", config.interface, config.id);
        config.pair_mode = config.peers.len() == 1;
        Ok(self)
    }

    fn state(&self) -> PathBuf {
        let name = format!("/run/pair-{}-{}", self.config.interface, self.config.id);
        self.state.clone().unwrap_or_else(|| name.into())
    }
}

fn defaults() -> Config {
    Config {
        name: String::new(),
        id: Vrid::new(51).expect("it is not 0"),
        interface: String::new(),
        version: Version::V3,
        addresses: Vec::new(),
        priority: Priority(100),
        advertise: Duration::from_secs(1),
        preempt: Preempt::Unhealthy,
        preempt_delay: Duration::ZERO,
        startup_delay: Duration::ZERO,
        fault_hold: Duration::from_secs(5),
        peers: Vec::new(),
        source: None,
        pair_mode: false,
        checksum: ChecksumMode::Pseudo,
        address_mismatch: AddressMismatch::Warn,
        auth: Auth::None,
        floor: Priority(1),
        track: Vec::new(),
        witness: None,
        resident: true,
        lease: Lease::Auto,
        vmac: false,
        arp: ArpSchedule {
            burst: 5,
            again: vec![Duration::from_secs(1), Duration::from_secs(5)],
            refresh: Some(Duration::from_secs(10)),
        },
        notify: None,
    }
}

fn span(text: &str) -> Result<Duration, Box<dyn Error>> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, Duration::from_millis(1)),
        None => (text.strip_suffix('s').unwrap_or(text), Duration::from_secs(1)),
    };
    Ok(unit * number.parse()?)
}

fn peer(text: &str) -> Result<Peer, Box<dyn Error>> {
    let addresses = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
    Ok(Peer { name: text.to_owned(), addresses, hops: 1 })
}

fn version(text: &str) -> Result<Version, Box<dyn Error>> {
    match text {
        "2" => Ok(Version::V2),
        "3" => Ok(Version::V3),
        _ => Err("2 or 3".into()),
    }
}

fn preempt(text: &str) -> Result<Preempt, Box<dyn Error>> {
    match text {
        "unhealthy" => Ok(Preempt::Unhealthy),
        "always" => Ok(Preempt::Always),
        "never" => Ok(Preempt::Never),
        _ => Err("unhealthy, always or never".into()),
    }
}

fn checksum(text: &str) -> Result<ChecksumMode, Box<dyn Error>> {
    match text {
        "pseudo" => Ok(ChecksumMode::Pseudo),
        "plain" => Ok(ChecksumMode::Plain),
        "mirror" => Ok(ChecksumMode::Mirror),
        _ => Err("pseudo, plain or mirror".into()),
    }
}

fn password(text: &str) -> Result<Auth, Box<dyn Error>> {
    let mut padded = [0; 8];
    padded.get_mut(..text.len()).ok_or("8 characters at most")?.copy_from_slice(text.as_bytes());
    Ok(Auth::Password(Password(padded)))
}

fn add_key(auth: &mut Auth, text: &str) -> Result<(), Box<dyn Error>> {
    let (id, hex) = text.split_once(':').ok_or("ID:HEX")?;
    let digits: Vec<char> = hex.chars().collect();
    let octet = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
    let secret = digits.chunks(2).map(octet).collect::<Result<_, _>>()?;
    let key = Key { id: id.parse()?, secret };
    match auth {
        Auth::Hmac(hmac) => hmac.keys.push(key),
        Auth::None | Auth::Password(_) => {
            let (send, window) = (key.id, Duration::from_secs(5));
            *auth = Auth::Hmac(HmacAuth { mode: HmacMode::Enforce, keys: vec![key], send, window });
        }
    }
    Ok(())
}

fn track(text: &str) -> Result<Track, Box<dyn Error>> {
    let (name, weight) = match text.split_once(':') {
        Some((name, weight)) => (name, Some(weight.parse()?)),
        None => (text, None),
    };
    Ok(Track { object: Tracked::Interface(name.to_owned()), weight })
}

fn add_witness(witness: &mut Option<Witness>, address: IpAddr) {
    let empty = || Witness {
        addresses: Vec::new(),
        need: Need::Any,
        every: Duration::from_secs(1),
        misses: 3,
        required: false,
    };
    witness.get_or_insert_with(empty).addresses.push(address);
}

fn lease(text: &str) -> Result<Lease, Box<dyn Error>> {
    match text {
        "auto" => Ok(Lease::Auto),
        "never" => Ok(Lease::Forever),
        _ => Ok(Lease::For(span(text)?)),
    }
}

fn notify(command: String) -> Notify {
    Notify { command: vec![command], timeout: Duration::from_secs(10) }
}
