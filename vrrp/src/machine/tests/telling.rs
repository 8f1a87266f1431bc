//! What people and metrics are told.

use super::*;
use crate::config::Version;
use crate::fixture::pair;
use crate::machine::{Reason, Transition};

fn transition(node: &mut Node) -> Transition {
    let actions = std::iter::from_fn(|| node.machine.poll_action());
    let told = actions.filter_map(|action| match action {
        Action::Transition(transition) => Some(transition),
        _ => None,
    });
    told.last().expect("a transition")
}

#[test]
fn a_transition_tells_from_where_to_where_why_when_and_at_what_priority() {
    let mut node = Node::backup(pair(Version::V3));
    node.at(700);
    node.machine.handle_advertisement(node.now, &advert(0));
    node.machine.handle_timeout(node.now);
    let expected = Transition {
        from: State::Backup,
        to: State::Active,
        reason: Reason::Released { by: host(2) },
        at: node.now,
        priority: Priority(100),
    };
    assert_eq!(transition(&mut node), expected);
}

#[test]
fn a_fault_that_is_the_reason_is_told() {
    let mut node = Node::backup(pair(Version::V3));
    node.machine.handle_standing(node.now, faulty());
    assert_eq!(transition(&mut node).reason.to_string(), "the interface is down");
}

#[test]
fn reasons_name_who_made_them() {
    let sender = host(2);
    let cases = [
        (Reason::Silence { of: Some(sender) }, "silence", "10.0.0.2 is silent"),
        (Reason::Silence { of: None }, "silence", "nobody is Active"),
        (Reason::BfdDown { of: Some(sender) }, "bfd_down", "BFD lost 10.0.0.2"),
        (Reason::Released { by: sender }, "released", "10.0.0.2 gave the role away"),
        (Reason::Preempted { of: sender }, "preempted", "10.0.0.2 has a lower priority"),
        (
            Reason::Higher { sender, priority: Priority(150) },
            "higher_priority",
            "10.0.0.2 is Active with the higher priority 150",
        ),
        (
            Reason::Replaced { sender },
            "replaced",
            "10.0.0.2 became Active while this process stood still",
        ),
        (Reason::TakenOver { by: sender }, "taken_over", "10.0.0.2 took over"),
        (Reason::NobodyTookOver, "nobody_took_over", "no peer took over"),
    ];
    for (reason, label, words) in cases {
        assert_eq!((reason.label(), reason.to_string().as_str()), (label, words));
    }
}

#[test]
fn warnings_are_sentences_with_values() {
    let cases = [
        (
            Warning::DualActive { with: host(2), priority: Priority(50) },
            "10.0.0.2 is Active too, with priority 50",
        ),
        (
            Warning::Stalled { silent: ms(3500) },
            "stood still: sent nothing for 3.5s while Active; listening before going on",
        ),
        (
            Warning::LateWakeUp { late: ms(45) },
            "woke 45.0ms late: the Active gets one interval more",
        ),
        (
            Warning::Standing { unhealthy: Some(Unhealthy::Drained), priority: Priority(1) },
            "drained: priority 1",
        ),
        (Warning::Standing { unhealthy: None, priority: Priority(100) }, "priority 100"),
    ];
    for (warning, words) in cases {
        assert_eq!(warning.to_string(), words);
    }
}

#[test]
fn who_is_active_is_known_to_a_backup_that_has_heard_it() {
    let mut node = Node::new(pair(Version::V3));
    assert_eq!(node.machine.other_active(), None);
    node.hears(150);
    assert_eq!(node.machine.other_active(), Some(host(2)));
    node.run_until(4000);
    assert_eq!(node.machine.state(), State::Active);
    assert_eq!(node.machine.other_active(), None);
}

#[test]
fn a_standing_that_is_the_same_again_is_not_told() {
    let mut node = Node::active(pair(Version::V3));
    assert_eq!(node.standing(standing(90)), "warn priority 90, advertise 90");
    assert_eq!(node.standing(standing(90)), "");
}
