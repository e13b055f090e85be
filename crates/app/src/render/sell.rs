//! The page of `sell`.

use super::Page;
use super::grid::Grid;
use super::numbers::{percent, short, sig3, thousands, usd};
use secondsource::answer::Interval;
use secondsource::sell::answer::{ChipOut, FleetOut, Input, SellAnswer, TornadoOut};

pub fn page(a: &SellAnswer, page: &Page) -> String {
    let mut out = page.heading(&format!("{} · {} quarters · {} scenarios, seed {}", a.name, a.quarters, thousands(a.scenarios), a.seed));
    out.push_str(&page.hanging("", 0, &summary(a)));
    for note in &a.notes {
        out.push_str(&page.hanging("Note: ", 6, note));
    }
    for c in &a.chips {
        out.push('\n');
        out.push_str(&chip(c, page));
    }
    out.push('\n');
    out.push_str(&fleet(&a.fleet, page));
    out.push('\n');
    out.push_str(&tornado(&a.tornado, page));
    out.push('\n');
    out.push_str(&inputs(&a.inputs, page));
    out
}

fn summary(a: &SellAnswer) -> String {
    let what = match a.choice {
        "rent" => "Rent all that is used",
        "sell" => "Sell all that is used",
        "both" => "Rent some, sell some",
        _ => "Use none",
    };
    let shares: Vec<String> = a.fleet.shares.iter().map(|s| format!("{} {}", s.name, range_percent(s.share))).collect();
    let idle = format!("unused {}", range_percent(a.fleet.idle));
    let binds = match a.fleet.binds.as_slice() {
        ["buyers"] => "Buyers are scarce, not chips or megawatts".to_owned(),
        list => format!("Scarce: {}", list.join(" and ")),
    };
    format!("{what}: of all new chips {}, {idle}. {binds}.", shares.join(", "))
}

fn range_percent(i: Interval) -> String {
    format!("{:.0}% [{:.0}–{:.0}]", i.p50 * 100.0, i.p5 * 100.0, i.p95 * 100.0)
}

fn money(i: Interval) -> String {
    format!("{} [{} to {}]", usd_signed(i.p50), usd_signed(i.p5), usd_signed(i.p95))
}

/// `-$1.20k`.
fn usd_signed(v: f64) -> String {
    if v < 0.0 { format!("-{}", usd(-v)) } else { usd(v) }
}

/// Whole dollars with separators.
fn whole(v: f64) -> String {
    let text = thousands(v.abs().round() as u64);
    if v <= -0.5 { format!("-{text}") } else { text }
}

fn chip(c: &ChipOut, page: &Page) -> String {
    let mut out = page.heading(&format!("{} · {} new chips · {} kW of facility power each", c.id, short(c.chips), sig3(c.kw)));
    let mut grid = Grid::new().left("USD per chip over its life, today's");
    let mut names: Vec<&str> = Vec::new();
    for u in &c.uses {
        grid = grid.right(u.name);
        for line in &u.lines {
            if !names.contains(&line.name) {
                names.push(line.name);
            }
        }
    }
    // What both a rental and a sale have comes where the rental has it; the rack's own lines after it.
    for name in names {
        let cells = c.uses.iter().map(|u| u.lines.iter().find(|l| l.name == name).map_or(String::new(), |l| whole(l.usd)));
        let cells: Vec<String> = cells.collect();
        if cells.iter().any(|t| !t.is_empty() && t != "0") {
            grid.row(std::iter::once(name.to_owned()).chain(cells).collect());
        }
    }
    let mut row = |name: &str, f: &dyn Fn(&secondsource::sell::answer::UseOut) -> String| {
        grid.row(std::iter::once(name.to_owned()).chain(c.uses.iter().map(f)).collect());
    };
    row("sum", &|u| whole(u.total_usd));
    row("sum, 5%", &|u| whole(u.usd.p5));
    row("sum, 95%", &|u| whole(u.usd.p95));
    row("per kW", &|u| whole(u.usd_per_kw));
    row("first year, USD per chip-hour", &|u| u.usd_per_chip_hour.map_or(String::new(), sig3));
    out.push_str(&grid.render(page));
    if let (Some(name), Some(i)) = (c.best_rent, c.rent_usd) {
        out.push_str(&page.field("rented", &format!("{} (best: {name})", money(i))));
    }
    if let Some(i) = c.sell_usd {
        out.push_str(&page.field("sold", &money(i)));
    }
    if let Some(i) = c.sell_after_cannibalisation_usd {
        out.push_str(&page.field("", &format!("{} less the rent that it takes away", money(i))));
    }
    if let Some(i) = c.break_even_kappa {
        let text =
            format!("{} [{}–{}]: a sale pays while it takes away fewer rented chips than this", sig3(i.p50), sig3(i.p5), sig3(i.p95));
        out.push_str(&page.field("break-even", &text));
    }
    if let Some(b) = &c.break_even {
        let text = if b.share > 0.0 {
            format!(
                "as far as renters go, up to {} of the chips can be sold without loss; best {}",
                percent(b.share),
                percent(b.best_share)
            )
        } else {
            "as far as renters go, no chip can be sold without loss".to_owned()
        };
        out.push_str(&page.field("share", &text));
    }
    if let Some(s) = c.selling_wins {
        out.push_str(&page.field("scenarios", &format!("a chip sold is worth more than one rented in {} of them", percent(s))));
    }
    out
}

fn fleet(f: &FleetOut, page: &Page) -> String {
    let mut out = page.heading("The whole fleet, every chip and megawatt at its best use, inputs at their middle");
    let mut grid = Grid::new().right("quarter");
    if let Some(first) = f.quarters.first() {
        for used in &first.chips {
            grid = grid.right(used.name);
        }
    }
    grid = grid.right("unused").right("MW").right("of").right("USD/MW");
    for q in &f.quarters {
        let mut row = vec![q.quarter.to_string()];
        row.extend(q.chips.iter().map(|u| whole(u.chips)));
        row.extend([whole(q.idle), whole(q.megawatts_used), whole(q.megawatts), usd(q.megawatt_price_usd)]);
        grid.row(row);
    }
    out.push_str(&grid.render(page));
    out.push_str(
        &page.field("sell more", &format!("{} for one more chip and buyer, over its best other use", money(f.gain_of_selling_usd))),
    );
    out.push_str(&page.field("value", &format!("{} over the lives of all chips", money(f.value_usd))));
    for (i, price) in f.chip_price_usd.iter().enumerate() {
        let label = if i == 0 { "one more" } else { "" };
        out.push_str(&page.field(label, &format!("{}: {}", price.id, money(price.usd))));
    }
    out.push_str(&page.field("", &format!("megawatt through all quarters: {}", money(f.megawatt_price_usd))));
    out
}

/// As many bars as matter.
const BARS: usize = 14;

fn tornado(bars: &[TornadoOut], page: &Page) -> String {
    if bars.is_empty() {
        return page.heading("Nothing can be both rented and sold, so nothing flips");
    }
    let flips = bars.iter().filter(|b| b.flips).count();
    let mut out = page
        .heading(&format!("What makes selling one more chip a gain or a loss: {flips} of {} inputs, each alone, 5% to 95%", bars.len()));
    let mut grid = Grid::new()
        .left("input")
        .right("from")
        .right("to")
        .right("gain of one more sale")
        .right("sold of fleet")
        .dispensable(1)
        .left("flips at");
    // All that flip, and the widest of the rest.
    for (_, b) in bars.iter().enumerate().filter(|(i, b)| b.flips || *i < BARS) {
        grid.row(vec![
            b.input.clone(),
            sig3(b.low),
            sig3(b.high),
            format!("{} to {}", usd_signed(b.gain_at_low_usd), usd_signed(b.gain_at_high_usd)),
            format!("{:.0}% to {:.0}%", b.sold_at_low * 100.0, b.sold_at_high * 100.0),
            b.flips_at.map_or(String::new(), sig3),
        ]);
    }
    out.push_str(&grid.render(page));
    out
}

fn inputs(list: &[Input], page: &Page) -> String {
    let mut out = String::new();
    for (head, assumed) in [("Assumptions: no public source gives these", true), ("From the catalog and the serving model", false)] {
        let mut grid =
            Grid::new().left("input").right("5%").right("middle").right("95%").left("unit").dispensable(2).left("why").wrapped(1);
        for i in list.iter().filter(|i| i.assumed == assumed) {
            let ends = |v: f64| if i.range.low < i.range.high { short(v) } else { String::new() };
            let why = i.origin.trim_start_matches("assumption of the file: ");
            grid.row(vec![i.name.clone(), ends(i.range.low), short(i.range.middle), ends(i.range.high), i.unit.to_owned(), why.to_owned()]);
        }
        if !grid.is_empty() {
            out.push_str(&page.heading(head));
            out.push_str(&grid.render(page));
            out.push_str(if assumed { "\n" } else { "" });
        }
    }
    out
}
