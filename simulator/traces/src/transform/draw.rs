//! Jobs that are drawn: some of them, or some of them again.

use super::{FromFn, whole};
use crate::{
    chance::{Chance, mixed},
    model::{Arrival, Kind},
    reader::{Arrivals, Aside},
};
use std::{collections::BTreeMap, vec};

/// The jobs whose ids come to the smallest numbers under the seed, in the order of the trace.
pub(super) fn jobs(arrivals: Arrivals, count: u64, seed: u64) -> Arrivals {
    arrivals.adapted(|mut inner| {
        let mut drawn: Option<vec::IntoIter<Arrival>> = None;
        FromFn(move |aside: &mut Aside| {
            if drawn.is_none() {
                let mut least: BTreeMap<(u64, u64), Vec<(u64, Arrival)>> = BTreeMap::new();
                let mut row = 0;
                while let Some(arrival) = inner.next(aside)? {
                    // A job that was put out never comes back: the greatest number only falls.
                    let key = (mixed(seed, arrival.job), arrival.job);
                    least.entry(key).or_default().push((row, arrival));
                    row += 1;
                    if least.len() as u64 > count {
                        least.pop_last();
                    }
                }
                let mut kept: Vec<(u64, Arrival)> = least.into_values().flatten().collect();
                kept.sort_by_key(|(row, _)| *row);
                let kept: Vec<Arrival> = kept.into_iter().map(|(_, arrival)| arrival).collect();
                drawn = Some(kept.into_iter());
            }
            Ok(drawn.as_mut().and_then(Iterator::next))
        })
    })
}

/// The list, and behind it jobs of it until a part of a capacity is asked for.
pub(super) fn inflate(
    arrivals: Arrivals,
    kind: Kind,
    per_cent: u32,
    capacity: u64,
    seed: u64,
) -> Arrivals {
    whole(arrivals, move |jobs, _| {
        let limit = u128::from(capacity) * u128::from(per_cent) / 100;
        let asked = move |job: &[Arrival]| -> u128 {
            job.iter().map(|it| u128::from(it.each[kind]) * u128::from(it.tasks)).sum()
        };
        let mut sum: u128 = jobs.iter().map(|job| asked(job)).sum();
        let ids = jobs.iter().flatten().map(|part| part.job).max();
        let mut next_id = ids.map_or(0, |id| id.saturating_add(1));
        let mut chance = Chance::new(seed, "inflate");
        // A list that asks for nothing would be drawn from for ever.
        let (is_endless, list) = (sum == 0, jobs.clone());
        let more = std::iter::from_fn(move || {
            if is_endless {
                return None;
            }
            let mut job = list[chance.below(list.len() as u64) as usize].clone();
            sum += asked(&job);
            if sum > limit {
                return None;
            }
            job.iter_mut().for_each(|part| part.job = next_id);
            next_id = next_id.saturating_add(1);
            Some(job)
        });
        jobs.into_iter().chain(more.fuse()).flatten()
    })
}
