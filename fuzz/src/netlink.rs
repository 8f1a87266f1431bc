//! Netlink: messages, attributes, attributes of attributes.

use ::vrrp::linux::netlink::message::{Writer, attributes, messages, number};

/// How deep attributes are looked into; the kernel goes three deep.
const DEPTH: usize = 4;

pub(crate) fn run(octets: &[u8]) {
    let mut read = 0;
    for message in messages(octets) {
        read += message.body.len();
        // Structures of the requests in use have 4 to 16 octets.
        for structure in [4, 8, 12, 16] {
            look(message.body.get(structure..).unwrap_or_default(), DEPTH);
        }
    }
    assert!(read <= octets.len(), "{read} octets read of {}", octets.len());
}

fn look(octets: &[u8], depth: usize) {
    let mut read = 0;
    for (_, value) in attributes(octets) {
        read += value.len();
        assert_eq!(number(value).is_some(), value.len() >= 4);
        if depth > 0 {
            look(value, depth - 1);
        }
    }
    assert!(read <= octets.len(), "{read} octets read of {}", octets.len());
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = Writer::begin(&mut out, 20, 0x605, 7, &[2, 32, 0, 254, 1, 0, 0, 0]);
    writer.attribute(2, &[192, 0, 2, 1]);
    writer.attribute(1, &[192, 0, 2, 1]);
    writer.end();
    let mut writer = Writer::begin(&mut out, 16, 1, 8, &[0; 16]);
    writer.attribute(3, b"eth0\0");
    writer.nest(18, |inner| {
        inner.attribute(1, b"macvlan\0");
        inner.nest(2, |inner| inner.attribute(1, &4_u32.to_ne_bytes()));
    });
    writer.end();
    vec![out]
}
