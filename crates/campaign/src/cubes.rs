//! Availability of machines made of like blocks: binomial.

/// P(X >= k) for X binomial with n trials of success probability p; 1 for k = 0.
pub fn at_least(n: u32, k: u32, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let (n, ln_p, ln_q) = (f64::from(n), libm::log(p), libm::log1p(-p));
    let ln_choose = |i: f64| libm::lgamma(n + 1.0) - libm::lgamma(i + 1.0) - libm::lgamma(n - i + 1.0);
    let term = |i: u32| libm::exp(ln_choose(f64::from(i)) + f64::from(i) * ln_p + (n - f64::from(i)) * ln_q);
    (k..=n as u32).map(term).sum::<f64>().min(1.0)
}

/// The largest number of blocks out of n that is up with at least the given confidence.
pub fn usable(n: u32, availability: f64, confidence: f64) -> u32 {
    (0..=n).rev().find(|k| at_least(n, *k, availability) >= confidence).unwrap_or(0)
}

/// The availability of one block at which `k` out of n are up with exactly the given confidence.
pub fn availability_for(n: u32, k: u32, confidence: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if at_least(n, k, middle) < confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}
