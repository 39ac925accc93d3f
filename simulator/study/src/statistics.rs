//! Means and how sure they are.

use serde::{Deserialize, Serialize};
use simulator::engine::Time;

/// A mean over runs.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Mean {
    /// Of how many.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of a single run; 0 of one.
    pub deviation: f64,
    /// Half the width of the interval that holds the true mean in 95 of 100 studies (Student's t);
    /// 0 of one.
    pub interval: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

/// Student's t for 95 % on both sides, by degrees of freedom from 1 to 30.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// Of the normal distribution, which many degrees of freedom come near to.
const NORMAL: f64 = 1.960;

/// Student's t for 95 % on both sides.
fn student(freedom: usize) -> f64 {
    match STUDENT.get(freedom.saturating_sub(1)) {
        Some(t) => *t,
        // Between 30 degrees and infinity it falls as one over their number.
        None => NORMAL + (STUDENT[29] - NORMAL) * 30.0 / freedom as f64,
    }
}

impl Mean {
    /// Of these numbers; `None` of none.
    pub fn of(numbers: &[f64]) -> Option<Self> {
        let count = numbers.len();
        if count == 0 {
            return None;
        }
        let mean = numbers.iter().sum::<f64>() / count as f64;
        let squares = numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>();
        let deviation = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
        Some(Self {
            count: count as u64,
            mean,
            deviation,
            interval: if count > 1 {
                student(count - 1) * deviation / (count as f64).sqrt()
            } else {
                0.0
            },
            least: numbers.iter().copied().fold(f64::INFINITY, f64::min),
            most: numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

/// The number below which a part of others lies, by the nearest rank; `None` of none. They are
/// sorted.
pub fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The mean of times, in seconds; `None` of no times.
pub(crate) fn mean_seconds(times: &[Time]) -> Option<f64> {
    let sum: f64 = times.iter().map(|time| time.as_seconds()).sum();
    (!times.is_empty()).then(|| sum / times.len() as f64)
}

/// The quantile of times in any order, in seconds; `None` of no times.
pub(crate) fn quantile_seconds(times: &[Time], part: f64) -> Option<f64> {
    let mut seconds: Vec<f64> = times.iter().map(|time| time.as_seconds()).collect();
    seconds.sort_by(f64::total_cmp);
    quantile(&seconds, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_says_how_sure_it_is() {
        let mean = Mean::of(&[2.0, 4.0, 4.0, 6.0]).unwrap();
        assert_eq!((mean.count, mean.mean, mean.least, mean.most), (4, 4.0, 2.0, 6.0));
        // √(8/3), and t for three degrees of freedom.
        assert!((mean.deviation - 1.632_993).abs() < 1e-6);
        assert!((mean.interval - 3.182 * 1.632_993 / 2.0).abs() < 1e-5);
        assert_eq!(Mean::of(&[3.0]).unwrap().interval, 0.0);
        assert_eq!(Mean::of(&[]), None);
        assert!((student(60) - 2.000).abs() < 2e-3, "as tables have it");
        assert!((student(120) - 1.980).abs() < 2e-3);
    }

    #[test]
    fn quantiles_are_ranks() {
        let sorted: Vec<f64> = (1..=11).map(f64::from).collect();
        assert_eq!(quantile(&sorted, 0.9), Some(10.0));
        assert_eq!((quantile(&sorted, 0.0), quantile(&sorted, 1.0)), (Some(1.0), Some(11.0)));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
