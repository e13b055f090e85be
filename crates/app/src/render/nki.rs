//! The pages of `validate --nki` and `calibrate --neuroncore`.

use super::Page;
use super::grid::Grid;
use super::numbers::{seconds, sig3, thousands};
use secondsource::nki::{NkiAnswer, NkiCalibrateAnswer, NkiRow};

/// A time, or a share where the row is one.
fn value(row: &NkiRow, x: f64) -> String {
    if row.published.ends_with("fraction") { format!("{x:.3}") } else { seconds(x) }
}

pub fn page(answer: &NkiAnswer, file: &str, page: &Page) -> String {
    let mut out = page.heading(&format!("Predicted against published kernel times: {file}"));
    let mut grid = Grid::new()
        .left("group")
        .right("rows")
        .right("not run")
        .dispensable(1)
        .right("median |error|")
        .right("90th pct.")
        .right("bias")
        .right("in 90% interval")
        .dispensable(2)
        .right("median, counted traffic")
        .dispensable(3);
    for g in &answer.groups {
        let mut cells = vec![g.group.clone(), thousands(g.rows), if g.not_run > 0 { thousands(g.not_run) } else { String::new() }];
        if g.rows > 0 {
            cells.extend([
                format!("{:.1}%", g.median_abs_error_pct),
                format!("{:.1}%", g.p90_abs_error_pct),
                format!("{:+.1}%", g.bias_pct),
                format!("{:.0}%", g.inside * 100.0),
                format!("{:.1}%", g.median_counted_pct),
            ]);
        }
        grid.row(cells);
    }
    out.push_str(&grid.render(page));
    for line in [
        format!(
            "kda rows are held against ratios only: all are divided by one factor, {}, because their scale is not that of one core.",
            sig3(answer.kda_factor)
        ),
        "Upper bounds (thresholds of regression tests) need the kernels' own sources and are not scored here.".to_owned(),
    ] {
        out.push_str(&page.hanging("", 0, &line));
    }
    let mut grid = Grid::new().left("variants of one kernel").right("rows").right("rank corr.");
    for r in &answer.ranks {
        grid.row(vec![r.kernel.clone(), thousands(r.variants), format!("{:.2}", r.rank_correlation)]);
    }
    out.push_str(&format!("\n{}{}", page.heading("Order of variants"), grid.render(page)));
    out.push_str(&format!("\n{}{}", page.heading("Every predicted row"), rows(answer, page)));
    out.push_str(&format!("\n{}", page.heading("Not run")));
    for (reason, ids) in &answer.not_run {
        out.push_str(&page.hanging("", 3, &format!("{reason} ({}): {}", ids.len(), spans(ids))));
    }
    out
}

fn rows(answer: &NkiAnswer, page: &Page) -> String {
    let mut grid = Grid::new()
        .left("row")
        .left("kernel")
        .left("chip")
        .dispensable(3)
        .right("published")
        .right("predicted")
        .right("5–95%")
        .dispensable(2)
        .right("error")
        .right("as written")
        .dispensable(4)
        .right("bound")
        .dispensable(5)
        .right("counted traffic")
        .dispensable(1);
    let optional = |r: &NkiRow, x: Option<f64>| x.map(|x| value(r, x)).unwrap_or_default();
    for r in &answer.rows {
        grid.row(vec![
            r.id.clone(),
            r.kernel.clone(),
            r.target.clone(),
            value(r, r.measured),
            value(r, r.p50),
            format!("{} – {}", value(r, r.p5), value(r, r.p95)),
            format!("{:+.1}%", r.error_pct),
            optional(r, r.as_written),
            optional(r, r.bound),
            match (r.counted_error_pct, r.traffic_ratio) {
                (Some(e), Some(x)) => format!("{e:+.1}% at {x:.2}x"),
                _ => String::new(),
            },
        ]);
    }
    grid.render(page)
}

/// `v0001, v0004-v0007`: neighbours joined.
fn spans(ids: &[String]) -> String {
    let number = |id: &str| id.strip_prefix('v').and_then(|n| n.parse::<u32>().ok());
    let mut out: Vec<(String, String, u32)> = Vec::new();
    for id in ids {
        match (out.last_mut(), number(id)) {
            (Some((_, last, n)), Some(m)) if *n + 1 == m => {
                *last = id.clone();
                *n = m;
            }
            (_, m) => out.push((id.clone(), id.clone(), m.unwrap_or(u32::MAX - 1))),
        }
    }
    out.into_iter().map(|(a, b, _)| if a == b { a } else { format!("{a}–{b}") }).collect::<Vec<_>>().join(", ")
}

pub fn calibration(answer: &NkiCalibrateAnswer, page: &Page) -> String {
    let mut out = page.heading(&format!("Instruction times of the NeuronCore, fitted to {} rows", answer.rows));
    let mut grid = Grid::new().left("parameter").right("prior").right("fitted").right("± factor").right("rows").left("unit").clipped(1);
    for p in &answer.parameters {
        grid.row(vec![
            p.name.to_owned(),
            sig3(p.prior),
            sig3(p.value),
            format!("{:.3}", p.factor),
            thousands(p.rows.len() as u64),
            p.unit.clone(),
        ]);
    }
    out.push_str(&grid.render(page));
    let line = format!(
        "Median |error| of these rows: {:.1}% at the priors, {:.1}% fitted. Spread of the log: {:.3} for kernels bound by products, {:.3} for others.",
        answer.median_before_pct, answer.median_after_pct, answer.spread_gemm, answer.spread_other
    );
    out + &page.hanging("", 0, &line)
}
