//! Named policies so that children come first; loops.
//!
//! Without recursion: a chain of names may be as long as a file.

use super::names::{Meaning, Names, PolicyIndex};
use crate::config::diagnostic::{Report, Span};
use crate::config::read::policy::{PolicyKind, PolicyShape};

/// More links of a loop than this are not shown.
const SHOWN: usize = 8;

/// A named policy that another refers to, and where.
#[derive(Clone, Copy)]
struct Reference {
    span: Span,
    to: PolicyIndex,
}

/// A policy on the way down, and which of its references are still to be followed.
struct Step {
    policy: PolicyIndex,
    references: std::vec::IntoIter<Reference>,
    /// The reference that was followed last.
    followed: Option<Reference>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Unseen,
    Open,
    Done,
}

/// Every named policy once, each after those that it refers to. Loops are reported and cut at one
/// reference each.
pub(super) fn children_first(names: &Names, report: &mut Report) -> Vec<PolicyIndex> {
    let mut visits = vec![Visit::Unseen; names.policies.len()];
    let mut order = Vec::with_capacity(visits.len());
    for root in (0..visits.len()).map(PolicyIndex) {
        if visits[root.0] == Visit::Unseen {
            descend(root, names, &mut visits, &mut order, report);
        }
    }
    order
}

fn descend(
    root: PolicyIndex,
    names: &Names,
    visits: &mut [Visit],
    order: &mut Vec<PolicyIndex>,
    report: &mut Report,
) {
    let mut path = vec![enter(root, names, visits)];
    while let Some(step) = path.last_mut() {
        let Some(reference) = step.references.next() else {
            visits[step.policy.0] = Visit::Done;
            order.push(step.policy);
            path.pop();
            continue;
        };
        step.followed = Some(reference);
        match visits[reference.to.0] {
            Visit::Unseen => path.push(enter(reference.to, names, visits)),
            Visit::Open => report_loop(&path, reference, names, report),
            Visit::Done => {}
        }
    }
}

fn enter(policy: PolicyIndex, names: &Names, visits: &mut [Visit]) -> Step {
    visits[policy.0] = Visit::Open;
    let references = references(policy, names).into_iter();
    Step { policy, references, followed: None }
}

/// The named policies that a definition refers to, in the order written.
fn references(policy: PolicyIndex, names: &Names) -> Vec<Reference> {
    let defined = &names.policies[policy.0];
    let mut found = Vec::new();
    let mut pending: Vec<&PolicyShape> = vec![&defined.shape];
    while let Some(shape) = pending.pop() {
        if let PolicyKind::Name(name) = &shape.kind
            && let Some(Meaning::Policy(to)) = names.meaning(defined.scope, name)
        {
            found.push(Reference { span: shape.span, to });
        }
        pending.extend(shape.children().into_iter().rev());
    }
    found
}

/// `a → b → a`, with every reference on the way.
fn report_loop(path: &[Step], last: Reference, names: &Names, report: &mut Report) {
    let start = path.iter().position(|step| step.policy == last.to).unwrap_or(0);
    let around = &path[start..];
    let name = |policy: PolicyIndex| &*names.policies[policy.0].name.value;
    let mut links: Vec<_> =
        around.iter().take(SHOWN).map(|step| format!("`{}`", name(step.policy))).collect();
    if around.len() > SHOWN {
        links.push(format!("… {} more", around.len() - SHOWN));
    }
    links.push(format!("`{}`", name(last.to)));
    let message = format!("policies refer to each other in a loop: {}", links.join(" → "));
    let mut entry = report.error(last.span, message).here("this closes the loop");
    for step in around.iter().take(SHOWN) {
        let followed = step.followed.filter(|reference| reference.span != last.span);
        if let Some(reference) = followed {
            let text = format!("`{}` refers to `{}`", name(step.policy), name(reference.to));
            entry = entry.label(reference.span, text);
        }
    }
    entry.help("a policy comes to an end at pools");
}
