//! `nearest`: the up child closest by great-circle distance, each drawn nearer or pushed away by
//! its bias.

use super::decide::{Because, Trace};
use super::plan::PlanId;
use super::resolve::{At, Resolver, Visit};
use super::{NearestChild, PolicyId};
use crate::geo::Coordinates;

impl Resolver<'_> {
    /// The children by distance, ties as listed; all as listed when the client has no place.
    pub(super) fn nearest(
        &mut self,
        at: At,
        children: &[NearestChild],
        visit: &mut Visit<'_, impl Trace>,
    ) -> PlanId {
        let from = visit.who.facts.coordinates;
        let mut placed: Vec<(PolicyId, Distance)> =
            children.iter().map(|child| (child.to, child.distance(from))).collect();
        placed.sort_by(|a, b| a.1.biased_km.total_cmp(&b.1.biased_km));
        let because = |distance: Distance| match from {
            Some(_) => Because::Distance(distance),
            None => Because::ClientWithoutPlace,
        };
        let children = placed.into_iter().map(|(to, distance)| (to, because(distance))).collect();
        self.in_order(at, children, Vec::new(), visit)
    }
}

/// How far a child is from a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// In kilometres.
    pub km: f64,
    /// In kilometres, with its bias: what is compared.
    pub biased_km: f64,
}

impl NearestChild {
    /// From the client's place to the child's; 0 from nowhere.
    fn distance(&self, from: Option<Coordinates>) -> Distance {
        let km = from.map_or(0.0, |from| from.distance_km(self.at));
        let bias = f64::from(self.bias) / 100.0;
        let biased_km = if bias >= 0.0 { km * (1.0 - bias) } else { km / (1.0 + bias) };
        Distance { km, biased_km }
    }
}
