//! Now or later: the best rule for stopping to wait, by least-squares Monte Carlo (Longstaff and Schwartz, Review of
//! Financial Studies 14, 2001).
//!
//! On every path, starting in period t costs so much in the end. What is seen in period t (prices, what has been
//! announced) is its state. Backwards in time, a regression over all paths says what going on waiting is expected to
//! cost from such a state, another what starting is expected to cost; the rule starts when starting is no dearer. The
//! regressions are fitted on one half of the paths and used on the other, so the rule never profits from what it has
//! seen.

/// Paths on which to wait. Tables are path by path: `[path * periods + period]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    pub paths: usize,
    pub periods: usize,
    /// USD in the end when started in a period; infinite where it cannot be.
    pub cost: Vec<f64>,
    /// What starting is expected to cost, where that is known in the period; else it is regressed too.
    pub expected: Option<Vec<f64>>,
    /// Numbers seen in each period, `features` of them: near 1 in size, or scaled to that.
    pub state: Vec<f64>,
    pub features: usize,
}

/// What the rule does.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Period of the start on each path.
    pub start: Vec<usize>,
    /// USD on each path.
    pub cost: Vec<f64>,
}

impl Waiting {
    /// Mean cost of starting in one period on all paths; infinite when some path does not allow it.
    pub fn fixed(&self, period: usize) -> f64 {
        (0..self.paths).map(|p| self.cost[p * self.periods + period]).sum::<f64>() / self.paths.max(1) as f64
    }

    /// The rule for stopping. Every path must allow its last period.
    pub fn rule(&self) -> Rule {
        let last = self.periods - 1;
        let mut start = vec![last; self.paths];
        let mut cost: Vec<f64> = (0..self.paths).map(|p| self.cost[p * self.periods + last]).collect();
        for t in (0..last).rev() {
            let open: Vec<usize> = (0..self.paths).filter(|p| self.cost[p * self.periods + t].is_finite()).collect();
            // In the first period there may be one state only: then halves have nothing to tell apart.
            let mut stop = vec![false; self.paths];
            for half in 0..2 {
                let fit: Vec<usize> = open.iter().copied().filter(|p| p % 2 == half).collect();
                let used: Vec<usize> = open.iter().copied().filter(|p| p % 2 != half).collect();
                if fit.is_empty() || used.is_empty() {
                    continue;
                }
                let rows: Vec<Vec<f64>> = fit.iter().map(|p| self.basis(*p, t)).collect();
                let later: Vec<f64> = fit.iter().map(|p| cost[*p]).collect();
                let now: Vec<f64> = fit.iter().map(|p| self.cost[p * self.periods + t]).collect();
                let beta_later = least_squares(&rows, &later);
                let beta_now = if self.expected.is_some() { Vec::new() } else { least_squares(&rows, &now) };
                for p in used {
                    let row = self.basis(p, t);
                    let go_on = dot(&row, &beta_later);
                    let begin = self.expected.as_ref().map_or_else(|| dot(&row, &beta_now), |e| e[p * self.periods + t]);
                    stop[p] = begin <= go_on;
                }
            }
            for p in (0..self.paths).filter(|p| stop[*p]) {
                start[p] = t;
                cost[p] = self.cost[p * self.periods + t];
            }
        }
        Rule { start, cost }
    }

    /// 1, the features, their squares and products.
    fn basis(&self, path: usize, t: usize) -> Vec<f64> {
        let at = (path * self.periods + t) * self.features;
        let f = &self.state[at..at + self.features];
        let mut row = vec![1.0];
        row.extend(f);
        for i in 0..f.len() {
            row.extend((i..f.len()).map(|j| f[i] * f[j]));
        }
        row
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Least squares by Householder reflections; columns that depend on earlier ones get the coefficient 0.
fn least_squares(rows: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
    let (m, n) = (rows.len(), rows.first().map_or(0, Vec::len));
    let mut a: Vec<Vec<f64>> = (0..n).map(|j| rows.iter().map(|r| r[j]).collect()).collect();
    let mut b = y.to_vec();
    let norm = |v: &[f64]| libm::sqrt(v.iter().map(|x| x * x).sum());
    let whole: Vec<f64> = a.iter().map(|c| norm(c)).collect();
    let mut diagonal = vec![0.0; n];
    let mut pivots: Vec<(usize, usize)> = Vec::new();
    let mut row = 0;
    for j in 0..n {
        if row >= m {
            break;
        }
        let length = norm(&a[j][row..]);
        if length <= 1e-9 * whole[j] {
            continue;
        }
        // v = x +- |x| e1, kept in place of the column below its diagonal.
        let sign = if a[j][row] > 0.0 { -1.0 } else { 1.0 };
        diagonal[j] = sign * length;
        let mut v = a[j][row..].to_vec();
        v[0] -= diagonal[j];
        let vv: f64 = v.iter().map(|x| x * x).sum();
        for column in a.iter_mut().skip(j + 1).chain(std::iter::once(&mut b)) {
            let f = 2.0 * dot(&v, &column[row..]) / vv;
            column[row..].iter_mut().zip(&v).for_each(|(c, v)| *c -= f * v);
        }
        pivots.push((row, j));
        row += 1;
    }
    let mut beta = vec![0.0; n];
    for (i, (row, j)) in pivots.iter().enumerate().rev() {
        let above: f64 = pivots[i + 1..].iter().map(|(_, k)| a[*k][*row] * beta[*k]).sum();
        beta[*j] = (b[*row] - above) / diagonal[*j];
    }
    beta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_finds_a_polynomial_and_skips_copies() {
        let rows: Vec<Vec<f64>> = (0..20).map(|i| f64::from(i) / 10.0).map(|x| vec![1.0, x, 1.0, x * x, 2.0 * x]).collect();
        let y: Vec<f64> = rows.iter().map(|r| 3.0 - 2.0 * r[1] + 0.5 * r[3]).collect();
        let beta = least_squares(&rows, &y);
        for (got, want) in beta.iter().zip([3.0, -2.0, 0.0, 0.5, 0.0]) {
            assert!((got - want).abs() < 1e-10, "{beta:?}");
        }
    }
}
