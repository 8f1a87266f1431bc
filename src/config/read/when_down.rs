//! `when_down`: what a name answers when its policy would pick nothing.

use super::fields::{Fields, word_list};
use super::scalar;
use crate::config::diagnostic::Report;
use crate::config::tree::{Node, Value};
use crate::policy::WhenDown;

/// An answer never carries more addresses than this.
const MOST_ADDRESSES: usize = 16;

/// Reads `serve_all`, `last_healthy`, `nodata`, `servfail`, `refused`, or `fallback: [addresses]`.
pub fn read(node: &Node, report: &mut Report) -> Option<WhenDown> {
    if let Value::Mapping(_) = node.value {
        return read_fallback(node, report);
    }
    let word = match node.text() {
        Some("serve_all") => WhenDown::ServeAll,
        Some("last_healthy") => WhenDown::LastHealthy,
        Some("nodata") => WhenDown::NoData,
        Some("servfail") => WhenDown::ServFail,
        Some("refused") => WhenDown::Refused,
        _ => {
            unknown(node, report);
            return None;
        }
    };
    Some(word)
}

fn unknown(node: &Node, report: &mut Report) {
    let words = ["serve_all", "last_healthy", "nodata", "servfail", "refused"];
    let near = super::fields::did_you_mean(node.text().unwrap_or(""), words.into_iter());
    let message = format!(
        "expected `when_down` ({}, or `fallback: [addresses]`), found {}",
        word_list(&words),
        node.found()
    );
    report.error(node.span, message).help_if(near.map(|near| format!("did you mean `{near}`?")));
}

fn read_fallback(node: &Node, report: &mut Report) -> Option<WhenDown> {
    let fields = Fields::of(node, "`when_down`", &["fallback"], report)?;
    let list = fields.require("fallback", "`when_down` as a mapping", report)?;
    let items = list.one_or_more();
    if items.is_empty() || items.len() > MOST_ADDRESSES {
        let found = items.len();
        let message =
            format!("expected 1 to {MOST_ADDRESSES} addresses to fall back to, found {found}");
        report.error(list.span, message);
        return None;
    }
    let mut addresses = Vec::with_capacity(items.len());
    for item in items {
        let Some(address) = scalar::address(item, report) else { continue };
        if addresses.contains(&address) {
            report.error(item.span, format!("{address} stands twice"));
        }
        addresses.push(address);
    }
    Some(WhenDown::Fallback(addresses.into()))
}
