//! The page of `rent`: a table of offers for each system, what the rules do to the job, and the fan of prices.

use super::Page;
use super::grid::Grid;
use super::numbers::{dollars, percent, span, thousands, usd};
use secondsource::costs::{OfferOut, PathOut, RentAnswer, SystemOffers};

pub fn page(answer: &RentAnswer, page: &Page) -> String {
    let head = format!(
        "{} chips for {} hours from {} · prices as of {}",
        thousands(answer.chips),
        plain(answer.hours),
        answer.start,
        answer.as_of
    );
    let mut out = page.heading(&head);
    for (i, line) in answer.assumed.iter().enumerate() {
        out.push_str(&page.hanging(if i == 0 { "Assumed: " } else { "" }, 9, line));
    }
    for system in &answer.systems {
        out.push('\n');
        out.push_str(&offers(system, page));
    }
    if answer.systems.iter().any(|s| !s.offers.is_empty()) {
        out.push_str(&rules(answer, page));
        out.push_str(&path(&answer.price_path, page));
        out.push_str(&sources(answer, page));
    }
    out
}

/// At most one decimal.
fn plain(v: f64) -> String {
    let text = format!("{v:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Three decimals, as hourly prices are printed.
fn three(v: f64) -> String {
    format!("{v:.3}")
}

fn offers(system: &SystemOffers, page: &Page) -> String {
    let name = if system.asked == system.chip { system.chip.clone() } else { format!("{} ({})", system.asked, system.chip) };
    if let Some(why) = &system.none {
        return page.heading(&format!("{name}: {why}"));
    }
    let mut out = page.heading(&name);
    let mut grid = Grid::new()
        .left("contract")
        .left("provider")
        .right("$/chip-h")
        .right("bill")
        .right("5–95%")
        .dispensable(1)
        .right("unused")
        .dispensable(4)
        .right("$/used h")
        .dispensable(3)
        .left("price of")
        .dispensable(2)
        .left("kind")
        .dispensable(6)
        .left("item")
        .clipped(5);
    for o in &system.offers {
        let range = o.bill_interval_usd;
        let fixed = (range.p95 - range.p5).abs() < 1e-6 * range.p95;
        grid.row(vec![
            o.contract.name().to_owned(),
            o.provider.clone(),
            three(o.usd_per_chip_hour),
            if o.obstacles.is_empty() { dollars(o.bill_usd) } else { format!("({})", dollars(o.bill_usd)) },
            if fixed { "fixed".to_owned() } else { format!("{}–{}", usd(range.p5), usd(range.p95)) },
            if o.unused_usd < 0.5 { String::new() } else { usd(o.unused_usd) },
            three(o.usd_per_used_chip_hour),
            o.price_date.clone(),
            o.price_kind.clone(),
            o.item.clone(),
        ]);
    }
    out.push_str(&grid.render(page));
    if system.more > 0 {
        out.push_str(&format!("{} more: --top\n", system.more));
    }
    let others =
        system.references.iter().map(|r| format!("{} ({}) {} of {}, {}", r.item, r.basis, three(r.usd_per_chip_hour), r.date, r.kind));
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        out.push_str(&page.hanging("   ", 3, &format!("to compare, on offer nowhere: {}", others.join("; "))));
    }
    for (who, what) in notes(system) {
        out.push_str(&page.hanging("   ", 3, &format!("{who}: {what}")));
    }
    out
}

/// What stands against an offer, what its rules do to this job and how its price came to be; the same remark once, with
/// all whom it concerns.
fn notes(system: &SystemOffers) -> Vec<(String, String)> {
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for o in &system.offers {
        let who = format!("{} {}", o.provider, o.contract.name());
        let cannot = o.obstacles.iter().map(|x| format!("cannot be had so: {x}"));
        let derived = (o.price_kind == "derived").then(|| o.price_note.clone());
        // Only of interest to a job that fills the term.
        let fair = o.fair_if_price_falls_by.filter(|_| o.unused_usd < 0.1 * o.bill_usd);
        let fair = fair.map(|f| format!("worth it if the on-demand price falls by less than {} a year", percent(f)));
        for text in cannot.chain(o.notes.iter().cloned()).chain(derived).chain(fair) {
            match said.iter_mut().find(|(t, _)| *t == text) {
                Some((_, all)) => all.push(who.clone()),
                None => said.push((text, vec![who.clone()])),
            }
        }
    }
    said.into_iter().map(|(text, who)| (who.join(", "), text)).collect()
}

fn rules(answer: &RentAnswer, page: &Page) -> String {
    let mut seen: Vec<&OfferOut> = Vec::new();
    for o in answer.systems.iter().flat_map(|s| &s.offers) {
        if !seen.iter().any(|s| s.contract == o.contract) {
            seen.push(o);
        }
    }
    seen.sort_by_key(|o| o.contract);
    let mut out = format!("\n{}", page.heading("Rules"));
    for o in seen {
        out.push_str(&page.hanging(&format!("   {}", o.contract.name()), 21, &o.rules.join("; ")));
    }
    out
}

fn path(p: &PathOut, page: &Page) -> String {
    let mut out = format!("\n{}", page.heading(&format!("Market price over today's (state of the market: {})", p.state)));
    let most = p.months.iter().map(|m| m.p95).fold(1.0, f64::max);
    let mut grid = Grid::new().right("month").left("from").right("P5").right("P50").right("P95").left("0 to the highest").dispensable(1);
    let last = p.months.len().saturating_sub(1);
    for m in p.months.iter().filter(|m| [1, 3, 6, 9, 12, 18, 24, 36, 48, 60].contains(&m.month) || m.month == last) {
        let two = |v: f64| format!("{v:.2}");
        grid.row(vec![m.month.to_string(), m.from.clone(), two(m.p5), two(m.p50), two(m.p95), span(m.p5, m.p50, m.p95, most, 40)]);
    }
    out.push_str(&grid.render(page));
    let text = format!(
        "tight is {:.1} times the level in glut; mean times {:.1} and {:.1} years; drawn to its level by {:.1} a year; both levels fall \
         by {} a year; today's price stands at {:.2} of its level",
        p.tight_over_glut,
        p.tight_years,
        p.glut_years,
        p.kappa_per_year,
        percent(1.0 - (-p.fall_per_year).exp()),
        p.price_over_level
    );
    out.push_str(&page.field("process", &text));
    out.push_str(&page.field("basis", &p.basis));
    out
}

fn sources(answer: &RentAnswer, page: &Page) -> String {
    let mut all: Vec<&String> = Vec::new();
    let of_offers = answer.systems.iter().flat_map(|s| &s.offers).flat_map(|o| &o.price_sources);
    for s in of_offers.chain(answer.price_path.series.iter().flat_map(|s| &s.sources)) {
        if !all.contains(&s) {
            all.push(s);
        }
    }
    let mut out = format!("\n{}", page.heading("Sources of prices"));
    for s in all {
        out.push_str(&page.hanging("   ", 3, s));
    }
    out
}
