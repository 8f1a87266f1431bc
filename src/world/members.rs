//! From the health of targets to the health of members; pure.

use super::World;
use crate::health::{MemberHealth, State, Target, TargetHealth};
use crate::policy::{Family, MemberId, Policies, PoolId};

/// The health of a member: the worst of its targets', and the operator's word as it was.
/// `last_served` is not decided here, see [`remember_last_served`].
pub(super) fn member_health(
    world: &World,
    member: MemberId,
    targets: &[TargetHealth],
    before: MemberHealth,
) -> MemberHealth {
    let of_member = &world.policies.member(member).targets;
    let of_member =
        || of_member.iter().map(|id| (&world.targets[id.0 as usize], &targets[id.0 as usize]));
    let probed = of_member().map(|(_, health)| health.state).max().unwrap_or(State::Up);
    let ttl_hint = match before.forced {
        Some(_) => None,
        // It serves again when the slowest of the targets that are down is back.
        None if probed == State::Down => {
            of_member().filter(|t| t.1.state == State::Down).filter_map(seconds_to_change).max()
        }
        None => of_member().filter_map(seconds_to_change).min(),
    };
    MemberHealth { probed, ttl_hint, ..before }
}

/// In how many seconds a target's state could change at the earliest; rounded up, at least 1.
fn seconds_to_change((target, health): (&std::sync::Arc<Target>, &TargetHealth)) -> Option<u32> {
    let time = target.probe.every.checked_mul(health.results_to_change)?;
    (!time.is_zero()).then(|| u32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u32::MAX))
}

/// Marks, family by family, the members of a pool that serve; where none does, the marks stay as
/// they were: those that were up last.
pub(super) fn remember_last_served(policies: &Policies, pool: PoolId, health: &mut [MemberHealth]) {
    for family in Family::BOTH {
        let ids = || {
            let of_family = move |id: &MemberId| Family::of(policies.member(*id).address) == family;
            policies.pool(pool).member_ids().filter(of_family)
        };
        if ids().any(|id| health[id.0 as usize].serves()) {
            ids().for_each(|id| {
                let member = &mut health[id.0 as usize];
                member.last_served = member.serves();
            });
        }
    }
}
