//! A new stack after three of its own runs.

use super::summary::quantile;
use crate::answer::ErrorSummary;
use crate::calibrate::own;
use crate::calibrate::spread::Residuals;

/// Errors of rows whose source the parameters had not seen, after three runs of their source and chip
/// corrected them.
pub(super) fn after_three(residuals: &Residuals) -> ErrorSummary {
    let later = own::new_stacks(&residuals.list);
    if later.is_empty() {
        return ErrorSummary::default();
    }
    let mut rows: Vec<usize> = later.iter().map(|l| l.row).collect();
    rows.sort_unstable();
    rows.dedup();
    // The error of the prediction, where `error` is of the published value.
    let errors: Vec<f64> = later.iter().map(|l| ((-l.error).exp() - 1.0) * 100.0).collect();
    let abs: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    ErrorSummary {
        n: rows.len() as u64,
        skipped: 0,
        median_abs_error_pct: quantile(abs.clone(), 0.5),
        p90_abs_error_pct: quantile(abs, 0.9),
        bias_pct: quantile(errors, 0.5),
        coverage_90: later.iter().filter(|l| l.inside).count() as f64 / later.len() as f64,
        // Every draw corrects otherwise, so there is no one order.
        rank_correlation: 0.0,
    }
}
