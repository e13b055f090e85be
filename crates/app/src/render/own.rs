//! The page of `own`: the hour first, then the bill, then renting against it, then what moves it.

use super::Page;
use super::grid::Grid;
use super::numbers::{amount, cents, percent, short, sig3, signed_usd, span, thousands, usd};
use secondsource::answer::Interval;
use secondsource::costs::{AgainstOut, OwnAnswer, Site, TornadoOut};

pub fn page(answer: &OwnAnswer, page: &Page) -> String {
    let head = format!(
        "{} chips of {} in {} {}s of {}, {}, delivered {}",
        thousands(answer.chips),
        answer.chip,
        thousands(answer.units),
        answer.unit_name,
        answer.system,
        place(answer.site),
        answer.delivery
    );
    let mut out = page.heading(&head);
    for (i, line) in answer.notes.iter().enumerate() {
        out.push_str(&page.hanging(if i == 0 { "Note: " } else { "" }, 6, line));
    }
    out.push('\n');
    out.push_str(&hours(answer, page));
    out.push('\n');
    out.push_str(&bill(answer, page));
    out.push_str(&against(&answer.against, page));
    out.push_str(&tornado(answer, page));
    out.push_str(&inputs(answer, page));
    out.push_str(&sources(answer, page));
    out
}

fn place(site: Site) -> &'static str {
    match site {
        Site::Colocation => "in colocation",
        Site::Shell => "in a building of one's own",
    }
}

fn inputs(answer: &OwnAnswer, page: &Page) -> String {
    let mut grid =
        Grid::new().left("input").right("value").right("low").right("high").left("unit").dispensable(2).left("kind").dispensable(3);
    grid = grid.left("rests on").wrapped(1);
    for (key, i) in &answer.inputs {
        let share = i.unit.starts_with("of the") || i.unit == "per year" || i.unit == "of running time";
        let number = |v: f64| if share { percent(v) } else { short(v) };
        let (low, high) = if i.low < i.high { (number(i.low), number(i.high)) } else { (String::new(), String::new()) };
        grid.row(vec![(*key).to_owned(), number(i.value), low, high, i.unit.clone(), i.kind.clone(), i.basis.clone()]);
    }
    format!("\n{}{}", page.heading("Inputs, and what they rest on"), grid.render(page))
}

fn hours(answer: &OwnAnswer, page: &Page) -> String {
    let c = &answer.cost;
    let range = |i: Interval| format!("{}–{}", two(i.p5), two(i.p95));
    let mut grid = Grid::new().left("cost, USD").right("middle").right("P50").right("5–95%").left("").wrapped(1);
    let value = |key: &str| answer.inputs.get(key).map_or(0.0, |i| i.value);
    let mut row = |what: &str, v: f64, i: Interval, words: String| grid.row(vec![what.to_owned(), two(v), two(i.p50), range(i), words]);
    let years = value("years");
    row(
        "a chip-hour of the calendar",
        c.usd_per_chip_hour,
        answer.usd_per_chip_hour,
        format!("{} years at {} a year", plain(years), percent(value("rate"))),
    );
    row(
        "a chip-hour in use",
        c.usd_per_used_hour,
        answer.usd_per_used_hour,
        format!("in use {} of the hours", percent(value("utilisation"))),
    );
    row(
        "an effective chip-hour",
        c.usd_per_effective_hour,
        answer.usd_per_effective_hour,
        format!("of which {} are productive", percent(value("goodput"))),
    );
    let mut out = grid.render(page);
    let yearly = format!(
        "{} a year: {} of capital and {} to run; {} left at the end",
        usd(c.capital_usd_per_year + c.running_usd_per_year),
        usd(c.capital_usd_per_year),
        usd(c.running_usd_per_year),
        usd(c.residual_usd)
    );
    out.push_str(&page.field("year", &yearly));
    let once = answer.once_usd;
    out.push_str(&page.field("price", &format!("{} [{}–{}] at the start", usd(c.once_usd), usd(once.p5), usd(once.p95))));
    out
}

fn two(v: f64) -> String {
    format!("{v:.2}")
}

/// Two decimals at most.
fn plain(v: f64) -> String {
    let text = format!("{v:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn bill(answer: &OwnAnswer, page: &Page) -> String {
    let mut out = page.heading("Bill");
    let mut grid = Grid::new().left("item").right("quantity").dispensable(1).left("unit").dispensable(1).right("USD each").dispensable(2);
    grid = grid.right("once").right("a year").left("kind").dispensable(3);
    for l in &answer.bill.lines {
        let once = l.when.name() == "once";
        let money = if l.unit_usd.is_none() { "in network".to_owned() } else { cents(l.usd) };
        grid.row(vec![
            l.item.clone(),
            if l.quantity < 1000.0 { plain(l.quantity) } else { amount(l.quantity) },
            l.unit.clone(),
            l.unit_usd.map_or_else(String::new, each),
            if once { money.clone() } else { String::new() },
            if once { String::new() } else { money },
            l.kind.clone(),
        ]);
    }
    let (once, yearly) = (cents(answer.bill.once_usd), cents(answer.bill.yearly_usd));
    grid.row(vec!["sum".to_owned(), String::new(), String::new(), String::new(), once, yearly, String::new()]);
    out.push_str(&grid.render(page));
    out
}

fn each(v: f64) -> String {
    if v >= 1000.0 { thousands(v.round() as u64) } else { sig3(v) }
}

fn against(list: &[AgainstOut], page: &Page) -> String {
    if list.is_empty() {
        return format!("\n{}", page.heading("Against renting: no public rental price"));
    }
    let mut out = format!("\n{}", page.heading("Against renting the same chips"));
    let mut grid = Grid::new()
        .left("contract")
        .left("provider")
        .right("$/used h")
        .right("even at use")
        .right("paid back")
        .right("NPV of owning")
        .right("5–95%")
        .dispensable(1)
        .right("own wins")
        .left("price of")
        .dispensable(2)
        .left("kind")
        .dispensable(3);
    for a in list {
        let i = a.npv_interval_usd;
        grid.row(vec![
            a.contract.clone(),
            match (a.offered, a.obstacles.is_empty()) {
                (false, _) => format!("{} **", a.provider),
                (_, true) => a.provider.clone(),
                (_, false) => format!("{} *", a.provider),
            },
            two(a.usd_per_chip_hour),
            a.break_even_utilisation.map_or("never".to_owned(), |u| if u == 0.0 { "always".to_owned() } else { percent(u) }),
            a.payback_months.map_or("never".to_owned(), |m| format!("{m:.0} mo")),
            signed_usd(a.npv_usd),
            format!("{}–{}", signed_usd(i.p5), signed_usd(i.p95)),
            percent(a.own_wins),
            a.price_date.clone(),
            a.price_kind.clone(),
        ]);
    }
    out.push_str(&grid.render(page));
    for a in list.iter().filter(|a| !a.obstacles.is_empty()) {
        out.push_str(&page.hanging("   * ", 5, &format!("{} {}: {}", a.provider, a.contract, a.obstacles.join("; "))));
    }
    if list.iter().any(|a| !a.offered) {
        out.push_str(&page.hanging(
            "   ** ",
            6,
            "an estimate of what is agreed in private; public prices are list prices, and mostly above it",
        ));
    }
    let text = "rent for the hours in use (commitments: for every hour); NPV at a rent that stays, the interval with sampled inputs and \
                price paths, renewed when the contract ends";
    out.push_str(&page.hanging("   ", 3, text));
    out
}

fn tornado(answer: &OwnAnswer, page: &Page) -> String {
    let bars: Vec<&TornadoOut> = answer.tornado.iter().take(10).collect();
    if bars.is_empty() {
        return String::new();
    }
    let middle = answer.cost.usd_per_effective_hour;
    let mut out = format!("\n{}", page.heading("What moves the effective hour"));
    let mut grid =
        Grid::new().left("input").right("low").right("high").left("unit").dispensable(2).right("USD at low").right("USD at high");
    grid = grid.left("").dispensable(1);
    let most = bars.iter().map(|b| b.at_low.max(b.at_high)).fold(middle, f64::max);
    for b in bars {
        let share = b.unit.starts_with("of the") || b.unit == "per year" || b.unit == "of running time";
        let number = |v: f64| if share { percent(v) } else { short(v) };
        let bar = span(b.at_low.min(b.at_high), middle, b.at_low.max(b.at_high), most, 30);
        grid.row(vec![b.input.to_owned(), number(b.low), number(b.high), b.unit.to_owned(), two(b.at_low), two(b.at_high), bar]);
    }
    out.push_str(&grid.render(page));
    out
}

fn sources(answer: &OwnAnswer, page: &Page) -> String {
    let mut all: Vec<&String> = Vec::new();
    for s in answer.inputs.values().flat_map(|i| &i.sources) {
        if !all.contains(&s) {
            all.push(s);
        }
    }
    if all.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}", page.heading("Sources"));
    for s in all {
        out.push_str(&page.hanging("   ", 3, s));
    }
    out
}
