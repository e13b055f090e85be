//! The page of `decide`: the choice first, then what was beaten and what fell out, what would flip it, and what it rests on.

use super::Page;
use super::grid::Grid;
use super::numbers::{percent, run_interval, sig3, thousands, usd};
use secondsource::answer::Interval;
use secondsource::decide::DecideAnswer;
use secondsource::decide::answer::{DecideJobOut, InformationOut, JobOnOut, OptionOut, PlanOut, TornadoOut, WaitOut};

pub fn page(answer: &DecideAnswer, page: &Page) -> String {
    let mut out = match &answer.choice {
        Some(choice) => page.heading(&choice.words),
        None => page.heading("Nothing can run these jobs."),
    };
    out.push_str(&question(&answer.job, page));
    if let Some(choice) = &answer.choice {
        out.push('\n');
        out.push_str(&plan(answer, choice, page));
        out.push_str(&options(&answer.options, page));
    }
    out.push_str(&fallen(answer, page));
    out.push_str(&tornado(&answer.tornado, page));
    out.push_str(&answer.waiting.iter().map(|w| waiting(w, page)).collect::<String>());
    if let Some(info) = &answer.information {
        out.push_str(&information(info, &answer.job.period, page));
    }
    out.push_str(&rests_on(answer, page));
    out
}

fn question(job: &DecideJobOut, page: &Page) -> String {
    let head = format!(
        "{} · decided on {} · {} months by the {} · {} scenarios, seed {}",
        job.jobs.join(", "),
        job.as_of,
        months(job.horizon_months),
        job.period,
        thousands(job.scenarios as u64),
        job.seed
    );
    let mut out = page.hanging("", 0, &head);
    for (i, line) in job.assumed.iter().enumerate() {
        out.push_str(&page.hanging(if i == 0 { "Assumed: " } else { "" }, 9, line));
    }
    out
}

/// `42`, `7.5`.
fn months(m: f64) -> String {
    if m.fract() == 0.0 { format!("{m:.0}") } else { sig3(m) }
}

fn money(i: Interval) -> String {
    format!("{} [{}–{}]", usd(i.p50), usd(i.p5), usd(i.p95))
}

fn ends(j: &JobOnOut) -> Option<String> {
    let [p5, p50, p95] = j.end_dates.as_ref()?;
    let word = |d: &Option<String>| d.clone().unwrap_or_else(|| "not within the horizon".to_owned());
    Some(format!("{} [{} – {}]", word(p50), word(p5), word(p95)))
}

fn plan(answer: &DecideAnswer, choice: &PlanOut, page: &Page) -> String {
    let job = &answer.job;
    let rate = percent(job.discount_rate);
    let mut out = page.field(
        "cost",
        &format!("{}, mean {}: payments discounted at {rate} a year, less resale", money(choice.cost_usd), usd(choice.cost_mean_usd)),
    );
    if (choice.total_mean_usd / choice.cost_mean_usd - 1.0).abs() > 1e-3 {
        let text = format!(
            "{}, mean {}: with the value of time and of work that is not done",
            money(choice.total_usd),
            usd(choice.total_mean_usd)
        );
        out.push_str(&page.field("in all", &text));
    }
    for j in &choice.jobs {
        let name = if choice.jobs.len() > 1 { format!("{}: ", j.job) } else { String::new() };
        if let Some(text) = ends(j) {
            out.push_str(&page.field("finish", &format!("{name}{text}")));
        }
        if let Some(met) = j.deadline_met {
            let asked = j.deadline_sure.map_or(String::new(), |s| format!(" ({:.0}% asked for)", s * 100.0));
            out.push_str(&page.field("deadline", &format!("{name}met in {} of scenarios{asked}", percent(met))));
        }
        if let Some(done) = j.work_done {
            out.push_str(&page.field("work", &format!("{name}{} of it is done in its month", percent(done))));
        }
    }
    if let (Some(b), Some(share)) = (job.budget_usd, choice.within_budget) {
        let worst = format!("{:.0}%", (1.0 - job.budget_sure) * 100.0);
        let text = format!(
            "within {} in {} of scenarios; the worst {worst} cost {} in the mean",
            usd(b),
            percent(share),
            usd(choice.cost_cvar_usd)
        );
        out.push_str(&page.field("budget", &text));
    }
    let parts: Vec<String> = choice
        .by_contract
        .iter()
        .map(|c| format!("{} {} for {} chip-hours", c.contract, usd(c.usd), super::numbers::short(c.chip_hours)))
        .collect();
    out.push_str(&page.field("paid for", &parts.join("; ")));
    if choice.idle > 0.005 {
        out.push_str(&page.field("idle", &format!("{} of committed chip-hours", percent(choice.idle))));
    }
    for j in &choice.jobs {
        out.push_str(&page.field("layout", &format!("{} on {} chips of {}: {}", j.job, thousands(j.chips), j.on, j.layout)));
    }
    if let Some(next) = &answer.runner_up {
        let more = next.total_mean_usd - choice.total_mean_usd;
        let limits = if next.keeps_limits { "" } else { "; it does not keep the limits" };
        let text = format!("{}. It costs {} ({}) more in the mean{limits}", next.words, usd(more), percent(more / choice.total_mean_usd));
        out.push_str(&page.field("runner-up", &text));
    }
    for note in &answer.notes {
        out.push_str(&page.field("note", note));
    }
    out
}

fn options(list: &[OptionOut], page: &Page) -> String {
    let mut grid = Grid::new()
        .left("place")
        .left("contract")
        .right("committed")
        .dispensable(5)
        .right("cost")
        .right("5–95%")
        .dispensable(3)
        .right("in all")
        .dispensable(4)
        .right("months")
        .dispensable(6)
        .right("deadline")
        .dispensable(1)
        .right("budget")
        .dispensable(2)
        .right("more");
    let share = |v: Option<f64>| v.map_or(String::new(), percent);
    for o in list {
        let contract = if o.contract == "all" { format!("mix, mainly {}", o.mainly) } else { o.contract.clone() };
        let months = o.end_months.and_then(|m| m[1]).map_or(String::new(), sig3);
        let in_all = (o.total_mean_usd / f64::midpoint(o.cost_usd.p5, o.cost_usd.p95) - 1.0).abs() > 0.0;
        grid.row(vec![
            o.on.clone(),
            contract,
            if o.committed_chips > 0.0 { thousands(o.committed_chips as u64) } else { String::new() },
            usd(o.cost_usd.p50),
            format!("{}–{}", usd(o.cost_usd.p5), usd(o.cost_usd.p95)),
            if in_all { usd(o.total_mean_usd) } else { String::new() },
            months,
            share(o.deadline_met),
            share(o.within_budget),
            match o.keeps_limits {
                false => "misses limits".to_owned(),
                true if o.more_usd <= 0.0 => "choice".to_owned(),
                true => format!("+{}", usd(o.more_usd)),
            },
        ]);
    }
    format!("\n{}{}", page.heading("What there is to choose from, best first"), grid.render(page))
}

fn fallen(answer: &DecideAnswer, page: &Page) -> String {
    if answer.fallen.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}", page.heading("Falls out"));
    // One line for all contracts of a place that fall out for one reason, then for all places with the same line.
    let mut lines: Vec<(Vec<&str>, Vec<&str>, &str)> = Vec::new();
    for f in &answer.fallen {
        match lines.iter_mut().find(|(on, _, why)| *on == [f.on.as_str()] && *why == f.why) {
            Some((_, contracts, _)) => contracts.push(&f.contract),
            None => lines.push((vec![&f.on], vec![&f.contract], &f.why)),
        }
    }
    let mut merged: Vec<(Vec<&str>, Vec<&str>, &str)> = Vec::new();
    for (on, contracts, why) in lines {
        match merged.iter_mut().find(|(_, c, w)| *c == contracts && *w == why) {
            Some((places, _, _)) => places.extend(on),
            None => merged.push((on, contracts, why)),
        }
    }
    for (on, contracts, why) in merged {
        let what = contracts.join(", ");
        let on_what = if what.is_empty() { String::new() } else { format!("{what} on ") };
        out.push_str(&page.hanging("   ", 3, &format!("{on_what}{}: {why}", on.join(", "))));
    }
    out
}

/// A value of an input with the unit that fits.
fn value(v: f64, unit: &str) -> String {
    match unit {
        "USD" | "USD/year" => usd(v),
        _ => sig3(v),
    }
}

fn tornado(list: &[TornadoOut], page: &Page) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut grid = Grid::new()
        .left("input")
        .right("5–95%")
        .dispensable(1)
        .left("unit")
        .dispensable(4)
        .right("in all")
        .dispensable(3)
        .left("flips")
        .left("to")
        .clipped(2);
    for t in list {
        let flips = match (&t.flips_when, t.flips_at) {
            (Some(when), Some(at)) if t.flips_within => format!("{when} {}", value(at, &t.unit)),
            (Some(when), Some(at)) => format!("({when} {})", value(at, &t.unit)),
            _ => "no".to_owned(),
        };
        let moved = (t.at_p95_usd - t.at_p5_usd).abs() > 1e-9 * t.at_p5_usd.abs();
        let mark = if t.assumed { "*" } else { "" };
        grid.row(vec![
            format!("{}{mark}", t.input),
            format!("{}–{}", value(t.p5, &t.unit), value(t.p95, &t.unit)),
            t.unit.clone(),
            if moved { format!("{}–{}", usd(t.at_p5_usd), usd(t.at_p95_usd)) } else { String::new() },
            flips,
            t.flips_to.clone().unwrap_or_default(),
        ]);
    }
    let within = list.iter().filter(|t| t.flips_within).count();
    let title = match within {
        0 => "No input flips the choice within its 90% interval; in brackets what would, up to four times".to_owned(),
        n => format!("{n} of {} inputs flip the choice within their 90% interval; in brackets: beyond, up to four times", list.len()),
    };
    let mut out = format!("\n{}{}", page.heading(&title), grid.render(page));
    if list.iter().any(|t| t.assumed) {
        out.push_str(&page.hanging("", 0, "* assumed, not measured or published for this chip"));
    }
    out
}

fn waiting(w: &WaitOut, page: &Page) -> String {
    let title = format!("{}: wait for {}, or start now on {}?", w.job, w.next, w.now_on);
    let mut out = format!("\n{}", page.heading(&title));
    let verdict = if w.value_of_waiting_usd > 0.005 * w.now_usd {
        format!("being able to wait is worth {} of {}", usd(w.value_of_waiting_usd), usd(w.now_usd))
    } else {
        format!("start now: being able to wait is worth {} of {}", usd(w.value_of_waiting_usd.max(0.0)), usd(w.now_usd))
    };
    out.push_str(&page.field("value", &verdict));
    let sign = |v: f64| if v < 0.0 { format!("-{}", usd(-v)) } else { format!("+{}", usd(v)) };
    let text = format!(
        "{} against {}: chips {}, time until it ends {}, the queue {}",
        usd(w.next_usd),
        usd(w.now_usd),
        sign(-w.price_performance_usd),
        sign(w.time_usd),
        sign(w.queue_usd)
    );
    out.push_str(&page.field("wait for it", &text));
    let text = format!(
        "starts at once in {} of scenarios, ends on {} in {}; starts after {} months",
        percent(w.starts_now),
        w.next,
        percent(w.ends_on_next),
        range(w.start_months)
    );
    out.push_str(&page.field("best rule", &text));
    if let Some(v) = w.flips_at_value_per_month {
        out.push_str(&page.field("flips", &format!("waiting for it whatever happens pays when a month is worth less than {}", usd(v))));
    }
    out
}

fn range(i: Interval) -> String {
    if i.p5 == i.p95 {
        return sig3(i.p50);
    }
    format!("{} [{}–{}]", sig3(i.p50), sig3(i.p5), sig3(i.p95))
}

fn information(i: &InformationOut, period: &str, page: &Page) -> String {
    let mut out = format!("\n{}", page.heading("What knowing and planning are worth"));
    let some = |v: f64| if v < 0.5 { "nothing".to_owned() } else { usd(v) };
    let text =
        format!("{}: what could be saved in the mean if the future were known (EVPI, {} scenarios)", some(i.evpi_usd), i.evpi_scenarios);
    out.push_str(&page.field("knowing", &text));
    out.push_str(&page.field("scenarios", &format!("{}: what a plan on averages would cost more (VSS)", some(i.vss_usd))));
    if let (Some(gap), Some(upper)) = (i.saa_gap_usd, i.saa_gap_upper_usd) {
        let text = format!(
            "{} from the best plan of {} fresh samples, at most {} with 95%; of this, whole units cost {}",
            some(gap),
            i.saa_batches,
            some(upper),
            some(i.whole_units_usd)
        );
        out.push_str(&page.field("sample", &text));
    }
    let text = format!(
        "{} more without it: the program sees each scenario to its end, the costs above are of deciding {} by {}",
        some(i.foresight_usd),
        period,
        period
    );
    out.push_str(&page.field("foresight", &text));
    out
}

fn rests_on(answer: &DecideAnswer, page: &Page) -> String {
    let mut out = String::new();
    if !answer.assumptions.is_empty() {
        out.push_str(&format!("\n{}", page.heading("Assumed by the job file")));
        for a in &answer.assumptions {
            out.push_str(&page.hanging("   ", 3, a));
        }
    }
    let mut grid =
        Grid::new().left("place").left("contract").right("price").left("unit").dispensable(2).left("date").left("from").clipped(1);
    for p in &answer.prices {
        let price =
            if p.low_usd < p.high_usd { format!("{} [{}–{}]", sig3(p.usd), sig3(p.low_usd), sig3(p.high_usd)) } else { sig3(p.usd) };
        let from = if p.kind == "user" && p.date.is_empty() {
            "the job file".to_owned()
        } else {
            format!("{} [{}]", p.basis, p.sources.join(", "))
        };
        grid.row(vec![p.on.clone(), p.contract.clone(), price, p.unit.clone(), p.date.clone(), from]);
    }
    if !grid.is_empty() {
        out.push_str(&format!("\n{}{}", page.heading("Prices"), grid.render(page)));
    }
    if !answer.deliveries.is_empty() {
        out.push_str(&format!("\n{}", page.heading("Machines of one's own")));
        for a in &answer.deliveries {
            out.push_str(&page.hanging("   ", 3, &format!("{}: {}", a.system, super::plan::bought(a))));
        }
    }
    let mut grid = Grid::new().left("system").left("job").right("chips").right("days").right("goodput").left("layout").clipped(1);
    for s in &answer.systems {
        grid.row(vec![s.system.clone(), s.job.clone(), thousands(s.chips), run_interval(s.days), percent(s.goodput), s.layout.clone()]);
    }
    if !grid.is_empty() {
        out.push_str(&format!("\n{}{}", page.heading("Plans, without failures"), grid.render(page)));
    }
    out
}
