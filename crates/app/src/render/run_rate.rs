//! The page of `run-rate`.

use super::Page;
use super::grid::Grid;
use super::numbers::{percent, sig3, thousands, usd};
use secondsource::sell::answer::RunRateAnswer;
use secondsource::seller::Range;

pub fn page(a: &RunRateAnswer, page: &Page) -> String {
    let mut out = page.heading(&format!("{} a year = chips × price + other", usd(a.total_usd)));
    out.push_str(&page.field("stated", &a.total_origin));
    out.push('\n');
    out.push_str(&page.heading("USD per chip that each number of chips would need"));
    out.push_str(&combinations(a, page));
    out.push_str(&format!("\n{}", page.heading("Published figures that bound it")));
    let mut grid = Grid::new().left("figure").right("chips").right("USD a chip").left("source").wrapped(1);
    for b in &a.bands {
        let (chips, price) =
            if b.axis == "chips" { (format!("{}M", sig3(b.high / 1e6)), String::new()) } else { (String::new(), whole(b.high)) };
        grid.row(vec![b.name.clone(), chips, price, b.source.clone()]);
    }
    out.push_str(&grid.render(page));
    out.push_str(&format!("\n{}", page.heading("What the bounds allow")));
    let range = |r: Range, f: &dyn Fn(f64) -> String| format!("{} [{}–{}]", f(r.middle), f(r.low), f(r.high));
    let millions = |v: f64| format!("{}M", sig3(v / 1e6));
    out.push_str(&page.field("chips", &range(a.chips, &millions)));
    out.push_str(&page.field("price", &range(a.price_usd, &usd)));
    out.push_str(&page.field("other", &range(a.other_usd, &usd)));
    for text in &a.band_origins {
        out.push_str(&page.field("", text));
    }
    let r = a.allowed.revenue_usd;
    let verdict = if a.allowed.contains { "lies within" } else { "lies outside" };
    out.push_str(&page.field(
        "revenue",
        &format!(
            "{}: {} {verdict} what these bounds allow; {} of samples come within 10% of it",
            range(r, &usd),
            usd(a.total_usd),
            percent(a.allowed.near)
        ),
    ));
    out.push_str(&format!("\n{}", page.heading("Quarters of filings, four times")));
    let mut grid = Grid::new().left("series").left("until").right("quarter").right("× 4").left("").left("source").dispensable(2);
    for f in &a.filings {
        grid.row(vec![
            f.series.replace('-', " "),
            f.end.clone(),
            billions(f.quarter_usd),
            billions(f.annualised_usd),
            f.qualifier.clone(),
            f.source.clone(),
        ]);
    }
    out.push_str(&grid.render(page));
    if !a.statements.is_empty() {
        out.push_str(&format!("\n{}", page.heading("Stated, and not to be confused")));
        for s in &a.statements {
            out.push_str(&page.hanging("   ", 3, s));
        }
    }
    out
}

fn whole(v: f64) -> String {
    thousands(v.round() as u64)
}

fn billions(v: f64) -> String {
    format!("${:.2}B", v / 1e9)
}

fn combinations(a: &RunRateAnswer, page: &Page) -> String {
    let mut grid = Grid::new().right("chips a year");
    for price in a.combinations.first().map_or(&[][..], |c| &c.prices) {
        grid = grid.right(if price.other_usd > 0.0 { format!("other {}", usd(price.other_usd)) } else { "no other".to_owned() });
    }
    grid = grid.left("chips beyond").wrapped(1);
    for c in &a.combinations {
        let mut row = vec![format!("{:.1}M", c.chips / 1e6)];
        row.extend(c.prices.iter().map(|p| p.usd_per_chip.map_or("-".to_owned(), whole)));
        row.push(c.beyond.join("; ").to_owned());
        grid.row(row);
    }
    grid.render(page)
}
