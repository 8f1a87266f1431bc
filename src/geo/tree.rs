//! The search tree of an MMDB file: which network leads to which record.
//!
//! The tree is walked here and not by the crate that reads the records. The crate skips what leads
//! to the same place as the IPv4 tree does, without counting: in a damaged tree whose branches
//! meet there it would walk for ever, and in a file without an IPv4 tree it loses networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use maxminddb::Metadata;

/// The search tree of a file whose metadata the crate has checked against its length.
pub(super) struct Tree<'b> {
    bytes: &'b [u8],
    /// Nodes have numbers below it; it stands for "no record", and what is above for a record.
    nodes: u32,
    record_bits: usize,
    /// How deep the tree is: the bits of an address.
    depth: u8,
    /// The first 96 bits of IPv4 in a tree of IPv6 are 0 (so is the whole of an IPv4 tree).
    bits_before_v4: u8,
}

/// A network with a record.
pub(super) struct Network {
    /// Its first address; IPv4 below 96 bits of 0 in a tree of IPv6.
    pub(super) first: IpAddr,
    /// In bits of its family.
    pub(super) length: u8,
    /// Equal for networks that share a record.
    pub(super) record: u32,
}

/// A branch of the tree: where it leads, and the bits on the way, from the top.
#[derive(Clone, Copy)]
struct Branch {
    to: u32,
    bits: u128,
    length: u8,
}

/// In a sound tree each node has one way to it, aliases apart. Makers that let some equal branches
/// share their nodes are put up with.
const MOST_VISITS_PER_NODE: u64 = 3;

impl<'b> Tree<'b> {
    pub(super) fn new(bytes: &'b [u8], metadata: &Metadata) -> Self {
        let (depth, bits_before_v4) = if metadata.ip_version == 4 { (32, 0) } else { (128, 96) };
        let record_bits = usize::from(metadata.record_size);
        Self { bytes, nodes: metadata.node_count, record_bits, depth, bits_before_v4 }
    }

    /// Calls `found` for every network that has a record, in order of address, IPv4 first. Ways
    /// into the IPv4 tree from elsewhere (`::ffff:0:0/96`, `2002::/16`) are aliases and skipped.
    ///
    /// # Errors
    /// When it is no tree, and those of `found`.
    pub(super) fn each_network(
        &self,
        mut found: impl FnMut(Network) -> Result<(), String>,
    ) -> Result<(), String> {
        let v4 = self.v4_root();
        let mut visits_left = MOST_VISITS_PER_NODE * u64::from(self.nodes);
        let mut open = vec![Branch { to: 0, bits: 0, length: 0 }];
        while let Some(branch) = open.pop() {
            if branch.to == self.nodes || (branch.bits != 0 && v4 == Some(branch.to)) {
                continue;
            }
            if branch.to > self.nodes {
                found(self.network(branch))?;
                continue;
            }
            visits_left = visits_left.checked_sub(1).ok_or("branches of the search tree meet")?;
            if branch.length == self.depth {
                return Err("the search tree is deeper than an address is long".to_owned());
            }
            open.extend([self.child(branch, 1)?, self.child(branch, 0)?]);
        }
        Ok(())
    }

    /// The node of all of IPv4, in a tree of IPv6 that has one.
    fn v4_root(&self) -> Option<u32> {
        let mut branch = Branch { to: 0, bits: 0, length: 0 };
        while branch.length < self.bits_before_v4 && branch.to < self.nodes {
            branch = self.child(branch, 0).ok()?;
        }
        (branch.to != 0 && branch.to < self.nodes).then_some(branch.to)
    }

    /// The branch to a side, 0 or 1, of the node that a branch leads to.
    fn child(&self, branch: Branch, side: u8) -> Result<Branch, String> {
        let length = branch.length + 1;
        let bits = branch.bits | u128::from(side) << (128 - u32::from(length));
        let to = self.record(branch.to as usize, side).ok_or("the search tree is cut off")?;
        Ok(Branch { to, bits, length })
    }

    /// One of a node's two records.
    fn record(&self, node: usize, side: u8) -> Option<u32> {
        let size = self.record_bits / 4;
        let node = self.bytes.get(node * size..(node + 1) * size)?;
        let big_endian = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
        let (left, right) = node.split_at(size / 2);
        Some(match (self.record_bits, side) {
            // The byte in the middle holds the highest four bits of both.
            (28, 0) => u32::from(right[0] >> 4) << 24 | big_endian(left),
            (28, _) => big_endian(right) & 0x0fff_ffff,
            (_, 0) => big_endian(left),
            _ => big_endian(right),
        })
    }

    fn network(&self, Branch { to, bits, length }: Branch) -> Network {
        let v4 = if self.depth == 32 { bits >> 96 } else { bits };
        match u32::try_from(v4) {
            Ok(v4) if length >= self.bits_before_v4 => Network {
                first: IpAddr::V4(Ipv4Addr::from(v4)),
                length: length - self.bits_before_v4,
                record: to,
            },
            _ => Network { first: IpAddr::V6(Ipv6Addr::from(bits)), length, record: to },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_every_size_are_read() {
        let cases: [(usize, &[u8], [u32; 2]); 3] = [
            (24, &[0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc], [0x0012_3456, 0x0078_9abc]),
            (28, &[0x12, 0x34, 0x56, 0xab, 0x78, 0x9a, 0xbc], [0x0a12_3456, 0x0b78_9abc]),
            (32, &[0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0], [0x1234_5678, 0x9abc_def0]),
        ];
        for (record_bits, node, records) in cases {
            let bytes = [&vec![0; node.len()], node].concat();
            let tree = Tree { bytes: &bytes, nodes: 2, record_bits, depth: 32, bits_before_v4: 0 };
            assert_eq!([tree.record(1, 0), tree.record(1, 1)], records.map(Some), "{record_bits}");
            assert_eq!(tree.record(2, 0), None, "{record_bits}: past the end");
        }
    }
}
