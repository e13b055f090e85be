//! The page of `orders supply`.

use super::chips;
use super::promise::moved;
use crate::render::Page;
use crate::render::grid::Grid;
use crate::render::numbers::thousands;
use secondsource::orders::{Day, SupplyAnswer};

/// As many of those who are moved as a page shows.
const MOST: usize = 40;

pub fn page(a: &SupplyAnswer, page: &Page) -> String {
    let mut out = String::new();
    for p in &a.products {
        let whole = p.spans.last().map_or("", |s| s.state);
        let next = p.next_free.as_ref().map_or("no rack can be promised".to_owned(), |t| format!("next rack in {t}"));
        out.push_str(&page.heading(&format!("{} · {whole} · {next}", p.chip)));
        let mut grid = Grid::new()
            .left("span")
            .right("comes")
            .right("ordered")
            .right("reserved")
            .right("pending")
            .dispensable(2)
            .right("offered")
            .dispensable(1)
            .right("left")
            .left("state");
        for s in &p.spans {
            let year = |d: Day| d.to_string()[..4].to_owned();
            let last = Day(s.until.0 - 1);
            let span = if year(s.from) == year(last) { year(s.from) } else { format!("{}–{}", year(s.from), year(last)) };
            grid.row(vec![
                span,
                chips(s.sure),
                chips(s.ordered),
                chips(s.reserved),
                chips(s.pending),
                chips(s.proposed),
                if s.state == "over" { String::new() } else { chips(s.available) },
                s.state.to_owned(),
            ]);
        }
        out.push_str(&grid.render(page));
        out.push('\n');
    }
    if let Some(p) = a.products.first() {
        let short = a.products.iter().flat_map(|p| &p.spans).any(|s| s.available < 0.0);
        let minus = if short { " A minus: so much more is held than surely comes, by then or later." } else { "" };
        let words = format!(
            "Chips. \"comes\" is what comes with {:.0}%; \"left\" is what the highest class can still be promised by the end of the span; offers hold nothing.{minus}",
            p.confidence * 100.0
        );
        out.push_str(&page.hanging("", 0, &words));
    }
    if a.moved.is_empty() {
        return out;
    }
    out.push('\n');
    let lost = a.moved.iter().filter(|m| m.lost).count();
    let fall = if lost > 0 { format!(", {lost} of them beyond the stated supply") } else { String::new() };
    let verb = if a.entered { "moves" } else { "would move" };
    out.push_str(&page.heading(&format!("The new supply {verb} {} claims{fall}", a.moved.len())));
    let mut grid = Grid::new()
        .left("id")
        .left("customer")
        .named(1)
        .right("racks")
        .left("50% was")
        .left("50% is")
        .right("days")
        .left("90% was")
        .dispensable(2)
        .left("90% is")
        .dispensable(1)
        .right("days ")
        .dispensable(1);
    let day = |d: Option<Day>| d.map_or("beyond".to_owned(), |d| d.to_string());
    for m in a.moved.iter().take(MOST) {
        grid.row(vec![
            m.id.clone(),
            m.customer.clone(),
            thousands(m.racks.into()),
            day(m.before.p50),
            day(m.after.p50),
            moved(m.p50_days),
            day(m.before.p90),
            day(m.after.p90),
            moved(m.p90_days),
        ]);
    }
    out.push_str(&grid.render(page));
    if a.moved.len() > MOST {
        out.push_str(&format!("and {} more: --json has them all\n", a.moved.len() - MOST));
    }
    let years = |v: f64| thousands((v / 365.25).round() as u64);
    out.push_str(&page.hanging(
        "",
        0,
        &format!(
            "Together {} rack-years later and {} earlier, at the middle of what is known on both sides.",
            years(a.rack_days_later),
            years(a.rack_days_earlier)
        ),
    ));
    out
}
