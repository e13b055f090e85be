//! The page of `validate`.

use super::Page;
use super::grid::Grid;
use super::numbers::{seconds, thousands};
use secondsource::answer::{ErrorSummary, ValidateAnswer, ValidateRow};
use std::collections::BTreeMap;

/// `all`: rows of grade C too; so it is when there are no others.
pub fn page(answer: &ValidateAnswer, file: &str, worst: usize, all: bool, page: &Page) -> String {
    let mut out = page.heading(&format!("Predicted against published step times: {file}"));
    for line in &answer.corrections {
        out.push_str(&page.hanging("Corrected: ", 11, line));
    }
    let all = all || answer.summary.n == 0;
    out.push_str(&summaries(answer, all, page));
    let (right, pairs) = answer.layout_pairs;
    let (misfit_a, misfit) = answer.misfits;
    let inferred = answer.rows.iter().filter(|r| matches!(r, ValidateRow::Predicted { inferred, .. } if !inferred.is_empty())).count();
    let mut more = vec![format!("Rows with a cell that had to be inferred: {inferred}.")];
    if answer.summary.n > 0 {
        more.insert(0, format!("Rows that ran but are predicted not to fit: {misfit} of grades A and B, {misfit_a} of them A."));
    }
    if pairs > 0 {
        let words = "pairs of layouts of one source, chip and model that are more than 5% apart";
        more.insert(0, format!("Of {} {words}, {} are ordered right.", thousands(pairs), thousands(right)));
    }
    for line in &more {
        out.push_str(&page.hanging("", 0, line));
    }
    out.push_str(&group("chip", &answer.by_chip, page));
    out.push_str(&group("source", &answer.by_source, page));
    out.push_str(&largest(&answer.rows, worst, all, page));
    out.push_str(&skipped(&answer.rows, page));
    out
}

fn columns(first: &'static str) -> Grid {
    Grid::new()
        .left(first)
        .right("rows")
        .right("skipped")
        .dispensable(2)
        .right("median |error|")
        .right("90th pct.")
        .right("bias")
        .right("in 90% interval")
        .dispensable(1)
        .right("rank corr.")
        .dispensable(3)
}

fn row(name: &str, s: &ErrorSummary) -> Vec<String> {
    let skipped = if s.skipped > 0 { thousands(s.skipped) } else { String::new() };
    let mut cells = vec![name.to_owned(), thousands(s.n), skipped];
    if s.n > 0 {
        cells.extend([
            format!("{:.1}%", s.median_abs_error_pct),
            format!("{:.1}%", s.p90_abs_error_pct),
            format!("{:+.1}%", s.bias_pct),
            format!("{:.0}%", s.coverage_90 * 100.0),
            format!("{:.2}", s.rank_correlation),
        ]);
    }
    cells
}

fn summaries(a: &ValidateAnswer, all: bool, page: &Page) -> String {
    let mut grid = columns("rows of grade");
    let mut lines = vec![
        ("A and B", &a.summary),
        ("A (complete)", &a.summary_a),
        ("A without the mosaic source", &a.summary_a_without_mosaic),
        ("A and B, mixture of experts", &a.summary_moe),
        ("A and B, pipelines event by event", &a.summary_simulated),
        ("Source not seen in the fit: A and B", &a.leave_one_source_out),
        ("  A", &a.leave_one_source_out_a),
        ("  A without mosaic", &a.leave_one_source_out_a_without_mosaic),
        ("  A and B, mixture of experts", &a.leave_one_source_out_moe),
        ("Chip not seen in the fit: A and B", &a.leave_one_chip_out),
        ("  A", &a.leave_one_chip_out_a),
        ("  A without mosaic", &a.leave_one_chip_out_a_without_mosaic),
        ("Source not seen, after three own runs", &a.new_stack_after_three),
    ];
    if all {
        lines.insert(0, ("A, B and C", &a.summary_all));
    }
    // A table of one's own has no grades and no folds.
    for (name, summary) in lines.into_iter().filter(|(_, s)| s.n + s.skipped > 0) {
        let mut cells = row(name, summary);
        if std::ptr::eq(summary, &raw const a.new_stack_after_three)
            && let Some(last) = cells.last_mut().filter(|_| summary.n > 0)
        {
            // Drawn anew for every three runs, so there is no one order.
            last.clear();
        }
        grid.row(cells);
    }
    grid.render(page)
}

fn group(what: &'static str, groups: &BTreeMap<String, ErrorSummary>, page: &Page) -> String {
    let mut grid = columns(what);
    for (name, summary) in groups {
        grid.row(row(name, summary));
    }
    if grid.is_empty() { String::new() } else { format!("\n{}{}", page.heading(&format!("By {what}")), grid.render(page)) }
}

/// The largest errors, of grades A and B unless `all`.
fn largest(rows: &[ValidateRow], worst: usize, all: bool, page: &Page) -> String {
    let c = |r: &ValidateRow| matches!(r, ValidateRow::Predicted { grade, .. } if grade == "C");
    let error = |r: &ValidateRow| match r {
        ValidateRow::Predicted { error_pct, .. } => Some(error_pct.abs()),
        ValidateRow::Skipped { .. } => None,
    };
    let mut sorted: Vec<(f64, &ValidateRow)> = rows.iter().filter(|r| all || !c(r)).filter_map(|r| error(r).map(|e| (e, r))).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut grid = Grid::new()
        .left("row")
        .left("chip")
        .left("grade")
        .dispensable(2)
        .right("published")
        .right("predicted")
        .right("5–95%")
        .dispensable(1)
        .right("error")
        .left("inferred")
        .clipped(3);
    for (_, r) in sorted.iter().take(worst) {
        if let ValidateRow::Predicted { id, chip, grade, measured_step_s, p5, p50, p95, error_pct, inferred, .. } = r {
            grid.row(vec![
                id.clone(),
                chip.clone(),
                grade.clone(),
                seconds(*measured_step_s),
                seconds(*p50),
                format!("{} – {}", seconds(*p5), seconds(*p95)),
                format!("{error_pct:+.1}%"),
                inferred.join("; "),
            ]);
        }
    }
    if grid.is_empty() {
        return String::new();
    }
    let what = if all { "all grades" } else { "grades A and B" };
    let title = format!("Largest errors, {what} ({} of {} rows)", sorted.len().min(worst), sorted.len());
    format!("\n{}{}", page.heading(&title), grid.render(page))
}

/// Every skipped row, by reason.
fn skipped(rows: &[ValidateRow], page: &Page) -> String {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for r in rows {
        if let ValidateRow::Skipped { id, grade, skipped } = r {
            by_reason.entry(skipped).or_default().push(format!("{id} ({grade})"));
        }
    }
    if by_reason.is_empty() {
        return "\nNo row was skipped.\n".to_owned();
    }
    let mut out = format!("\n{}", page.heading("Skipped"));
    for (reason, ids) in by_reason {
        out.push_str(&page.hanging("", 3, &format!("{reason}: {}", ids.join(", "))));
    }
    out
}
