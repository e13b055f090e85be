//! Waiting against options whose worth is known.

use secondsource_base::Stream;
use secondsource_market::decide::risk::mean;
use secondsource_market::decide::waiting::{Rule, Waiting};

/// American put on paths of geometric Brownian motion. Costs are payoffs with the sign turned, discounted to today.
#[expect(clippy::too_many_arguments, reason = "the terms of one option")]
fn put(spot: f64, strike: f64, rate: f64, dividend: f64, sigma: f64, years: f64, steps: usize, paths: usize) -> Waiting {
    let dt = years / steps as f64;
    let n = steps + 1;
    let (mut cost, mut state) = (Vec::with_capacity(paths * n), Vec::with_capacity(paths * n));
    for p in 0..paths {
        // Antithetic pairs share a stream; a pair lies in one half of the cross-fit.
        let pair = (p / 4) * 2 + p % 2;
        let sign = if (p / 2) % 2 == 0 { 1.0 } else { -1.0 };
        let mut s = Stream::numbered(1, "put", pair as u64);
        let mut ln = spot.ln();
        for t in 0..n {
            if t > 0 {
                ln += (rate - dividend - sigma * sigma / 2.0) * dt + sigma * dt.sqrt() * sign * s.normal();
            }
            let payoff = (strike - ln.exp()).max(0.0);
            // Out of the money nobody exercises, so such paths do not enter the regression; the last period is always open.
            let worth = if payoff > 0.0 || t == steps { -payoff * (-rate * dt * t as f64).exp() } else { f64::INFINITY };
            cost.push(worth);
            state.push(ln.exp() / strike);
        }
    }
    Waiting { paths, periods: n, expected: Some(cost.clone()), cost, state, features: 1 }
}

fn worth(rule: &Rule) -> f64 {
    -mean(&rule.cost)
}

/// American put by the binomial tree of Cox, Ross and Rubinstein.
fn tree(spot: f64, strike: f64, rate: f64, dividend: f64, sigma: f64, years: f64, steps: usize) -> f64 {
    let dt = years / steps as f64;
    let (up, keep) = ((sigma * dt.sqrt()).exp(), (-rate * dt).exp());
    let p = (((rate - dividend) * dt).exp() - 1.0 / up) / (up - 1.0 / up);
    let price = |i: usize, t: usize| spot * up.powi(2 * i as i32 - t as i32);
    let mut v: Vec<f64> = (0..=steps).map(|i| (strike - price(i, steps)).max(0.0)).collect();
    for t in (0..steps).rev() {
        v = (0..=t).map(|i| (keep * (p * v[i + 1] + (1.0 - p) * v[i])).max(strike - price(i, t))).collect();
    }
    v[0]
}

/// Longstaff and Schwartz 2001, table 1: strike 40, rate 6%, 50 exercise dates a year; finite differences give 4.478 and
/// their simulation 4.472 for spot 36, volatility 20%, one year.
#[test]
fn american_put_of_the_published_table() {
    let simulated = worth(&put(36.0, 40.0, 0.06, 0.0, 0.2, 1.0, 50, 20_000).rule());
    assert!((tree(36.0, 40.0, 0.06, 0.0, 0.2, 1.0, 1000) - 4.478).abs() < 0.01);
    // Quadratics lose a little against the best rule.
    assert!(simulated > 4.40 && simulated < 4.50, "{simulated}");
}

/// With a horizon that is long against the discount rate the option is perpetual: exercise at S* = K b / (b - 1) with
/// b = 1/2 - (r - d) / v - sqrt(((r - d) / v - 1/2)^2 + 2 r / v), v = sigma^2 (Merton 1973; the mirror of McDonald and
/// Siegel 1986), worth (K - S*) (S / S*)^b.
#[test]
fn a_long_wait_is_worth_the_perpetual_option() {
    let (spot, strike, rate, dividend, sigma) = (100.0, 100.0, 0.20, 0.10, 0.3);
    let v: f64 = sigma * sigma;
    let drift = (rate - dividend) / v;
    let b = 0.5 - drift - ((drift - 0.5) * (drift - 0.5) + 2.0 * rate / v).sqrt();
    let threshold = strike * b / (b - 1.0);
    let closed = (strike - threshold) * (spot / threshold).powf(b);
    let w = put(spot, strike, rate, dividend, sigma, 15.0, 180, 6_000);
    let rule = w.rule();
    assert!((tree(spot, strike, rate, dividend, sigma, 40.0, 2000) / closed - 1.0).abs() < 0.01, "{closed}");
    assert!((worth(&rule) / closed - 1.0).abs() < 0.04, "{} against {closed}", worth(&rule));
    // Where it exercises early: at prices around the threshold.
    let mut at: Vec<f64> = (0..w.paths)
        .filter(|p| rule.start[*p] > 0 && rule.start[*p] < 120 && rule.cost[*p] < 0.0)
        .map(|p| w.state[p * w.periods + rule.start[p]] * strike)
        .collect();
    at.sort_by(f64::total_cmp);
    let middle = at[at.len() / 2];
    assert!((middle / threshold - 1.0).abs() < 0.08, "exercised at {middle}, threshold {threshold}");
}

/// Nothing random: the rule finds the cheapest period. A state that says nothing cannot be exploited.
#[test]
fn certainty_and_ignorance() {
    let costs = [5.0, 3.0, 4.0, 6.0];
    let w = Waiting { paths: 8, periods: 4, cost: costs.repeat(8), expected: None, state: vec![1.0; 32], features: 1 };
    assert_eq!(w.rule().start, vec![1; 8]);
    assert_eq!(w.fixed(1), 3.0);
    // Two equally likely futures that look the same until the end: nothing beats the best fixed period.
    let mut s = Stream::new(5, "coin");
    let paths = 4000;
    let cost: Vec<f64> = (0..paths).flat_map(|_| if s.chance(0.5) { [10.0, 4.0, 18.0] } else { [10.0, 17.0, 3.0] }).collect();
    let w = Waiting { paths, periods: 3, cost, expected: None, state: vec![1.0; paths * 3], features: 1 };
    let best = (0..3).map(|t| w.fixed(t)).fold(f64::INFINITY, f64::min);
    assert!(mean(&w.rule().cost) > best - 0.05, "{} below {best}", mean(&w.rule().cost));
}
