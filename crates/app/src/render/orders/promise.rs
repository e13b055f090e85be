//! Pages of `promise` and `orders promise`.

use crate::render::Page;
use crate::render::grid::Grid;
use crate::render::numbers::{bar, thousands};
use secondsource::orders::{ArrivalsAnswer, CurvePoint, Day, DriverOut, PromiseAnswer, Promised, Tranche};

/// Cells of the longest bar.
const BAR: usize = 50;
/// Assumptions on a page.
const ASSUMED: usize = 6;
/// Days of a ramp on a page.
const PARTS: usize = 12;

pub fn page(a: &PromiseAnswer, page: &Page) -> String {
    let racks = if a.racks == 1 { "1 rack".to_owned() } else { format!("{} racks", thousands(a.racks.into())) };
    let chips = thousands(a.chips.round() as u64);
    let class = a.class.as_ref().map_or(String::new(), |c| format!(" · class {c}"));
    let mut out = page.heading(&format!("{racks} of {} · {chips} {} chips{class} · asked on {}", a.system, a.chip, a.as_of));
    out.push_str(&page.hanging("", 0, &summary(a)));
    out.push('\n');
    let mut grid = Grid::new().left("in service before").right("share").left("");
    for p in shown(&a.curve) {
        grid.row(vec![p.day.to_string(), format!("{:.0}%", p.share * 100.0), bar(p.share, BAR)]);
    }
    out.push_str(&grid.render(page));
    out.push('\n');
    match (a.slots.last(), &a.why) {
        (Some(slot), _) => {
            let sure = a.confidence.unwrap_or(0.0) * 100.0;
            let when = parts(&a.slots).unwrap_or_else(|| slot.day.to_string());
            let then = if a.slots.len() > 1 { "those days" } else { "then" };
            let text = format!("{when}: racks can be set aside from {then}, out of supply that comes with {sure:.0}%");
            out.push_str(&page.field("slot", &text));
        }
        (None, Some(why)) => out.push_str(&page.field("slot", &format!("none: {why}"))),
        (None, None) => {}
    }
    if let Some(c) = &a.capable {
        let made: Vec<String> =
            c.made.iter().map(|(name, chips)| format!("{} made besides ({name})", thousands(chips.round() as u64))).collect();
        let planned = thousands(c.planned.round() as u64);
        let when = parts(&c.parts).unwrap_or_else(|| c.day.to_string());
        let text = match made.as_slice() {
            [] => format!("by {when}: out of what is planned"),
            list => format!("by {when}: {planned} chips of what is planned, {}", list.join(", ")),
        };
        out.push_str(&page.field("capable", &text));
    }
    let part = |d: &DriverOut| {
        let n = d.days.round();
        format!("{} {n} {} ({:.0}%)", d.stage, if n == 1.0 { "day" } else { "days" }, d.share * 100.0)
    };
    let parts: Vec<String> = a.drivers.iter().filter(|d| d.share >= 0.005).map(part).collect();
    if !parts.is_empty() {
        out.push_str(&page.field("the wait", &format!("from {}: {}", a.wait_from, parts.join(", "))));
    }
    if let Some(q) = &a.ahead_racks {
        let ahead = |v: f64| thousands(v.max(0.0).round() as u64);
        out.push_str(
            &page.field("ahead", &format!("{} racks of this kind, 10% to 90%: {} to {}", ahead(q.p50), ahead(q.p10), ahead(q.p90))),
        );
    }
    for (i, words) in a.assumptions.iter().take(ASSUMED).enumerate() {
        out.push_str(&page.field(if i == 0 { "assumed" } else { "" }, words));
    }
    if a.assumptions.len() > ASSUMED {
        out.push_str(&page.field("", &format!("and {} more: --json has them all", a.assumptions.len() - ASSUMED)));
    }
    let runs =
        format!("{} scenarios, seed {}; the supply that is looked at ends before {}", thousands(a.scenarios.into()), a.seed, a.supply_ends);
    out.push_str(&page.field("drawn", &runs));
    out
}

/// `10 on 2027-03-31, 30 on 2027-06-30`: the parts of a ramp; nothing where there is one part.
fn parts(list: &[Tranche]) -> Option<String> {
    // Parts that come on one day stand together.
    let days: Vec<(Day, u64)> =
        list.chunk_by(|a, b| a.day == b.day).map(|c| (c[0].day, c.iter().map(|t| u64::from(t.racks)).sum())).collect();
    let first: Vec<String> = days.iter().take(PARTS).map(|(day, racks)| format!("{} on {day}", thousands(*racks))).collect();
    let more = if days.len() > PARTS { format!(" and {} more days", days.len() - PARTS) } else { String::new() };
    (list.len() > 1).then(|| format!("{}{more}", first.join(", ")))
}

fn summary(a: &PromiseAnswer) -> String {
    let by = |d: Option<Day>| d.map_or("after the stated supply".to_owned(), |d| d.to_string());
    format!("In service with the last rack by {} (10% of scenarios), {} (50%), {} (90%).", by(a.p10), by(a.p50), by(a.p90))
}

/// From the last month without any to the first with all; every third month where that is long.
fn shown(curve: &[CurvePoint]) -> Vec<CurvePoint> {
    let first = curve.iter().rposition(|p| p.share <= 0.0).unwrap_or(0);
    let most = curve.iter().map(|p| p.share).fold(0.0, f64::max);
    let last = curve.iter().position(|p| p.share >= most - 0.005).unwrap_or(curve.len().saturating_sub(1)).max(first);
    let part = curve.get(first..=last).unwrap_or_default();
    let step = part.len().div_ceil(26);
    let picked = part.iter().enumerate().filter(|(i, _)| i % step.max(1) == 0 || *i + 1 == part.len());
    picked.map(|(_, p)| *p).collect()
}

fn day(d: Option<Day>) -> String {
    d.map_or("beyond".to_owned(), |d| d.to_string())
}

/// `+12`, `-3`, `0`.
pub fn moved(days: Option<i32>) -> String {
    days.map_or(String::new(), |d| if d > 0 { format!("+{d}") } else { d.to_string() })
}

pub fn arrivals(a: &ArrivalsAnswer, page: &Page) -> String {
    let mut out = page.heading(&format!("{} · as of {} · {} scenarios, seed {}", a.book, a.as_of, thousands(a.scenarios.into()), a.seed));
    let mut grid = Grid::new()
        .left("id")
        .left("customer")
        .named(1)
        .right("racks")
        .left("told 50%")
        .dispensable(2)
        .left("told 90%")
        .dispensable(4)
        .left("now 10%")
        .dispensable(3)
        .left("now 50%")
        .left("now 90%")
        .right("days later");
    for c in &a.claims {
        let told = |pick: fn(&Promised) -> Option<Day>| c.told.as_ref().map_or(String::new(), |t| day(pick(t)));
        grid.row(vec![
            c.id.clone(),
            c.customer.clone(),
            thousands(c.racks.into()),
            told(|p| p.p50),
            told(|p| p.p90),
            day(c.now.p10),
            day(c.now.p50),
            day(c.now.p90),
            moved(c.later_days),
        ]);
    }
    if grid.is_empty() {
        out.push_str("No claim holds racks.\n");
        return out;
    }
    out.push_str(&grid.render(page));
    out.push_str(&page.hanging(
        "",
        0,
        "In service with the last rack by these days in 10%, 50% and 90% of scenarios; \"beyond\" is after the stated supply.",
    ));
    out
}
