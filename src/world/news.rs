//! What a change of health means for members and pools, one line of log each.

use std::sync::Arc;

use tracing::{info, warn};

use super::World;
use crate::health::{MemberHealth, TargetHealth};
use crate::policy::decide::Mode;
use crate::policy::standing::Standing;
use crate::policy::{Family, MemberId, PoolId};

/// Tells of a member that now serves, or no longer does, and why.
pub(super) fn member(
    world: &World,
    id: MemberId,
    (before, now): (MemberHealth, MemberHealth),
    targets: &[TargetHealth],
) {
    if before.serves() == now.serves() {
        return;
    }
    let member = world.policies.member(id);
    let (pool, address) = (&*world.policies.pool(member.pool).name, member.address);
    if now.serves() {
        return info!(pool, %address, "member serves again");
    }
    let reason = reason(member.targets.iter().map(|target| &targets[target.0 as usize]));
    warn!(pool, %address, reason = reason.as_deref(), "member no longer serves");
}

/// The reason of the first target that is down.
fn reason<'t>(mut of: impl Iterator<Item = &'t TargetHealth>) -> Option<Arc<str>> {
    of.find(|target| !target.state.serves()).and_then(|target| target.reason.clone())
}

/// Tells of a pool that is up again, or down, in the families that it has.
pub(super) fn pool(world: &World, id: PoolId, (before, now): (&[MemberHealth], &[MemberHealth])) {
    let pool = &*world.policies.pool(id).name;
    let [before, now] = [before, now].map(|health| Standing::of(&world.policies, id, health));
    for family in Family::BOTH {
        let standing = now.families[family.index()];
        let [was, is] = [before, now].map(|standing| standing.is_up(family, Mode::Normal));
        if was == is || standing.every == 0 {
            continue;
        }
        let (serving, of) = (standing.serving, standing.counted);
        let family = family.word();
        match is {
            true => info!(pool, family, serving, of, "pool is up"),
            false => warn!(pool, family, serving, of, "pool is down"),
        }
    }
}
