//! Least marginal cost, after E-PVM ("An opportunity cost approach for job assignment in a scalable
//! computing cluster", Amir et al., IEEE TPDS 11(7), 2000): an agent costs the sum over its
//! resources of 1024 to the power of the part in use, and a piece goes where the sum grows least.
//! Costs grow steeply, so that it evens out resources against each other as well as agents; Borg
//! began with it (Verma et al., EuroSys'15, section 3.2).
//!
//! The power is a whole number of billionths, from a table: repeatable on every machine.

use super::{Candidate, Placement, Score, percent::ONE, reference::part};
use crate::allocator::Amounts;
use std::sync::OnceLock;

/// Steps of the table between one power of two and the next.
const STEPS: u128 = 1 << 12;

/// Doublings from an empty agent to a full one: 1024 is 2^10.
const DOUBLINGS: u128 = 10;

/// One, as the table counts: see `table`.
#[cfg(test)]
const UNIT: u128 = 1 << 40;

/// Least marginal cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct EPvm;

impl Placement for EPvm {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        let growth: u128 = candidate
            .total
            .iter()
            .map(|(name, total)| {
                let free = candidate.free.get(name).min(total);
                let asked = piece.map_or(free, |piece| piece.get(name).min(free));
                let (before, after) = (total - free, total - free + asked);
                cost(part(after, total)) - cost(part(before, total))
            })
            .sum();
        Score::whole(-i128::try_from(growth).expect("at most 1024 for each of few resources"))
    }
}

/// `1024^(used / ONE)` in parts of [`UNIT`]; between two entries of the table on the line.
fn cost(used: u128) -> u128 {
    // The position on an axis of DOUBLINGS × STEPS, with what lies between two steps.
    let at = used * (DOUBLINGS * STEPS);
    let (step, beyond) = (at / ONE, at % ONE);
    let power = |step: u128| table()[(step % STEPS) as usize] << (step / STEPS);
    let (low, high) = (power(step), power(step + 1));
    low + (high - low) * (beyond >> 20) / (ONE >> 20)
}

/// `2^(i / STEPS)` in parts of [`UNIT`], by repeated square roots in whole numbers.
fn table() -> &'static [u128] {
    static TABLE: OnceLock<Vec<u128>> = OnceLock::new();
    TABLE.get_or_init(|| {
        // roots[k] is 2^(1 / 2^(k + 1)), in parts of 2^60.
        let mut roots = Vec::new();
        let mut root: u128 = 2 << 60;
        for _ in 0..STEPS.ilog2() {
            root = (root << 60).isqrt();
            roots.push(root);
        }
        let entry = |index: u128| {
            let bits = roots.iter().enumerate().filter(|(k, _)| {
                let bit = STEPS.ilog2() - 1 - u32::try_from(*k).expect("a few");
                index >> bit & 1 == 1
            });
            bits.fold(1_u128 << 60, |product, (_, root)| (product * root) >> 60) >> 20
        };
        (0..STEPS).map(entry).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::{best, testing::*};

    #[test]
    #[expect(clippy::disallowed_types, reason = "the oracle is the formula, in floats")]
    fn the_cost_is_the_power() {
        for percent in 0..=100_u32 {
            let expected = 1024_f64.powf(f64::from(percent) / 100.0);
            let found = cost(ONE / 100 * u128::from(percent)) as f64 / UNIT as f64;
            assert!((found / expected - 1.0).abs() < 1e-7, "{percent} %: {found} {expected}");
        }
        assert_eq!((cost(0), cost(ONE)), (UNIT, 1024 * UNIT));
        assert!((1..=1_000).all(|step| cost(ONE / 1_000 * step) > cost(ONE / 1_000 * (step - 1))));
    }

    /// Of two agents that are as full together, the one whose scarce resource is not asked for.
    #[test]
    fn what_is_scarce_is_spared() {
        let total = amounts(&[("cpus", 10_000), ("mem", 10_000)]);
        let free = [(2_000, 8_000), (8_000, 2_000)]
            .map(|(cpus, mem)| amounts(&[("cpus", cpus), ("mem", mem)]));
        let candidates = free.each_ref().map(|free| Candidate::new(&total, free, &[]));
        let cpus = amounts(&[("cpus", 1_000)]);
        let mem = amounts(&[("mem", 1_000)]);
        assert_eq!(best(&mut EPvm, &candidates, Some(&cpus)), Some(1));
        assert_eq!(best(&mut EPvm, &candidates, Some(&mem)), Some(0));
        assert_eq!(best(&mut EPvm, &candidates, None), Some(0), "alike: the first");
    }
}
