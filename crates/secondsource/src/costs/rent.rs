//! What renting costs: every offer for a chip, the bill of the job under it, and where prices may go.

use secondsource_base::Diagnostic;
use secondsource_catalog::Price;
use secondsource_market::calendar::{self, month_start};
use secondsource_market::charge::{self, Charge};
use secondsource_market::contract::{self, ContractKind, Need, Offer, RentBill, Rules, SpotTerms, bill, bill_interval, implied_fall};
use secondsource_market::paths::{Estimate, estimate, fan, price_paths};
use serde::Serialize;

use super::{day, interval, latest_price, references, titles};
use crate::answer::Interval;
use crate::campaign::CampaignAnswer;
use crate::twin::Twin;

/// What is asked of `rent`. `None` takes the default, which the answer states.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RentJob {
    /// Chips or systems.
    pub on: Vec<String>,
    pub chips: u64,
    /// Hours of running time.
    pub hours: f64,
    /// Day on which the job begins; default: `as_of`.
    pub start: Option<String>,
    /// Day of the decision: no later price is read. Default: the day of the latest price.
    pub as_of: Option<String>,
    /// Only this contract, only this provider.
    pub contract: Option<String>,
    pub provider: Option<String>,
    /// Providers to list for each contract.
    pub top: Option<usize>,
    /// Interruptions of one host per month; hours between checkpoints; hours to restart.
    pub hazard_per_month: Option<f64>,
    pub checkpoint_hours: Option<f64>,
    pub restart_hours: Option<f64>,
    /// Months of price path to show.
    pub months: Option<usize>,
    pub scenarios: Option<usize>,
    pub seed: u64,
}

/// Bounds of a job.
const MOST_MONTHS: usize = 120;
const MOST_SCENARIOS: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RentAnswer {
    pub chips: u64,
    pub hours: f64,
    /// First day of the job, and the day of the decision: no later price is read.
    pub start: String,
    pub as_of: String,
    pub seed: u64,
    pub scenarios: usize,
    pub systems: Vec<SystemOffers>,
    pub price_path: PathOut,
    /// What was taken for want of a statement.
    pub assumed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SystemOffers {
    /// As it was asked for.
    pub asked: String,
    pub chip: String,
    /// Those that can be had first, the cheapest bill first.
    pub offers: Vec<OfferOut>,
    /// Offers left out by `top`.
    pub more: usize,
    /// Prices that nobody offers: indices, averages, estimates of private contracts.
    pub references: Vec<ReferenceOut>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none: Option<String>,
}

/// A price to compare with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReferenceOut {
    pub basis: String,
    pub item: String,
    pub usd_per_chip_hour: f64,
    pub date: String,
    pub kind: String,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfferOut {
    pub contract: ContractKind,
    pub provider: String,
    pub item: String,
    pub region: String,
    pub usd_per_chip_hour: f64,
    pub price_date: String,
    pub price_kind: String,
    pub price_sources: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub price_note: String,
    /// The rules of the contract in words.
    pub rules: Vec<String>,
    pub instances: u64,
    pub chips_per_instance: u32,
    /// Chips paid for.
    pub chips: u64,
    /// Hours paid for, one contract after the other.
    pub billed_hours: f64,
    pub bill_usd: f64,
    /// The bill under price paths and sampled interruptions.
    pub bill_interval_usd: Interval,
    pub unused_usd: f64,
    /// Bill over the chip-hours in which the job runs.
    pub usd_per_used_chip_hour: f64,
    /// First day on which it can be bought, if that is after `as_of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buy_from: Option<String>,
    /// Yearly fall of the on-demand price at which a commitment would cost as much, as a share; against the same
    /// provider's on-demand price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fair_if_price_falls_by: Option<f64>,
    /// Why it cannot be had as asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<String>,
    /// What the rules do to this job.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The price process and its fan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathOut {
    /// `tight` or `glut`.
    pub state: String,
    /// What the estimate rests on, and what it is not.
    pub basis: String,
    pub kappa_per_year: f64,
    pub sigma_per_year: f64,
    pub tight_over_glut: f64,
    pub fall_per_year: f64,
    pub tight_years: f64,
    pub glut_years: f64,
    /// Today's price over the level that its state is drawn to.
    pub price_over_level: f64,
    pub series: Vec<SeriesOut>,
    pub months: Vec<PathMonth>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesOut {
    pub name: String,
    pub points: Vec<PointOut>,
    pub sources: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PointOut {
    /// Day, month or quarter.
    pub date: String,
    pub usd_per_chip_hour: f64,
    /// Price pages behind it.
    pub pages: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathMonth {
    pub month: usize,
    pub from: String,
    /// Price over today's.
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
}

/// A job with its defaults filled in.
struct Filled {
    need: Need,
    spot: SpotTerms,
    kind: Option<ContractKind>,
    months: usize,
    scenarios: usize,
    assumed: Vec<String>,
}

impl Twin {
    /// Offers for each system, the bill of the job under each, and the fan of prices.
    pub fn rent(&self, job: &RentJob) -> Result<RentAnswer, Diagnostic> {
        let f = self.fill(job)?;
        let e = estimate(&self.catalog, f.need.as_of)?;
        // Bills need the months up to the end of the job as well.
        let last = f.need.start + (f.need.hours * 3600.0) as i64;
        let reach = ((last - f.need.as_of).max(0) as f64 / (30.4 * 86_400.0)) as usize + 2;
        let months = (f.months + 1).max(reach.min(MOST_MONTHS));
        let paths = price_paths(&e.params, months, f.scenarios, job.seed);
        let mut systems = Vec::new();
        for asked in &job.on {
            systems.push(self.offers_for(asked, job, &f, &paths, months)?);
        }
        Ok(RentAnswer {
            chips: f.need.chips,
            hours: f.need.hours,
            start: calendar::date(f.need.start),
            as_of: calendar::date(f.need.as_of),
            seed: job.seed,
            scenarios: f.scenarios,
            systems,
            price_path: self.path_out(&e, &paths, months, f.months, f.need.as_of),
            assumed: f.assumed,
        })
    }

    /// Charges of the one offer that is left when contract and provider are given.
    pub fn rent_charges(&self, job: &RentJob) -> Result<Vec<Charge>, Diagnostic> {
        let f = self.fill(job)?;
        let mut found: Vec<(Offer, RentBill)> = Vec::new();
        for asked in &job.on {
            found.extend(self.bills(asked, job, &f)?.into_iter().filter(|(_, b)| b.obstacles.is_empty()));
        }
        match found.as_slice() {
            [(offer, bill)] => Ok(charge::of_rent(offer, bill, &format!("rent-{}-{}", offer.chip, calendar::date(f.need.start)))),
            [] => Err(Diagnostic::error("no offer is left to write charges of")),
            many => {
                let words: Vec<String> =
                    many.iter().map(|(o, _)| format!("{} {} {} {}", o.chip, o.contract.name(), o.provider, o.item)).collect();
                Err(Diagnostic::error(format!("charges are those of one offer, but {} are left", many.len()))
                    .hint("say which: one system, --contract and --provider")
                    .hint(format!("left: {}", words.join("; "))))
            }
        }
    }

    /// Charges of a simulated campaign at its median length, month by month, under the offer that its rent was priced at.
    ///
    /// # Errors
    /// A chip without a public price, or a length that no bill is made for.
    pub fn campaign_charges(&self, answer: &CampaignAnswer) -> Result<Vec<Charge>, Diagnostic> {
        let chip = &answer.plan.chip;
        let Some(cost) = &answer.cost_usd else {
            return Err(Diagnostic::error(format!("{chip} has no public price, so there is nothing to bill"))
                .hint("a catalog file of your own may give one (--catalog)"));
        };
        let hours = answer.days.p50 * 24.0;
        let job = RentJob {
            on: vec![chip.clone()],
            // The chips that the campaign pays for: whole hosts, spares among them.
            chips: (cost.p50 / (cost.usd_per_chip_hour * hours)).round().max(1.0) as u64,
            hours,
            start: answer.finish.as_ref().map(|f| f.start.clone()),
            contract: Some(cost.basis.clone()),
            provider: Some(cost.provider.clone()),
            seed: answer.seed,
            ..RentJob::default()
        };
        let f = self.fill(&job)?;
        let found = self.bills(chip, &job, &f)?;
        let priced = |o: &Offer| (o.usd_per_chip_hour / cost.usd_per_chip_hour - 1.0).abs() < 1e-9;
        let Some((offer, bill)) = found.iter().find(|(o, _)| priced(o)) else {
            return Err(Diagnostic::error(format!("no offer of {} for {chip} is billed by the hour as {}", cost.provider, cost.basis)));
        };
        Ok(charge::of_rent(offer, bill, &format!("campaign-{chip}-{}", calendar::date(f.need.start))))
    }

    fn fill(&self, job: &RentJob) -> Result<Filled, Diagnostic> {
        let mut assumed = Vec::new();
        let as_of = match &job.as_of {
            Some(date) => day("as-of", date)?,
            None => {
                let latest = latest_price(&self.catalog);
                assumed.push(format!("prices as of {latest}, the day of the latest price in the catalog"));
                day("as-of", &latest)?
            }
        };
        let start = match &job.start {
            Some(date) => day("start", date)?,
            None => as_of,
        };
        if start < as_of {
            return Err(Diagnostic::error("the job begins before the day of the decision").hint("--as-of may be earlier than --start"));
        }
        if start > as_of + 3650 * calendar::DAY {
            return Err(Diagnostic::error("the job begins more than ten years ahead"));
        }
        if job.chips == 0 || job.chips > contract::bill::MOST_CHIPS {
            return Err(Diagnostic::error("the number of chips must be from 1 to a billion"));
        }
        if !(job.hours > 0.0 && job.hours <= contract::bill::MOST_HOURS) {
            return Err(Diagnostic::error(format!("the time must be above zero and at most {} hours", contract::bill::MOST_HOURS)));
        }
        let mut spot = SpotTerms::of(&self.catalog)?;
        for (name, value, most) in
            [("hazard", job.hazard_per_month, 1e4), ("checkpoint", job.checkpoint_hours, 1e4), ("restart", job.restart_hours, 1e3)]
        {
            if value.is_some_and(|v| !(v.is_finite() && (0.0..=most).contains(&v)) || name == "checkpoint" && v == 0.0) {
                return Err(Diagnostic::error(format!("{name} must be a number up to {most}")));
            }
        }
        match job.hazard_per_month {
            Some(h) => spot.hazard_per_month = contract::Range::exactly(h),
            None => assumed.push(format!(
                "spot: {} to {} interruptions of one host a month (bands of the Spot Instance Advisor; no cloud publishes its large \
                 accelerators)",
                spot.hazard_per_month.low, spot.hazard_per_month.high
            )),
        }
        spot.checkpoint_hours = job.checkpoint_hours.unwrap_or(spot.checkpoint_hours);
        spot.restart_hours = job.restart_hours.unwrap_or(spot.restart_hours);
        let kind = match &job.contract {
            None => None,
            Some(word) => Some(ContractKind::parse(word).ok_or_else(|| {
                let names: Vec<&str> = ContractKind::ALL.iter().map(|k| k.name()).collect();
                Diagnostic::error(format!("unknown contract `{word}`"))
                    .suggest(word, names.iter().copied())
                    .hint(format!("one of: {}", names.join(", ")))
            })?),
        };
        let months = job.months.unwrap_or(24);
        let scenarios = job.scenarios.unwrap_or(4000);
        if months == 0 || months > MOST_MONTHS || scenarios == 0 || scenarios > MOST_SCENARIOS {
            return Err(Diagnostic::error(format!("months must be 1 to {MOST_MONTHS}, scenarios 1 to {MOST_SCENARIOS}")));
        }
        Ok(Filled { need: Need { chips: job.chips, hours: job.hours, start, as_of }, spot, kind, months, scenarios, assumed })
    }

    /// The chip that a chip or system stands for.
    pub(crate) fn chip_of(&self, asked: &str) -> Result<String, Diagnostic> {
        if let Ok(chip) = self.catalog.chip(asked) {
            return Ok(chip.id.clone());
        }
        let system = self.catalog.system(asked)?;
        system.chip.clone().ok_or_else(|| Diagnostic::error(format!("no source names the chip of `{asked}`")))
    }

    /// Bills under every offer that passes the filters: those that can be had first, the cheapest first.
    fn bills(&self, asked: &str, job: &RentJob, f: &Filled) -> Result<Vec<(Offer, RentBill)>, Diagnostic> {
        let chip = self.chip_of(asked)?;
        let wanted =
            |o: &Offer| f.kind.is_none_or(|k| k == o.contract) && job.provider.as_ref().is_none_or(|p| p.eq_ignore_ascii_case(&o.provider));
        let offers = contract::offers(&self.catalog, &chip, f.need.as_of)?;
        let mut all: Vec<(Offer, RentBill)> =
            offers.into_iter().filter(wanted).map(|o| (bill(&o, &f.need, &f.spot), o)).map(|(b, o)| (o, b)).collect();
        all.sort_by_key(|(_, b)| (!b.obstacles.is_empty(), b.usd));
        Ok(all)
    }

    fn offers_for(&self, asked: &str, job: &RentJob, f: &Filled, paths: &[f64], months: usize) -> Result<SystemOffers, Diagnostic> {
        let chip = self.chip_of(asked)?;
        let all = self.bills(asked, job, f)?;
        let on_demand: Vec<(String, f64)> = contract::offers(&self.catalog, &chip, f.need.as_of)?
            .iter()
            .filter(|o| o.contract == ContractKind::OnDemand)
            .map(|o| (o.provider.clone(), o.usd_per_chip_hour))
            .collect();
        let top = job.top.unwrap_or(3).max(1);
        let count = all.len();
        let mut offers: Vec<OfferOut> = Vec::new();
        for (o, b) in all {
            if offers.iter().filter(|x| x.contract == o.contract).count() >= top {
                continue;
            }
            let range = bill_interval(&o, &f.need, &b, &f.spot, paths, months, job.seed);
            let list = on_demand.iter().find(|(p, _)| *p == o.provider).map(|(_, usd)| *usd);
            let years = match o.contract {
                ContractKind::Reserved1y => Some(1.0),
                ContractKind::Reserved3y => Some(3.0),
                _ => None,
            };
            let fair = years.zip(list).map(|(t, list)| implied_fall(o.usd_per_chip_hour / list, t));
            offers.push(self.offer_out(o, b, range, fair));
        }
        let none = offers.is_empty().then(|| {
            if job.contract.is_some() || job.provider.is_some() {
                "no offer of that contract and provider is published".to_owned()
            } else {
                "no public rental price".to_owned()
            }
        });
        let more = count - offers.len();
        let reference = |p: &Price| ReferenceOut {
            basis: p.basis.clone(),
            item: p.item.clone(),
            usd_per_chip_hour: p.per_chip_hour.unwrap_or_default(),
            date: p.date.clone(),
            kind: p.kind.name().to_owned(),
            note: p.note.clone(),
        };
        let references = references(&self.catalog, &chip, f.need.as_of, &["contract-1y", "index", "market-average", "TCO-rent-3y"]);
        let references = references.into_iter().map(reference).collect();
        Ok(SystemOffers { asked: asked.to_owned(), chip, offers, more, references, none })
    }

    fn offer_out(&self, o: Offer, b: RentBill, range: [f64; 3], fair: Option<f64>) -> OfferOut {
        OfferOut {
            rules: rules_in_words(o.contract, &o.rules),
            price_sources: titles(&self.catalog, &o.sources),
            price_kind: o.kind.name().to_owned(),
            contract: o.contract,
            provider: o.provider,
            item: o.item,
            region: o.region,
            usd_per_chip_hour: o.usd_per_chip_hour,
            price_date: o.date,
            price_note: o.note,
            instances: b.instances,
            chips_per_instance: o.chips_per_instance,
            chips: b.chips,
            billed_hours: b.segments.iter().map(|s| s.billed_hours).sum(),
            bill_usd: b.usd.usd(),
            bill_interval_usd: interval(range),
            unused_usd: b.unused_usd.usd(),
            usd_per_used_chip_hour: b.usd_per_used_chip_hour,
            buy_from: b.buy_from.map(calendar::date),
            fair_if_price_falls_by: fair,
            obstacles: b.obstacles,
            notes: b.notes,
        }
    }

    fn path_out(&self, e: &Estimate, paths: &[f64], columns: usize, months: usize, as_of: i64) -> PathOut {
        let p = &e.params;
        let shown = fan(paths, columns).into_iter().take(months + 1);
        let month = |f: secondsource_market::paths::Fan| PathMonth {
            month: f.month,
            from: calendar::date(month_start(as_of, f.month as i64))[..7].to_owned(),
            p5: f.p5,
            p50: f.p50,
            p95: f.p95,
        };
        let series = e.series.iter().map(|s| SeriesOut {
            name: s.name.clone(),
            points: s
                .points
                .iter()
                .map(|q| PointOut { date: q.date.clone(), usd_per_chip_hour: q.usd_per_chip_hour, pages: q.pages })
                .collect(),
            sources: titles(&self.catalog, &s.sources),
        });
        PathOut {
            state: if p.tight_now > 0.5 { "tight" } else { "glut" }.to_owned(),
            basis: format!(
                "two-state mean reversion of ln price, estimated from {} pairs of H100 prices in {} series up to {}; other chips are \
                 taken to move alike; list prices of large clouds stand still for years and then jump",
                e.pairs,
                e.series.len(),
                calendar::date(as_of)
            ),
            kappa_per_year: p.kappa,
            sigma_per_year: p.sigma,
            tight_over_glut: p.spread.exp(),
            fall_per_year: p.fall,
            tight_years: p.tight_years,
            glut_years: p.glut_years,
            price_over_level: p.gap.exp(),
            series: series.collect(),
            months: shown.map(month).collect(),
        }
    }
}

/// The rules of a contract, for people.
fn rules_in_words(kind: ContractKind, r: &Rules) -> Vec<String> {
    let mut out = Vec::new();
    match kind {
        ContractKind::OnDemand | ContractKind::ClusterOnDemand | ContractKind::List => out.push("by the hour, returned at will".to_owned()),
        ContractKind::Reserved => out.push("a reservation of unstated length; billed here by the hour".to_owned()),
        ContractKind::Spot => out.push("by the hour, may be taken away at short notice".to_owned()),
        ContractKind::FlexStart => {
            out.push(format!("at most {} days a request, starts when there is capacity", r.max_hours.unwrap_or_default() / 24.0))
        }
        ContractKind::CapacityBlock => {
            out.push(format!(
                "{} to {} days: in days up to {}, beyond in steps of {}",
                r.min_hours / 24.0,
                r.max_hours.unwrap_or_default() / 24.0,
                r.fine_up_to_hours / 24.0,
                r.step_hours / 24.0
            ));
            if let (Some(each), Some(total), Some(lead)) = (r.max_instances_each, r.max_instances_total, r.max_lead_days) {
                out.push(format!("at most {each} instances a block and {total} in all, bought up to {lead} days ahead"));
            }
        }
        ContractKind::Reserved1y | ContractKind::Reserved3y => {
            out.push(format!("{} hours from the day of the purchase, paid whether used or not, by the month", r.min_hours));
        }
    }
    if r.prepaid {
        out.push("paid in full when bought".to_owned());
    }
    if !r.cancellable {
        out.push("cannot be cancelled".to_owned());
    }
    out
}
