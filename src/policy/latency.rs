//! `latency`: the up child with the lowest known round-trip time, and its equals; then those
//! without one, by distance.

use super::LatencyChild;
use super::decide::{Because, Candidate, Decider, Evaluated, Finding, Place, Seen, Trace};
use super::geo::Key;
use super::nearest::Distance;
use super::plan::{Drawing, Plan, PlanId, Ranked};
use super::resolve::{At, Resolver, Visit};
use crate::geo::Coordinates;
use crate::geo::partition::Who;

/// A child with a known round-trip time: its place in the list, the time in milliseconds, and the
/// key that it is known by.
#[derive(Clone, Copy)]
struct Known {
    listed: usize,
    ms: f64,
    key: Key,
}

impl Resolver<'_> {
    /// Ranks the children for a client.
    pub(super) fn latency(
        &mut self,
        at: At,
        children: &[LatencyChild],
        within: f64,
        visit: &mut Visit<'_, impl Trace>,
    ) -> PlanId {
        let (known, reach) = rank(self.known_times(children, visit.who), within);
        let rest = without_time(children, &known, visit.who.facts.coordinates);
        let mut candidates = Vec::new();
        let mut ranked = Vec::new();
        for (place, (known, reach)) in known.iter().zip(reach).enumerate() {
            let policy = children[known.listed].to;
            let to = self.plan_of(At { policy, ..at }, visit);
            // Keys matter between equals only; without equals they would tell plans apart.
            let key = self.key(at, policy);
            ranked.push(Ranked { to, reach: reach as u32, key });
            let because = Because::RoundTrip { ms: known.ms, key: known.key };
            candidates.push(Candidate { policy, because, place: Place::Step(place) });
        }
        let mut plain = Vec::new();
        for (listed, distance) in rest {
            let policy = children[listed].to;
            plain.push(self.plan_of(At { policy, ..at }, visit));
            let because = distance.map_or(Because::Listed { degraded: None }, Because::Distance);
            let place = Place::Step(ranked.len() + plain.len() - 1);
            candidates.push(Candidate { policy, because, place });
        }
        let by = at.under.drawing();
        let plan =
            self.plans.intern(Plan::Latency { ranked: ranked.into(), rest: plain.into(), by });
        visit.trace.resolved(at.policy, plan, || candidates);
        plan
    }

    /// Per child, the time by the most specific key that matches the client.
    fn known_times(&self, children: &[LatencyChild], who: Who<'_>) -> Vec<Known> {
        let time = |child: &LatencyChild| {
            self.rtt_keys.get(&(&raw const *child.rtt))?.matching(who).next()
        };
        let known = children.iter().enumerate();
        known
            .filter_map(|(listed, child)| time(child).map(|(key, ms)| Known { listed, ms, key }))
            .collect()
    }
}

/// Sorts by time, and gives for each how many of the leading ones are its equals when it is the
/// best that is up.
///
/// Neighbours that the reaches do not tell apart stand as listed, so that clients whose times
/// differ without consequence get equal plans.
fn rank(mut known: Vec<Known>, within: f64) -> (Vec<Known>, Vec<usize>) {
    known.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    // The tolerance keeps 110 within 10 % of 100 whatever the rounding.
    let limit = |best: f64| best + best * (within + 1e-9);
    let reach: Vec<usize> = known
        .iter()
        .map(|best| known.partition_point(|other| other.ms <= limit(best.ms)))
        .collect();
    let mut start = 0;
    for end in 1..=known.len() {
        let alike = end < known.len() && reach[end] == reach[start] && !reach.contains(&end);
        if !alike {
            known[start..end].sort_by_key(|child| child.listed);
            start = end;
        }
    }
    (known, reach)
}

/// The children without a time: by distance where two can be compared, the others as listed.
fn without_time(
    children: &[LatencyChild],
    known: &[Known],
    from: Option<Coordinates>,
) -> Vec<(usize, Option<Distance>)> {
    let rest = (0..children.len()).filter(|i| known.iter().all(|k| k.listed != *i));
    let mut rest: Vec<_> = rest
        .map(|i| {
            let km = children[i].at.zip(from).map(|(at, from)| from.distance_km(at));
            (i, km.map(|km| Distance { km, biased_km: km }))
        })
        .collect();
    if rest.iter().filter(|(_, distance)| distance.is_some()).count() < 2 {
        return rest.into_iter().map(|(i, _)| (i, None)).collect();
    }
    let farness = |distance: Option<Distance>| distance.map_or(f64::INFINITY, |d| d.biased_km);
    rest.sort_by(|a, b| farness(a.1).total_cmp(&farness(b.1)));
    rest
}

impl<T: Trace> Decider<'_, T> {
    /// Looks at the ranked children down to the best that is up, and at its equals; else at the
    /// rest, one after the other.
    pub(super) fn latency(
        &mut self,
        plan: PlanId,
        ranked: &[Ranked],
        rest: &[PlanId],
        by: Drawing,
    ) -> Evaluated {
        let mut seen = Seen::default();
        let mut reach = ranked.len();
        let mut equals: Vec<(usize, Evaluated)> = Vec::new();
        let all = ranked.iter().map(|child| child.to).chain(rest.iter().copied());
        for (place, to) in all.enumerate() {
            if place >= reach && !equals.is_empty() {
                break;
            }
            let found = seen.add(self.evaluate(to));
            if !found.is_up() {
                self.trace.found(plan, place, Finding::Down);
                continue;
            }
            if equals.is_empty() {
                reach = ranked.get(place).map_or(place, |best| best.reach as usize);
            }
            equals.push((place, found));
        }
        let share = 1.0 / equals.len() as f64;
        for (place, _) in &equals {
            self.trace.found(plan, *place, Finding::Picked(share));
        }
        let key = |place: usize| ranked.get(place).map_or(0, |child| child.key);
        let drawn: Vec<_> = equals
            .iter()
            .filter_map(|(place, found)| Some((key(*place), 1, found.choice?)))
            .collect();
        seen.picks(self.draw(by, &drawn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The listed places in rank order and their reaches.
    fn ranked(times: &[f64], within: f64) -> (Vec<usize>, Vec<usize>) {
        let known = times.iter().enumerate();
        let known = known.map(|(listed, ms)| Known { listed, ms: *ms, key: Key::Default });
        let (known, reach) = rank(known.collect(), within);
        (known.iter().map(|k| k.listed).collect(), reach)
    }

    #[test]
    fn lowest_time_ranks_first() {
        assert_eq!(ranked(&[30.0, 10.0, 20.0], 0.0), (vec![1, 2, 0], vec![1, 2, 3]));
    }

    #[test]
    fn equal_times_are_equals_even_without_a_margin() {
        assert_eq!(ranked(&[20.0, 10.0, 10.0], 0.0), (vec![1, 2, 0], vec![2, 2, 3]));
    }

    #[test]
    fn margin_is_of_the_best_and_includes_its_end() {
        assert_eq!(ranked(&[100.0, 110.0, 121.0], 0.1), (vec![0, 1, 2], vec![2, 3, 3]));
        assert_eq!(ranked(&[70.0, 77.0, 77.1], 0.1), (vec![0, 1, 2], vec![2, 3, 3]));
    }

    #[test]
    fn times_that_differ_without_consequence_rank_alike() {
        assert_eq!(ranked(&[10.0, 10.5, 50.0], 0.1), ranked(&[10.5, 10.0, 60.0], 0.1));
        assert_ne!(ranked(&[10.0, 10.5, 11.2], 0.1), ranked(&[10.5, 10.0, 11.2], 0.1));
    }
}
