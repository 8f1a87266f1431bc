//! `name`, `id` and `interface`: what tells entries apart.

use vrrp::config::Vrid;

use super::entry::WHAT;
use super::values;
use crate::config::diagnostic::{Report, Spanned};
use crate::config::read::fields::Fields;
use crate::config::tree::Node;

/// Who an entry is; each part absent after a mistake.
#[derive(Debug)]
pub(super) struct Identity {
    /// As written, or else INTERFACE/ID at the place of the id.
    pub name: Option<Spanned<String>>,
    /// Whether the name is written.
    pub is_named: bool,
    /// The VRID.
    pub id: Option<Spanned<Vrid>>,
    /// The interface's name.
    pub interface: Option<Spanned<String>>,
}

impl Identity {
    /// Reads the keys of an entry.
    pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Self {
        let id = fields.require("id", WHAT, report).and_then(|node| read_id(node, report));
        let interface = fields.require("interface", WHAT, report);
        let interface = interface.and_then(|node| values::interface(node, report));
        let interface = interface.filter(|interface| faces_a_network(interface, report));
        let name = match (fields.get("name"), &interface, id) {
            (Some(node), _, _) => values::plain_name(node, report),
            (None, Some(interface), Some(id)) => default_name(interface, id, report),
            (None, _, _) => None,
        };
        Self { name, is_named: fields.get("name").is_some(), id, interface }
    }
}

fn read_id(node: &Node, report: &mut Report) -> Option<Spanned<Vrid>> {
    let id = Vrid::new(values::number(node, "id", 1..=255, report)?)?;
    Some(Spanned { span: node.span, value: id })
}

/// Nobody else hears what is said on the loopback interface.
fn faces_a_network(interface: &Spanned<String>, report: &mut Report) -> bool {
    let is_loopback = interface.value == "lo";
    if is_loopback {
        report
            .error(interface.span, "interface lo has no neighbours")
            .help("name the interface that faces the clients; `resident` sees to lo");
    }
    !is_loopback
}

/// INTERFACE/ID; an interface's name may have characters that ours may not.
fn default_name(
    interface: &Spanned<String>,
    id: Spanned<Vrid>,
    report: &mut Report,
) -> Option<Spanned<String>> {
    let name = format!("{}/{}", interface.value, id.value);
    if !values::is_plain_name(&name) {
        report
            .error(interface.span, format!("`{name}` is no name for paths and metrics"))
            .help("give the entry a `name` of letters, digits, `-`, `_` and `.`");
        return None;
    }
    Some(Spanned { span: id.span, value: name })
}
