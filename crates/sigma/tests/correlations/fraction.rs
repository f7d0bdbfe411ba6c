//! Fractions, exact, for the reference.

use std::cmp::Ordering;

/// `over / under`, with `under` above zero.
#[derive(Clone, Copy, Debug)]
pub struct Fraction {
    pub over: i128,
    pub under: i128,
}

impl Fraction {
    pub const fn new(over: i128, under: i128) -> Self {
        Self { over, under }
    }

    pub fn plus(self, other: Self) -> Self {
        Self::new(self.over * other.under + other.over * self.under, self.under * other.under).shortened()
    }

    pub fn times(self, over: i128, under: i128) -> Self {
        Self::new(self.over * over, self.under * under).shortened()
    }

    fn shortened(self) -> Self {
        let (mut a, mut b) = (self.over.abs(), self.under);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Self::new(self.over / a.max(1), self.under / a.max(1))
    }

    pub fn compare(self, other: Self) -> Ordering {
        (self.over * other.under).cmp(&(other.over * self.under))
    }
}
