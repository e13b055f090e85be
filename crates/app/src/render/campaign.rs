//! The page of `campaign`: the verdict, where the time goes, checkpoints, energy, money, what it rests on.

use super::Page;
use super::grid::Grid;
use super::layout;
use super::numbers::{amount, bar, percent, run_interval, run_length, sig3, thousands, usd};
use secondsource::answer::Interval;
use secondsource::campaign::CampaignAnswer;
use secondsource::campaign::answer::InputOut;

/// Names of the parts of the wall time, for people, in the order of the table.
const WORDS: [(&str, &str); 7] = [
    ("productive", "training that was kept"),
    ("lost", "training lost with failures"),
    ("restart", "restarting"),
    ("detection", "down, not yet noticed"),
    ("checkpoint", "standing still to save"),
    ("waiting", "waiting for a spare node"),
    ("planned", "planned stops"),
];

const BAR: usize = 24;

pub fn page(a: &CampaignAnswer, page: &Page) -> String {
    let mut out = page.heading(&format!(
        "{} · {} tokens · {} · {} chips in {}",
        a.job.model,
        a.job.tokens.map_or_else(String::new, super::numbers::short),
        a.plan.system,
        thousands(a.plan.chips),
        nodes(a.nodes)
    ));
    out.push_str(&page.field("layout", &layout::line(&a.plan.layout)));
    out.push_str(&verdict(a, page));
    out.push('\n');
    out.push_str(&page.heading(&format!("Where the wall time goes (mean of {} simulated campaigns)", thousands(u64::from(a.runs)))));
    out.push_str(&parts(a, page));
    out.push('\n');
    out.push_str(&page.heading("Energy and money"));
    out.push_str(&money(a, page));
    out.push('\n');
    out.push_str(&page.heading("What matters most"));
    out.push_str(&sensitivity(a, page));
    out.push('\n');
    out.push_str(&page.heading("What it rests on"));
    let all: Vec<InputOut> = a.inputs.iter().chain(a.energy.iter().flat_map(|e| &e.inputs)).cloned().collect();
    out.push_str(&inputs(&all, page));
    for note in &a.notes {
        out.push_str(&page.field("note", note));
    }
    for note in &a.plan.notes {
        out.push_str(&page.field("note", note));
    }
    out
}

/// `1 node`, `2,048 nodes`.
fn nodes(n: u64) -> String {
    format!("{} {}", thousands(n), if n == 1 { "node" } else { "nodes" })
}

/// `5.68 TB`, `737 MB`.
fn bytes(b: f64) -> String {
    let table = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB")];
    let (scale, unit) = table.into_iter().find(|(s, _)| b >= *s).unwrap_or((1e3, "kB"));
    format!("{} {unit}", sig3(b / scale))
}

/// The unit for something of this size: (how many of the smaller unit it is, name).
fn unit(middle: f64, small: &'static str, large: &'static str) -> (f64, &'static str) {
    if middle < 1.0 { (1e3, small) } else { (1.0, large) }
}

/// `45.6 [40.1–52.3]`.
fn range(i: Interval, show: impl Fn(f64) -> String) -> String {
    format!("{} [{}–{}]", show(i.p50), show(i.p5), show(i.p95))
}

fn verdict(a: &CampaignAnswer, page: &Page) -> String {
    let mut out = page.field("undisturbed", &format!("{} with nothing failing and nothing saved", run_interval(a.days_undisturbed)));
    out.push_str(&page.field("campaign", &format!("{} with failures", run_interval(a.days.interval()))));
    if let Some(f) = &a.finish {
        out.push_str(&page.field("ends", &format!("{} [{} to {}], when it starts on {}", f.p50, f.p5, f.p95, f.start)));
    }
    let g = a.goodput.interval();
    out.push_str(&page.field(
        "goodput",
        &format!(
            "{} of the wall time; closed form {} in {}",
            range(g, percent),
            percent(a.closed_form.goodput),
            run_length(a.closed_form.days)
        ),
    ));
    let lost = if a.nodes_lost >= 0.5 { format!("; {} lost", nodes(a.nodes_lost.round() as u64)) } else { String::new() };
    let failures = match a.mtti_h {
        None => "none".to_owned(),
        Some(h) => format!("{}, one every {} h on average{lost}", range(a.failures.interval(), amount), sig3(h)),
    };
    out.push_str(&page.field("failures", &failures));
    let c = &a.checkpoint;
    let stands =
        if c.saving == "sync" { "training waits for it".to_owned() } else { format!("training stands still for {}", seconds(c.stall_s)) };
    out.push_str(&page.field(
        "checkpoints",
        &format!(
            "{} ({} steps) apart; {} written in {} at {}/s, {stands}{}",
            seconds(c.interval_s),
            amount(c.steps),
            bytes(c.bytes),
            seconds(c.write_s),
            bytes(c.bytes_per_s),
            if (c.interval_s / c.best_interval_s - 1.0).abs() > 0.01 {
                format!("; best: {} apart", seconds(c.best_interval_s))
            } else {
                String::new()
            }
        ),
    ));
    for caveat in &a.caveats {
        out.push_str(&page.field("beware", caveat));
    }
    if let Some(n) = a.spares {
        out.push_str(
            &page.field("spares", &format!("{}; {} would keep waiting below 0.1% of the time", nodes(u64::from(n)), a.spares_enough)),
        );
    }
    out
}

/// `45.6 s`, `12.3 min`, `4.56 h`.
fn seconds(s: f64) -> String {
    match s {
        s if s < 120.0 => super::numbers::seconds(s),
        s if s < 7200.0 => format!("{} min", sig3(s / 60.0)),
        s => format!("{} h", sig3(s / 3600.0)),
    }
}

fn parts(a: &CampaignAnswer, page: &Page) -> String {
    let whole = a.days.mean;
    let (scale, unit) = run_unit(whole);
    let rows: Vec<(&str, f64)> = WORDS.iter().map(|(key, words)| (*words, a.parts_days.get(*key).copied().unwrap_or(0.0))).collect();
    let shown = hundredths(&rows.iter().map(|r| r.1 * scale).collect::<Vec<_>>(), whole * scale);
    let mut grid = Grid::new().left("part").right(unit).right("share").left("").dispensable(1);
    for ((words, v), text) in rows.into_iter().zip(shown) {
        if v > 0.0 {
            grid.row(vec![words.to_owned(), text, percent(v / whole), bar(v / whole, BAR)]);
        }
    }
    grid.row(vec!["whole campaign".to_owned(), format!("{:.2}", whole * scale), percent(1.0), String::new()]);
    grid.render(page)
}

/// How many of a unit a day is, and its name, for runs of this many days.
fn run_unit(days: f64) -> (f64, &'static str) {
    match days {
        d if d >= 2.0 => (1.0, "days"),
        d if d >= 1.0 / 12.0 => (24.0, "hours"),
        _ => (1440.0, "minutes"),
    }
}

/// Two decimals each, rounded so that the column adds up to the whole as it is printed.
fn hundredths(parts: &[f64], whole: f64) -> Vec<String> {
    let down: Vec<f64> = parts.iter().map(|p| (p * 100.0).floor()).collect();
    let mut short = ((whole * 100.0).round() - down.iter().sum::<f64>()).max(0.0) as usize;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| (parts[*b] * 100.0 - down[*b]).total_cmp(&(parts[*a] * 100.0 - down[*a])));
    let mut up = vec![0.0; parts.len()];
    for i in order.into_iter().filter(|i| parts[*i] > 0.0) {
        if short == 0 {
            break;
        }
        up[i] = 1.0;
        short -= 1;
    }
    down.iter().zip(up).map(|(d, u)| format!("{:.2}", (d + u) / 100.0)).collect()
}

fn money(a: &CampaignAnswer, page: &Page) -> String {
    let mut out = String::new();
    let rent = match &a.cost_usd {
        None => "no public price".to_owned(),
        Some(c) => {
            let place = if c.region.is_empty() { String::new() } else { format!(" {}", c.region) };
            format!(
                "{} at ${} per chip-hour: {}{place}, {}, {} ({})",
                range(Interval { p5: c.p5, p50: c.p50, p95: c.p95 }, usd),
                sig3(c.usd_per_chip_hour),
                c.provider,
                c.basis,
                c.price_date,
                c.price_kind
            )
        }
    };
    out.push_str(&page.field("rent", &rent));
    let Some(e) = &a.energy else {
        out.push_str(&page.field("energy", "unknown"));
        return out;
    };
    let (scale, name) = unit(e.mwh.p50, "kWh", "MWh");
    let (power, watts) = unit(e.mean_mw, "kW", "MW");
    out.push_str(&page.field(
        "energy",
        &format!(
            "{} {name} at the meter, {} {watts} on average; {} kW a chip while training, {} while not",
            range(e.mwh.interval().scaled(scale), amount),
            sig3(e.mean_mw * power),
            sig3(e.kw_training),
            sig3(e.kw_waiting)
        ),
    ));
    let tdp = format!("for comparison only: TDP times chips times hours is {} {name}", amount(e.tdp_mwh * scale));
    out.push_str(&page.field("", &tdp));
    let p = &a.place;
    if let (Some(i), Some(c)) = (p.electricity_usd, &p.cents_per_kwh) {
        out.push_str(&page.field("electricity", &format!("{} at {} cents/kWh (inside the rent): {}", range(i, usd), c.value, c.basis)));
    }
    if let (Some(i), Some(k)) = (p.carbon_t, &p.kg_per_mwh) {
        let (scale, name) = unit(i.p50, "kg", "t");
        let total = range(i.scaled(scale), amount);
        out.push_str(&page.field("emissions", &format!("{total} {name} CO2e, location-based, at {} kg/MWh: {}", k.value, k.basis)));
    }
    out
}

fn sensitivity(a: &CampaignAnswer, page: &Page) -> String {
    let (scale, unit) = run_unit(a.days.mean);
    let mut grid = Grid::new().left("input, over its band").right(unit).right("by").left("").dispensable(1);
    let widest = a.sensitivity.first().map_or(1.0, |s| (s.days_high - s.days_low).abs()).max(1e-9);
    for s in &a.sensitivity {
        let by = (s.days_high - s.days_low).abs();
        let (low, high) = (s.days_low.min(s.days_high) * scale, s.days_low.max(s.days_high) * scale);
        grid.row(vec![s.input.clone(), format!("{}–{}", sig3(low), sig3(high)), format!("{:.2}", by * scale), bar(by / widest, BAR)]);
    }
    if grid.is_empty() {
        return page.hanging("   ", 3, "nothing: every input is taken as known.");
    }
    grid.render(page)
}

/// One quantity a paragraph: its value, its band, where it comes from.
fn inputs(list: &[InputOut], page: &Page) -> String {
    let widest = list.iter().map(|i| i.name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for i in list {
        let band = if i.low == i.high { String::new() } else { format!(" [{}–{}]", sig3(i.low), sig3(i.high)) };
        out.push_str(&page.hanging(&format!("   {}", i.name), widest + 5, &format!("{}{band} {}: {}", sig3(i.value), i.unit, i.basis)));
    }
    out
}
