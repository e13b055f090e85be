//! Errors over sets of rows: quantiles, coverage, rank correlation, pairs of layouts.

use super::Predicted;
use crate::answer::ErrorSummary;
use std::collections::BTreeMap;

pub(super) fn summarise<'a, 'b: 'a>(
    rows: impl Iterator<Item = &'a Predicted<'b>>,
    value: &dyn Fn(&Predicted<'_>) -> Option<f64>,
    inside: &dyn Fn(&Predicted<'_>) -> bool,
    skipped: u64,
) -> ErrorSummary {
    let mut errors = Vec::new();
    let mut within = 0u64;
    let mut by_source: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for p in rows {
        let Some(s) = value(p) else { continue };
        errors.push((s / p.case.measured - 1.0) * 100.0);
        within += u64::from(inside(p));
        let work = p.case.global_batch as f64 * p.case.seq as f64 / p.case.layout.devices() as f64;
        by_source.entry(&p.case.source).or_default().push((work / s, work / p.case.measured));
    }
    let n = errors.len();
    if n == 0 {
        return ErrorSummary { skipped, ..ErrorSummary::default() };
    }
    let bias = quantile(errors.clone(), 0.5);
    let abs: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    let ranks: Vec<f64> = by_source.values().filter(|v| v.len() >= 5).map(|v| spearman(v)).collect();
    ErrorSummary {
        n: n as u64,
        skipped,
        median_abs_error_pct: quantile(abs.clone(), 0.5),
        p90_abs_error_pct: quantile(abs, 0.9),
        bias_pct: bias,
        coverage_90: within as f64 / n as f64,
        rank_correlation: if ranks.is_empty() { 0.0 } else { ranks.iter().sum::<f64>() / ranks.len() as f64 },
    }
}

/// Linear interpolation between order statistics; 0 for none.
pub(crate) fn quantile(mut v: Vec<f64>, q: f64) -> f64 {
    if v.is_empty() {
        return 0.0;
    }
    v.sort_by(f64::total_cmp);
    let at = (v.len() - 1) as f64 * q;
    let (i, f) = (at.floor() as usize, at.fract());
    v[i] + f * (v[(i + 1).min(v.len() - 1)] - v[i])
}

/// Spearman's rank correlation.
pub(crate) fn spearman(v: &[(f64, f64)]) -> f64 {
    let ranks = |x: Vec<f64>| -> Vec<f64> {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
        let mut r = vec![0.0; x.len()];
        let mut i = 0;
        while i < order.len() {
            let mut j = i;
            while j + 1 < order.len() && x[order[j + 1]] == x[order[i]] {
                j += 1;
            }
            for k in i..=j {
                r[order[k]] = f64::midpoint(i as f64, j as f64);
            }
            i = j + 1;
        }
        r
    };
    let (a, b) = (ranks(v.iter().map(|x| x.0).collect()), ranks(v.iter().map(|x| x.1).collect()));
    let mean = (v.len() - 1) as f64 / 2.0;
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(&b) {
        ab += (x - mean) * (y - mean);
        aa += (x - mean).powi(2);
        bb += (y - mean).powi(2);
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// Pairs of rows of one source, chip, model and chip count whose published time per token differs by more than
/// 5%: how many are ordered right, and how many there are.
pub(super) fn pairs<'a, 'b: 'a>(rows: impl Iterator<Item = &'a Predicted<'b>>) -> (u64, u64) {
    // By source, chip, model and chips: predicted and measured.
    type Comparable<'t> = (&'t str, &'t str, &'t str, u64);
    let mut groups: BTreeMap<Comparable<'_>, Vec<(f64, f64)>> = BTreeMap::new();
    for p in rows {
        let c = p.case;
        let tokens = c.global_batch as f64 * c.seq as f64;
        groups.entry((&c.source, &c.chip, &c.model.name, c.layout.devices())).or_default().push((p.seconds / tokens, c.measured / tokens));
    }
    let (mut right, mut all) = (0, 0);
    for g in groups.values() {
        for (i, a) in g.iter().enumerate() {
            for b in &g[i + 1..] {
                if (a.1 / b.1).ln().abs() > 1.05_f64.ln() {
                    all += 1;
                    right += u64::from((a.0 < b.0) == (a.1 < b.1));
                }
            }
        }
    }
    (right, all)
}
