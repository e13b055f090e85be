//! The textbook answer to "how much to reserve": the closed form that the program must agree with.

/// Share of demand outcomes that a reservation should cover when an hour costs `reserved` committed (used or not) and
/// `on_demand` at need: the critical ratio (on_demand - reserved) / on_demand, 0 when reserving never pays.
pub fn critical_ratio(on_demand: f64, reserved: f64) -> f64 {
    if on_demand > 0.0 { ((on_demand - reserved) / on_demand).clamp(0.0, 1.0) } else { 0.0 }
}

/// Chips to reserve for equally likely demands: the smallest demand that at least the critical share does not pass.
/// 0 when reserving never pays.
pub fn reserve(demands: &[f64], on_demand: f64, reserved: f64) -> f64 {
    let share = critical_ratio(on_demand, reserved);
    let mut sorted = demands.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    if share <= 0.0 {
        return 0.0;
    }
    // A hair off, so that 0.3 x 10 is 3 and not 4.
    let rank = (share * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize - 1;
    sorted[rank.min(last)]
}
