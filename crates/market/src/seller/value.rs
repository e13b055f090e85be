//! The two waterfalls of one chip. Every total is the sum of its lines, in their order, and of nothing else.

use crate::finance::{capital_recovery, discount};
use serde::Serialize;

/// What holds for a chip whatever is done with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chip {
    /// Years in service.
    pub life_years: f64,
    /// Facility power, kW.
    pub kw: f64,
    /// What the seller spends on the chip, its share of host, network and storage, once.
    pub system_usd: f64,
    /// Share of `system_usd` that the chip still fetches at the end of its life.
    pub residual: f64,
}

/// Money and site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// Discount rate.
    pub rate: f64,
    /// Building and power plant, USD per kW, and the years they last: a chip bears the yearly share of its life.
    pub site_usd_per_kw: f64,
    pub site_years: f64,
    pub usd_per_kwh: f64,
    /// Share of the facility power that a chip in service draws on average.
    pub draw: f64,
}

/// A chip rented out by the hour, or by what it computes in one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rent {
    /// USD per chip-hour in the first year.
    pub usd_per_hour: f64,
    /// Yearly fall of the price; negative for a rise.
    pub decline: f64,
    /// Share of hours that are paid for.
    pub utilisation: f64,
    /// Revenue from storage, network, security and the rest per dollar of chip revenue.
    pub attach: f64,
    /// Share of all this revenue that is left after the costs of selling and supporting it: all but chip, site, power and
    /// `opex_usd`.
    pub margin: f64,
    /// Staff, maintenance and spares, USD a year.
    pub opex_usd: f64,
    /// Years from today until service begins.
    pub start_years: f64,
}

/// A chip sold in a rack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rack {
    /// USD per chip, its share of the rack included.
    pub price_usd: f64,
    /// Support contract a year as a share of the price, for `support_years`, and what is left of it.
    pub support: f64,
    pub support_years: f64,
    pub support_margin: f64,
    /// Software sold with it, USD today, after its costs.
    pub software_usd: f64,
    /// What a freed kilowatt is worth in a year (dual price, colocation rent or 0).
    pub freed_usd_per_kw_year: f64,
    /// Years from today until delivery.
    pub start_years: f64,
}

/// What a use of a chip is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Service {
    Rent(Rent),
    Rack(Rack),
}

/// One step of a waterfall: USD per chip today, negative for costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub name: &'static str,
    pub usd: f64,
}

/// Lines and their sum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waterfall {
    pub lines: Vec<Line>,
    pub total_usd: f64,
}

impl Waterfall {
    fn of(lines: Vec<Line>) -> Waterfall {
        let total_usd = lines.iter().map(|l| l.usd).sum();
        Waterfall { lines, total_usd }
    }
}

/// Years of a life with the share of each that counts: 4.5 years are four whole ones and a half.
fn years(life: f64) -> impl Iterator<Item = (f64, f64)> {
    (0..200).map(f64::from).take_while(move |t| *t < life).map(move |t| (t + 1.0, (life - t).min(1.0)))
}

const HOURS: f64 = 8760.0;

/// V_rent: sum over years of (price x utilisation x 8760 x (1 + attach) x margin - opex), less system and site, plus residual,
/// all discounted to today from the end of each year.
pub fn rent_value(chip: &Chip, terms: &Terms, rent: &Rent) -> Waterfall {
    let (mut hours, mut power, mut opex, mut site) = (0.0, 0.0, 0.0, 0.0);
    let site_year = terms.site_usd_per_kw * chip.kw * capital_recovery(terms.rate, terms.site_years);
    for (t, share) in years(chip.life_years) {
        let d = discount(terms.rate, rent.start_years + t) * share;
        // Hours sold before service begins are sold at the price of then.
        let price = rent.usd_per_hour * libm::pow(1.0 - rent.decline, rent.start_years + t - 1.0);
        hours += d * price * rent.utilisation * HOURS;
        power -= d * chip.kw * terms.draw * HOURS * terms.usd_per_kwh;
        opex -= d * rent.opex_usd;
        site -= d * if site_year.is_finite() { site_year } else { 0.0 };
    }
    let attached = hours * rent.attach;
    let begin = discount(terms.rate, rent.start_years);
    let end = discount(terms.rate, rent.start_years + chip.life_years);
    Waterfall::of(vec![
        Line { name: "rent", usd: hours },
        Line { name: "attached services", usd: attached },
        Line { name: "cost of selling and support", usd: -(hours + attached) * (1.0 - rent.margin) },
        Line { name: "electricity", usd: power },
        Line { name: "staff and maintenance", usd: opex },
        Line { name: "site", usd: site },
        Line { name: "chip and system", usd: -chip.system_usd * begin },
        Line { name: "residual value", usd: chip.system_usd * chip.residual * end },
    ])
}

/// V_sell: price less what the rack cost to make, support and software, and the worth of the freed kilowatts.
pub fn sell_value(chip: &Chip, terms: &Terms, rack: &Rack) -> Waterfall {
    let begin = discount(terms.rate, rack.start_years);
    let support: f64 = years(rack.support_years)
        .map(|(t, share)| discount(terms.rate, rack.start_years + t) * share * rack.price_usd * rack.support * rack.support_margin)
        .sum();
    let freed: f64 = years(chip.life_years)
        .map(|(t, share)| discount(terms.rate, rack.start_years + t) * share * chip.kw * rack.freed_usd_per_kw_year)
        .sum();
    Waterfall::of(vec![
        Line { name: "rack", usd: rack.price_usd * begin },
        Line { name: "chip and system", usd: -chip.system_usd * begin },
        Line { name: "support", usd: support },
        Line { name: "software", usd: rack.software_usd * begin },
        Line { name: "freed megawatts", usd: freed },
    ])
}
