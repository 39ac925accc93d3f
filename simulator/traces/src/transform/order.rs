//! Whole traces in another order, or one after the other.

use super::whole;
use crate::{chance::Chance, model::Arrival, reader::Arrivals};
use std::num::NonZeroU32;

const NS_PER_S: u64 = 1_000_000_000;

pub(super) fn shuffle(arrivals: Arrivals, keep_times: bool, seed: u64) -> Arrivals {
    whole(arrivals, move |mut jobs, _| {
        let times: Vec<u64> = jobs.iter().map(|job| first(job)).collect();
        Chance::new(seed, "shuffle").shuffle(&mut jobs);
        if keep_times {
            for (job, submit_ns) in jobs.iter_mut().zip(times) {
                job.iter_mut().for_each(|part| submit(part, submit_ns));
            }
        }
        jobs.into_iter().flatten()
    })
}

pub(super) fn sort(arrivals: Arrivals) -> Arrivals {
    whole(arrivals, |mut jobs, _| {
        jobs.sort_by_key(|job| first(job));
        jobs.into_iter().flatten()
    })
}

pub(super) fn repeat(arrivals: Arrivals, times: u32, every_s: Option<NonZeroU32>) -> Arrivals {
    whole(arrivals, move |jobs, _| {
        let parts: Vec<Arrival> = jobs.into_iter().flatten().collect();
        let most = |value: fn(&Arrival) -> u64| parts.iter().map(value).max().unwrap_or(0);
        let ids = most(|it| it.job).saturating_add(1);
        let last_ns = most(|it| it.submit_ns);
        let every_ns = every_s.map_or(last_ns, |every_s| u64::from(every_s.get()) * NS_PER_S);
        (0..u64::from(times)).flat_map(move |round| {
            // A copy for each round: the trace is needed again.
            let (ids, shift_ns) = (ids.wrapping_mul(round), every_ns.saturating_mul(round));
            parts.clone().into_iter().map(move |mut part| {
                part.job = part.job.wrapping_add(ids);
                let at_ns = part.submit_ns.saturating_add(shift_ns);
                submit(&mut part, at_ns);
                part
            })
        })
    })
}

/// When a job is submitted.
fn first(job: &[Arrival]) -> u64 {
    job.first().map_or(0, |part| part.submit_ns)
}

/// Submits at another time; the deadline stays as far off.
fn submit(part: &mut Arrival, at_ns: u64) {
    let off = |deadline_ns: u64| deadline_ns.saturating_sub(part.submit_ns);
    part.deadline_ns = part.deadline_ns.map(|it| at_ns.saturating_add(off(it)));
    part.submit_ns = at_ns;
}
