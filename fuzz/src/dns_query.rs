//! A query, and the server's whole answer to it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use rhumb::answer::{Query, Transport, answer};
use rhumb::config::{Known, SourceFile, load};
use rhumb::dns::decode;
use rhumb::dns::encode::Reply;
use rhumb::geo::mmdb::Databases;
use rhumb::world::{Snapshot, World};

const ZONE: &str = "zone: example.com\n\
                    ns: [ns1]\n\
                    pools:\n  a: { members: [192.0.2.1, 192.0.2.2, \"2001:db8::1\"] }\n\
                    names:\n  \
                    ns1: { A: 192.0.2.53 }\n  \
                    www: { route: a }\n  \
                    alias: { CNAME: www }\n  \
                    \"*.wild\": { TXT: hello }\n  \
                    sub: { NS: ns1 }\n";

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let file = SourceFile { path: "zone".into(), text: ZONE.into(), modified: 0 };
    let loaded = load(&[file], Known::default());
    let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let world = World::build(config, &Databases::default(), 1, 1).named("node-1");
    Snapshot::all_up(Arc::new(world))
});

pub(crate) fn run(bytes: &[u8]) {
    let request = decode::request(bytes);
    let from: IpAddr = Ipv4Addr::LOCALHOST.into();
    for transport in Transport::ALL {
        // As long as the longest message, so that the answer's own limits are what is tried.
        let mut buffer = [0; 65_535];
        let mut reply = Reply::new(&mut buffer);
        let mut rng = fastrand::Rng::with_seed(1);
        let outcome = answer(&Query { bytes, from, transport }, &SNAPSHOT, &mut rng, &mut reply);
        let message = reply.message();
        assert_eq!(request.is_none(), message.is_empty(), "silence is for what is no request");
        assert_eq!(outcome.rcode.is_none(), message.is_empty());
        if let Some(request) = &request {
            assert_eq!(message.get(..2), Some(&request.id[..]));
            assert!(message.len() >= decode::HEADER && message[2] & 0x80 != 0, "a response");
            let most = if transport == Transport::Udp { 1232 } else { 65_535 };
            assert!(message.len() <= most, "{} octets", message.len());
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let names: [&[u8]; 5] = [
        b"\x03www\x07example\x03com\0",
        b"\x05alias\x07example\x03com\0",
        b"\x01x\x04wild\x07example\x03com\0",
        b"\x01x\x03sub\x07EXAMPLE\x03com\0",
        b"\x02id\x06server\0",
    ];
    // The OPT record (RFC 6891): 1232 octets, a client subnet (RFC 7871), a cookie.
    let opt = b"\0\0\x29\x04\xd0\0\0\x80\0\0\x17\
                \0\x08\0\x07\0\x01\x18\0\xc0\0\x02\0\x0a\0\x08abcdefgh";
    let query = |name: &[u8], class: u8, kind: u8| {
        let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        [&header, name, &[0, kind, 0, class], &opt[..]].concat()
    };
    let each = names.iter().flat_map(|name| [1, 16, 28, 255].map(|kind| query(name, 1, kind)));
    each.chain([query(names[4], 3, 16)]).collect()
}
