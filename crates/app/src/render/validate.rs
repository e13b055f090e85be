//! The page of `validate`.

use super::Page;
use super::grid::Grid;
use super::numbers::{seconds, thousands};
use secondsource::answer::{ErrorSummary, ValidateAnswer, ValidateRow};
use std::collections::BTreeMap;

pub fn page(answer: &ValidateAnswer, file: &str, worst: usize, page: &Page) -> String {
    let mut out = page.heading(&format!("Predicted against published step times: {file}"));
    out.push_str(&summaries(answer, page));
    let (right, pairs) = answer.layout_pairs;
    let (misfit_a, misfit) = answer.misfits;
    let inferred = answer.rows.iter().filter(|r| matches!(r, ValidateRow::Predicted { inferred, .. } if !inferred.is_empty())).count();
    let more = [
        format!(
            "Of {} pairs of layouts of one source, chip and model that are more than 5% apart, {} are ordered right.",
            thousands(pairs),
            thousands(right)
        ),
        format!("Rows that ran but are predicted not to fit: {misfit} of grades A and B, {misfit_a} of them A."),
        format!("Rows with a cell that had to be inferred: {inferred}."),
    ];
    for line in &more {
        out.push_str(&page.hanging("", 0, line));
    }
    out.push_str(&group("chip", &answer.by_chip, page));
    out.push_str(&group("source", &answer.by_source, page));
    out.push_str(&worst_rows(&answer.rows, worst, page));
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

fn summaries(a: &ValidateAnswer, page: &Page) -> String {
    let mut grid = columns("rows of grade");
    let lines = [
        ("A and B", &a.summary),
        ("A (complete)", &a.summary_a),
        ("A without the mosaic source", &a.summary_a_without_mosaic),
        ("A and B, mixture of experts", &a.summary_moe),
        ("A and B, source not seen in the fit", &a.leave_one_source_out),
        ("A, source not seen in the fit", &a.leave_one_source_out_a),
        ("A and B, chip not seen in the fit", &a.leave_one_chip_out),
        ("A, chip not seen in the fit", &a.leave_one_chip_out_a),
    ];
    for (name, summary) in lines {
        grid.row(row(name, summary));
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

/// The `worst` largest errors of grades A and B; grade C, which is for sanity only, in a table of its own.
fn worst_rows(rows: &[ValidateRow], worst: usize, page: &Page) -> String {
    let c = |r: &&ValidateRow| matches!(r, ValidateRow::Predicted { grade, .. } if grade == "C");
    let (sanity, scored): (Vec<&ValidateRow>, Vec<&ValidateRow>) = rows.iter().partition(c);
    let few = worst.div_ceil(3);
    largest("grades A and B", scored, worst, page) + &largest("grade C, for sanity only and in no summary", sanity, few, page)
}

fn largest(what: &str, rows: Vec<&ValidateRow>, worst: usize, page: &Page) -> String {
    let error = |r: &ValidateRow| match r {
        ValidateRow::Predicted { error_pct, .. } => Some(error_pct.abs()),
        ValidateRow::Skipped { .. } => None,
    };
    let mut sorted: Vec<(f64, &ValidateRow)> = rows.into_iter().filter_map(|r| error(r).map(|e| (e, r))).collect();
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
