//! Writes MMDB files (version 2.0 of the format) of records of 32 bits, in a tree of IPv6.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

/// What one side of a node leads to.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    Nothing,
    Node(usize),
    /// An offset in the data section.
    Record(usize),
}

/// A file in the making.
pub(super) struct File {
    /// The first is the root.
    pub(super) nodes: Vec<[Slot; 2]>,
    data: Vec<u8>,
}

impl File {
    pub(super) fn new() -> Self {
        Self { nodes: vec![[Slot::Nothing; 2]], data: Vec::new() }
    }

    /// Adds a network with a record of its own.
    pub(super) fn insert(&mut self, network: &str, record: Value) {
        let record = self.record(record);
        self.put(network, record);
    }

    /// Adds a record.
    pub(super) fn record(&mut self, record: Value) -> Slot {
        let offset = self.data.len();
        encode(&record, &mut self.data);
        Slot::Record(offset)
    }

    /// Makes a network an alias of all of IPv4.
    pub(super) fn alias(&mut self, network: &str) {
        let v4 = (0..96).fold(0, |node, _| match self.nodes[node][0] {
            Slot::Node(next) => next,
            Slot::Nothing | Slot::Record(_) => panic!("insert IPv4 networks first"),
        });
        self.put(network, Slot::Node(v4));
    }

    /// Has a network lead to a slot.
    pub(super) fn put(&mut self, network: &str, slot: Slot) {
        let network: IpNet = network.parse().expect("a network");
        let (bits, length) = match network.network() {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)), 96 + network.prefix_len()),
            IpAddr::V6(v6) => (u128::from(v6), network.prefix_len()),
        };
        let side = |depth: u8| (bits >> (127 - depth) & 1) as usize;
        let mut node = 0;
        for depth in 0..length - 1 {
            node = match self.nodes[node][side(depth)] {
                Slot::Node(next) => next,
                Slot::Nothing | Slot::Record(_) => {
                    self.nodes.push([Slot::Nothing; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[node][side(depth)] = Slot::Node(next);
                    next
                }
            };
        }
        self.nodes[node][side(length - 1)] = slot;
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for slot in self.nodes.as_flattened() {
            let number = match slot {
                Slot::Nothing => self.nodes.len(),
                Slot::Node(node) => *node,
                Slot::Record(offset) => self.nodes.len() + 16 + offset,
            };
            bytes.extend((number as u32).to_be_bytes());
        }
        bytes.extend([0; 16]);
        bytes.extend(&self.data);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        self.metadata(&mut bytes);
        bytes
    }

    /// The metadata; the format fixes the type of each of its numbers.
    fn metadata(&self, bytes: &mut Vec<u8>) {
        control(MAP, 9, bytes);
        let shorts = [
            ("binary_format_major_version", 2),
            ("binary_format_minor_version", 0),
            ("ip_version", 6),
            ("record_size", 32u16),
        ];
        for (key, value) in shorts {
            encode(&json!(key), bytes);
            control(UINT16, 2, bytes);
            bytes.extend(value.to_be_bytes());
        }
        encode(&json!("node_count"), bytes);
        control(UINT32, 4, bytes);
        bytes.extend((self.nodes.len() as u32).to_be_bytes());
        let others = [
            ("build_epoch", json!(1_709_164_800)),
            ("database_type", json!("written-by-hand")),
            ("description", json!({})),
            ("languages", json!([])),
        ];
        for (key, value) in others {
            encode(&json!(key), bytes);
            encode(&value, bytes);
        }
    }
}

const STRING: u8 = 2;
const DOUBLE: u8 = 3;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;

/// Appends a value in the format's encoding.
fn encode(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            control(STRING, text.len(), bytes);
            bytes.extend(text.as_bytes());
        }
        Value::Number(number) => match number.as_u64() {
            Some(integer) => {
                control(UINT64, 8, bytes);
                bytes.extend(integer.to_be_bytes());
            }
            None => {
                control(DOUBLE, 8, bytes);
                bytes.extend(number.as_f64().expect("a double").to_be_bytes());
            }
        },
        Value::Object(map) => {
            control(MAP, map.len(), bytes);
            for (key, value) in map {
                encode(&Value::String(key.clone()), bytes);
                encode(value, bytes);
            }
        }
        Value::Array(list) => {
            control(ARRAY, list.len(), bytes);
            list.iter().for_each(|value| encode(value, bytes));
        }
        Value::Bool(_) | Value::Null => panic!("not needed by any test"),
    }
}

/// A type and a size below 29.
fn control(kind: u8, size: usize, bytes: &mut Vec<u8>) {
    assert!(size < 29, "longer sizes are not needed by any test");
    if kind <= MAP {
        bytes.push(kind << 5 | size as u8);
    } else {
        bytes.extend([size as u8, kind - MAP]);
    }
}
