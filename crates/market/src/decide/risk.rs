//! Statistics of equally likely costs.

/// How a cost distribution is weighed: mean + weight x CVaR at a level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Risk {
    /// CVaR is the mean of the worst 1 - level of outcomes. At least 0 and below 1.
    pub level: f64,
    /// 0 looks at the mean alone.
    pub weight: f64,
}

impl Risk {
    pub const MEAN: Risk = Risk { level: 0.0, weight: 0.0 };

    /// mean + weight x CVaR.
    pub fn of(&self, costs: &[f64]) -> f64 {
        mean(costs) + if self.weight > 0.0 { self.weight * cvar(costs, self.level) } else { 0.0 }
    }

    /// Weights w of the scenarios with `of(costs)` = sum of w x cost, and `of(other)` >= sum of w x other for any
    /// other costs: what a cutting plane needs (the dual form of Rockafellar and Uryasev's minimum).
    pub fn weights(&self, costs: &[f64]) -> Vec<f64> {
        let n = costs.len() as f64;
        let mut w = vec![1.0 / n; costs.len()];
        if self.weight > 0.0 {
            for (w, t) in w.iter_mut().zip(tail_weights(costs, self.level)) {
                *w += self.weight * t;
            }
        }
        w
    }
}

/// Mean, summed in the order given.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Weights of the worst 1 - level of outcomes: 1 / (n (1 - level)) each, a part of that for the one at the edge.
pub fn tail_weights(costs: &[f64], level: f64) -> Vec<f64> {
    let n = costs.len() as f64;
    let each = 1.0 / (n * (1.0 - level));
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| costs[*b].total_cmp(&costs[*a]).then(a.cmp(b)));
    let mut left = 1.0;
    let mut w = vec![0.0; costs.len()];
    for i in order {
        w[i] = each.min(left);
        left -= w[i];
        if left <= 0.0 {
            break;
        }
    }
    w
}

/// Conditional value at risk: mean of the worst 1 - level of equally likely costs
/// (Rockafellar and Uryasev 2000: min over a of a + E[(cost - a)+] / (1 - level)).
pub fn cvar(costs: &[f64], level: f64) -> f64 {
    tail_weights(costs, level).iter().zip(costs).map(|(w, c)| if *w > 0.0 { w * c } else { 0.0 }).sum()
}

/// The value that a share `p` of equally likely values does not pass: linear between order statistics (type 7 of
/// Hyndman and Fan 1996). 0 for no values.
pub fn quantile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_sorted(&sorted, p)
}

/// [`quantile`] of values that are sorted already.
pub fn quantile_sorted(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let at = p.clamp(0.0, 1.0) * last as f64;
    let low = at.floor() as usize;
    let (a, b) = (sorted[low], sorted[(low + 1).min(last)]);
    // Equal ends first: infinity minus infinity is no number.
    if a == b { a } else { a + (at - low as f64) * (b - a) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CVaR of a uniform distribution on [0, 1] is (1 + level) / 2; of n equally spaced points the same up to 1/n.
    #[test]
    fn uniform_in_closed_form() {
        let n = 10_000;
        let costs: Vec<f64> = (0..n).map(|i| (f64::from((i * 7919) % n) + 0.5) / f64::from(n)).collect();
        for level in [0.0, 0.5, 0.9, 0.95, 0.99] {
            assert!((cvar(&costs, level) - f64::midpoint(1.0, level)).abs() < 1e-9, "{level}");
        }
    }

    /// The minimum of Rockafellar and Uryasev over the costs themselves as thresholds.
    #[test]
    fn equals_the_minimum_of_rockafellar_and_uryasev() {
        let costs = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0];
        for level in [0.0, 0.3, 0.5, 0.85, 0.95] {
            let at = |a: f64| a + costs.iter().map(|c: &f64| (c - a).max(0.0)).sum::<f64>() / 11.0 / (1.0 - level);
            let least = costs.iter().map(|a| at(*a)).fold(f64::INFINITY, f64::min);
            assert!((cvar(&costs, level) - least).abs() < 1e-12, "{level}: {} {least}", cvar(&costs, level));
        }
    }

    #[test]
    fn weights_support_the_measure() {
        let risk = Risk { level: 0.8, weight: 0.5 };
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 10.0, 6.0], [9.0, 0.0, 1.0, 5.0, 5.0, 5.0]);
        let w = risk.weights(&a);
        let dot = |c: &[f64]| w.iter().zip(c).map(|(w, c)| w * c).sum::<f64>();
        assert!((dot(&a) - risk.of(&a)).abs() < 1e-12);
        assert!(dot(&b) <= risk.of(&b) + 1e-12);
        assert!((w.iter().sum::<f64>() - 1.5).abs() < 1e-12);
    }

    #[test]
    fn quantiles_lie_between_order_statistics() {
        let v = [4.0, 1.0, 3.0, 2.0, f64::INFINITY];
        assert_eq!((quantile(&v, 0.0), quantile(&v, 0.5), quantile(&v, 0.25)), (1.0, 3.0, 2.0));
        assert_eq!(quantile(&v, 1.0), f64::INFINITY);
        assert_eq!(quantile(&[f64::INFINITY; 3], 0.9), f64::INFINITY);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
