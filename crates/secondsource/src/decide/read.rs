//! The job file of `decide`: TOML, every key checked, every slip told with its place and the nearest right name.

use super::cells::Cells;
use super::job::{Assumption, DecideJob, Next, Period, Task, Terms, Way, Work};
use crate::job::{MAX_JOB_BYTES, model_source, parse_precision};
use secondsource_base::Diagnostic;
use secondsource_catalog::walk::{Tab, Walk};
use secondsource_market::calendar;
use secondsource_market::contract::Range;
use toml::de::DeTable;

const TOP: [&str; 19] = [
    "as-of",
    "horizon-months",
    "period",
    "scenarios",
    "seed",
    "discount-rate",
    "budget-usd",
    "budget-sure",
    "cvar-level",
    "cvar-weight",
    "on",
    "contracts",
    "providers",
    "job",
    "system",
    "assume",
    "next",
    "own",
    "failures",
];
const JOB: [&str; 17] = [
    "name",
    "model",
    "tokens",
    "tokens-per-month",
    "months",
    "seq",
    "global-batch",
    "precision",
    "chips",
    "earliest",
    "deadline",
    "deadline-days",
    "deadline-sure",
    "value-per-month",
    "late-per-month",
    "elastic",
    "carry-months",
];
const SYSTEM: [&str; 8] = ["id", "contracts", "chips", "most-chips", "spot-chips", "available", "delivery-months", "own"];
const ASSUME: [&str; 5] = ["system", "contract", "usd-per-chip-hour", "usd-per-chip", "why"];
const NEXT: [&str; 6] = ["id", "like", "arrives", "speed-up", "queue-months", "why"];
const FAILURES: [&str; 2] = ["per-1000-node-days", "restart-minutes"];

/// Most scenarios, jobs, systems and months that are looked at.
pub const MOST_SCENARIOS: f64 = 10_000.0;
pub const MOST_JOBS: usize = 12;
pub const MOST_SYSTEMS: usize = 24;
pub const MOST_MONTHS: f64 = 120.0;
/// Largest amount of money, chips or tokens.
const MOST: f64 = 1e18;

/// Loads the text of a model configuration.
pub type Load<'a> = &'a dyn Fn(&str) -> Result<String, Diagnostic>;

/// Reads a job file. `latest` is the date of the decision where the file names none (`YYYY-MM-DD`).
///
/// # Errors
/// Everything that is wrong with the file.
pub fn read_decide(name: &str, text: &str, latest: &str, load: Load<'_>) -> Result<DecideJob, Vec<Diagnostic>> {
    if text.len() > MAX_JOB_BYTES {
        let d = Diagnostic::error(format!("job file of {} bytes; at most {MAX_JOB_BYTES} are read", text.len()));
        return Err(vec![d.in_file(name)]);
    }
    let walk = Walk::new(name, text);
    let document = match DeTable::parse(text) {
        Ok(d) => d,
        Err(e) => {
            let at = e.span().map_or(0, |s| s.start);
            return Err(vec![walk.error(at, format!("not valid TOML: {}", e.message().trim_end_matches('.').replace('\n', ", ")))]);
        }
    };
    let top = Tab { table: document.get_ref(), at: 0 };
    let job = Reader { walk: &walk, load, latest }.job(top, name, text);
    let diags = walk.into_diags();
    match job {
        Some(job) if diags.is_empty() => Ok(job),
        _ if diags.is_empty() => Err(vec![Diagnostic::error("the job file cannot be read").in_file(name)]),
        _ => Err(diags),
    }
}

struct Reader<'w, 't, 'l> {
    walk: &'w Walk<'t>,
    load: Load<'l>,
    latest: &'l str,
}

impl<'t> Reader<'_, 't, '_> {
    fn job(&self, top: Tab<'_, 't>, name: &str, text: &str) -> Option<DecideJob> {
        let w = self.walk;
        w.keys(top, "the job file", &TOP);
        let c = Cells { walk: w };
        let as_of = w.text(top, "as-of").filter(|(d, at)| w.date(*at, "as-of", d)).map(|d| d.0);
        let today = calendar::instant(as_of.as_deref().unwrap_or(self.latest)).unwrap_or_default();
        let period = w.text(top, "period").and_then(|(word, at)| {
            let word = w.one_of(at, "period", &word, &["week", "month"])?;
            Some(if word == "week" { Period::Week } else { Period::Month })
        });
        let on = w.texts(top, "on");
        if on.len() > MOST_SYSTEMS {
            w.fail(on[MOST_SYSTEMS].1, format!("more than {MOST_SYSTEMS} systems"));
        }
        let next: Vec<Next> = w.list(top, "next").into_iter().filter_map(|t| self.next(t, today)).collect();
        if on.is_empty() && next.is_empty() {
            w.push(Diagnostic::error("no system to decide on").in_file(name).hint("on = [\"h100-sxm\", \"trn2-ultraserver\"]"));
        }
        let tables = w.list(top, "job");
        if tables.is_empty() {
            w.push(Diagnostic::error("no job to decide for").in_file(name).hint("a table [[job]] with `model` and `tokens`"));
        }
        if tables.len() > MOST_JOBS {
            w.fail(tables[MOST_JOBS].at, format!("more than {MOST_JOBS} jobs"));
        }
        let tasks: Vec<Task> = tables.iter().enumerate().filter_map(|(i, t)| self.task(*t, i, today)).collect();
        let own = c.ranges(top, "own");
        let failures = c.table(top, "failures");
        if let Some(t) = failures {
            w.keys(t, "[failures]", &FAILURES);
        }
        Some(DecideJob {
            as_of,
            horizon_months: c.number(top, "horizon-months", 1.0, MOST_MONTHS),
            period,
            scenarios: c.whole(top, "scenarios", 16.0, MOST_SCENARIOS).unwrap_or(1000) as usize,
            seed: c.whole(top, "seed", 0.0, 9e15).unwrap_or(1),
            discount_rate: c.number(top, "discount-rate", 0.0, 1.0),
            budget_usd: c.count(top, "budget-usd", MOST),
            budget_sure: c.number(top, "budget-sure", 0.0, 0.99).unwrap_or(0.9),
            cvar_level: c.number(top, "cvar-level", 0.0, 0.99).unwrap_or(0.9),
            cvar_weight: c.number(top, "cvar-weight", 0.0, 100.0).unwrap_or(0.0),
            on,
            ways: self.ways(top).unwrap_or_else(|| Way::ALL.to_vec()),
            providers: w.texts(top, "providers").into_iter().map(|p| p.0).collect(),
            tasks,
            terms: w.list(top, "system").into_iter().filter_map(|t| self.terms(t)).collect(),
            assumptions: w.list(top, "assume").into_iter().filter_map(|t| self.assumption(t)).collect(),
            next,
            own,
            failures: failures.and_then(|t| c.range(t, "per-1000-node-days", 0.0, 1e6)),
            restart_minutes: failures.and_then(|t| c.range(t, "restart-minutes", 0.0, 1e5)),
            origin: (name.to_owned(), text.to_owned()),
        })
    }

    fn ways(&self, tab: Tab<'_, 't>) -> Option<Vec<Way>> {
        let words = self.walk.texts(tab, "contracts");
        let names = Way::ALL.map(Way::name);
        let known = words.iter().filter_map(|(word, at)| Way::parse(self.walk.one_of(*at, "contract", word, &names)?));
        let mut ways: Vec<Way> = known.collect();
        ways.sort();
        ways.dedup();
        (!words.is_empty()).then_some(ways)
    }

    fn task(&self, tab: Tab<'_, 't>, index: usize, today: i64) -> Option<Task> {
        let (w, c) = (self.walk, Cells { walk: self.walk });
        w.keys(tab, "a job", &JOB);
        let (word, at) = w.need(tab, "a job", "model")?;
        let model = match model_source(&word, self.load) {
            Ok(m) => m,
            Err(d) => {
                w.push(if d.file.is_none() { d.at_offset(w.source, at) } else { d });
                return None;
            }
        };
        let tokens = c.count(tab, "tokens", MOST);
        let monthly = c.count(tab, "tokens-per-month", MOST);
        let months = c.whole(tab, "months", 1.0, MOST_MONTHS);
        let work = match (tokens, monthly, months) {
            (Some(tokens), None, None) => Work::Run { tokens },
            (None, Some(tokens_per_month), Some(months)) => Work::Steady { tokens_per_month, months: months as u32 },
            _ => {
                let d = w.error(tab.at, "a job is either one run or steady work");
                w.push(d.hint("tokens = \"2T\" for a run; tokens-per-month = \"1T\" and months = 36 for steady work"));
                return None;
            }
        };
        let earliest = c.moment(tab, "earliest", today).unwrap_or(0.0);
        let days = c.number(tab, "deadline-days", 0.1, 36_500.0);
        let deadline = match (c.moment(tab, "deadline", today), days) {
            (Some(_), Some(_)) => {
                w.fail(tab.at, "a job has both `deadline` and `deadline-days`");
                None
            }
            (Some(d), None) if d <= earliest => {
                w.fail(tab.at, "the deadline of a job is not after its earliest start");
                None
            }
            (d, days) => d.or(days.map(|d| earliest + d * 24.0 / Period::Month.hours())),
        };
        Some(Task {
            name: w.text(tab, "name").map_or_else(|| format!("job {}", index + 1), |n| n.0),
            model,
            work,
            seq: c.whole(tab, "seq", 1.0, 4_294_967_296.0),
            global_batch: c.whole(tab, "global-batch", 1.0, 4_294_967_296.0),
            precision: w.text(tab, "precision").and_then(|(word, at)| match parse_precision(&word) {
                Ok(p) => Some(p),
                Err(d) => {
                    w.push(d.at_offset(w.source, at));
                    None
                }
            }),
            chips: c.whole(tab, "chips", 1.0, 1_048_576.0),
            earliest,
            deadline,
            deadline_sure: c.number(tab, "deadline-sure", 0.0, 0.999).unwrap_or(0.9),
            value_per_month: c.amount(tab, "value-per-month", MOST),
            late_per_month: c.amount(tab, "late-per-month", MOST).unwrap_or(0.0),
            elastic: w.flag(tab, "elastic"),
            carry_months: c.whole(tab, "carry-months", 0.0, 24.0).unwrap_or(0) as u32,
            at: tab.at,
        })
    }

    fn terms(&self, tab: Tab<'_, 't>) -> Option<(String, Terms, usize)> {
        let (w, c) = (self.walk, Cells { walk: self.walk });
        w.keys(tab, "a system", &SYSTEM);
        let (id, at) = w.need(tab, "a system", "id")?;
        let terms = Terms {
            ways: self.ways(tab),
            chips: c.whole(tab, "chips", 1.0, 1_048_576.0),
            most_chips: c.whole(tab, "most-chips", 1.0, 1e9),
            spot_chips: c.whole(tab, "spot-chips", 1.0, 1e9),
            available: c.number(tab, "available", 0.0, 1.0),
            delivery_months: c.range(tab, "delivery-months", 0.0, MOST_MONTHS),
            own: c.ranges(tab, "own"),
        };
        Some((id, terms, at))
    }

    fn assumption(&self, tab: Tab<'_, 't>) -> Option<Assumption> {
        let (w, c) = (self.walk, Cells { walk: self.walk });
        w.keys(tab, "an assumption", &ASSUME);
        let (system, at) = w.need(tab, "an assumption", "system")?;
        let (word, word_at) = w.need(tab, "an assumption", "contract")?;
        let way = Way::parse(w.one_of(word_at, "contract", &word, &Way::ALL.map(Way::name))?)?;
        let key = if matches!(way, Way::Buy | Way::Lease) { "usd-per-chip" } else { "usd-per-chip-hour" };
        let other = if key == "usd-per-chip" { "usd-per-chip-hour" } else { "usd-per-chip" };
        if tab.table.contains_key(other) {
            w.fail(tab.at, format!("an assumption about `{}` is stated in `{key}`, not `{other}`", way.name()));
        }
        let usd = c.range(tab, key, 1e-6, 1e9);
        if usd.is_none() && !tab.table.contains_key(key) {
            w.fail(tab.at, format!("an assumption has no `{key}`"));
        }
        let (why, _) = w.need(tab, "an assumption", "why")?;
        Some(Assumption { system, way, usd: usd?, why, at })
    }

    fn next(&self, tab: Tab<'_, 't>, today: i64) -> Option<Next> {
        let (w, c) = (self.walk, Cells { walk: self.walk });
        w.keys(tab, "a next generation", &NEXT);
        let (name, at) = w.need(tab, "a next generation", "id")?;
        let (like, _) = w.need(tab, "a next generation", "like")?;
        let (why, _) = w.need(tab, "a next generation", "why")?;
        let arrives = c.moments(tab, "arrives", today);
        let speed_up = c.range(tab, "speed-up", 0.01, 1000.0);
        for (key, missing) in [("arrives", arrives.is_none()), ("speed-up", speed_up.is_none())] {
            if missing && !tab.table.contains_key(key) {
                w.fail(tab.at, format!("a next generation has no `{key}`"));
            }
        }
        let queue_months = c.range(tab, "queue-months", 0.0, MOST_MONTHS).unwrap_or(Range::exactly(0.0));
        Some(Next { name, like, arrives: arrives?, speed_up: speed_up?, queue_months, why, at })
    }
}
