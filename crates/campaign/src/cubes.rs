//! Availability of machines made of like blocks: binomial.

use secondsource_catalog::Catalog;

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

/// Fewest blocks of which `k` are up with the given confidence; `None` when a hundred times as many would not do.
pub fn blocks_for(k: u32, availability: f64, confidence: f64) -> Option<u32> {
    (k..=k.saturating_mul(100)).find(|n| at_least(*n, k, availability) >= confidence)
}

/// For a TPU job of whole cubes: how many must stand there for its own to be up.
pub fn note(catalog: &Catalog, chips: u64) -> Option<String> {
    let table = catalog.table("failure-rates").ok()?;
    let figure = |name: &str| table.figures.get(name).map(|f| f.main.value);
    let (size, up, confidence) = (figure("cube-chips")?, figure("cube-availability")?, figure("cube-confidence")?);
    let cubes = chips as f64 / size;
    if cubes.fract() != 0.0 || !(2.0..=1024.0).contains(&cubes) {
        return None;
    }
    let cubes = cubes as u32;
    let needed = blocks_for(cubes, up, confidence)?;
    Some(format!(
        "a cube of {size} chips is up {:.1}% of the time (Google: 130 of 144 usable): {needed} must stand there for {cubes} to be up with \
         {:.0}% confidence",
        up * 100.0,
        confidence * 100.0
    ))
}
