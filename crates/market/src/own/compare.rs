//! Owning against renting the same chips for the hours in which they are used.

use rayon::prelude::*;
use serde::Serialize;

use super::cost::{Cost, cost_at, draw, quantiles};
use super::{Key, OwnInput, Values};
use crate::calendar::YEAR_HOURS;
use crate::finance::{capital_recovery, discount, monthly};

/// The rent that is avoided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rent {
    /// USD per chip and used hour today.
    pub usd_per_chip_hour: f64,
    /// Months for which a price holds before the market's price of that day is taken anew: 1 for on-demand, 12 and 36
    /// for commitments.
    pub lock_months: usize,
    /// Paid for every hour of the calendar, used or not (commitments and blocks that cover the whole time).
    pub every_hour: bool,
}

/// Against a rental price that stays what it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BreakEven {
    /// Utilisation from which owning costs less; above 1 it never does. For a rent that is paid for every hour it does
    /// not depend on utilisation: then 0 or infinity.
    pub utilisation: f64,
    /// Payback: months after which the rent avoided, less the running cost, has paid for the purchase with interest,
    /// nothing being sold; `None` when never within the years of use.
    pub payback_months: Option<f64>,
    /// Shortest project, in months, for which buying, using and selling again costs less than renting, with the machines
    /// fetching what the residual value says: as weak as that. `None` when never within the years of use.
    pub project_months: Option<f64>,
    /// Rent avoided less what owning costs over the years of use, discounted, USD.
    pub npv_usd: f64,
}

/// Against a rental price that follows sampled paths, with sampled inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// P5, P50, P95 of the net present value of owning instead of renting, USD.
    pub npv_usd: [f64; 3],
    /// Share of scenarios in which owning costs less.
    pub own_wins: f64,
}

/// Break-even at the middle of every input.
pub fn break_even(x: &OwnInput, rent: &Rent) -> BreakEven {
    let values = x.values();
    let c = cost_at(x, &values);
    let u = values[Key::Utilisation as usize];
    let ratio = if rent.usd_per_chip_hour > 0.0 { c.usd_per_chip_hour / rent.usd_per_chip_hour } else { f64::INFINITY };
    let utilisation = match rent.every_hour {
        false => ratio,
        true if ratio <= 1.0 => 0.0,
        true => f64::INFINITY,
    };
    let yearly = rent.usd_per_chip_hour * x.chips.max(1) as f64 * YEAR_HOURS * if rent.every_hour { 1.0 } else { u };
    let (rate, years) = (values[Key::Rate as usize], values[Key::Years as usize]);
    // Discounted: price, running cost less rent for t years; and less what the machines fetch then.
    let held = |t: f64| c.once_usd + (c.running_usd_per_year - yearly) / capital_recovery(rate, t);
    let loss = |t: f64| held(t) - fetch(&c, &values, t) * discount(rate, t);
    let last = libm::floor(years * 12.0).clamp(0.0, 1200.0) as u32;
    let first = |of: &dyn Fn(f64) -> f64| (1..=last).map(f64::from).find(|m| of(m / 12.0) <= 0.0);
    BreakEven { utilisation, payback_months: first(&held), project_months: first(&loss), npv_usd: -loss(years) }
}

/// What would be fetched after `t` years: units and spares lose the same share of their value each year, down to the
/// residual value; a building falls in a straight line over its life; network, storage and installation are lost.
fn fetch(c: &Cost, values: &Values, t: f64) -> f64 {
    let share = values[Key::Residual as usize];
    let new = c.resalable_usd;
    let machines = if share > 0.0 { new * libm::pow(share, t / values[Key::Years as usize]) } else { 0.0 };
    let shell = c.shell_usd * (1.0 - t / values[Key::ShellLifeYears as usize].max(1.0)).max(0.0);
    machines + shell
}

/// Months of price paths that [`compare`] needs: the longest time of use that is sampled.
pub fn months(x: &OwnInput) -> usize {
    let most = x.inputs.get(&Key::Years).map_or(0.0, |i| i.high);
    libm::ceil(most * 12.0).clamp(1.0, 480.0) as usize
}

/// Net present value of owning against renting over the years of use, month by month: inputs drawn from their ranges,
/// rent from price paths (`multipliers`: one row of `months` for each scenario, as `price_paths` gives them).
pub fn compare(x: &OwnInput, rent: &Rent, multipliers: &[f64], months: usize, seed: u64) -> Comparison {
    let scenarios = multipliers.len().checked_div(months).unwrap_or(0);
    let one = |i: usize| npv(x, &draw(x, seed, i), rent, &multipliers[i * months..(i + 1) * months]);
    let all: Vec<f64> = (0..scenarios).into_par_iter().map(one).collect();
    let wins = all.iter().filter(|v| **v > 0.0).count();
    Comparison { own_wins: wins as f64 / scenarios.max(1) as f64, npv_usd: quantiles(all) }
}

fn npv(x: &OwnInput, values: &Values, rent: &Rent, multipliers: &[f64]) -> f64 {
    let v = |key: Key| values[key as usize];
    let c = cost_at(x, values);
    let hours = YEAR_HOURS / 12.0 * if rent.every_hour { 1.0 } else { v(Key::Utilisation) };
    let month_rent = rent.usd_per_chip_hour * x.chips.max(1) as f64 * hours;
    let step = 1.0 / (1.0 + monthly(v(Key::Rate)));
    let years = v(Key::Years);
    let lock = rent.lock_months.max(1);
    let (mut sum, mut factor) = (-c.once_usd, 1.0);
    for m in 0..multipliers.len() {
        // The last month counts for the part of it that lies within the years of use.
        let share = (years * 12.0 - m as f64).min(1.0);
        if share <= 0.0 {
            break;
        }
        factor *= step;
        sum += share * factor * (month_rent * multipliers[m / lock * lock] - c.running_usd_per_year / 12.0);
    }
    sum + fetch(&c, values, years) * discount(v(Key::Rate), years)
}
