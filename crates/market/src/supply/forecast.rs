//! A forecast of a quarterly series from its own past, fixed before it is scored: the growth of the last two years goes on.
//!
//! Growth is the difference of logarithms of neighbouring quarters. Of the last [`WINDOW`] growths that are known, m is the
//! mean and s the standard deviation. The value h quarters ahead of the last one y is
//!
//! ```text
//! ln y_h = ln y + h m + t s sqrt(h + h^2 / n),    t Student with n - 1 degrees of freedom
//! ```
//!
//! where h s^2 is the noise of h quarters, and h^2 s^2 / n that of the mean itself. Nothing is fitted to what came after.

use serde::Serialize;

/// Growths looked at: two years.
pub const WINDOW: usize = 8;

/// A value with its date of publication (days since 1970-01-01): what was not published by a day is not known on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dated {
    /// Last day of the quarter.
    pub end: i64,
    pub value: f64,
    pub as_of: i64,
}

/// Interval of a value some quarters ahead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ahead {
    pub quarters: u32,
    pub p10: f64,
    pub p50: f64,
    pub p90: f64,
    /// Growths that were known.
    pub growths: usize,
}

/// What was published by a day; the rest is refused here and nowhere else.
pub fn known(series: &[Dated], today: i64) -> Vec<Dated> {
    let mut v: Vec<Dated> = series.iter().copied().filter(|d| d.as_of <= today && d.value > 0.0 && d.value.is_finite()).collect();
    v.sort_by_key(|d| d.end);
    v
}

/// Intervals for the next quarters from what is known on a day. `None` with fewer than two growths.
pub fn ahead(series: &[Dated], today: i64, quarters: u32) -> Option<Vec<Ahead>> {
    let v = known(series, today);
    let growth: Vec<f64> = v.windows(2).map(|w| libm::log(w[1].value / w[0].value)).collect();
    let growth = &growth[growth.len().saturating_sub(WINDOW)..];
    let n = growth.len();
    if n < 2 {
        return None;
    }
    let mean = growth.iter().sum::<f64>() / n as f64;
    let s = libm::sqrt(growth.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / (n - 1) as f64);
    let last = v.last()?.value;
    let t = student_quantile(0.9, (n - 1) as f64);
    let one = |h: u32| {
        let steps = f64::from(h);
        let width = t * s * libm::sqrt(steps + steps * steps / n as f64);
        let at = |shift: f64| last * libm::exp(steps * mean + shift);
        Ahead { quarters: h, p10: at(-width), p50: at(0.0), p90: at(width), growths: n }
    };
    Some((1..=quarters).map(one).collect())
}

/// Quantile of Student's distribution with `df` >= 1 degrees of freedom, 0.5 <= p < 1, by halving of the distribution function.
pub fn student_quantile(p: f64, df: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if student_cdf(middle, df) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Distribution function for t >= 0: 1/2 plus the density integrated by Simpson's rule in the angle atan(t / sqrt(df)), where
/// the density is proportional to cos^(df - 1).
fn student_cdf(t: f64, df: f64) -> f64 {
    let angle = libm::atan(t / libm::sqrt(df));
    let log_scale = libm::lgamma((df + 1.0) / 2.0) - libm::lgamma(df / 2.0);
    let scale = libm::exp(log_scale) / libm::sqrt(std::f64::consts::PI);
    const STEPS: u32 = 400;
    let step = angle / f64::from(STEPS);
    let f = |x: f64| if df == 1.0 { 1.0 } else { libm::pow(libm::cos(x).max(0.0), df - 1.0) };
    let mut sum = f(0.0) + f(angle);
    for i in 1..STEPS {
        sum += f(step * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 };
    }
    0.5 + scale * sum * step / 3.0
}
