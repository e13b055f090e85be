//! The answer of `decide` as data; docs/json.md documents each field.

use crate::answer::Interval;
use crate::supply::Arrival;
use serde::Serialize;

/// A job of the portfolio under a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobOnOut {
    pub job: String,
    /// Place where it runs: `h100-sxm`, `gb200-nvl72, own`.
    pub on: String,
    pub chips: u64,
    pub layout: String,
    /// Months after the decision at which the run ends; absent for steady work, and for an end that is not within the
    /// horizon null.
    pub end_months: Option<[Option<f64>; 3]>,
    /// The same as dates; null where not within the horizon.
    pub end_dates: Option<[Option<String>; 3]>,
    /// Share of scenarios in which the deadline is met; absent without a deadline.
    pub deadline_met: Option<f64>,
    /// Share that was asked for.
    pub deadline_sure: Option<f64>,
    /// Share of steady work that is done, in the mean.
    pub work_done: Option<f64>,
}

/// A commitment of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommitmentOut {
    pub on: String,
    /// `capacity-block`, `reserved-1y`, `reserved-3y`, `buy`, `lease`.
    pub contract: String,
    pub chips: f64,
    /// Whole instances, servers or racks of so many chips.
    pub units: f64,
    pub chips_per_unit: f64,
    /// Date on which it begins (for machines: when the first job can start).
    pub from: String,
    /// Days; absent for machines, which stay.
    pub days: Option<f64>,
    /// Present value, mean over scenarios, USD.
    pub usd: f64,
}

/// Money and chip-hours by way to pay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByContractOut {
    pub contract: String,
    /// Mean present value, USD.
    pub usd: f64,
    /// Mean chip-hours used.
    pub chip_hours: f64,
}

/// A plan and what it comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanOut {
    /// The plan in one sentence.
    pub words: String,
    pub on: Vec<String>,
    /// The way to pay with the most chip-hours.
    pub mainly: String,
    pub jobs: Vec<JobOnOut>,
    pub commitments: Vec<CommitmentOut>,
    pub by_contract: Vec<ByContractOut>,
    /// What is paid for chips (present value), decided period by period without foresight, USD.
    pub cost_usd: Interval,
    pub cost_mean_usd: f64,
    /// Mean of the worst scenarios, at the budget's level.
    pub cost_cvar_usd: f64,
    /// Cost, value of time and undone work together.
    pub total_usd: Interval,
    pub total_mean_usd: f64,
    pub within_budget: Option<f64>,
    /// Share of committed chip-hours that nothing uses.
    pub idle: f64,
    /// Whether deadlines and budget are kept as surely as asked for.
    pub keeps_limits: bool,
    /// USD that a month of lateness was charged so that deadlines are met, per job; 0 where they are met without.
    pub lateness_price_usd: Vec<f64>,
}

/// A place and a way to pay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptionOut {
    pub on: String,
    /// A contract, or `all`: every way the place offers.
    pub contract: String,
    /// The way that `all` uses most.
    pub mainly: String,
    pub committed_chips: f64,
    pub cost_usd: Interval,
    pub total_mean_usd: f64,
    /// Months after the decision at which the last run ends; null beyond the horizon. Absent for steady work alone.
    pub end_months: Option<[Option<f64>; 3]>,
    /// Least share over jobs of scenarios that meet the deadline.
    pub deadline_met: Option<f64>,
    pub within_budget: Option<f64>,
    pub keeps_limits: bool,
    /// Mean total beyond that of the choice, USD.
    pub more_usd: f64,
}

/// A place or a contract that falls out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FallenOut {
    pub on: String,
    /// Empty when the whole place falls out.
    pub contract: String,
    pub why: String,
}

/// What knowing and planning are worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InformationOut {
    /// Expected value of perfect information: mean saving if each scenario were known beforehand, USD.
    pub evpi_usd: f64,
    pub evpi_scenarios: usize,
    /// Value of the stochastic solution: what a plan on averages costs more, USD.
    pub vss_usd: f64,
    /// How far the plan can be from the best on fresh scenarios: mean and 95% bound over batches, USD.
    pub saa_gap_usd: Option<f64>,
    pub saa_gap_upper_usd: Option<f64>,
    pub saa_batches: usize,
    /// What deciding period by period costs more than deciding with foresight, USD: the program's blind spot.
    pub foresight_usd: f64,
    /// What whole units cost more than fractions of them, USD.
    pub whole_units_usd: f64,
    /// Upper over lower bound of the program, less 1.
    pub program_gap: f64,
}

/// One input of the tornado.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TornadoOut {
    pub input: String,
    pub unit: String,
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
    /// Mean total of the chosen place with the input at P5 and at P95, commitments chosen anew, USD.
    pub at_p5_usd: f64,
    pub at_p95_usd: f64,
    /// What is best at P5 and at P95.
    pub choice_at_p5: String,
    pub choice_at_p95: String,
    /// Value of the input beyond which another choice is best; null when none was found.
    pub flips_at: Option<f64>,
    /// `above` or `below` that value.
    pub flips_when: Option<String>,
    pub flips_to: Option<String>,
    /// Whether the value lies between P5 and P95.
    pub flips_within: bool,
    pub assumed: bool,
    pub basis: String,
}

/// Now or later, for one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitOut {
    pub job: String,
    /// The place where it would start today, and the next generation that it could wait for.
    pub now_on: String,
    pub next: String,
    /// Mean totals, USD: start now; start in the best month fixed today; wait for the next generation whatever happens; start
    /// when the rule says so.
    pub now_usd: f64,
    pub best_fixed_usd: f64,
    pub best_fixed_month: f64,
    pub next_usd: f64,
    pub rule_usd: f64,
    /// now - rule: what being able to wait is worth.
    pub value_of_waiting_usd: f64,
    /// Parts of waiting for the next generation against starting now, means, USD: cheaper chips; project value lost until it
    /// arrives and the longer or shorter run; project value lost in the queue.
    pub price_performance_usd: f64,
    pub time_usd: f64,
    pub queue_usd: f64,
    /// Shares of scenarios in which the rule starts at once, and in which it ends on the next generation.
    pub starts_now: f64,
    pub ends_on_next: f64,
    /// Months until the start under the rule.
    pub start_months: Interval,
    /// Value of a month of the project above which waiting for the next generation no longer pays, USD; null when it never or
    /// always pays.
    pub flips_at_value_per_month: Option<f64>,
}

/// A system as it was planned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SystemOut {
    pub system: String,
    pub job: String,
    pub chips: u64,
    /// Days without failures.
    pub days: Interval,
    pub goodput: f64,
    pub layout: String,
    pub interval_basis: String,
    pub notes: Vec<String>,
}

/// A price as it was used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriceOut {
    pub on: String,
    pub contract: String,
    pub usd: f64,
    pub low_usd: f64,
    pub high_usd: f64,
    /// `USD/chip-h` or `USD/chip`.
    pub unit: String,
    pub date: String,
    pub kind: String,
    pub basis: String,
    pub sources: Vec<String>,
}

/// The question as it was understood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecideJobOut {
    pub as_of: String,
    pub horizon_months: f64,
    /// `week` or `month`.
    pub period: String,
    pub periods: usize,
    pub scenarios: usize,
    pub seed: u64,
    pub discount_rate: f64,
    pub budget_usd: Option<f64>,
    pub budget_sure: f64,
    pub cvar_level: f64,
    pub cvar_weight: f64,
    pub jobs: Vec<String>,
    /// What was taken for want of a statement, and why.
    pub assumed: Vec<String>,
}

/// The answer of `decide`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecideAnswer {
    pub job: DecideJobOut,
    /// Absent when nothing can run the jobs.
    pub choice: Option<PlanOut>,
    /// The best plan of another place or another main way to pay.
    pub runner_up: Option<PlanOut>,
    pub options: Vec<OptionOut>,
    pub fallen: Vec<FallenOut>,
    pub information: Option<InformationOut>,
    pub tornado: Vec<TornadoOut>,
    pub waiting: Vec<WaitOut>,
    pub systems: Vec<SystemOut>,
    /// When machines of one's own could be in service, ordered on the day of the decision.
    pub deliveries: Vec<Arrival>,
    pub prices: Vec<PriceOut>,
    /// What the user assumed, in words.
    pub assumptions: Vec<String>,
    pub notes: Vec<String>,
    /// Every scenario of the choice, for `--csv`.
    #[serde(skip)]
    pub scenarios: Vec<ScenarioOut>,
}

/// The choice in one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioOut {
    pub cost_usd: f64,
    pub total_usd: f64,
    /// Per job: month of the end of a run (none beyond the horizon), share done of steady work.
    pub end: Vec<Option<f64>>,
}

impl DecideAnswer {
    /// Scenarios as CSV: number, cost, total, one column a job.
    pub fn csv(&self) -> String {
        let quoted = |t: &str| format!("\"{}\"", t.replace('"', "\"\""));
        let mut out = String::from("scenario,cost_usd,total_usd");
        for job in &self.job.jobs {
            out.push(',');
            out.push_str(&quoted(job));
        }
        out.push('\n');
        for (i, s) in self.scenarios.iter().enumerate() {
            out.push_str(&format!("{i},{:.2},{:.2}", s.cost_usd, s.total_usd));
            for end in &s.end {
                out.push(',');
                out.push_str(&end.map_or_else(String::new, |e| format!("{e:.4}")));
            }
            out.push('\n');
        }
        out
    }
}
