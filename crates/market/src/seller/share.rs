//! How large a share of a fleet may be sold before selling loses money.

use serde::Serialize;

/// Shares of a fleet sold to others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BreakEven {
    /// kappa at which a sale is worth no more than the rental it replaces: V_sell / V_rent; absent when renting loses.
    pub kappa: Option<f64>,
    /// The best share, and what the fleet gains by it over renting all, USD per chip of the fleet.
    pub best_share: f64,
    pub gain_usd: f64,
    /// The largest share that still does no worse than selling nothing.
    pub share: f64,
}

/// A fleet of which a share `s` is sold and the rest is offered for rent. `demand` is the rental demand in fleets (1: just
/// enough for all chips, 2: twice as much); each sold chip takes `kappa` chips out of it. Renting lost to a sale is made
/// up from the queue as long as there is one.
///
/// The value per chip of the fleet, s V_sell + min(1 - s, demand - kappa s) V_rent with nothing rented below zero, is
/// concave and piecewise linear in s for V_rent above zero, so its kinks and ends decide.
pub fn break_even_share(rent_usd: f64, sell_usd: f64, demand: f64, kappa: f64) -> BreakEven {
    let value = |s: f64| {
        let rented = (1.0 - s).min(demand - kappa * s).max(0.0);
        s * sell_usd + if rent_usd > 0.0 { rented * rent_usd } else { 0.0 }
    };
    let none = value(0.0);
    let mut kinks = vec![0.0, 1.0];
    // Where demand instead of chips begins to bind, or stops; and where the last renter is gone.
    if (1.0 - kappa).abs() > 1e-12 {
        kinks.push((1.0 - demand) / (1.0 - kappa));
    }
    if kappa > 0.0 {
        kinks.push(demand / kappa);
    }
    let mut kinks: Vec<f64> = kinks.into_iter().filter(|k| (0.0..=1.0).contains(k)).collect();
    kinks.sort_by(f64::total_cmp);
    let best_share = kinks.iter().copied().fold(0.0, |best, k| if value(k) > value(best) { k } else { best });
    // Beyond the best share the value falls; the last crossing of the start value lies between two kinks.
    let mut share = 0.0;
    for pair in kinks.windows(2) {
        let (a, b) = (value(pair[0]) - none, value(pair[1]) - none);
        if b >= 0.0 {
            share = pair[1];
        } else if a >= 0.0 {
            share = pair[0] + (pair[1] - pair[0]) * if a > b { a / (a - b) } else { 0.0 };
        }
    }
    BreakEven { kappa: (rent_usd > 0.0).then(|| (sell_usd / rent_usd).max(0.0)), best_share, gain_usd: value(best_share) - none, share }
}
