//! `geo`: which clients go where.

use std::collections::HashMap;

use super::super::client::{self, ClientKey};
use super::super::fields::{did_you_mean, mapping};
use super::super::scalar;
use super::{Child, Fence, GeoShape, read_child};
use crate::config::diagnostic::{Report, Span, Spanned};
use crate::config::tree::{Key, Node, quote};

/// `{ KEY: child, default: child }`.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<GeoShape> {
    let entries = mapping(node, "`geo`", report)?;
    let mut geo = GeoShape { keys: Vec::with_capacity(entries.len()), default: None };
    let mut seen: HashMap<ClientKey, Span> = HashMap::new();
    for (key, node) in entries {
        if key.value == "default" {
            geo.default = Some(Box::new(read_geo_child(node, report)));
            continue;
        }
        let client = read_key(key, report);
        let child = read_geo_child(node, report);
        if let Some(client) = client
            && let Some(first) = seen.insert(client.value, client.span)
        {
            report
                .error(client.span, format!("{} stands twice in this `geo`", client.value))
                .label(first, "the first is here");
        }
        geo.keys.push((client, child));
    }
    if geo.default.is_none() {
        report
            .error(node.span, "`geo` needs `default`")
            .help("name what clients get that match no other key: `default: pool`");
    }
    Some(geo)
}

fn read_key(key: &Key, report: &mut Report) -> Option<Spanned<ClientKey>> {
    let near = || did_you_mean(&key.value, ["default"].into_iter()).is_some();
    if key.value.len() >= 5 && client::parse(&key.value).is_err() && near() {
        report
            .error(key.span, format!("unknown client {}", quote(&key.value)))
            .help("did you mean `default`?");
        return None;
    }
    client::read(key, report)
}

fn read_geo_child(node: &Node, report: &mut Report) -> Child<Fence> {
    let (to, fields) = read_child(node, "geo", &["fence"], report);
    let fence = fields.and_then(|fields| fields.get("fence"));
    let choices = [("hard", Fence::Hard)];
    let fence = fence.and_then(|node| scalar::choice(node, "a fence", &choices, report));
    Child { to, options: fence.unwrap_or_default() }
}
