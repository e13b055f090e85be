//! A stated supply: what the seller expects to leave the rack line, by product and period, with an interval.

use serde::{Deserialize, Serialize};

use super::capable::{Path, Resource};
use super::day::Day;
use crate::calendar::{civil_from_days, month_start};
use crate::supply::{Deliveries, Period, Stated};

const MOST_PERIODS: usize = 120;
const MOST_PRODUCTS: usize = 40;
/// Most chips of one period.
const MOST_CHIPS: f64 = 1e9;
/// Most days from the rack line to service.
const MOST_AFTER: f64 = 3650.0;

/// Chips of one product by period: 5% of outcomes lie below `low`, half below `median`, 5% above `high`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductSupply {
    pub product: String,
    pub low: Vec<f64>,
    pub median: Vec<f64>,
    pub high: Vec<f64>,
    /// Days from the rack line to racks in service, 5% and 95%.
    pub after_days: (f64, f64),
    /// Where the figures come from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A stated supply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// First day of the first period.
    pub start: Day,
    /// Months of a period: 1 or 3.
    pub months: u8,
    /// Correlation of a product's periods, 0 to 1.
    pub together: f64,
    pub products: Vec<ProductSupply>,
    /// Stages with capacity left, by which more could be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Path>,
}

impl Statement {
    pub fn periods(&self) -> usize {
        self.products.first().map_or(0, |p| p.median.len())
    }

    pub fn period(&self) -> Period {
        if self.months == 1 { Period::Month } else { Period::Quarter }
    }

    /// `2026-10` or `2026Q4`: the period that starts on a day.
    pub fn label(&self, first: Day) -> String {
        let text = first.to_string();
        let (year, month) = (&text[..4], text[5..7].parse::<usize>().unwrap_or(1));
        if self.months == 1 { text[..7].to_owned() } else { format!("{year}Q{}", month.div_ceil(3)) }
    }

    /// Whether all tables fit together. Words for the first that does not.
    pub fn check(&self) -> Result<(), String> {
        if !matches!(self.months, 1 | 3) {
            return Err("a period is a month or a quarter".to_owned());
        }
        if !(0.0..=1.0).contains(&self.together) {
            return Err("`together` is a correlation from 0 to 1".to_owned());
        }
        let n = self.periods();
        if self.products.is_empty() || self.products.len() > MOST_PRODUCTS || n == 0 || n > MOST_PERIODS {
            return Err(format!("a supply has 1 to {MOST_PRODUCTS} products and 1 to {MOST_PERIODS} periods"));
        }
        let (_, month, first) = civil_from_days(self.start.0.into());
        if first != 1 || (self.months == 3 && !matches!(month, 1 | 4 | 7 | 10)) {
            let of = if self.months == 1 { "a month" } else { "a quarter (January, April, July or October)" };
            return Err(format!("a supply starts on the first day of {of}, not on {}", self.start));
        }
        let end = Day::of(month_start(self.start.instant(), n as i64 * i64::from(self.months)));
        let after = self.products.iter().map(|p| p.after_days.1).filter(|d| (0.0..=MOST_AFTER).contains(d)).fold(0.0, f64::max);
        if !self.start.is_readable() || !Day(end.0 + after.ceil() as i32).is_readable() {
            return Err(format!("a supply lies between {} and {}, its days to service with it", Day::FIRST, Day::LAST));
        }
        for (i, p) in self.products.iter().enumerate() {
            let name = &p.product;
            if name.trim().is_empty() || name.chars().count() > 80 || self.products[..i].iter().any(|q| q.product == *name) {
                return Err(format!("product `{name}` is stated twice, or has no usable name"));
            }
            if p.low.len() != n || p.median.len() != n || p.high.len() != n {
                return Err(format!("{name}: every list needs {n} periods, as the first one has"));
            }
            for t in 0..n {
                if !(0.0 <= p.low[t] && p.low[t] <= p.median[t] && p.median[t] <= p.high[t] && p.high[t] <= MOST_CHIPS) {
                    return Err(format!("{name}, period {}: need 0 <= low <= median <= high, at most {MOST_CHIPS:e}", t + 1));
                }
            }
            let (a, b) = p.after_days;
            if !(0.0 <= a && a <= b && b <= MOST_AFTER) {
                return Err(format!("{name}: days to service need 0 <= low <= high <= {MOST_AFTER}"));
            }
        }
        self.check_paths(n)
    }

    fn check_paths(&self, periods: usize) -> Result<(), String> {
        if self.resources.len() > MOST_PRODUCTS || self.paths.len() > MOST_PRODUCTS {
            return Err(format!("at most {MOST_PRODUCTS} resources and as many paths"));
        }
        for (i, r) in self.resources.iter().enumerate() {
            if r.name.trim().is_empty() || self.resources[..i].iter().any(|q| q.name == r.name) {
                return Err(format!("resource `{}` is stated twice, or has no name", r.name));
            }
            if r.free.len() != periods || !r.free.iter().all(|v| (0.0..=MOST_CHIPS).contains(v)) {
                return Err(format!("resource `{}`: `free` needs {periods} numbers from 0 to {MOST_CHIPS:e}", r.name));
            }
        }
        for p in &self.paths {
            if p.name.trim().is_empty() || p.steps.is_empty() || p.steps.len() > 12 {
                return Err(format!("path `{}` needs a name and 1 to 12 steps", p.name));
            }
            if !self.products.iter().any(|q| q.product == p.product) {
                return Err(format!("path `{}` makes {}, which is not a product of this supply", p.name, p.product));
            }
            for s in &p.steps {
                if !self.resources.iter().any(|r| r.name == s.resource) {
                    return Err(format!("path `{}` needs `{}`, which is not a resource", p.name, s.resource));
                }
                if !(s.per_chip > 0.0 && s.per_chip <= 1e6 && (0.0..=3650.0).contains(&s.days_before)) {
                    return Err(format!("path `{}`: per-chip above 0 to 1e6, days-before from 0 to 3650", p.name));
                }
            }
        }
        Ok(())
    }

    /// Scenarios of it.
    ///
    /// # Errors
    /// Words when it does not check.
    pub fn deliveries(&self, scenarios: usize, seed: u64) -> Result<Deliveries, String> {
        self.check()?;
        let names = self.products.iter().map(|p| p.product.clone()).collect();
        let empty = Deliveries::empty(self.start.instant(), self.period(), self.periods(), names, scenarios)?;
        let mut lines = Vec::new();
        for (product, p) in self.products.iter().enumerate() {
            let all = (0..self.periods()).map(|t| Stated { product, period: t, low: p.low[t], median: p.median[t], high: p.high[t] });
            lines.extend(all);
        }
        let after: Vec<(f64, f64)> = self.products.iter().map(|p| p.after_days).collect();
        empty.stated(&lines, &after, self.together, seed)
    }
}
