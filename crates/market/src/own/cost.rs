//! From inputs to the cost of an hour, its interval, and what moves it most.

use rayon::prelude::*;
use secondsource_base::random::Stream;
use serde::Serialize;

use super::bill::around;
use super::{Key, OwnInput, Site, Values};
use crate::calendar::YEAR_HOURS;
use crate::finance::{capital_recovery, sinking_fund};
use crate::paths::simulate::quantile;

/// What an owned cluster costs, USD.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Paid at the start.
    pub once_usd: f64,
    /// Part of `once_usd` that can be sold again: units and spares.
    pub resalable_usd: f64,
    /// Part of `once_usd` that is a building, recovered over its own life.
    pub shell_usd: f64,
    /// Yearly payment that recovers `once_usd` less the residual value, with interest.
    pub capital_usd_per_year: f64,
    /// Site, energy, staff, support.
    pub running_usd_per_year: f64,
    /// Value of units and spares at the end of the years of use.
    pub residual_usd: f64,
    /// Per chip that the plan asks for and hour of the calendar.
    pub usd_per_chip_hour: f64,
    /// Per chip and hour in which a job runs: the former over utilisation.
    pub usd_per_used_hour: f64,
    /// Per chip and productive hour: the latter over goodput.
    pub usd_per_effective_hour: f64,
}

/// P5, P50 and P95 under sampled inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OwnIntervals {
    pub once_usd: [f64; 3],
    pub usd_per_chip_hour: [f64; 3],
    pub usd_per_used_hour: [f64; 3],
    pub usd_per_effective_hour: [f64; 3],
}

/// What one input does to the cost of an effective hour when it goes from low to high.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TornadoBar {
    pub key: Key,
    pub input: &'static str,
    pub low: f64,
    pub high: f64,
    pub unit: &'static str,
    /// USD per effective hour with this input at its low and at its high end.
    pub at_low: f64,
    pub at_high: f64,
}

/// The cost at the middle of every input.
pub fn cost(x: &OwnInput) -> Cost {
    cost_at(x, &x.values())
}

/// The cost at given values.
///
/// `c = [CRF(r,T) C - SFF(r,T) S + running] / (8760 chips u g)`: C is paid at the start (units, spares, network,
/// storage, installation), S is the residual value of units and spares after T years, u the utilisation, g the
/// goodput. A shell of one's own is recovered over its own life.
pub fn cost_at(x: &OwnInput, values: &Values) -> Cost {
    let v = |key: Key| values[key as usize];
    let units = x.units as f64 * v(Key::UnitUsd);
    let spares = units * v(Key::Spares);
    let rest = if x.all_in { 0.0 } else { units * around(v(Key::NetworkShare), v(Key::StorageShare)) };
    let kw = x.chips_bought() as f64 * v(Key::KwPerChip);
    let machines = units + spares + rest + units * v(Key::Installation);
    let (r, t) = (v(Key::Rate), v(Key::Years));
    let residual = (units + spares) * v(Key::Residual);
    let energy = kw * v(Key::Pue) * v(Key::Load) * YEAR_HOURS * v(Key::UsdPerKwh);
    let mut running = v(Key::StaffUsdPerYear) + units * v(Key::Support);
    let mut capital = capital_recovery(r, t) * machines - sinking_fund(r, t) * residual;
    let mut shell = 0.0;
    match x.site {
        Site::Colocation => running += kw * 12.0 * v(Key::ColocationUsdPerKwMonth) + if x.energy_included { 0.0 } else { energy },
        Site::Shell => {
            shell = kw * v(Key::ShellUsdPerKw);
            capital += shell * capital_recovery(r, v(Key::ShellLifeYears));
            running += energy;
        }
    }
    let hour = (capital + running) / (YEAR_HOURS * x.chips.max(1) as f64);
    let used = hour / v(Key::Utilisation).max(1e-6);
    Cost {
        once_usd: machines + shell,
        resalable_usd: units + spares,
        shell_usd: shell,
        capital_usd_per_year: capital,
        running_usd_per_year: running,
        residual_usd: residual,
        usd_per_chip_hour: hour,
        usd_per_used_hour: used,
        usd_per_effective_hour: used / v(Key::Goodput).max(1e-6),
    }
}

/// Inputs drawn from their triangles; one stream of the seed for each scenario.
pub(super) fn draw(x: &OwnInput, seed: u64, scenario: usize) -> Values {
    let mut stream = Stream::numbered(seed, "owning", scenario as u64);
    let mut values = x.values();
    for (key, input) in &x.inputs {
        values[*key as usize] = stream.triangular(input.low, input.value, input.high);
    }
    values
}

/// Quantiles of the cost over so many draws.
pub fn simulate(x: &OwnInput, scenarios: usize, seed: u64) -> OwnIntervals {
    let costs: Vec<Cost> = (0..scenarios).into_par_iter().map(|i| cost_at(x, &draw(x, seed, i))).collect();
    let of = |pick: &dyn Fn(&Cost) -> f64| quantiles(costs.iter().map(pick).collect());
    OwnIntervals {
        once_usd: of(&|c| c.once_usd),
        usd_per_chip_hour: of(&|c| c.usd_per_chip_hour),
        usd_per_used_hour: of(&|c| c.usd_per_used_hour),
        usd_per_effective_hour: of(&|c| c.usd_per_effective_hour),
    }
}

/// P5, P50 and P95.
pub(super) fn quantiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.05, 0.5, 0.95].map(|q| quantile(&values, q))
}

/// Each input alone from low to high, the widest first; inputs that play no part or have no range are left out.
pub fn tornado(x: &OwnInput) -> Vec<TornadoBar> {
    let at = |key: Key, v: f64| {
        let mut values = x.values();
        values[key as usize] = v;
        cost_at(x, &values).usd_per_effective_hour
    };
    let varied = x.inputs.iter().filter(|(key, i)| i.low < i.high && x.matters(**key));
    let mut bars: Vec<TornadoBar> = varied
        .map(|(&key, i)| TornadoBar {
            key,
            input: key.words(),
            low: i.low,
            high: i.high,
            unit: key.unit(),
            at_low: at(key, i.low),
            at_high: at(key, i.high),
        })
        .collect();
    bars.sort_by(|a, b| (b.at_high - b.at_low).abs().total_cmp(&(a.at_high - a.at_low).abs()).then(a.key.cmp(&b.key)));
    bars
}

/// USD per chip-hour that pays back `once_usd` a chip in `years` when the share `margin` of the rent is left after
/// running costs (EBITDA), every hour of the year let.
pub fn payback_price(once_usd: f64, years: f64, margin: f64) -> f64 {
    once_usd / (years * YEAR_HOURS * margin)
}
