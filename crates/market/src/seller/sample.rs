//! Uncertain inputs: three points each, draws of all of them, and what each one moves.

use secondsource_base::random::Stream;
use secondsource_base::random::Z95;
use serde::Serialize;

/// An input: 5% of outcomes lie below `low`, half below `middle`, 5% above `high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

impl Range {
    pub const fn exactly(v: f64) -> Range {
        Range { low: v, middle: v, high: v }
    }

    /// The value whose standard normal score is `z`: a normal distribution on either side of the middle, each with its own
    /// width.
    pub fn at(&self, z: f64) -> f64 {
        let side = if z < 0.0 { self.middle - self.low } else { self.high - self.middle };
        self.middle + side * z / Z95
    }
}

/// One scenario's values, in the order of the ranges.
pub type Draws = Vec<f64>;

/// Scenario `index` of a seed: one number per input, between `bounds`.
pub fn draw(ranges: &[Range], bounds: &[(f64, f64)], seed: u64, index: u64) -> Draws {
    let mut s = Stream::numbered(seed, "seller", index);
    ranges.iter().zip(bounds).map(|(r, (low, high))| r.at(s.normal()).clamp(*low, *high)).collect()
}

/// What one input does to the answer, the others at their middle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tornado {
    /// Index of the input.
    pub input: usize,
    /// The answer with the input at its low and at its high value.
    pub at_low: f64,
    pub at_high: f64,
    /// Whether the answer changes its sign between low and high, and the value of the input at which it does.
    pub flips: bool,
    pub flips_at: Option<f64>,
}

/// Moves each input from low to high. `answer` is positive for one choice and negative for the other. Largest swing first.
pub fn tornado(ranges: &[Range], answer: &dyn Fn(&[f64]) -> f64) -> Vec<Tornado> {
    let middle: Vec<f64> = ranges.iter().map(|r| r.middle).collect();
    let with = |i: usize, v: f64| {
        let mut x = middle.clone();
        x[i] = v;
        answer(&x)
    };
    let mut bars: Vec<Tornado> = ranges
        .iter()
        .enumerate()
        .filter(|(_, r)| r.high > r.low)
        .map(|(i, r)| {
            let (at_low, at_high) = (with(i, r.low), with(i, r.high));
            let flips = (at_low > 0.0) != (at_high > 0.0);
            Tornado { input: i, at_low, at_high, flips, flips_at: flips.then(|| root(r.low, r.high, &|v| with(i, v))) }
        })
        .collect();
    bars.sort_by(|a, b| (b.at_high - b.at_low).abs().total_cmp(&(a.at_high - a.at_low).abs()).then(a.input.cmp(&b.input)));
    bars
}

/// Where a function changes its sign between two points, by halving.
fn root(mut low: f64, mut high: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let start = f(low) > 0.0;
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if high - low <= 1e-12 * high.abs().max(low.abs()) {
            break;
        }
        if (f(middle) > 0.0) == start { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The 5%, 50% and 95% quantiles, linear between order statistics; zeros for nothing.
pub fn quantiles(values: &[f64]) -> Range {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    let at = |q: f64| {
        let Some(last) = v.len().checked_sub(1) else { return 0.0 };
        let place = last as f64 * q;
        let i = place as usize;
        v[i] + (place - i as f64) * (v[(i + 1).min(last)] - v[i])
    };
    Range { low: at(0.05), middle: at(0.5), high: at(0.95) }
}
