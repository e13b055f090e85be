//! What leaves the rack line: chips by scenario, product and period, and the days from there to a site in service.

use rayon::prelude::*;
use secondsource_base::random::{Stream, Z95};
use serde::Serialize;

use crate::calendar::{DAY, date, month_start};

/// Length of a period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    Month,
    Quarter,
}

impl Period {
    pub const fn months(self) -> i64 {
        match self {
            Period::Month => 1,
            Period::Quarter => 3,
        }
    }
}

/// Most periods, products and scenarios of one table, and most numbers in it.
pub const MOST_PERIODS: usize = 480;
pub const MOST_PRODUCTS: usize = 200;
pub const MOST_SCENARIOS: usize = 1_000_000;
pub const MOST_CELLS: usize = 100_000_000;

/// Chips that leave the rack line, in equally likely scenarios.
#[derive(Debug, Clone, PartialEq)]
pub struct Deliveries {
    /// First day of the first period, as an instant (`calendar`).
    pub start: i64,
    pub period: Period,
    pub periods: usize,
    pub products: Vec<String>,
    pub scenarios: usize,
    /// `[scenario][product][period]`: chips that leave the rack line in that period.
    pub units: Vec<f32>,
    /// `[scenario][product]`: days from the rack line to a site in service.
    pub after: Vec<f32>,
}

/// A stated supply of one product in one period: 5% of outcomes lie below `low`, half below `median`, 5% above `high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stated {
    pub product: usize,
    pub period: usize,
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Deliveries {
    /// A table of zeros. `start` is moved to the first day of its month.
    ///
    /// # Errors
    /// Words when there is nothing in it, or too much.
    pub fn empty(start: i64, period: Period, periods: usize, products: Vec<String>, scenarios: usize) -> Result<Deliveries, String> {
        let inside = |n: usize, most: usize| (1..=most).contains(&n);
        if !inside(periods, MOST_PERIODS) || !inside(products.len(), MOST_PRODUCTS) || !inside(scenarios, MOST_SCENARIOS) {
            return Err(format!(
                "deliveries need 1 to {MOST_PERIODS} periods, 1 to {MOST_PRODUCTS} products and 1 to {MOST_SCENARIOS} scenarios"
            ));
        }
        let rows = products.len() * scenarios;
        if rows.saturating_mul(periods) > MOST_CELLS {
            return Err(format!("periods x products x scenarios must be at most {MOST_CELLS}"));
        }
        let start = month_start(start, 0);
        Ok(Deliveries { start, period, periods, products, scenarios, units: vec![0.0; rows * periods], after: vec![0.0; rows] })
    }

    /// Scenarios of a stated supply. What is not stated is zero; two lines of one product and period add up.
    ///
    /// `after` gives each product's days from rack line to service as 5% and 95% points of a lognormal; equal points are
    /// exact. `together` in 0..=1 is the correlation of a product's periods: 1 draws one level for all of them. A draw of
    /// standard normal score z is median (high / median)^(z / 1.645) above the median and the same with low below it;
    /// where low is zero it is linear there instead.
    ///
    /// # Errors
    /// Words for a line outside the table, or numbers that are not 0 <= low <= median <= high.
    pub fn stated(mut self, lines: &[Stated], after: &[(f64, f64)], together: f64, seed: u64) -> Result<Deliveries, String> {
        let (products, periods) = (self.products.len(), self.periods);
        for l in lines {
            if l.product >= products || l.period >= periods {
                return Err("a stated supply names a product or a period outside the table".to_owned());
            }
            if !(0.0 <= l.low && l.low <= l.median && l.median <= l.high && l.high <= 1e12) {
                return Err(format!("{}: need 0 <= low <= median <= high, at most 1e12", self.products[l.product]));
            }
        }
        if after.len() != products || after.iter().any(|(a, b)| !(0.0 <= *a && a <= b && *b <= 36_500.0)) {
            return Err("each product needs its days to service: 0 <= low <= high, at most 36,500".to_owned());
        }
        let rho = if together.is_finite() { together.clamp(0.0, 1.0) } else { 1.0 };
        let (level, own) = (libm::sqrt(rho), libm::sqrt(1.0 - rho));
        self.units.par_chunks_mut(products * periods).zip(self.after.par_chunks_mut(products)).enumerate().for_each(
            |(s, (units, days))| {
                let mut stream = Stream::numbered(seed, "stated supply", s as u64);
                let levels: Vec<f64> = (0..products).map(|_| stream.normal()).collect();
                for (d, (low, high)) in days.iter_mut().zip(after) {
                    let z = stream.normal();
                    *d = if *low > 0.0 {
                        libm::sqrt(low * high) * libm::pow(high / low, z / (2.0 * Z95))
                    } else {
                        between(0.0, high / 2.0, *high, z)
                    } as f32;
                }
                for l in lines {
                    let z = level * levels[l.product] + own * stream.normal();
                    units[l.product * periods + l.period] += between(l.low, l.median, l.high, z) as f32;
                }
            },
        );
        Ok(self)
    }

    /// Index of a product by name.
    pub fn product(&self, name: &str) -> Option<usize> {
        self.products.iter().position(|p| p == name)
    }

    /// Chips of a product by period in a scenario.
    pub fn row(&self, scenario: usize, product: usize) -> &[f32] {
        let at = (scenario * self.products.len() + product) * self.periods;
        &self.units[at..at + self.periods]
    }

    /// Days from the rack line to service of a product in a scenario.
    pub fn days_after(&self, scenario: usize, product: usize) -> f64 {
        f64::from(self.after[scenario * self.products.len() + product])
    }

    /// Chips of a product up to the end of each period in a scenario.
    pub fn cumulative(&self, scenario: usize, product: usize) -> impl Iterator<Item = f64> + '_ {
        self.row(scenario, product).iter().scan(0.0, |sum, u| {
            *sum += f64::from(*u);
            Some(*sum)
        })
    }

    /// First day of a period; `periods` gives the day after the last one.
    pub fn starts(&self, period: usize) -> i64 {
        month_start(self.start, period as i64 * self.period.months())
    }

    /// Period that holds an instant; `None` before the first and after the last.
    pub fn period_of(&self, instant: i64) -> Option<usize> {
        (0..self.periods).find(|p| (self.starts(*p)..self.starts(p + 1)).contains(&instant))
    }

    /// `2026-10` or `2026Q4`.
    pub fn label(&self, period: usize) -> String {
        let first = date(self.starts(period));
        match self.period {
            Period::Month => first[..7].to_owned(),
            Period::Quarter => {
                let month: usize = first[5..7].parse().unwrap_or(1);
                format!("{}Q{}", &first[..4], month.div_ceil(3))
            }
        }
    }

    /// The instant at which so many chips of a product have left the rack line in a scenario, at a steady pace within each
    /// period. `None` when they never do within the table.
    pub fn reached(&self, scenario: usize, product: usize, chips: f64) -> Option<i64> {
        let mut before = 0.0;
        for (p, units) in self.row(scenario, product).iter().enumerate() {
            let units = f64::from(*units);
            if units > 0.0 && before + units >= chips {
                let (from, until) = (self.starts(p), self.starts(p + 1));
                let part = ((chips - before) / units).clamp(0.0, 1.0);
                return Some(from + ((until - from) as f64 / DAY as f64 * part) as i64 * DAY);
            }
            before += units;
        }
        None
    }
}

/// Value of standard normal score `z` of a two-piece lognormal through three points; linear below where `low` is zero.
pub fn between(low: f64, median: f64, high: f64, z: f64) -> f64 {
    let part = z / Z95;
    if median <= 0.0 {
        // Half of the outcomes or more are nothing.
        return if z > 0.0 { high * part } else { 0.0 };
    }
    if z >= 0.0 {
        median * libm::pow(high / median, part)
    } else if low > 0.0 {
        median * libm::pow(median / low, part)
    } else {
        (median * (1.0 + part)).max(0.0)
    }
}
