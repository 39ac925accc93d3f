//! Distributions of whole numbers: nanoseconds, or counts.

use super::gamma::normal;
use crate::chance::Chance;
use serde::{Deserialize, Serialize};

/// How values are spread. What is drawn is rounded half up to a whole number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant(u64),
    /// Every whole number from one to another is as likely.
    Uniform {
        /// The least.
        least: u64,
        /// The greatest, not below the least.
        most: u64,
    },
    /// Exponential.
    Exponential {
        /// Its mean, above 0.
        mean: u64,
    },
    /// One of several exponential ones, by weight.
    HyperExponential {
        /// Which ones; at least one, with a weight in all.
        branches: Vec<Branch>,
    },
    /// The logarithm is normal.
    Lognormal {
        /// The median, above 0; the mean is more by exp(sigma² / 2).
        median: u64,
        /// The standard deviation of the natural logarithm, from 0 to 20.
        sigma: f64,
    },
    /// P(X > x) = (least / x)^shape.
    Pareto {
        /// The least value, above 0.
        least: u64,
        /// Above 0 and up to 1000; the mean is infinite up to 1, and least × shape / (shape − 1)
        /// beyond.
        shape: f64,
    },
    /// Measured: quantiles at even distances, the first the least value and the last the greatest,
    /// with straight lines between them.
    Empirical {
        /// In ascending order, at least one.
        quantiles: Vec<u64>,
    },
}

/// One exponential distribution of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// How often, in proportion to the other branches.
    pub weight: u32,
    /// Its mean, above 0.
    pub mean: u64,
}

/// Why a distribution cannot be drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongDistribution {
    /// A mean, median or least value must be above 0.
    #[error("a mean, median or least value of 0")]
    Zero,
    /// The greatest value is below the least.
    #[error("the greatest value is below the least")]
    Order,
    /// There is nothing to draw.
    #[error("no branch with a weight, or no quantile")]
    Empty,
    /// Quantiles do not ascend.
    #[error("quantiles that do not ascend")]
    Descending,
    /// Sigma or shape is out of its range, or no number.
    #[error("a sigma outside 0 to 20, or a shape outside 0 to 1000")]
    Range,
}

/// A distribution that was found to be sound.
#[derive(Debug, Clone)]
pub struct Sampler(Distribution);

impl Sampler {
    /// Draws from a distribution, if that can be done.
    pub fn new(of: &Distribution) -> Result<Self, WrongDistribution> {
        let above_0 = |is: bool| if is { Ok(()) } else { Err(WrongDistribution::Zero) };
        match of {
            Distribution::Constant(_) => {}
            Distribution::Uniform { least, most } if least > most => {
                return Err(WrongDistribution::Order);
            }
            Distribution::Uniform { .. } => {}
            Distribution::Exponential { mean } => above_0(*mean > 0)?,
            Distribution::HyperExponential { branches } => {
                above_0(branches.iter().all(|branch| branch.mean > 0))?;
                if branches.iter().all(|branch| branch.weight == 0) {
                    return Err(WrongDistribution::Empty);
                }
            }
            Distribution::Lognormal { median, sigma } => {
                above_0(*median > 0)?;
                if !(0.0..=20.0).contains(sigma) {
                    return Err(WrongDistribution::Range);
                }
            }
            Distribution::Pareto { least, shape } => {
                above_0(*least > 0)?;
                if !(*shape > 0.0 && *shape <= 1_000.0) {
                    return Err(WrongDistribution::Range);
                }
            }
            Distribution::Empirical { quantiles } if quantiles.is_empty() => {
                return Err(WrongDistribution::Empty);
            }
            Distribution::Empirical { quantiles } if !quantiles.is_sorted() => {
                return Err(WrongDistribution::Descending);
            }
            Distribution::Empirical { .. } => {}
        }
        Ok(Self(of.clone()))
    }

    /// One value.
    pub fn draw(&self, chance: &mut Chance) -> u64 {
        match &self.0 {
            Distribution::Constant(value) => *value,
            Distribution::Uniform { least, most } => match (most - least).checked_add(1) {
                Some(width) => least + chance.below(width),
                None => chance.number(),
            },
            Distribution::Exponential { mean } => exponential(*mean, chance),
            Distribution::HyperExponential { branches } => {
                let weights: u64 = branches.iter().map(|branch| u64::from(branch.weight)).sum();
                let mut at = chance.below(weights);
                let chosen = branches.iter().find(|branch| {
                    let weight = u64::from(branch.weight);
                    let is_here = at < weight;
                    at = at.saturating_sub(weight);
                    is_here
                });
                chosen.map_or(0, |branch| exponential(branch.mean, chance))
            }
            Distribution::Lognormal { median, sigma } => {
                rounded(*median as f64 * libm::exp(sigma * normal(chance)))
            }
            Distribution::Pareto { least, shape } => {
                rounded(*least as f64 * libm::pow(chance.unit(), -1.0 / shape))
            }
            Distribution::Empirical { quantiles } => empirical(quantiles, chance.number()),
        }
    }
}

fn exponential(mean: u64, chance: &mut Chance) -> u64 {
    rounded(mean as f64 * -libm::log(chance.unit()))
}

/// The whole number next to a value; the greatest there is for what is larger.
pub(super) fn rounded(value: f64) -> u64 {
    // The conversion takes what is too large for the greatest.
    (value + 0.5) as u64
}

/// The value at a part of the way through the quantiles: below + f × (above − below).
fn empirical(quantiles: &[u64], part: u64) -> u64 {
    let steps = quantiles.len() as u64 - 1;
    let at = u128::from(part) * u128::from(steps);
    let (index, rest) = ((at >> 64) as usize, at as u64);
    let below = quantiles[index];
    let above = quantiles.get(index + 1).copied().unwrap_or(below);
    let between = u128::from(rest) * u128::from(above - below) + (1 << 63);
    below + (between >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_joined_by_straight_lines() {
        let quantiles = [10, 20, 40];
        assert_eq!(empirical(&quantiles, 0), 10);
        assert_eq!(empirical(&quantiles, u64::MAX / 4), 15);
        assert_eq!(empirical(&quantiles, u64::MAX / 2 + 1), 20);
        assert_eq!(empirical(&quantiles, u64::MAX / 4 * 3 + 2), 30);
        assert_eq!(empirical(&quantiles, u64::MAX), 40);
        assert_eq!(empirical(&[7], u64::MAX), 7);
        assert_eq!(empirical(&[0, u64::MAX], u64::MAX), u64::MAX - 1);
    }

    #[test]
    fn what_is_too_large_is_the_greatest() {
        assert_eq!(rounded(f64::INFINITY), u64::MAX);
        assert_eq!((rounded(2.5), rounded(2.4), rounded(0.0)), (3, 2, 0));
    }
}
