//! Normal and gamma distributions, and the gamma distribution's share below a value.

use crate::chance::Chance;

/// Steps of a series before it is taken for what it is; fifty are enough where it is used.
const STEPS_MAX: u32 = 1_000;

/// A standard normal value (Box and Muller 1958).
pub(super) fn normal(chance: &mut Chance) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(chance.unit()));
    radius * libm::cos(std::f64::consts::TAU * chance.unit())
}

/// A value of the gamma distribution with a shape of at least 1 (Marsaglia and Tsang 2000).
pub(super) fn gamma(shape: f64, scale: f64, chance: &mut Chance) -> f64 {
    assert!(shape >= 1.0, "smaller shapes need another way");
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = normal(chance);
        let root = 1.0 + c * x;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        if libm::log(chance.unit()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v * scale;
        }
    }
}

/// The share of a gamma distribution that is below a value, by the series of the incomplete gamma
/// function.
pub(super) fn share_below(value: f64, shape: f64, scale: f64) -> f64 {
    let x = value / scale;
    if x <= 0.0 {
        return 0.0;
    }
    let mut term = 1.0 / shape;
    let mut sum = term;
    let mut next = shape;
    for _ in 0..STEPS_MAX {
        next += 1.0;
        term *= x / next;
        sum += term;
        if term < sum * 1e-16 {
            break;
        }
    }
    sum * libm::exp(shape * libm::log(x) - x - libm::lgamma(shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_tables() {
        // With shape 1 it is the exponential distribution; with shape 2, 1 − (1 + x)·exp(−x).
        let expected = 1.0 - libm::exp(-0.7);
        assert!((share_below(1.4, 1.0, 2.0) - expected).abs() < 1e-12);
        let expected = 1.0 - 4.0 * libm::exp(-3.0);
        assert!((share_below(3.0, 2.0, 1.0) - expected).abs() < 1e-12);
        assert!((share_below(200.0, 8.0, 4.0) - 1.0).abs() < 1e-9);
        assert_eq!(share_below(-1.0, 2.0, 1.0), 0.0);
    }

    #[test]
    fn draws_have_the_mean_and_the_spread() {
        let mut chance = Chance::new(1, "gamma");
        let draws = 200_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..draws {
            let value = gamma(4.2, 0.94, &mut chance);
            sum += value;
            squares += value * value;
        }
        let mean = sum / f64::from(draws);
        let variance = squares / f64::from(draws) - mean * mean;
        assert!((mean - 4.2 * 0.94).abs() < 0.02, "{mean}");
        assert!((variance - 4.2 * 0.94 * 0.94).abs() < 0.06, "{variance}");
    }
}
