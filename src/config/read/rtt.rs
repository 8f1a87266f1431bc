//! Known round-trip times: client → { pool: milliseconds }.

use super::client::{self, ClientKey};
use super::fields::{mapping, not_yet};
use super::scalar;
use crate::config::diagnostic::{Report, Spanned};
use crate::config::tree::{Key, Node};

/// The times from one set of clients, which is never a subdivision or a continent.
#[derive(Clone, Debug)]
pub struct RttRow {
    /// The clients.
    pub client: Spanned<ClientKey>,
    /// Each pool's name, and the time in milliseconds.
    pub times: Vec<(Spanned<Box<str>>, f64)>,
}

/// A minute: what is longer is no round-trip time.
const LONGEST: f64 = 60_000.0;

/// Reads the section; what is wrong is reported and left out.
pub fn read(node: &Node, report: &mut Report) -> Vec<RttRow> {
    let mut rows = Vec::new();
    for (key, times) in mapping(node, "`rtt`", report).unwrap_or(&[]) {
        if key.value == "file" {
            not_yet(key.span, "rtt: { file: … }", report);
            continue;
        }
        let client = read_client(key, report);
        let times = read_times(times, report);
        rows.extend(client.map(|client| RttRow { client, times }));
    }
    rows
}

fn read_client(key: &Key, report: &mut Report) -> Option<Spanned<ClientKey>> {
    let client = client::read(key, report)?;
    let kind = match client.value {
        ClientKey::Cidr(_) | ClientKey::Asn(_) | ClientKey::Country(_) => return Some(client),
        ClientKey::Subdivision(_) => "a subdivision",
        ClientKey::Continent(_) => "a continent",
    };
    report
        .error(key.span, format!("`{}` is {kind}", key.value))
        .help("`rtt` knows clients by country (JP), AS (AS64500) or network (10.0.0.0/8)");
    None
}

fn read_times(node: &Node, report: &mut Report) -> Vec<(Spanned<Box<str>>, f64)> {
    let entries = mapping(node, "a row of `rtt`", report).unwrap_or(&[]);
    entries
        .iter()
        .filter_map(|(pool, time)| {
            let above_zero = f64::MIN_POSITIVE..=LONGEST;
            let what = "milliseconds, a number above 0 and at most 60000";
            let time = scalar::number(time, what, above_zero, report)?;
            Some((Spanned { span: pool.span, value: pool.value.as_str().into() }, time))
        })
        .collect()
}
