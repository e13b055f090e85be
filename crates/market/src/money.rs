//! Money as whole cents, so that bills add up exactly.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Serialize, Serializer};

/// An amount of US dollars in whole cents. Sums are exact; products with quantities are rounded once, per line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cents(pub i64);

impl Cents {
    /// The nearest cent, halves away from zero; amounts beyond +-9.2e16 USD and NaN are clamped (0 for NaN).
    pub fn from_usd(usd: f64) -> Cents {
        // `as` saturates and sends NaN to 0.
        Cents(libm::round(usd * 100.0) as i64)
    }

    pub fn usd(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// `self` split in the proportion of `weights`, to the cent: the parts add up to the whole. Rounding follows
    /// the running sum, so no part is off by more than a cent. All to the last part when no weight is positive.
    pub fn split(self, weights: &[f64]) -> Vec<Cents> {
        let total: f64 = weights.iter().filter(|w| **w > 0.0).sum();
        let mut out = Vec::with_capacity(weights.len());
        let (mut run, mut given) = (0.0, 0i64);
        for (i, w) in weights.iter().enumerate() {
            run += w.max(0.0);
            let upto = if i + 1 == weights.len() {
                self.0
            } else if total > 0.0 {
                libm::round(self.0 as f64 * (run / total)) as i64
            } else {
                0
            };
            out.push(Cents(upto - given));
            given = upto;
        }
        out
    }
}

impl Add for Cents {
    type Output = Cents;
    fn add(self, other: Cents) -> Cents {
        Cents(self.0.saturating_add(other.0))
    }
}

impl Sub for Cents {
    type Output = Cents;
    fn sub(self, other: Cents) -> Cents {
        Cents(self.0.saturating_sub(other.0))
    }
}

impl Neg for Cents {
    type Output = Cents;
    fn neg(self) -> Cents {
        Cents(self.0.saturating_neg())
    }
}

impl AddAssign for Cents {
    fn add_assign(&mut self, other: Cents) {
        *self = *self + other;
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(all: I) -> Cents {
        all.fold(Cents(0), Add::add)
    }
}

/// `1234567.89`, with two decimals and no separators, as billing files want it.
impl std::fmt::Display for Cents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100)
    }
}

/// Dollars as a number: exact to the cent below 90,000 billion.
impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.usd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed, TestRunner};

    #[test]
    fn prints_cents() {
        assert_eq!(Cents::from_usd(1234.565).to_string(), "1234.57");
        assert_eq!(Cents(-5).to_string(), "-0.05");
        assert_eq!(Cents::from_usd(f64::NAN), Cents(0));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let config = Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, cases: 200, ..Config::default() };
        let parts = (-1_000_000_000_000i64..1_000_000_000_000, proptest::collection::vec(0.0..1e6f64, 1..40));
        TestRunner::new(config)
            .run(&parts, |(cents, weights)| {
                let split = Cents(cents).split(&weights);
                prop_assert_eq!(split.iter().copied().sum::<Cents>(), Cents(cents));
                let total: f64 = weights.iter().sum();
                for (part, w) in split.iter().zip(&weights) {
                    if total > 0.0 {
                        prop_assert!((part.0 as f64 - cents as f64 * w / total).abs() <= 1.001);
                    }
                }
                Ok(())
            })
            .unwrap_or_else(|e| panic!("{e}"));
    }
}
