//! The page of `validate --supply`.

use super::Page;
use super::grid::Grid;
use super::numbers::short;
use secondsource::supply::SupplyValidation;

pub fn page(a: &SupplyValidation, page: &Page) -> String {
    let mut out = page.heading(&format!(
        "Back-tests of supply: {} inside their tolerance, {} outside, {} not claimed",
        a.inside, a.outside, a.not_claimed
    ));
    let mut grid = Grid::new().left("id").left("what").left("verdict").left("trust").dispensable(2);
    for r in &a.rows {
        grid.row(vec![r.id.to_owned(), r.what.to_owned(), r.verdict.name().to_owned(), r.trust.to_owned()]);
    }
    out.push_str(&grid.render(page));
    for r in &a.rows {
        out.push('\n');
        out.push_str(&page.hanging(&format!("{} ", r.id), 6, &format!("{}: {} (trust {})", r.what, r.verdict.name(), r.trust)));
        out.push_str(&page.field("published", &format!("{}; tolerance {}", r.published, r.tolerance)));
        out.push_str(&page.field("ours", &r.ours));
        out.push_str(&page.field("caveat", r.caveat));
    }
    out.push('\n');
    out.push_str(&page.heading(&format!("BT30: what was known on {}, and what came", a.frozen_on)));
    let mut grid = Grid::new()
        .left("series")
        .right("ahead")
        .right("P10")
        .right("P50")
        .right("P90")
        .right("came")
        .left("")
        .left("published")
        .dispensable(1);
    for f in &a.forecast {
        let verdict = match f.inside {
            Some(true) => "inside",
            Some(false) => "OUTSIDE",
            None => "not found",
        };
        grid.row(vec![
            f.what.to_owned(),
            format!("{} quarter{}", f.ahead.quarters, if f.ahead.quarters == 1 { "" } else { "s" }),
            short(f.ahead.p10),
            short(f.ahead.p50),
            short(f.ahead.p90),
            f.actual.map_or(String::new(), short),
            verdict.to_owned(),
            f.actual_published.clone().unwrap_or_default(),
        ]);
    }
    out.push_str(&grid.render(page));
    out.push_str(&page.field("method", "the mean growth of the last eight quarters goes on; Student's interval over their spread (docs/supply.md). Fixed before it was scored"));
    out
}
