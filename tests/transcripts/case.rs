//! The format: cases, their queries, and the check of an answer against its text.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rhumb::answer::{self, Query, Transport};
use rhumb::dns::encode::Reply;

use crate::reply::Decoded;
use crate::scene::{self, Change, Scene};

/// One query under one state of health, and the answer expected.
pub struct Case {
    pub title: String,
    pub line: usize,
    changes: Vec<Change>,
    query: Asked,
    /// `silence`, or a status line such as `NOERROR aa`.
    status: String,
    /// `SECTION OWNER TTL TYPE RDATA`, RDATA with ` | ` between alternatives.
    records: Vec<Expected>,
    scope: Option<u8>,
}

/// A query as `dig` would be told to send it.
struct Asked {
    bytes: Vec<u8>,
    from: IpAddr,
    transport: Transport,
}

/// One line of an expected answer.
struct Expected {
    head: String,
    any_of: Vec<String>,
}

/// Reads a transcript: `--- zone` and `--- places` blocks, then cases.
pub fn parse(path: &Path, text: &str) -> (Scene, Vec<Case>) {
    let (mut files, mut places) = (Vec::new(), String::new());
    let mut block: Option<String> = None;
    let mut cases: Vec<(usize, Vec<&str>)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("--- ") {
            block = Some(name.trim().to_owned());
            if name.trim() != "places" && name.trim() != "cases" {
                files.push((Path::new(name.trim()).to_owned(), String::new()));
            }
        } else if line.starts_with("== ") {
            block = None;
            cases.push((number + 1, vec![line]));
        } else {
            match block.as_deref() {
                Some("places") => places.extend([line, "\n"]),
                Some("cases") => {}
                Some(_) => files.last_mut().expect("a file").1.extend([line, "\n"]),
                None => {
                    if let Some((_, lines)) = cases.last_mut() {
                        lines.push(line);
                    }
                }
            }
        }
    }
    assert!(!files.is_empty(), "{}: no zone", path.display());
    (Scene::build(files, &places), cases.iter().map(|(n, lines)| Case::parse(*n, lines)).collect())
}

/// The lines of an example zone's comments that begin with `#>`, the others empty.
fn promise_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.strip_prefix("#>").map_or("", str::trim_start))
}

/// The world of all example zones, in the places that their comments name (`#> place …`).
pub fn zones_together(zones: &[(PathBuf, String)]) -> Scene {
    let places: Vec<_> = zones
        .iter()
        .flat_map(|(_, text)| promise_lines(text))
        .filter_map(|line| line.strip_prefix("place "))
        .collect();
    let files = zones.iter().map(|(path, text)| (scene::shown(path), text.clone())).collect();
    Scene::build(files, &places.join("\n"))
}

/// The cases in an example zone's comments.
pub fn promises(text: &str) -> Vec<Case> {
    let mut cases: Vec<(usize, Vec<&str>)> = Vec::new();
    for (number, line) in promise_lines(text).enumerate() {
        if line.starts_with("== ") {
            cases.push((number + 1, vec![line]));
        } else if let Some((_, lines)) = cases.last_mut()
            && !line.starts_with("place ")
        {
            lines.push(line);
        }
    }
    cases.iter().map(|(number, lines)| Case::parse(*number, lines)).collect()
}

impl Case {
    fn parse(line: usize, lines: &[&str]) -> Self {
        let mut case = Self {
            title: lines[0].trim_start_matches("== ").to_owned(),
            line,
            changes: Vec::new(),
            query: Asked::dig(". A"),
            status: String::new(),
            records: Vec::new(),
            scope: None,
        };
        let mut asked = false;
        for line in &lines[1..] {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "with" => case.changes.extend(rest.split(',').map(Change::parse)),
                "dig" => (case.query, asked) = (Asked::dig(rest), true),
                "bytes" => (case.query, asked) = (Asked::bytes(rest), true),
                "scope" => case.scope = Some(rest.trim().parse().expect("a scope")),
                "authority" | "additional" => case.records.push(Expected::parse(word, rest)),
                _ if asked && case.status.is_empty() => case.status = line.to_owned(),
                _ => case.records.push(Expected::parse("answer", line)),
            }
        }
        assert!(asked && !case.status.is_empty(), "line {}: no query or no status", case.line);
        case
    }

    /// Sends the query as often as draws are to be seen; says how the answers differ.
    pub fn check(&self, scene: &Scene, draws: u64) -> Result<(), String> {
        let snapshot = scene.snapshot(&self.changes);
        let drawn = self.records.iter().any(|r| r.any_of.len() > 1);
        let mut seen: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.records.len()];
        for seed in 0..if drawn { draws } else { 5 } {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut buffer = vec![0; 65_535];
            let mut reply = Reply::new(&mut buffer);
            let Asked { bytes, from, transport } = &self.query;
            let query = Query { bytes, from: *from, transport: *transport };
            let outcome = answer::answer(&query, &snapshot, &mut rng, &mut reply);
            let message = reply.message();
            if outcome.rcode.is_none() || message.is_empty() {
                let silent = self.status == "silence" && message.is_empty();
                return if silent { Ok(()) } else { Err("  silence".into()) };
            }
            let decoded = Decoded::read(bytes, message)?;
            self.compare(&decoded, &mut seen).map_err(|why| format!("  {why}\n{decoded}"))?;
        }
        for (record, seen) in self.records.iter().zip(&seen) {
            if seen.len() < record.any_of.len() {
                return Err(format!("  {}: only {seen:?} of {:?}", record.head, record.any_of));
            }
        }
        Ok(())
    }

    fn compare(&self, got: &Decoded, seen: &mut [BTreeSet<usize>]) -> Result<(), String> {
        if got.status != self.status {
            return Err(format!("expected {}", self.status));
        }
        if got.scope != self.scope {
            return Err(format!("expected scope {:?}, got {:?}", self.scope, got.scope));
        }
        let mut left: Vec<_> = got.records.iter().collect();
        // The lines with the fewest alternatives choose first.
        let mut order: Vec<_> = (0..self.records.len()).collect();
        order.sort_by_key(|&i| self.records[i].any_of.len());
        for i in order {
            let expected = &self.records[i];
            let fits = |(head, rdata): &(String, String)| {
                (*head == expected.head).then(|| expected.any_of.iter().position(|r| r == rdata))?
            };
            let found = left.iter().enumerate().find_map(|(at, r)| Some((at, fits(r)?)));
            let Some((at, alternative)) = found else {
                return Err(format!("missing: {} {}", expected.head, expected.any_of.join(" | ")));
            };
            seen[i].insert(alternative);
            left.remove(at);
        }
        if left.is_empty() { Ok(()) } else { Err(format!("not expected: {left:?}")) }
    }
}

impl Expected {
    fn parse(section: &str, line: &str) -> Self {
        let mut words = line.split_whitespace();
        let mut word = || words.next().expect("OWNER TTL TYPE RDATA").to_owned();
        let head = format!("{section} {} {} {}", word(), word(), word());
        let rdata = words.collect::<Vec<_>>().join(" ");
        Self { head, any_of: rdata.split(" | ").map(|r| r.trim().to_owned()).collect() }
    }
}

impl Asked {
    /// `NAME TYPE [from ADDRESS] [+subnet=A/N] [+noedns] [+bufsize=N] [+edns=V] [+tcp] [+rd] [+do]
    /// [class C] [opcode N]`.
    fn dig(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let qname = words.next().expect("a name");
        let qtype = rtype(words.next().expect("a type"));
        let mut asked =
            Self { bytes: Vec::new(), from: [192, 0, 2, 250].into(), transport: Transport::Udp };
        let (mut size, mut version, mut flags) = (Some(1232_u16), 0_u8, 0_u16);
        let (mut class, mut header) = (1_u16, 0_u16);
        let mut option = Vec::new();
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("a value");
            match word.split_once('=').unwrap_or((word, "")) {
                ("from", _) => asked.from = value().parse().expect("an address"),
                ("class", _) => class = value().parse().expect("a class"),
                ("opcode", _) => header |= value().parse::<u16>().expect("an opcode") << 11,
                ("+noedns", _) => size = None,
                ("+bufsize", n) => size = Some(n.parse().expect("a size")),
                ("+edns", n) => version = n.parse().expect("a version"),
                ("+tcp", _) => asked.transport = Transport::Tcp,
                ("+rd", _) => header |= 0x0100,
                ("+cd", _) => header |= 0x0010,
                ("+do", _) => flags |= 0x8000,
                ("+subnet", subnet) => option = client_subnet(subnet),
                _ => panic!("no such word: {word:?}"),
            }
        }
        let bytes = &mut asked.bytes;
        let counts = [0x1234, header, 1, 0, 0, u16::from(size.is_some())];
        bytes.extend(counts.into_iter().flat_map(u16::to_be_bytes));
        bytes.extend(wire_name(qname));
        bytes.extend([qtype, class].into_iter().flat_map(u16::to_be_bytes));
        if let Some(size) = size {
            bytes.extend([0, 0, 41]);
            bytes.extend(size.to_be_bytes());
            bytes.extend([0, version]);
            bytes.extend(flags.to_be_bytes());
            bytes.extend((option.len() as u16).to_be_bytes());
            bytes.extend(option);
        }
        asked
    }

    /// Octets in hexadecimal, blanks anywhere.
    fn bytes(text: &str) -> Self {
        let digits: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).collect();
        let octet = |pair: &[char]| {
            u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal")
        };
        let bytes = digits.chunks(2).map(octet).collect();
        Self { bytes, from: [192, 0, 2, 250].into(), transport: Transport::Udp }
    }
}

/// An ECS option (RFC 7871 §6) of `ADDRESS/SOURCE`.
fn client_subnet(text: &str) -> Vec<u8> {
    let (address, source) = text.split_once('/').expect("ADDRESS/SOURCE");
    let source: u8 = source.parse().expect("a prefix length");
    let (family, octets) = match address.parse().expect("an address") {
        IpAddr::V4(a) => (1_u16, a.octets().to_vec()),
        IpAddr::V6(a) => (2, a.octets().to_vec()),
    };
    let octets = &octets[..usize::from(source).div_ceil(8)];
    let mut option = vec![0, 8];
    option.extend((4 + octets.len() as u16).to_be_bytes());
    option.extend(family.to_be_bytes());
    option.extend([source, 0]);
    option.extend(octets);
    option
}

/// A name in wire format, its letters as written.
fn wire_name(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend(label.bytes());
    }
    wire.push(0);
    wire
}

fn rtype(text: &str) -> u16 {
    let known = |name: &str| name.parse::<hickory_proto::rr::RecordType>().ok().map(u16::from);
    let number = |name: &str| name.strip_prefix("TYPE")?.parse().ok();
    number(text).or_else(|| known(text)).unwrap_or_else(|| panic!("no such type: {text:?}"))
}
