//! What follows from a snapshot, as pure functions: nothing here does anything.

use vrrp::conditions::Health;

use crate::node::{Answering, NodeState, ServiceState};

/// The health of this node as the election for a service's addresses takes it.
///
/// Without a verdict the node counts as healthy: no result is never a failure. (Whether it may join
/// the election already is another question: [`has_verdict`].) What only raises alarms, and a
/// configuration that is stale, have no part in it: the other node may be no better off.
#[must_use]
pub fn vrrp_health(node: &NodeState, service: &str) -> Health {
    match (answering(node, service), node.drained) {
        (Answering::No, true | false) => Health::CannotAnswer,
        (Answering::Yes | Answering::Unknown, true) => Health::Drained,
        (Answering::Yes | Answering::Unknown, false) => Health::Good,
    }
}

/// Whether the node has asked itself about a service and come to a verdict, good or bad.
#[must_use]
pub fn has_verdict(node: &NodeState, service: &str) -> bool {
    answering(node, service) != Answering::Unknown
}

fn answering(node: &NodeState, service: &str) -> Answering {
    let known = |state: &ServiceState| state.answering;
    node.services.get(service).map_or(Answering::Unknown, known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verdict_or_an_operator_takes_a_node_out_of_good_health() {
        use Answering::{No, Unknown, Yes};
        for (answering, drained, health) in [
            (None, false, Health::Good),
            (None, true, Health::Drained),
            (Some(Unknown), false, Health::Good),
            (Some(Unknown), true, Health::Drained),
            (Some(Yes), false, Health::Good),
            (Some(Yes), true, Health::Drained),
            (Some(No), false, Health::CannotAnswer),
            (Some(No), true, Health::CannotAnswer),
        ] {
            for stale in [false, true] {
                let state = |answering| ServiceState {
                    answering,
                    overloaded: Some("a flood".into()),
                    tcp_failing: Some("refused".into()),
                    ..ServiceState::default()
                };
                let services = answering.map(|a| ("vip".into(), state(a)));
                let services = services.into_iter().collect();
                let node = NodeState { services, drained, stale };
                let found = vrrp_health(&node, "vip");
                assert_eq!(found, health, "{answering:?}, drained {drained}, stale {stale}");
                let verdict = matches!(answering, Some(Yes | No));
                assert_eq!(has_verdict(&node, "vip"), verdict, "{answering:?}");
            }
        }
    }

    #[test]
    fn each_service_has_a_health_of_its_own() {
        let state = |answering| ServiceState { answering, ..ServiceState::default() };
        let services =
            [("a".into(), state(Answering::No)), ("b".into(), state(Answering::Yes))].into();
        let node = NodeState { services, ..NodeState::default() };
        assert_eq!(vrrp_health(&node, "a"), Health::CannotAnswer);
        assert_eq!(vrrp_health(&node, "b"), Health::Good);
    }
}
