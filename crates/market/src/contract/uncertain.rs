//! What a bill may come to when the price moves before it is fixed, and when spot is taken away more or less often.

use secondsource_base::random::Stream;

use super::bill::{Need, RentBill};
use super::{Offer, SpotTerms};
use crate::calendar::DAY;
use crate::paths::simulate::quantile;

/// Days of a month of a price path.
const MONTH: f64 = 365.25 / 12.0 * DAY as f64;

/// P5, P50 and P95 of a bill, USD, under price paths (`months` columns, month 0 at `need.as_of`) and sampled hazards.
///
/// A price that is fixed by the contract is that of the day on which it is bought: blocks as early as the rule allows,
/// terms on the day on which they begin, like the later contracts of a sequence. Other prices follow the path month by month. Months
/// beyond the paths take the last.
pub fn bill_interval(offer: &Offer, need: &Need, bill: &RentBill, spot: &SpotTerms, paths: &[f64], months: usize, seed: u64) -> [f64; 3] {
    let scenarios = paths.len().checked_div(months).unwrap_or(0);
    let rules = &offer.rules;
    let month = |t: i64| (t - need.as_of).max(0) as f64 / MONTH;
    let hosts = bill.chips.div_ceil(u64::from(offer.chips_per_host.max(1))) as f64;
    let kept = |waste: f64| (1.0 - waste).max(1e-6);
    let mut all: Vec<f64> = (0..scenarios)
        .map(|i| {
            let path = &paths[i * months..(i + 1) * months];
            let price: f64 = bill
                .segments
                .iter()
                .enumerate()
                .map(|(n, s)| {
                    let multiplier = if rules.price_locked {
                        // The first of several is bought now if the rule lets it.
                        let lead = rules.max_lead_days.map_or(0, |d| (d * DAY as f64) as i64);
                        price_at(path, month(if n == 0 { s.start.saturating_sub(lead) } else { s.start }))
                    } else {
                        // About one point a month, both ends included.
                        let (from, to) = (month(s.start), month(s.end));
                        let steps = libm::ceil(to - from).clamp(1.0, months as f64) as usize;
                        let point = |i: usize| price_at(path, from + (to - from) * i as f64 / steps as f64);
                        (0..=steps).map(point).sum::<f64>() / (steps + 1) as f64
                    };
                    s.usd.usd() * multiplier
                })
                .sum();
            if !rules.interruptible {
                return price;
            }
            let r = spot.hazard_per_month;
            let hazard = Stream::numbered(seed, "spot interruptions", i as u64).triangular(r.low, r.mid, r.high);
            price * kept(bill.waste[1]) / kept(spot.waste(hazard, hosts))
        })
        .collect();
    all.sort_by(f64::total_cmp);
    [0.05, 0.5, 0.95].map(|q| quantile(&all, q))
}

/// The multiplier at a time in months, linear between them; the last beyond.
fn price_at(path: &[f64], month: f64) -> f64 {
    let Some(last) = path.len().checked_sub(1) else { return 1.0 };
    let low = (month as usize).min(last);
    let high = (low + 1).min(last);
    path[low] + (path[high] - path[low]) * (month - low as f64).clamp(0.0, 1.0)
}

/// Yearly fall of the on-demand price, as a share, at which a commitment of `years` at `ratio` of today's on-demand price
/// would cost as much as paying the falling price: `(1 - e^(-g T)) / (g T) = ratio`, share `1 - e^-g`. 0 for a ratio of 1
/// or more.
pub fn implied_fall(ratio: f64, years: f64) -> f64 {
    if !(ratio > 0.0 && ratio < 1.0 && years > 0.0) {
        return 0.0;
    }
    // The mean falls with g: bisection between no fall and a fall that makes the mean 1 / (g T) smaller than the ratio.
    let mean = |x: f64| if x < 1e-9 { 1.0 } else { -libm::expm1(-x) / x };
    let (mut low, mut high) = (0.0, 1.0 / ratio);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if mean(middle) > ratio {
            low = middle;
        } else {
            high = middle;
        }
    }
    -libm::expm1(-f64::midpoint(low, high) / years)
}
