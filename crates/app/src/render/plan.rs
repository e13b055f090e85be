//! The page of `plan`: a ranked table, then a block per option, then who cannot, then what was searched.

use super::Page;
use super::grid::Grid;
use super::layout;
use super::numbers::{amount, gib, percent, run_interval, run_length, run_range, seconds, seconds_interval, short, sig3, thousands, usd};
use secondsource::answer::{CostOut, JobOut, PlanAnswer, PlanOption, Rejected, SearchOut};
use secondsource::supply::Arrival;

pub fn page(answer: &PlanAnswer, page: &Page) -> String {
    let mut out = job(&answer.job, page);
    if answer.options.is_empty() {
        out.push_str("\nNone of these systems can run this job.\n");
    } else {
        out.push('\n');
        out.push_str(&table(&answer.options, page));
        out.push_str(&pareto(answer, page));
        for note in &answer.notes {
            out.push_str(&page.hanging("Note: ", 6, note));
        }
    }
    for (i, option) in answer.options.iter().enumerate() {
        out.push('\n');
        out.push_str(&block(&format!("{}. ", i + 1), option, page));
    }
    out.push_str(&rejected(&answer.rejected, page));
    out.push_str(&search(&answer.search, page));
    out
}

/// What was asked, and what was filled in.
fn job(job: &JobOut, page: &Page) -> String {
    let mut size = short(job.params_total as f64) + " parameters";
    if job.params_active != job.params_total {
        size.push_str(&format!(", {} active", short(job.params_active as f64)));
    }
    let tokens = job.tokens.map_or(String::new(), |t| format!(" · {} tokens", short(t)));
    let head = format!(
        "{} ({size}){tokens} · sequence {} · batch {} · {}",
        job.model,
        thousands(job.seq),
        thousands(job.global_batch),
        job.precision
    );
    let mut out = page.heading(&head);
    out.push_str(&page.hanging("Software: ", 10, &job.era));
    for (i, line) in job.assumed.iter().enumerate() {
        out.push_str(&page.hanging(if i == 0 { "Assumed: " } else { "" }, 10, line));
    }
    out
}

fn table(options: &[PlanOption], page: &Page) -> String {
    let mut grid = Grid::new()
        .right("#")
        .left("system")
        .right("chips")
        .right("step")
        .right("5–95%")
        .dispensable(3)
        .right("MFU")
        .right("tok/s/chip")
        .dispensable(5)
        .right("memory")
        .dispensable(6)
        .right("run")
        .dispensable(1)
        .right("5–95%")
        .dispensable(4)
        .right("cost")
        .dispensable(1)
        .right("MWh")
        .dispensable(7)
        .left("binds")
        .left("layout")
        .dispensable(8);
    let range = |i: secondsource::answer::Interval| format!("{}–{}", sig3(i.p5), sig3(i.p95));
    for (i, o) in options.iter().enumerate() {
        let cost = match &o.cost_usd {
            Some(c) => usd(c.p50),
            None if o.days.is_some() => "no price".to_owned(),
            None => String::new(),
        };
        grid.row(vec![
            (i + 1).to_string(),
            o.system.clone(),
            thousands(o.chips),
            seconds(o.step_s.p50),
            range(o.step_s),
            percent(o.mfu),
            amount(o.tokens_per_s_per_chip),
            share(o.hbm_gib.peak, o.hbm_gib.capacity),
            o.days.map_or(String::new(), |d| run_length(d.p50)),
            o.days.map_or(String::new(), run_range),
            cost,
            o.energy_mwh.map_or(String::new(), amount),
            o.binds.clone(),
            layout::line(&o.layout),
        ]);
    }
    grid.render(page)
}

/// Peak over capacity, whole percent.
fn share(peak: f64, capacity: f64) -> String {
    if capacity > 0.0 { format!("{:.0}%", peak / capacity * 100.0) } else { "?".to_owned() }
}

fn pareto(answer: &PlanAnswer, page: &Page) -> String {
    if answer.options.len() < 2 || answer.pareto.is_empty() {
        return String::new();
    }
    let names: Vec<String> =
        answer.pareto.iter().filter_map(|i| answer.options.get(*i).map(|o| format!("{} ({})", i + 1, o.system))).collect();
    page.hanging("", 0, &format!("Beaten by no other in time, cost and chips at once: {}.", names.join(", ")))
}

/// All that is known of one option.
pub fn block(lead: &str, o: &PlanOption, page: &Page) -> String {
    let chip = if o.chip == o.system { String::new() } else { format!(" of {}", o.chip) };
    let mut out = page.heading(&format!("{lead}{} · {} chips{chip}", o.system, thousands(o.chips)));
    out.push_str(&page.field("layout", &layout::line(&o.layout)));
    out.push_str(&page.field("step", &format!("{}; floor {} at the datasheet peak", seconds_interval(o.step_s), seconds(o.floor_s))));
    out.push_str(&page.field(
        "rate",
        &format!(
            "{} tokens/s per chip; MFU {}, HFU {} of the dense {} peak",
            amount(o.tokens_per_s_per_chip),
            percent(o.mfu),
            percent(o.hfu),
            o.precision
        ),
    ));
    let memory = format!(
        "{} of {} GiB ({}) on the fullest device",
        gib(o.hbm_gib.peak),
        gib(o.hbm_gib.capacity),
        share(o.hbm_gib.peak, o.hbm_gib.capacity)
    );
    out.push_str(&page.field("memory", &memory));
    if let Some((mean, limit)) = o.chip_watts.zip(o.chip_watts_limit) {
        out.push_str(&page.field("power", &format!("{mean:.0} W a chip over the step, of a limit of {limit:.0} W")));
    }
    if let Some(days) = o.days {
        out.push_str(&page.field("run", &format!("{}, without failures", run_interval(days))));
        out.push_str(&page.field("cost", &cost(o.cost_usd.as_ref())));
        if let Some(c) = &o.cost_usd {
            out.push_str(&page.field("", &format!("price: {}", c.price_source)));
        }
        let energy = o.energy_mwh.map_or("unknown".to_owned(), |e| format!("{} MWh", amount(e)));
        let basis = if o.energy_basis.is_empty() { String::new() } else { format!("; {}", o.energy_basis) };
        out.push_str(&page.field("energy", &format!("{energy}{basis}")));
    }
    out.push_str(&page.field("binds", &o.binds));
    out.push_str(&page.field("bought", &o.delivery.as_ref().map_or_else(|| NO_SUPPLY.to_owned(), bought)));
    out.push_str(&page.field("interval", &o.interval_basis));
    let eras: Vec<String> = o.other_eras.iter().map(|(era, s)| format!("{} with software of {era}", seconds(*s))).collect();
    out.push_str(&page.field("eras", &eras.join("; ")));
    for k in &o.other_kernels {
        let run = k.days.map_or(String::new(), |d| format!(", {}", run_length(d)));
        let bill = k.cost_usd.map_or(String::new(), |c| format!(", {}", usd(c)));
        out.push_str(&page.field("kernels", &format!("{}: {}{run}{bill}", k.kernels, seconds(k.step_s))));
    }
    for note in &o.notes {
        out.push_str(&page.field("note", note));
    }
    out
}

const NO_SUPPLY: &str = "no supply of these chips is known, so there is no date for racks of one's own";

/// When machines could be in service if they were bought, and what the wait is made of.
pub fn bought(a: &Arrival) -> String {
    let day = |d: &Option<String>| d.clone().unwrap_or_else(|| format!("later than {}", a.until));
    let what = if a.racks == 1.0 { "1 rack or host".to_owned() } else { format!("{} racks or hosts", thousands(a.racks as u64)) };
    let head = match &a.p50 {
        Some(p50) => {
            format!("{what} ordered on {} in service by {p50} [10–90% {} to {}]", a.asked, day(&a.p10), day(&a.p90))
        }
        None if a.within < 0.005 => format!("{what} ordered on {}: none of the supply that is known of is left for them", a.asked),
        None => format!("{what} ordered on {}: in service by {} in only {} of the scenarios", a.asked, a.until, percent(a.within)),
    };
    let waits: Vec<String> = a.drivers.iter().take(3).map(|d| format!("{} {}", d.stage, percent(d.share))).collect();
    if waits.is_empty() { head } else { format!("{head}; waits on {}", waits.join(", ")) }
}

fn cost(cost: Option<&CostOut>) -> String {
    let Some(c) = cost else { return "no public price".to_owned() };
    let region = if c.region.is_empty() { String::new() } else { format!(" {}", c.region) };
    format!(
        "{} [{}–{}] at ${} per chip-hour: {}{region}, {}, {} ({})",
        usd(c.p50),
        usd(c.p5),
        usd(c.p95),
        sig3(c.usd_per_chip_hour),
        c.provider,
        c.basis,
        c.price_date,
        c.price_kind
    )
}

fn rejected(list: &[Rejected], page: &Page) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}", page.heading("Cannot run it"));
    for r in list {
        let why = r.why.strip_prefix(&format!("{}: ", r.system)).unwrap_or(&r.why);
        out.push_str(&page.hanging("   ", 3, &format!("{}: {why}", r.system)));
        if let Some(nearest) = &r.nearest {
            out.push_str(&page.hanging("     nearest:", 14, nearest));
        }
    }
    out
}

fn search(s: &SearchOut, page: &Page) -> String {
    let mut rules: Vec<(&String, &u64)> = s.by_rule.iter().filter(|(_, n)| **n > 0).collect();
    rules.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let rules: Vec<String> = rules.iter().map(|(rule, n)| format!("{rule} {}", thousands(**n))).collect();
    let detail = if rules.is_empty() { String::new() } else { format!(": {}", rules.join(", ")) };
    let text = format!("Weighed {} layouts, cut {}{detail}.", thousands(s.weighed), thousands(s.pruned));
    format!("\n{}", page.hanging("", 0, &text))
}
