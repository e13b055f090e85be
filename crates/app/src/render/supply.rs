//! The page of `supply`.

use super::Page;
use super::grid::Grid;
use super::numbers::{percent, short, sig3, thousands, usd};
use secondsource::answer::Interval;
use secondsource::supply::answer::{ProductOut, QuarterOut, SqueezeOut, SupplyAnswer};

pub fn page(a: &SupplyAnswer, product: Option<&str>, page: &Page) -> String {
    let span = match (a.quarters.first(), a.quarters.last()) {
        (Some(f), Some(l)) => format!("{} to {}", f.quarter, l.quarter),
        _ => String::new(),
    };
    let mut out = page.heading(&format!("{} · {span} · {} scenarios, seed {} · rule {}", a.name, thousands(a.scenarios), a.seed, a.rule));
    if let Some(p) = product.and_then(|id| a.customers.iter().flat_map(|c| &c.products).find(|p| p.id == id)) {
        out.push_str(&one(a, p, page));
        return out;
    }
    out.push_str(&page.hanging("", 0, &summary(&a.quarters)));
    out.push('\n');
    out.push_str(&lines(a, page));
    out.push('\n');
    out.push_str(&chips(a, page));
    out.push('\n');
    out.push_str(&rules(a, page));
    if let Some(s) = &a.squeeze {
        out.push('\n');
        out.push_str(&squeeze(a, s, page));
    }
    out.push('\n');
    out.push_str(&worth(a, page));
    out.push('\n');
    out.push_str(&inputs(a, page));
    out
}

/// `HBM is short from 2026Q1 to 2027Q4; in 2025Q1 to 2025Q4 no line is short in half of the scenarios.`
fn summary(quarters: &[QuarterOut]) -> String {
    let mut runs: Vec<(&str, &str, &str)> = Vec::new();
    for q in quarters {
        match runs.last_mut() {
            Some(last) if last.0 == q.bottleneck => last.2 = &q.quarter,
            _ => runs.push((&q.bottleneck, &q.quarter, &q.quarter)),
        }
    }
    let words: Vec<String> = runs
        .iter()
        .map(|(what, from, until)| {
            let time = if from == until { (*from).to_owned() } else { format!("{from} to {until}") };
            if *what == "orders" {
                format!("{time}: no line is short in half of the scenarios")
            } else {
                format!("{time}: {what} is the bottleneck")
            }
        })
        .collect();
    format!("{}.", words.join("; "))
}

fn lines(a: &SupplyAnswer, page: &Page) -> String {
    let mut out = page.heading("Lines: use of capacity, 50% [5–95%], and in how many scenarios the line leaves somebody short");
    // A line that hardly anybody uses says nothing here; the JSON has it.
    let idle = |l: usize| a.quarters.iter().all(|q| q.lines[l].used.p95 < 0.05);
    let shown: Vec<usize> = (0..a.quarters.first().map_or(0, |q| q.lines.len())).filter(|l| !idle(*l)).collect();
    let mut grid = Grid::new().left("quarter");
    for l in &shown {
        grid = grid.right(a.quarters[0].lines[*l].line.clone()).right("short");
    }
    grid = grid.left("bottleneck").dispensable(1);
    let p = |v: f64| format!("{:.0}", v * 100.0);
    for q in &a.quarters {
        let mut row = vec![q.quarter.clone()];
        for l in shown.iter().map(|l| &q.lines[*l]) {
            row.push(format!("{} [{}–{}]", p(l.used.p50), p(l.used.p5), p(l.used.p95)));
            row.push(format!("{}%", p(l.binds)));
        }
        row.push(if q.bottleneck == "orders" { String::new() } else { q.bottleneck.clone() });
        grid.row(row);
    }
    out.push_str(&grid.render(page));
    out
}

/// Chips: whole ones below a thousand.
fn whole(v: f64) -> String {
    if v < 999.5 { format!("{:.0}", v.max(0.0)) } else { short(v) }
}

fn interval(i: Interval) -> String {
    if i.p95 < 0.5 { String::new() } else { format!("{} [{}–{}]", whole(i.p50), whole(i.p5), whole(i.p95)) }
}

fn chips(a: &SupplyAnswer, page: &Page) -> String {
    let mut out = page.heading("Chips out of the rack line by year, 50% [5–95%], and what was ordered");
    let years: Vec<&str> =
        a.customers.iter().flat_map(|c| &c.products).next().map_or_else(Vec::new, |p| p.years.iter().map(|y| y.year.as_str()).collect());
    let mut grid = Grid::new().left("customer").left("product");
    for y in &years {
        grid = grid.right(*y).right("orders").dispensable(1);
    }
    for c in &a.customers {
        for (i, p) in c.products.iter().enumerate() {
            let mut row = vec![if i == 0 { c.name.clone() } else { String::new() }, p.name.clone()];
            for y in &p.years {
                row.push(interval(y.units));
                row.push(if y.orders > 0.0 { short(y.orders) } else { String::new() });
            }
            grid.row(row);
        }
    }
    out.push_str(&grid.render(page));
    out.push('\n');
    out.push_str(&page.heading("What keeps each from more, in how many quarters and scenarios with orders"));
    let mut causes: Vec<&str> = Vec::new();
    for l in a.customers.iter().flat_map(|c| &c.products).flat_map(|p| &p.limits) {
        if !causes.contains(&l.cause.as_str()) {
            causes.push(&l.cause);
        }
    }
    let mut grid = causes.iter().fold(Grid::new().left("product"), |g, c| g.right(*c));
    for p in a.customers.iter().flat_map(|c| &c.products) {
        let share =
            |cause: &&str| p.limits.iter().find(|l| l.cause == **cause).map_or(String::new(), |l| format!("{:.0}%", l.share * 100.0));
        grid.row(std::iter::once(p.name.clone()).chain(causes.iter().map(share)).collect());
    }
    out.push_str(&grid.render(page));
    out
}

/// `HBM 72%, CoWoS 18%`.
fn limits(p: &ProductOut) -> String {
    let mut list: Vec<_> = p.limits.iter().filter(|l| l.cause != "nothing" && l.share >= 0.005).collect();
    list.sort_by(|a, b| b.share.total_cmp(&a.share));
    if list.is_empty() {
        "nothing".to_owned()
    } else {
        list.iter().map(|l| format!("{} {:.0}%", l.cause, l.share * 100.0)).collect::<Vec<_>>().join(", ")
    }
}

fn one(a: &SupplyAnswer, p: &ProductOut, page: &Page) -> String {
    let mut out = page.heading(&format!("{}: chips out of the rack line by quarter", p.name));
    let mut grid = Grid::new().left("quarter").right("5%").right("50%").right("95%").right("ordered").right("waiting").left("bottleneck");
    for (i, q) in a.quarters.iter().enumerate() {
        let u = p.units[i];
        let bottleneck = if q.bottleneck == "orders" { String::new() } else { q.bottleneck.clone() };
        let cells = [u.p5, u.p50, u.p95, p.orders[i], p.waiting[i]].map(whole);
        grid.row(std::iter::once(q.quarter.clone()).chain(cells).chain([bottleneck]).collect());
    }
    out.push_str(&grid.render(page));
    out.push_str(&page.field("waiting", "packages that could not be started by the end of the quarter, at the middle of every input"));
    out.push_str(&page.field("limited by", &limits(p)));
    let d = p.after_days;
    out.push_str(&page.field("to service", &format!("{} [{}–{}] days from the rack line", sig3(d.p50), sig3(d.p5), sig3(d.p95))));
    if !p.chips.is_empty() {
        out.push_str(&page.field("chips", &p.chips.join(", ")));
    }
    out
}

fn rules(a: &SupplyAnswer, page: &Page) -> String {
    let mut out = page.heading("Who gets what under each rule: chips over all quarters (Apple, others: wafers), inputs at their middle");
    let mut grid = Grid::new().left("rule");
    for c in &a.customers {
        grid = grid.right(c.name.clone());
    }
    grid = grid.right("worth");
    for r in &a.rules {
        let used = if r.rule == a.rule { format!("{} (the file's)", r.rule) } else { r.rule.to_owned() };
        let mut row = vec![used];
        row.extend(r.units.iter().map(|u| short(*u)));
        row.push(usd(r.value_usd));
        grid.row(row);
    }
    out.push_str(&grid.render(page));
    out
}

fn squeeze(a: &SupplyAnswer, s: &SqueezeOut, page: &Page) -> String {
    let mut out = page.heading(&format!(
        "The tightest line: {} in {}, {:.1} times claimed (orders that wait included). Served of each claim; + what {} times the order would gain",
        s.line,
        s.quarter,
        s.claimed / s.capacity.max(1e-9),
        s.inflated
    ));
    let mut grid = Grid::new().left("customer").right("claim");
    for r in &s.rules {
        grid = grid.right(r.rule);
    }
    for (c, customer) in a.customers.iter().enumerate().filter(|(c, _)| s.claims[*c] > 0.0) {
        let mut row = vec![customer.name.clone(), short(s.claims[c])];
        for r in &s.rules {
            let o = &r.customers[c];
            let gain = o.gaming / s.claims[c];
            let gain = if gain >= 0.005 { format!(" +{:.0}", gain * 100.0) } else { String::new() };
            row.push(format!("{:.0}%{gain}", 100.0 * o.got / s.claims[c]));
        }
        grid.row(row);
    }
    out.push_str(&grid.render(page));
    let worst = s
        .rules
        .iter()
        .map(|r| (r.rule, r.customers.iter().zip(&s.claims).filter(|(_, c)| **c > 0.0).map(|(o, c)| o.regret / c).fold(0.0, f64::max)));
    let words: Vec<String> = worst.map(|(rule, share)| format!("{rule} {:.0}%", share * 100.0)).collect();
    out.push_str(&page.field(
        "regret",
        &format!("largest part of a claim that the best rule for its customer would have served besides: {}", words.join(", ")),
    ));
    out
}

fn worth(a: &SupplyAnswer, page: &Page) -> String {
    let mut out = page.heading("Worth of one more (wafer a quarter, or Gbit of memory), inputs at their middle");
    let mut grid =
        Grid::new().left("line").left("worth something in").right("to all, USD").left("to each, mean of its quarters").wrapped(1);
    let names: Vec<&String> = a.quarters.first().map_or_else(Vec::new, |q| q.lines.iter().map(|l| &l.line).collect());
    for (i, name) in names.into_iter().enumerate() {
        let mut list: Vec<(&str, f64)> =
            a.quarters.iter().filter_map(|q| q.lines[i].worth_usd.filter(|w| *w > 1e-6).map(|w| (q.quarter.as_str(), w))).collect();
        list.sort_by(|x, y| x.0.cmp(y.0));
        let each: Vec<String> =
            a.worth.iter().filter(|w| w.line == *name && w.usd > 1e-6).map(|w| format!("{} {}", w.customer, usd(w.usd))).collect();
        let (when, range) = match (list.first(), list.last()) {
            (Some(f), Some(l)) => {
                let low = list.iter().map(|x| x.1).fold(f64::INFINITY, f64::min);
                let high = list.iter().map(|x| x.1).fold(0.0, f64::max);
                let range = if high - low < 0.005 * high { usd(high) } else { format!("{} to {}", usd(low), usd(high)) };
                (format!("{} of {} quarters, {} to {}", list.len(), a.quarters.len(), f.0, l.0), range)
            }
            _ => ("no quarter".to_owned(), "0".to_owned()),
        };
        grid.row(vec![name.clone(), when, range, each.join(", ")]);
    }
    out.push_str(&grid.render(page));
    out
}

fn inputs(a: &SupplyAnswer, page: &Page) -> String {
    let (assumed, sourced): (Vec<_>, Vec<_>) = a.inputs.iter().partition(|i| i.assumed);
    let mut out = page.heading(&format!("What rests on assumptions: {} of {} inputs have no public source", assumed.len(), a.inputs.len()));
    let mut grid = Grid::new().left("input").right("5%").right("middle").right("95%").left("unit").dispensable(2).left("why").wrapped(1);
    for i in assumed {
        let origin = i.origin.trim_start_matches("catalog: ");
        let why = origin.split_once(": ").map_or(origin, |o| o.1);
        let exact = i.range.low >= i.range.high;
        let end = |v: f64| if exact { String::new() } else { short(v) };
        grid.row(vec![i.name.clone(), end(i.range.low), short(i.range.middle), end(i.range.high), i.unit.clone(), why.to_owned()]);
    }
    out.push_str(&grid.render(page));
    out.push_str(
        &page.field("sourced", &format!("{} inputs are published or counted: --json lists each with its source and date", sourced.len())),
    );
    for note in &a.notes {
        out.push_str(&page.field("note", note));
    }
    out.push_str(&page.field("gap", &format!("{} between primal and dual optimum at most", percent(a.worst_gap))));
    out
}
