//! Whole units divided in proportion to what each asked for.

/// Largest-remainder shares of `there` units among `wants`: proportional, whole, nobody above what was asked. Ties go to
/// the earlier.
pub fn fair_share(there: u64, wants: &[u64]) -> Vec<u64> {
    let all: u128 = wants.iter().map(|w| u128::from(*w)).sum();
    if all <= u128::from(there) {
        return wants.to_vec();
    }
    let exact = |w: u64| u128::from(there) * u128::from(w);
    let mut got: Vec<u64> = wants.iter().map(|w| (exact(*w) / all) as u64).collect();
    let left = there - got.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(exact(wants[*i]) % all), *i));
    for i in order.into_iter().take(left as usize) {
        got[i] += 1;
    }
    got
}
