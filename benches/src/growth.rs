//! How a cost grows with a size: constant, logarithmic or linear, whichever fits best.
//!
//! Both models are fitted by least squares, the cost against the logarithm of the size and against
//! the size itself; the one that leaves less unexplained is taken. What grows by less than a
//! quarter of its mean over all sizes is called constant: that much is noise here.

use std::fmt;

/// A fitted growth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Growth {
    /// The same at every size.
    Constant {
        /// The mean.
        cost: f64,
    },
    /// So much more with each tenfold size.
    Logarithmic {
        /// More with each tenfold size.
        per_tenfold: f64,
    },
    /// In proportion to what is added.
    Linear {
        /// More with each thousand.
        per_thousand: f64,
    },
}

/// A straight line through points, and the squares that it leaves.
struct Line {
    slope: f64,
    unexplained: f64,
}

impl Growth {
    /// The growth that fits these sizes and costs best.
    ///
    /// # Panics
    /// With fewer than three points.
    pub fn fit(points: &[(f64, f64)]) -> Self {
        assert!(points.len() > 2, "two points fit everything");
        let cost = mean(points.iter().map(|(_, cost)| *cost));
        let logarithmic = Line::fit(points.iter().map(|(size, cost)| (size.log10(), *cost)));
        let linear = Line::fit(points.iter().copied());
        let sizes = || points.iter().map(|(size, _)| *size);
        let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
        let grown = match logarithmic.unexplained <= linear.unexplained {
            true => logarithmic.slope * (most / least).log10(),
            false => linear.slope * (most - least),
        };
        if grown < cost / 4.0 {
            return Self::Constant { cost };
        }
        match logarithmic.unexplained <= linear.unexplained {
            true => Self::Logarithmic { per_tenfold: logarithmic.slope },
            false => Self::Linear { per_thousand: linear.slope * 1_000.0 },
        }
    }
}

impl Line {
    fn fit(points: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        let (x_mean, y_mean) =
            (mean(points.clone().map(|(x, _)| x)), mean(points.clone().map(|(_, y)| y)));
        let together: f64 = points.clone().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
        let alone: f64 = points.clone().map(|(x, _)| (x - x_mean).powi(2)).sum();
        let slope = together / alone;
        let rest = |(x, y): (f64, f64)| (y - y_mean - slope * (x - x_mean)).powi(2);
        Self { slope, unexplained: points.map(rest).sum() }
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { cost } => write!(f, "constant, {cost:.1}"),
            Self::Logarithmic { per_tenfold } => {
                write!(f, "logarithmic, {per_tenfold:.1} more with each tenfold")
            }
            Self::Linear { per_thousand } => {
                write!(f, "linear, {per_thousand:.1} more with each thousand")
            }
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::Growth;

    fn fit(cost: impl Fn(f64) -> f64) -> Growth {
        Growth::fit(&[10.0, 100.0, 1_000.0, 10_000.0].map(|size| (size, cost(size))))
    }

    #[test]
    fn each_kind_of_growth_is_told() {
        assert!(matches!(fit(|_| 7.0), Growth::Constant { cost } if cost == 7.0));
        let logarithmic = fit(|size| 5.0 + 3.0 * size.log10());
        let Growth::Logarithmic { per_tenfold } = logarithmic else { panic!("{logarithmic}") };
        assert!((per_tenfold - 3.0).abs() < 1e-9);
        let linear = fit(|size| 5.0 + size / 100.0);
        let Growth::Linear { per_thousand } = linear else { panic!("{linear}") };
        assert!((per_thousand - 10.0).abs() < 1e-9);
    }

    #[test]
    fn noise_is_no_growth() {
        let noisy = [(10.0, 6.9), (100.0, 6.2), (1_000.0, 7.1), (10_000.0, 7.4)];
        assert!(matches!(Growth::fit(&noisy), Growth::Constant { .. }));
    }
}
