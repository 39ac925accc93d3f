//! Decimal numbers as they are written in traces, made into integers without a float in between.
//!
//! `value × times / over × 10^ten`, rounded half up, once. A float would round twice, and
//! differently from one tool to the next.

/// How an amount in a file becomes an integer of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    times: u64,
    over: u64,
    ten: i32,
}

/// Digits of which every combination fits `u64`; what follows is less than a part in 10^18.
const DIGITS_MAX: u64 = 1_000_000_000_000_000_000;
/// Powers of ten beyond which everything is 0 or too large.
const TEN_MAX: i32 = 100;

/// A decimal number: `digits × 10^ten`, and its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) is_negative: bool,
    digits: u64,
    ten: i32,
}

impl Unit {
    /// The value itself.
    pub(crate) const ONE: Self = Self::ten(0);
    /// Thousandths of a core, card, MiB or per cent.
    pub(crate) const THOUSANDTHS: Self = Self::ten(3);
    /// Thousandths of a MiB.
    pub(crate) const GIB: Self = Self { times: 1_024, over: 1, ten: 3 };
    /// Thousandths of a MiB.
    pub(crate) const TIB: Self = Self { times: 1 << 20, over: 1, ten: 3 };
    /// Thousandths of a MiB.
    pub(crate) const KIB: Self = Self { times: 1, over: 1_024, ten: 3 };
    /// Thousandths of a MiB.
    pub(crate) const BYTES: Self = Self { times: 1, over: 1 << 20, ten: 3 };
    /// Thousandths of a thousandth of the largest machine.
    pub(crate) const NORMALISED: Self = Self::ten(6);
    /// Nanoseconds.
    pub(crate) const SECONDS: Self = Self::ten(9);
    /// Nanoseconds.
    pub(crate) const MICROSECONDS: Self = Self::ten(3);

    /// This unit, shared by so many, at least 1.
    pub(crate) fn shared_by(self, count: u32) -> Self {
        Self { over: self.over * u64::from(count.max(1)), ..self }
    }

    const fn ten(ten: i32) -> Self {
        Self { times: 1, over: 1, ten }
    }
}

impl Decimal {
    /// Reads `-12.5e-3` and its like; none for everything else, also for infinities.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (is_negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (mut digits, mut ten, mut seen, mut is_fraction) = (0_u64, 0_i32, false, false);
        let mut rest = unsigned;
        while let [byte, after @ ..] = rest {
            match byte {
                b'0'..=b'9' => {
                    seen = true;
                    if digits < DIGITS_MAX {
                        digits = digits * 10 + u64::from(byte - b'0');
                        ten -= i32::from(is_fraction);
                    } else {
                        ten = ten.saturating_add(i32::from(!is_fraction));
                    }
                }
                b'.' if !is_fraction => is_fraction = true,
                _ => break,
            }
            rest = after;
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', exponent @ ..] => exponent_of(exponent)?,
            _ => return None,
        };
        seen.then(|| Self { is_negative, digits, ten: ten.saturating_add(exponent) })
    }

    /// In a unit, rounded half up; none if it is negative or too large.
    pub(crate) fn scaled(self, unit: Unit) -> Option<u64> {
        let (whole, rest, over) = self.divided(unit)?;
        if rest == 0 { Some(whole) } else { whole.checked_add(u64::from(rest >= over - rest)) }
    }

    /// In a unit, if it is a whole number of it.
    pub(crate) fn exact(self, unit: Unit) -> Option<u64> {
        let (whole, rest, _) = self.divided(unit)?;
        (rest == 0).then_some(whole)
    }

    /// Quotient, rest, and by what was divided.
    fn divided(self, unit: Unit) -> Option<(u64, u128, u128)> {
        if self.digits == 0 {
            return Some((0, 0, 1));
        }
        if self.is_negative {
            return None;
        }
        let ten = self.ten.saturating_add(unit.ten);
        if ten > TEN_MAX {
            return None;
        }
        if ten < -TEN_MAX {
            // Not zero, but less than half of anything.
            return Some((0, 1, u128::MAX));
        }
        let small = self.digits.checked_mul(unit.times);
        let small_over = 10_u64.checked_pow(ten.unsigned_abs());
        if let (Some(value), Some(power), true, 1) = (small, small_over, ten <= 0, unit.over) {
            return Some((value / power, u128::from(value % power), u128::from(power)));
        }
        let value = u128::from(self.digits) * u128::from(unit.times);
        let Some(power) = 10_u128.checked_pow(ten.unsigned_abs()) else {
            return if ten > 0 { None } else { Some((0, 1, u128::MAX)) };
        };
        let (value, over) = if ten > 0 {
            (value.checked_mul(power)?, u128::from(unit.over))
        } else {
            // A divisor beyond 128 bits is more than twice any value, as `times` is small.
            (value, u128::from(unit.over).saturating_mul(power))
        };
        Some((u64::try_from(value / over).ok()?, value % over, over))
    }
}

/// What follows the `e`, cut to where everything is 0 or too large.
fn exponent_of(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_i32, |value, digit| {
        value.saturating_mul(10).saturating_add(i32::from(digit - b'0'))
    });
    Some(sign * value.min(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(text: &str, unit: Unit) -> Option<u64> {
        Decimal::parse(text.as_bytes())?.scaled(unit)
    }

    #[test]
    fn amounts_are_rounded_half_up_and_once() {
        let cases = [
            ("12", Unit::THOUSANDTHS, 12_000),
            ("0.0005", Unit::THOUSANDTHS, 1),
            ("0.00049999", Unit::THOUSANDTHS, 0),
            ("2.002716064453125e-05", Unit::NORMALISED, 20),
            ("0.709", Unit::NORMALISED, 709_000),
            ("116.38162544169612", Unit::SECONDS, 116_381_625_442),
            ("2029855.0000000002", Unit::SECONDS, 2_029_855_000_000_000),
            ("1.5", Unit::GIB, 1_536_000),
            ("1", Unit::KIB, 1),
            ("529426432", Unit::KIB, 517_018_000),
            ("68719476736", Unit::BYTES, 65_536_000),
            ("-0", Unit::ONE, 0),
            ("+7.", Unit::ONE, 7),
            (".5", Unit::ONE, 1),
            ("1E3", Unit::ONE, 1_000),
            ("18446744073709551615", Unit::ONE, 18_446_744_073_709_551_610),
            ("1e-400", Unit::SECONDS, 0),
            ("0e999999999999", Unit::SECONDS, 0),
        ];
        for (text, unit, expected) in cases {
            assert_eq!(scaled(text, unit), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_none() {
        let bad =
            ["", "-", ".", "e5", "1e", "1e+", "1.2.3", "nan", "inf", "0x10", "1 ", "-1", "1_0"];
        for text in bad {
            assert_eq!(scaled(text, Unit::ONE), None, "{text}");
        }
        for text in ["1e30", "184467440738", "1e999999999"] {
            assert_eq!(scaled(text, Unit::SECONDS), None, "{text}");
        }
    }

    #[test]
    fn only_whole_numbers_are_exact() {
        let exact = |text: &str| Decimal::parse(text.as_bytes())?.exact(Unit::ONE);
        assert_eq!(exact("12.0"), Some(12));
        assert_eq!(exact("12.5"), None);
        assert_eq!(exact("1e-2000000000"), None);
    }
}
