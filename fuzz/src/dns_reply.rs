//! A reply to what a node asks itself, or another node.

use std::sync::LazyLock;

use rhumb::config::Config;
use rhumb::geo::mmdb::Databases;
use rhumb::node::query::{Judged, OwnQuery, queries};
use rhumb::world::World;

const ID: u16 = 0x1234;

static ASKED: LazyLock<Vec<OwnQuery>> =
    LazyLock::new(|| queries(&World::build(Config::default(), &Databases::default(), 1, 1)));

pub(crate) fn run(message: &[u8]) {
    for query in &*ASKED {
        let judged = query.judge(ID, message);
        let ours = message.starts_with(&ID.to_be_bytes());
        assert!(ours || judged == Judged::Stray, "another message counts as an answer");
        let other = query.judge(!ID, message);
        assert!(judged == Judged::Stray || other == Judged::Stray, "one message answers twice");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let reply = |query: &OwnQuery| {
        let mut message = query.message(ID);
        // QR, AA, one answer.
        message[2] = 0x84;
        message[7] = 1;
        message.extend_from_slice(b"\xc0\x0c\0\x10\0\x03\0\0\0\0\0\x02\x01x");
        message
    };
    ASKED.iter().map(reply).collect()
}
