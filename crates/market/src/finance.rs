//! Money over time. Rates are per year and compounded yearly (`0.1` is 10% a year); times are in years; amounts are
//! in dollars of the day on which they are paid.

/// What a dollar paid after `years` is worth today: (1 + r)^-t.
pub fn discount(rate: f64, years: f64) -> f64 {
    libm::pow(1.0 + rate, -years)
}

/// Capital recovery factor r (1 + r)^T / ((1 + r)^T - 1): the yearly payment, at the end of each of `years` years,
/// that repays a dollar. 1/T when the rate is 0; infinite for no years.
pub fn capital_recovery(rate: f64, years: f64) -> f64 {
    if years <= 0.0 {
        return f64::INFINITY;
    }
    // expm1 keeps the digits that 1 - (1 + r)^-T loses at small rates.
    let grown = -libm::expm1(-years * libm::log1p(rate));
    if grown.abs() < 1e-300 { 1.0 / years } else { rate / grown }
}

/// Sinking fund factor r / ((1 + r)^T - 1): the yearly payment that has grown to a dollar after `years`.
pub fn sinking_fund(rate: f64, years: f64) -> f64 {
    if years <= 0.0 {
        return f64::INFINITY;
    }
    let grown = libm::expm1(years * libm::log1p(rate));
    if grown.abs() < 1e-300 { 1.0 / years } else { rate / grown }
}

/// Net present value of (year, amount) flows; costs are negative.
pub fn net_present_value(rate: f64, flows: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    flows.into_iter().map(|(t, amount)| amount * discount(rate, t)).sum()
}

/// The rate per month that compounds to `rate` per year.
pub fn monthly(rate: f64) -> f64 {
    libm::expm1(libm::log1p(rate) / 12.0)
}

/// What a year of straight-line depreciation takes off, USD: from the price down to `residual` (a share of it) in
/// `life` years. 0 for no life.
pub fn straight_line(price: f64, residual: f64, life: f64) -> f64 {
    if life > 0.0 { price * (1.0 - residual) / life } else { 0.0 }
}

/// Book value after `age` years under straight-line depreciation over `life` years down to `residual` (a share of
/// the price).
pub fn book_value(price: f64, residual: f64, life: f64, age: f64) -> f64 {
    let worn = if life > 0.0 { (age / life).clamp(0.0, 1.0) } else { 1.0 };
    price * (1.0 - (1.0 - residual) * worn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_repays_exactly() {
        for (rate, years) in [(0.0, 5.0), (1e-12, 5.0), (0.08, 4.0), (0.15, 6.0)] {
            let paid = net_present_value(rate, (1..=years as u32).map(|t| (f64::from(t), capital_recovery(rate, years))));
            assert!((paid - 1.0).abs() < 1e-9, "{rate} over {years}: {paid}");
            // CRF = SFF + r, for any rate and time.
            assert!((capital_recovery(rate, years) - sinking_fund(rate, years) - rate).abs() < 1e-12);
        }
        // Blank and Tarquin, Engineering Economy, interest tables: (A/P, 10%, 5) = 0.26380.
        assert!((capital_recovery(0.10, 5.0) - 0.263_80).abs() < 5e-6);
        assert!(capital_recovery(0.1, 0.0).is_infinite());
    }

    #[test]
    fn months_compound_to_years() {
        assert!(((1.0 + monthly(0.12)).powi(12) - 1.12).abs() < 1e-12);
        assert_eq!(book_value(100.0, 0.1, 5.0, 0.0), 100.0);
        assert!((book_value(100.0, 0.1, 5.0, 5.0) - 10.0).abs() < 1e-9);
        assert!((book_value(100.0, 0.1, 5.0, 9.0) - 10.0).abs() < 1e-9);
    }
}
