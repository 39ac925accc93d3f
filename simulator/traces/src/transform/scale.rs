//! Times and amounts, one arrival at a time.

use super::{Ratio, each, keep};
use crate::{
    model::{Kind, Shape},
    reader::Arrivals,
};
use serde::{Deserialize, Serialize};

const NS_PER_S: u64 = 1_000_000_000;
/// A whole card.
const CARD: u64 = 1_000;

/// Factors of what tasks ask for; 1 where none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the model's kinds, which have their documents")]
pub struct Sizes {
    pub cpus: Ratio,
    pub mem: Ratio,
    pub gpus: Ratio,
    pub disk: Ratio,
    pub network: Ratio,
}

/// The amounts, in thousandths, whose powers of two requests are rounded up to; 0 rounds nothing.
/// Borg's study began at half a core and a GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the model's kinds, which have their documents")]
pub struct PowersOfTwo {
    pub cpus: u64,
    pub mem: u64,
    pub disk: u64,
    pub network: u64,
}

pub(super) fn time(arrivals: Arrivals, ratio: Ratio) -> Arrivals {
    each(arrivals, move |mut it, _| {
        let before_ns = it.submit_ns;
        it.submit_ns = ratio.of(before_ns);
        let after_ns = |deadline_ns: u64| deadline_ns.saturating_sub(before_ns);
        it.deadline_ns = it.deadline_ns.map(|at| it.submit_ns.saturating_add(after_ns(at)));
        Some(it)
    })
}

pub(super) fn durations(arrivals: Arrivals, ratio: Ratio) -> Arrivals {
    each(arrivals, move |mut it, _| {
        it.duration_ns = it.duration_ns.map(|it| ratio.of(it));
        it.estimate_ns = it.estimate_ns.map(|it| ratio.of(it));
        Some(it)
    })
}

pub(super) fn window(arrivals: Arrivals, from_s: u64, until_s: Option<u64>) -> Arrivals {
    let from_ns = from_s.saturating_mul(NS_PER_S);
    let until_ns = until_s.map_or(u64::MAX, |until_s| until_s.saturating_mul(NS_PER_S));
    // The rest is read too: not every trace stands in order of time.
    let inside = keep(arrivals, move |it, _| (from_ns..until_ns).contains(&it.submit_ns));
    each(inside, move |mut it, _| {
        it.submit_ns -= from_ns;
        it.deadline_ns = it.deadline_ns.map(|at| at.saturating_sub(from_ns));
        Some(it)
    })
}

pub(super) fn sizes(arrivals: Arrivals, sizes: Sizes) -> Arrivals {
    let Sizes { cpus, mem, gpus, disk, network } = sizes;
    each(arrivals, move |mut it, _| {
        let ratios = [cpus, mem, gpus, disk, network];
        let scaled = it.each.0.iter().zip(ratios).map(|(amount, ratio)| match amount {
            0 => 0,
            amount => ratio.of(*amount).max(1),
        });
        let mut shape = Shape::ZERO;
        shape.0.iter_mut().zip(scaled).for_each(|(amount, scaled)| *amount = scaled);
        let cards = &mut shape[Kind::Gpus];
        if *cards > CARD {
            *cards = cards.div_ceil(CARD).saturating_mul(CARD);
        }
        it.each = shape;
        Some(it)
    })
}

pub(super) fn powers_of_two(arrivals: Arrivals, powers: PowersOfTwo) -> Arrivals {
    let PowersOfTwo { cpus, mem, disk, network } = powers;
    let bases =
        [(Kind::Cpus, cpus), (Kind::Mem, mem), (Kind::Disk, disk), (Kind::Network, network)];
    each(arrivals, move |mut it, _| {
        for (kind, base) in bases {
            let amount = it.each[kind];
            if base > 0 && amount > 0 {
                let times = amount.div_ceil(base).checked_next_power_of_two();
                it.each[kind] = times.map_or(u64::MAX, |times| times.saturating_mul(base));
            }
        }
        Some(it)
    })
}
