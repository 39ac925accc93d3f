//! A factor that is exact: a whole number, a fraction or a decimal.

use serde::{Deserialize, Serialize};
use std::{fmt, num::NonZeroU64, str::FromStr};

/// `times / over`. Written `3`, `"3/2"` or `"1.5"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub struct Ratio {
    times: u64,
    over: NonZeroU64,
}

/// A text that is no factor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a factor such as 3, 3/2 or 1.5")]
pub struct NotARatio(String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a factor such as 3, \"3/2\" or \"1.5\"")]
enum Written {
    Whole(u64),
    Text(String),
}

impl Ratio {
    /// Nothing changes.
    pub const ONE: Self = Self { times: 1, over: NonZeroU64::MIN };

    /// A fraction.
    pub const fn new(times: u64, over: NonZeroU64) -> Self {
        Self { times, over }
    }

    /// So many times an amount, rounded half up; `u64::MAX` if it is more.
    pub fn of(self, amount: u64) -> u64 {
        let (product, over) =
            (u128::from(amount) * u128::from(self.times), u128::from(self.over.get()));
        let rounded = product / over + u128::from(product % over * 2 >= over);
        u64::try_from(rounded).unwrap_or(u64::MAX)
    }
}

impl Default for Ratio {
    fn default() -> Self {
        Self::ONE
    }
}

impl FromStr for Ratio {
    type Err = NotARatio;

    fn from_str(text: &str) -> Result<Self, NotARatio> {
        let digits = |text: &str| {
            let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            all.then(|| text.parse::<u64>().ok()).flatten()
        };
        let ratio = if let Some((times, over)) = text.split_once('/') {
            digits(times).zip(digits(over).and_then(NonZeroU64::new))
        } else if let Some((whole, part)) = text.split_once('.') {
            let over = u32::try_from(part.len()).ok().and_then(|digits| 10_u64.checked_pow(digits));
            let (whole, part) = (digits(whole), digits(part));
            let times = whole
                .zip(part)
                .zip(over)
                .and_then(|((whole, part), over)| whole.checked_mul(over)?.checked_add(part));
            times.zip(over.and_then(NonZeroU64::new))
        } else {
            digits(text).map(|times| (times, NonZeroU64::MIN))
        };
        let (times, over) = ratio.ok_or_else(|| NotARatio(text.to_owned()))?;
        Ok(Self { times, over })
    }
}

impl TryFrom<Written> for Ratio {
    type Error = NotARatio;

    fn try_from(written: Written) -> Result<Self, NotARatio> {
        match written {
            Written::Whole(times) => Ok(Self { times, over: NonZeroU64::MIN }),
            Written::Text(text) => text.parse(),
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.times, self.over)
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> Self {
        ratio.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_exact_and_rounded_half_up() {
        let of = |text: &str, amount| text.parse::<Ratio>().unwrap().of(amount);
        assert_eq!(of("3", 7), 21);
        assert_eq!(of("3/2", 5), 8);
        assert_eq!(of("1/3", 5), 2);
        assert_eq!(of("0.1", 4), 0);
        assert_eq!(of("0.1", 5), 1);
        assert_eq!(of("1.5", u64::MAX), u64::MAX);
        for wrong in ["", "/", "1/0", "-1", "1.", ".5", "1.5.2", "a", "1e3", "1/2/3", "+1"] {
            assert!(wrong.parse::<Ratio>().is_err(), "{wrong}");
        }
    }
}
