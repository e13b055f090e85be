//! The pages of `tokens`.

use super::Page;
use super::calibrate::parameters;
use super::grid::Grid;
use super::numbers::{amount, seconds, seconds_interval, short, sig3, thousands, usd};
use secondsource::answer::{ErrorSummary, Interval};
use secondsource::serving::answer::{ServeCalibrateAnswer, ServePoint, ServeValidateAnswer, TokensAnswer, TokensJobOut, TokensOption};
use std::collections::BTreeMap;

pub fn page(a: &TokensAnswer, page: &Page) -> String {
    let mut out = job(&a.job, page);
    if a.options.is_empty() {
        out.push_str("\nNone of these systems can serve it.\n");
    } else {
        out.push('\n');
        out.push_str(&table(&a.options, page));
    }
    for (i, o) in a.options.iter().enumerate() {
        out.push('\n');
        out.push_str(&block(i + 1, o, page));
    }
    if !a.rejected.is_empty() {
        out.push_str(&format!("\n{}", page.heading("Cannot serve it")));
        for r in &a.rejected {
            let why = r.why.strip_prefix(&format!("{}: ", r.system)).unwrap_or(&r.why);
            out.push_str(&page.hanging("   ", 3, &format!("{}: {why}", r.system)));
        }
    }
    out
}

fn job(job: &TokensJobOut, page: &Page) -> String {
    let mut size = short(job.params_total as f64) + " parameters";
    if job.params_active != job.params_total {
        size.push_str(&format!(", {} active", short(job.params_active as f64)));
    }
    let mut head = format!("{} ({size}) · {} tokens in, {} out", job.model, thousands(job.prompt), thousands(job.output));
    if let Some(l) = job.latency_s {
        head.push_str(&format!(" · at most {} between tokens", seconds(l)));
    }
    if let Some(l) = job.first_token_s {
        head.push_str(&format!(" · first token within {}", seconds(l)));
    }
    let mut out = page.heading(&head);
    for (i, line) in job.assumed.iter().enumerate() {
        out.push_str(&page.hanging(if i == 0 { "Assumed: " } else { "" }, 10, line));
    }
    out
}

fn range(i: Interval) -> String {
    format!("{}–{}", amount(i.p5), amount(i.p95))
}

/// `TP8`, `TP8 PP2`, `EP8` where attention is cut by requests and experts are spread.
fn replica(p: &ServePoint) -> String {
    let pipeline = if p.pp > 1 { format!(" PP{}", p.pp) } else { String::new() };
    format!("{}{}{pipeline}", if p.split == "requests" { "EP" } else { "TP" }, p.tp)
}

fn table(options: &[TokensOption], page: &Page) -> String {
    let mut grid = Grid::new()
        .right("#")
        .left("system")
        .left("weights")
        .dispensable(6)
        .right("chips")
        .right("batch")
        .dispensable(2)
        .right("first token")
        .dispensable(3)
        .right("between")
        .right("tok/s/chip")
        .right("5–95%")
        .dispensable(4)
        .right("USD/M out")
        .right("5–95%")
        .dispensable(1)
        .left("binds")
        .dispensable(5);
    for (i, o) in options.iter().enumerate() {
        grid.row(vec![
            (i + 1).to_string(),
            o.system.clone(),
            o.weights.clone(),
            thousands(u64::from(o.best.replica_chips)),
            thousands(o.best.batch as u64),
            seconds(o.best.first_token_s),
            seconds(o.best.inter_token_s),
            amount(o.tokens_per_s_per_chip.p50),
            range(o.tokens_per_s_per_chip),
            o.usd_per_million.map_or("no price".to_owned(), |c| sig3(c.p50)),
            o.usd_per_million.map_or(String::new(), |c| format!("{}–{}", sig3(c.p5), sig3(c.p95))),
            o.binds.clone(),
        ]);
    }
    grid.render(page)
}

fn block(n: usize, o: &TokensOption, page: &Page) -> String {
    let mut out = page.heading(&format!("{n}. {} · a replica of {} {}", o.system, o.best.replica_chips, o.chip));
    let how = if o.best.split == "requests" { " (experts spread, attention cut by request)" } else { "" };
    let formats = if o.weights == o.math { o.weights.clone() } else { format!("{} widened to {}", o.weights, o.math) };
    out.push_str(&page.field(
        "replica",
        &format!("{}{how}; weights {formats}, cache {}; memory {:.0}% full", replica(&o.best), o.cache, o.best.memory_share * 100.0),
    ));
    out.push_str(&page.field(
        "latency",
        &format!("first token {}; between tokens {}", seconds_interval(o.first_token_s), seconds_interval(o.inter_token_s)),
    ));
    let i = o.tokens_per_s_per_chip;
    out.push_str(&page.field(
        "rate",
        &format!("{} [{}] tokens/s a chip with {} requests in flight", amount(i.p50), range(i), thousands(o.best.batch as u64)),
    ));
    let cost = match (&o.usd_per_million, &o.price) {
        (Some(c), Some(p)) => format!(
            "${} [{}–{}] a million output tokens at ${} per chip-hour: {} {}, {}, {} ({})",
            sig3(c.p50),
            sig3(c.p5),
            sig3(c.p95),
            sig3(p.usd_per_chip_hour),
            p.provider,
            p.region,
            p.basis,
            p.date,
            p.kind
        ),
        _ => "no public price".to_owned(),
    };
    out.push_str(&page.field("cost", &cost.replace("  ", " ").replace(" ,", ",")));
    if let Some(p) = &o.price {
        out.push_str(&page.field("", &format!("price: {}", p.source)));
    }
    let total: f64 = o.pass_s.values().sum();
    let mut parts: Vec<(&String, &f64)> = o.pass_s.iter().filter(|(_, v)| **v > 0.005 * total).collect();
    parts.sort_by(|a, b| b.1.total_cmp(a.1));
    let parts: Vec<String> = parts.iter().map(|(n, v)| format!("{n} {:.0}%", **v / total * 100.0)).collect();
    out.push_str(&page.field("a pass", &format!("{}: {}", seconds(total), parts.join(", "))));
    out.push_str(&page.field("interval", &o.interval_basis));
    for note in &o.notes {
        out.push_str(&page.field("note", note));
    }
    out.push_str(&frontier(&o.frontier, page));
    out
}

/// Points that nothing beats in both rate and time between tokens: at most eight, spread over the whole.
fn frontier(points: &[ServePoint], page: &Page) -> String {
    let mut grid = Grid::new()
        .left("frontier")
        .right("batch")
        .right("first token")
        .right("between")
        .right("tok/s/user")
        .right("tok/s/chip")
        .right("USD/M out")
        .dispensable(1);
    let most = 8usize.min(points.len());
    let picks: Vec<usize> = (0..most).map(|i| if most == 1 { 0 } else { i * (points.len() - 1) / (most - 1) }).collect();
    for p in picks.iter().filter_map(|i| points.get(*i)) {
        grid.row(vec![
            replica(p),
            thousands(p.batch as u64),
            seconds(p.first_token_s),
            seconds(p.inter_token_s),
            sig3(1.0 / p.inter_token_s),
            amount(p.tokens_per_s_per_chip),
            p.usd_per_million.map_or(String::new(), usd),
        ]);
    }
    let narrow = Page { width: page.width.saturating_sub(3), ..*page };
    grid.render(&narrow).lines().map(|l| format!("   {l}\n")).collect()
}

/// The page of `tokens --validate`.
pub fn validation(a: &ServeValidateAnswer, file: &str, worst: usize, page: &Page) -> String {
    let mut out = page.heading(&format!("Predicted against published serving measurements: {file}"));
    let mut grid = columns("measured");
    for s in &a.summary {
        grid.row(line(&s.metric, &s.in_sample));
        grid.row(line("  source not seen in the fit", &s.without_source));
        grid.row(line("  chip not seen in the fit", &s.without_chip));
    }
    out.push_str(&grid.render(page));
    let inferred = a.rows.iter().filter(|r| !r.inferred.is_empty()).count();
    out.push_str(&page.hanging("", 0, &format!("Rows with a cell that had to be inferred: {inferred} of {}.", a.rows.len())));
    for (what, groups) in [("source", &a.by_source), ("chip", &a.by_chip)] {
        let mut grid = columns(what);
        for (name, s) in groups {
            grid.row(line(name, s));
        }
        out.push_str(&format!("\n{}{}", page.heading(&format!("By {what}")), grid.render(page)));
    }
    out.push_str(&largest(a, worst, page));
    out.push_str(&skipped(&a.skipped, page));
    out
}

fn columns(first: &'static str) -> Grid {
    Grid::new().left(first).right("rows").right("median |error|").right("90th pct.").right("bias").right("in 90% interval").dispensable(1)
}

fn line(name: &str, s: &ErrorSummary) -> Vec<String> {
    vec![
        name.to_owned(),
        thousands(s.n),
        format!("{:.1}%", s.median_abs_error_pct),
        format!("{:.1}%", s.p90_abs_error_pct),
        format!("{:+.1}%", s.bias_pct),
        format!("{:.0}%", s.coverage_90 * 100.0),
    ]
}

fn largest(a: &ServeValidateAnswer, worst: usize, page: &Page) -> String {
    let mut rows: Vec<_> = a.rows.iter().collect();
    rows.sort_by(|x, y| (y.predicted / y.published).ln().abs().total_cmp(&(x.predicted / x.published).ln().abs()));
    let mut grid = Grid::new()
        .left("row")
        .left("measured")
        .right("published")
        .right("predicted")
        .right("5–95%")
        .dispensable(1)
        .right("error")
        .left("inferred")
        .clipped(2);
    for r in rows.iter().take(worst) {
        let number = |v: f64| if r.metric == "tokens/s" { amount(v) } else { seconds(v) };
        grid.row(vec![
            r.id.clone(),
            r.metric.clone(),
            number(r.published),
            number(r.predicted),
            format!("{} – {}", number(r.p5), number(r.p95)),
            format!("{:+.0}%", r.error_pct),
            r.inferred.clone(),
        ]);
    }
    if grid.is_empty() {
        return String::new();
    }
    format!("\n{}{}", page.heading(&format!("Largest errors ({} of {} rows)", rows.len().min(worst), rows.len())), grid.render(page))
}

fn skipped(list: &[(String, String)], page: &Page) -> String {
    if list.is_empty() {
        return "\nNo row was skipped.\n".to_owned();
    }
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, why) in list {
        by_reason.entry(why).or_default().push(id);
    }
    let mut out = format!("\n{}", page.heading("Skipped"));
    for (why, ids) in by_reason {
        out.push_str(&page.hanging("", 3, &format!("{why}: {} rows, {} to {}", ids.len(), ids[0], ids[ids.len() - 1])));
    }
    out
}

/// The page of `tokens --calibrate`.
pub fn calibration(a: &ServeCalibrateAnswer, page: &Page) -> String {
    let head = format!(
        "Fitted {} parameters of serving to {} rows in {} iterations (objective {})",
        a.params.len(),
        thousands(a.rows),
        a.iterations,
        sig3(a.objective)
    );
    page.heading(&head) + &parameters(&a.params, page)
}
