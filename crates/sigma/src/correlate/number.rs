//! Numbers that are measured.

use std::{cmp::Ordering, str::FromStr};

use serde::{Deserialize, Serialize};

/// A decimal number with nine places behind the point, exact: sums over a window that slides come out the same however long it slid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number(i128);

const SCALE: i128 = 1_000_000_000;
/// Larger ones are no measure of anything; so many of them can be added, and the difference of two be multiplied by [`WHOLE`], without an overflow.
const MAX: i128 = 500_000_000_000_000_000 * SCALE;
/// A hundred percent.
const WHOLE: i128 = 100 * SCALE;

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(i128::from(number) * SCALE)
    }
}

impl Number {
    /// Reads a number as logs write it: `17`, `-0.25`, `0x1f`, `1.5e3`. What has more than nine places behind the point is cut; `None`
    /// for what is no number or beyond 5 × 10¹⁷.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            return i128::from_str_radix(digits, 16).ok().filter(|_| is_hex)?.checked_mul(SCALE).and_then(Self::within);
        }
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Self::from_float(text);
        }
        let whole = if whole.is_empty() { 0 } else { i128::from_str(whole).ok()? };
        let places = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        let fraction = places.fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let number = whole.checked_mul(SCALE)?.checked_add(fraction)?;
        Self::within(if negative { -number } else { number })
    }

    /// With an exponent.
    fn from_float(text: &str) -> Option<Self> {
        let begins_as_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        let number = text.parse::<f64>().ok().filter(|number| begins_as_number && number.abs() <= 1e18)?;
        Self::within((number * SCALE as f64) as i128)
    }

    fn within(number: i128) -> Option<Self> {
        (-MAX..=MAX).contains(&number).then_some(Self(number))
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// How `self / count` compares with `other`, without rounding.
    pub fn compare_mean(self, count: u64, other: Self) -> Ordering {
        self.0.cmp(&other.0.saturating_mul(i128::from(count)))
    }

    /// Of `count` values in their order: behind how many of them this percentile lies, and which part of [`WHOLE`] further on.
    pub fn rank(self, count: usize) -> (usize, i128) {
        // The rank is percentile / 100 × (n - 1).
        let rank = self.0.saturating_mul(count.saturating_sub(1) as i128);
        (usize::try_from(rank / WHOLE).unwrap_or(0), rank % WHOLE)
    }

    /// How what lies `part` of the way from `low` to `high` compares with `other`, without rounding.
    pub fn compare_between(low: Self, high: Self, part: i128, other: Self) -> Ordering {
        // low + (high - low) × part / WHOLE ≷ other; both sides times WHOLE.
        ((high.0 - low.0) * part).cmp(&((other.0 - low.0) * WHOLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (text, nanos) in [
            ("17", Some(17 * SCALE)),
            ("-0.25", Some(-SCALE / 4)),
            (".5", Some(SCALE / 2)),
            ("0x1f", Some(31 * SCALE)),
            ("1.5e3", Some(1500 * SCALE)),
            ("0.0000000019", Some(1)),
            ("", None),
            ("-", None),
            ("12 MB", None),
            ("0x-1f", None),
            ("500000000000000000", Some(MAX)),
            ("500000000000000000.1", None),
            ("inf", None),
            ("NaN", None),
            ("1e40", None),
            ("99999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(Number::parse(text).map(|number| number.0), nanos, "{text}");
        }
    }
}
