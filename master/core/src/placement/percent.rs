//! Scores in whole percent, as published schedulers have them: what lies between is cut off, and
//! **ties come of it**, which then decide by the order of agents. Without it scores are exact.

use super::Score;

/// How fine scores are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resolution {
    /// As fine as they come.
    #[default]
    Exact,
    /// Whole percent, rounded down.
    Percent,
}

/// ln(k / (100 − k)) for k from 51 to 99, in billionths: where the logistic function reaches k
/// percent. It is odd: below 50 percent the same with the sign turned.
const REACHED: [i128; 49] = [
    40_005_335,
    80_042_708,
    120_144_312,
    160_342_650,
    200_670_695,
    241_162_057,
    281_851_152,
    322_773_392,
    363_965_377,
    405_465_108,
    447_312_218,
    489_548_225,
    532_216_814,
    575_364_145,
    619_039_208,
    663_294_217,
    708_185_058,
    753_771_802,
    800_119_300,
    847_297_860,
    895_384_047,
    944_461_609,
    994_622_575,
    1_045_968_555,
    1_098_612_289,
    1_152_679_510,
    1_208_311_206,
    1_265_666_373,
    1_324_925_415,
    1_386_294_361,
    1_450_010_176,
    1_516_347_489,
    1_585_627_264,
    1_658_228_077,
    1_734_601_055,
    1_815_289_967,
    1_900_958_761,
    1_992_430_165,
    2_090_741_097,
    2_197_224_577,
    2_313_634_929,
    2_442_347_035,
    2_586_689_344,
    2_751_535_313,
    2_944_438_979,
    3_178_053_830,
    3_476_098_690,
    3_891_820_298,
    4_595_119_850,
];

/// Parts of one are counted in so many.
pub(super) const ONE: u128 = 1_000_000_000_000_000_000;

impl Resolution {
    /// A score that is a part of [`ONE`], at most all of it.
    pub(super) fn part(self, part: u128) -> Score {
        let part = match self {
            Self::Exact => part,
            Self::Percent => part * 100 / ONE,
        };
        Score::whole(i128::try_from(part).expect("a part of one"))
    }

    /// A score that may be any fraction; in percent, the logistic function of it.
    pub(super) fn fraction(self, numerator: i128, denominator: u128) -> Score {
        match self {
            Self::Exact => Score::whole(numerator),
            Self::Percent => Score::whole(logistic_percent(numerator, denominator)),
        }
    }
}

/// `100 / (1 + e^(−numerator / denominator))`, rounded down.
fn logistic_percent(numerator: i128, denominator: u128) -> i128 {
    let denominator = i128::try_from(denominator.max(1)).expect("a sum of counts");
    let reaches = |threshold: i128| numerator * 1_000_000_000 >= threshold * denominator;
    if reaches(0) {
        50 + REACHED.partition_point(|threshold| reaches(*threshold)) as i128
    } else {
        // Of the thresholds below zero, the largest that is reached: −REACHED for 50 − k.
        let missed = REACHED.partition_point(|threshold| !reaches(-threshold));
        50 - 1 - missed as i128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_types, reason = "the oracle is the formula, in floats")]
    fn the_logistic_function_in_percent() {
        let percent = |x: f64| (100.0 / (1.0 + (-x).exp())).floor() as i128;
        for milli in -8_000..8_000_i128 {
            // Odd numbers of ten-thousandths: none of them is a threshold.
            let (numerator, denominator) = (2 * milli + 1, 2_000);
            let expected = percent(numerator as f64 / 2_000.0);
            assert_eq!(logistic_percent(numerator, denominator), expected, "{numerator}");
        }
        assert_eq!(logistic_percent(0, 7), 50);
        assert_eq!(logistic_percent(0, 0), 50);
        assert_eq!((logistic_percent(1_000, 1), logistic_percent(-1_000, 1)), (99, 0));
    }

    #[test]
    fn parts_are_cut_off() {
        assert_eq!(Resolution::Percent.part(ONE), Score::whole(100));
        assert_eq!(Resolution::Percent.part(ONE / 100 - 1), Score::whole(0));
        assert_eq!(Resolution::Exact.part(7), Score::whole(7));
    }
}
