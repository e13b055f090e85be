//! The page of `calibrate`.

use super::Page;
use super::grid::Grid;
use super::numbers::{sig3, thousands};
use secondsource::answer::{CalibrateAnswer, ParamOut};

pub fn page(a: &CalibrateAnswer, page: &Page) -> String {
    let head = format!(
        "Fitted {} parameters to {} rows in {} iterations (objective {})",
        a.params.len(),
        thousands(a.rows),
        a.iterations,
        sig3(a.objective)
    );
    let mut out = page.heading(&head);
    out.push_str(&parameters(&a.params, page));
    out.push('\n');
    out.push_str(&page.heading("Rows that each rests on most"));
    for p in a.params.iter().filter(|p| !p.top_rows.is_empty()) {
        out.push_str(&page.hanging(&format!("   {}", p.name), 28, &p.top_rows.join(", ")));
    }
    out
}

/// Each parameter with prior, value and what holds it.
pub fn parameters(params: &[ParamOut], page: &Page) -> String {
    let mut grid = Grid::new()
        .left("parameter")
        .right("prior")
        .right("value")
        .right("×/÷")
        .left("unit")
        .dispensable(2)
        .left("flag")
        .right("bounds")
        .dispensable(3)
        .left("meaning")
        .wrapped(4);
    for p in params {
        grid.row(vec![
            p.name.clone(),
            number(p.prior),
            number(p.value),
            format!("{:.2}", p.sigma_factor),
            p.unit.clone(),
            p.flag.clone(),
            format!("{}–{}", number(p.low), number(p.high)),
            p.meaning.clone(),
        ]);
    }
    let mut out = grid.render(page);
    out.push_str(&page.hanging("", 0, "×/÷ is one standard deviation as a factor. Held by its prior: the rows say nothing of it. At its bound: the fit ran into a limit that physics sets."));
    out
}

/// Parameters span many powers of ten.
fn number(v: f64) -> String {
    if v != 0.0 && !(1e-3..1e5).contains(&v.abs()) { format!("{v:.2e}") } else { sig3(v) }
}

/// The table of `calibrate --ablate`.
pub fn ablation(rows: &[secondsource::calibrate::Ablation], page: &Page) -> String {
    let mut out = page.heading("Errors of the fit repeated without one piece of physics (median / 90th percentile of |error|, %)");
    let mut grid = Grid::new().left("without").right("A").right("A and B").right("rows moved by 2%");
    for r in rows {
        grid.row(vec![
            r.name.clone(),
            format!("{:.1} / {:.1}", r.median_a, r.p90_a),
            format!("{:.1} / {:.1}", r.median_ab, r.p90_ab),
            thousands(r.rows_moved),
        ]);
    }
    out.push_str(&grid.render(page));
    out
}
