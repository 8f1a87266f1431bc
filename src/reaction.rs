//! What follows from a snapshot, as pure functions: nothing here does anything.

use std::sync::Arc;

use vrrp::conditions::Health;

use crate::announce::standing::{Doubt, Lesser, Standing, Verdict};
use crate::announce::{Announcement, OnDown, When};
use crate::node::{Answering, NodeState, ServiceState};
use crate::policy::decide::Mode;
use crate::policy::{Family, PoolId, standing::Standing as PoolStanding};
use crate::world::Snapshot;

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

/// What speaks for and against an announcement.
///
/// A node that is overloaded, or that cannot ask itself, still answers as far as anybody knows.
#[must_use]
pub fn standing(snapshot: &Snapshot, announcement: &Announcement) -> Standing {
    let verdict = match health(snapshot, announcement) {
        Verdict::Fine if announcement.deprefer.stale_config && snapshot.node.stale => {
            Verdict::Lesser(Lesser::StaleConfig)
        }
        verdict => verdict,
    };
    Standing { verdict, drained: snapshot.node.drained }
}

fn health(snapshot: &Snapshot, announcement: &Announcement) -> Verdict {
    match &announcement.when {
        When::Always => Verdict::Fine,
        When::Dns => of_node(&snapshot.node, &announcement.name),
        When::Pool { pool, on_down } => match is_pool_up(snapshot, pool, announcement) {
            Some(true) => Verdict::Fine,
            Some(false) => pool_down(pool, *on_down),
            None => Verdict::Unknown(Doubt::NoSuchPool(Arc::clone(pool))),
        },
    }
}

fn of_node(node: &NodeState, service: &str) -> Verdict {
    match answering(node, service) {
        Answering::Yes => Verdict::Fine,
        Answering::No => {
            let failure = node.services.get(service).and_then(|state| state.failure.clone());
            Verdict::CannotAnswer(failure)
        }
        Answering::Unknown => Verdict::Unknown(Doubt::NoVerdict),
    }
}

fn pool_down(pool: &Arc<str>, on_down: OnDown) -> Verdict {
    match on_down {
        OnDown::Deprefer => Verdict::Lesser(Lesser::PoolDown(Arc::clone(pool))),
        OnDown::Withdraw => Verdict::PoolDown,
    }
}

/// Whether a pool is up, as `status` says it, for any family of the prefixes; absent when there is
/// no such pool.
fn is_pool_up(snapshot: &Snapshot, pool: &str, announcement: &Announcement) -> Option<bool> {
    let policies = &snapshot.world.policies;
    let at = policies.pools.iter().position(|known| *known.name == *pool)?;
    let standing = PoolStanding::of(policies, PoolId(at as u32), &snapshot.health);
    let mut families = announcement.prefixes.iter().map(|prefix| Family::of(prefix.addr()));
    Some(families.any(|family| standing.is_up(family, Mode::Normal)))
}

fn answering(node: &NodeState, service: &str) -> Answering {
    let known = |state: &ServiceState| state.answering;
    node.services.get(service).map_or(Answering::Unknown, known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announce::fixture::{announcement, marked, snapshot};

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

    #[test]
    fn an_announcement_that_depends_on_dns_falls_only_with_a_node_that_cannot_answer() {
        let dns = announcement("dns");
        let unknown = || Verdict::Unknown(Doubt::NoVerdict);
        for (answering, expected) in [
            (Answering::Yes, Verdict::Fine),
            (Answering::No, Verdict::CannotAnswer(Some("silence".into()))),
            (Answering::Unknown, unknown()),
        ] {
            // The pool has no part in it.
            for web in [[true; 3], [false; 3]] {
                let standing = standing(&snapshot(answering, web), &dns);
                assert_eq!(standing, Standing { verdict: expected.clone(), drained: false });
            }
        }
        // Another service's word is none.
        let other = announcement("other");
        let standing = standing(&snapshot(Answering::No, [true; 3]), &other);
        assert_eq!(standing.verdict, unknown());
    }

    #[test]
    fn what_is_only_an_alarm_speaks_against_nothing() {
        let mut alarmed = snapshot(Answering::Yes, [true; 3]);
        let reason = || Some("a flood".into());
        let state = ServiceState {
            answering: Answering::Yes,
            failure: None,
            overloaded: reason(),
            no_result: reason(),
            tcp_failing: reason(),
        };
        let services = [("dns".into(), state)].into();
        alarmed.node = Arc::new(NodeState { services, ..NodeState::default() });
        assert_eq!(standing(&alarmed, &announcement("dns")).verdict, Verdict::Fine);
    }

    #[test]
    fn an_announcement_that_depends_on_nothing_is_fine() {
        let always = Announcement { when: When::Always, ..announcement("dns") };
        for answering in [Answering::Yes, Answering::No, Answering::Unknown] {
            let found = standing(&snapshot(answering, [false; 3]), &always);
            assert_eq!(found.verdict, Verdict::Fine, "{answering:?}");
        }
    }

    #[test]
    fn a_pool_is_down_when_it_is_for_every_family_of_the_prefixes() {
        let of_pool = |on_down, prefixes: &[&str]| Announcement {
            when: When::Pool { pool: "example.com/web".into(), on_down },
            prefixes: prefixes.iter().map(|prefix| prefix.parse().expect("a prefix")).collect(),
            ..announcement("dns")
        };
        let (v4, v6) = ("203.0.113.53/32", "2001:db8:53::53/128");
        let lesser = Verdict::Lesser(Lesser::PoolDown("example.com/web".into()));
        for (web, prefixes, up) in [
            ([true, true, true], &[v4, v6][..], true),
            // Every member must serve.
            ([true, false, true], &[v4], false),
            ([true, false, true], &[v6], true),
            ([true, false, true], &[v4, v6], true),
            ([true, true, false], &[v4, v6], true),
            ([true, true, false], &[v6], false),
            ([true, false, false], &[v4, v6], false),
            ([false, false, false], &[v4, v6], false),
        ] {
            // What the node can answer has no part in it.
            for answering in [Answering::Yes, Answering::No] {
                let snapshot = snapshot(answering, web);
                for (on_down, down) in
                    [(OnDown::Deprefer, lesser.clone()), (OnDown::Withdraw, Verdict::PoolDown)]
                {
                    let found = standing(&snapshot, &of_pool(on_down, prefixes)).verdict;
                    assert_eq!(
                        found,
                        if up { Verdict::Fine } else { down },
                        "{web:?} {prefixes:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_pool_that_is_not_there_says_nothing() {
        let when = When::Pool { pool: "example.com/gone".into(), on_down: OnDown::Withdraw };
        let gone = Announcement { when, ..announcement("dns") };
        let found = standing(&snapshot(Answering::No, [false; 3]), &gone).verdict;
        assert_eq!(found, Verdict::Unknown(Doubt::NoSuchPool("example.com/gone".into())));
    }

    #[test]
    fn a_refused_configuration_makes_a_fine_announcement_the_lesser_and_changes_no_other() {
        let dns = announcement("dns");
        let mut brave = dns.clone();
        brave.deprefer.stale_config = false;
        let stale = || Verdict::Lesser(Lesser::StaleConfig);
        let cannot = || Verdict::CannotAnswer(Some("silence".into()));
        for (answering, announcement, expected) in [
            (Answering::Yes, &dns, stale()),
            (Answering::Yes, &brave, Verdict::Fine),
            (Answering::No, &dns, cannot()),
            (Answering::Unknown, &dns, Verdict::Unknown(Doubt::NoVerdict)),
        ] {
            for drained in [false, true] {
                let snapshot = marked(&snapshot(answering, [true; 3]), drained, true);
                let found = standing(&snapshot, announcement);
                assert_eq!(found, Standing { verdict: expected.clone(), drained });
            }
        }
        let when = When::Pool { pool: "example.com/web".into(), on_down: OnDown::Deprefer };
        let of_pool = Announcement { when, ..dns };
        let snapshot = marked(&snapshot(Answering::Yes, [false; 3]), false, true);
        let lesser = Lesser::PoolDown("example.com/web".into());
        assert_eq!(standing(&snapshot, &of_pool).verdict, Verdict::Lesser(lesser));
    }
}
