//! `run-rate`: the sums that letters and filings state, taken apart without pretending to more than they say.

use super::answer::{Combination, PriceWith, QuarterRate, RunRateAnswer};
use crate::twin::Twin;
use secondsource_base::Diagnostic;
use secondsource_catalog::{Catalog, Statement};
use secondsource_market::rent;
use secondsource_market::seller::{Band, Range, RunRate, annualised, curve, price_at, sum_of_bands};

/// What `run-rate` is asked; what is absent comes from the catalog.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRateAsk {
    pub total_usd: Option<f64>,
    pub chips: Option<Range>,
    pub price_usd: Option<Range>,
    pub other_usd: Option<Range>,
    pub seed: u64,
}

const SCENARIOS: u64 = 20_000;
const HOURS: f64 = 8760.0;

fn latest<'a>(c: &'a Catalog, series: &'a str) -> Result<&'a Statement, Diagnostic> {
    c.series(series).next_back().ok_or_else(|| Diagnostic::error(format!("the catalog has no statement `{series}`")))
}

/// The statement of a series for one year.
fn of_year<'a>(c: &'a Catalog, series: &'a str, year: &str) -> Result<&'a Statement, Diagnostic> {
    let missing = || Diagnostic::error(format!("the catalog has no statement `{series}` for {year}"));
    c.series(series).find(|s| s.start.starts_with(year)).ok_or_else(missing)
}

/// `2026` for a whole year, one date for a day, else both.
fn when(s: &Statement) -> String {
    match (s.start.strip_suffix("-01-01"), s.end.strip_suffix("-12-31")) {
        (Some(a), Some(b)) if a == b => a.to_owned(),
        _ if s.start == s.end => s.start.clone(),
        _ => format!("{} to {}", s.start, s.end),
    }
}

/// The next of 1, 2, 5, 10, 20, ... that is not below.
fn round_step(v: f64) -> f64 {
    let tens = libm::pow(10.0, libm::floor(libm::log10(v)));
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * tens).find(|s| *s >= v * (1.0 - 1e-9)).unwrap_or(v)
}

impl Twin {
    pub(crate) fn run_rate_of(&self, ask: &RunRateAsk) -> Result<RunRateAnswer, Diagnostic> {
        let c = &self.catalog;
        let stated = latest(c, "amazon-chips-stand-alone")?;
        let asic = of_year(c, "asic-units", "2026")?;
        let tpu = of_year(c, "tpu-units", "2026")?;
        let trn3 = of_year(c, "trainium3-units", "2026")?;
        let trn25 = of_year(c, "trainium2.5-units", "2026")?;
        let (order, order_chips) = (latest(c, "tpu-v7-rack-order")?, latest(c, "tpu-v7-rack-order-chips")?);
        let rack = latest(c, "gb300-nvl72-rack")?;
        let rate = latest(c, "amazon-chips-run-rate")?;
        let total_usd = ask.total_usd.unwrap_or_else(|| stated.plain());
        let total_origin = match ask.total_usd {
            Some(_) => "as asked".to_owned(),
            None => format!("{} {} {}, {} [{}]: {}", stated.qualifier, stated.value, stated.unit, stated.as_of, stated.source, stated.note),
        };
        if !(total_usd.is_finite() && total_usd > 0.0) {
            return Err(Diagnostic::error("the revenue must be above zero"));
        }

        // Chips of this year: between four times the last quarter of Trainium2 and the forecasts of its followers.
        let trn2 = c.supply().iter().rfind(|s| s.chip == "Trainium2");
        let trn2 = trn2.ok_or_else(|| Diagnostic::error("the catalog has no supply of Trainium2"))?;
        let low = 4.0 * trn2.units_median;
        let high = trn3.plain() + trn25.plain();
        let chips = ask.chips.unwrap_or(Range { low, middle: f64::midpoint(low, high), high });
        let anchor = order.plain() / order_chips.plain();
        // GB300 NVL72: 72 chips a rack, by its name.
        let per_gb300 = rack.plain() / 72.0;
        let spot = rent::quote(c, "trn2", rent::Basis::Spot).map(|q| q.usd_per_chip_hour * HOURS);
        let price_usd =
            ask.price_usd.unwrap_or(Range { low: spot.unwrap_or(anchor / 2.0).min(anchor), middle: anchor, high: per_gb300.max(anchor) });
        // The stated run rate of all chips, processors and network cards included, bounds what the rest can be.
        let most = c.series("amazon-chips-run-rate").next().unwrap_or(rate).plain();
        let other_usd = ask.other_usd.unwrap_or(Range { low: 0.0, middle: most / 2.0, high: most });
        let say = |s: &Statement| format!("{}{}{} [{}]", s.qualifier, if s.qualifier.is_empty() { "" } else { ", " }, when(s), s.source);
        let mut band_origins = vec![match ask.chips {
            Some(_) => "chips: as asked".to_owned(),
            None => format!(
                "chips: from four times Trainium2 of the quarter from {} [{}] to the forecasts of Trainium3 and Trainium2.5 [{}]; the middle is halfway",
                trn2.quarter_start, trn2.source, trn3.source
            ),
        }];
        band_origins.push(match ask.price_usd {
            Some(_) => "price: as asked".to_owned(),
            None => format!("price: from a year of Trainium2 at its spot price, over the TPU v7 rack order [{}, {}], to a GB300 NVL72 rack per chip [{}]; none is a price of Trainium", order.source, order_chips.source, rack.source),
        });
        band_origins.push(match ask.other_usd {
            Some(_) => "other: as asked".to_owned(),
            None => format!(
                "other (Graviton, Nitro): not published; between nothing and the stated run rate of all chips [{}], halfway in the middle",
                c.series("amazon-chips-run-rate").next().unwrap_or(rate).source
            ),
        });

        let bands = vec![
            Band { name: "AI ASICs of all makers, 2026".into(), axis: "chips", low: 0.0, high: asic.plain(), source: say(asic) },
            Band { name: "TPUs, 2026".into(), axis: "chips", low: 0.0, high: tpu.plain(), source: say(tpu) },
            Band { name: "Trainium3 forecast".into(), axis: "chips", low: 0.0, high: trn3.plain(), source: say(trn3) },
            Band { name: "TPU v7 rack order, per chip".into(), axis: "price", low: anchor, high: anchor, source: say(order) },
            Band { name: "GB300 NVL72 rack, per chip".into(), axis: "price", low: per_gb300, high: per_gb300, source: say(rack) },
        ];
        let others = [other_usd.low, other_usd.middle, other_usd.high];
        let end = ask.chips.map_or(asic.plain().max(high), |r| 2.0 * r.high);
        let step = round_step(if end > 0.0 { end } else { asic.plain() } / 12.0);
        let grid: Vec<f64> = (1..=12).map(|i| f64::from(i) * step).collect();
        let combinations = grid.iter().map(|n| Combination {
            chips: *n,
            prices: others.iter().map(|o| PriceWith { other_usd: *o, usd_per_chip: price_at(total_usd, *n, *o) }).collect(),
            beyond: bands.iter().filter(|b| b.axis == "chips" && *n > b.high).map(|b| b.name.clone()).collect(),
        });
        let fine: Vec<f64> = (2..=240).map(|i| f64::from(i) * step / 20.0).collect();
        let mut curve_others = others.to_vec();
        curve_others.dedup();
        let allowed = sum_of_bands(&RunRate { total_usd, chips, price_usd, other_usd }, SCENARIOS, ask.seed);
        Ok(RunRateAnswer {
            total_usd,
            total_origin,
            combinations: combinations.collect(),
            curves: curve_others.iter().map(|o| curve(total_usd, *o, &fine)).collect(),
            bands,
            chips,
            price_usd,
            other_usd,
            band_origins,
            allowed,
            filings: filings(c),
            statements: statements(c),
        })
    }
}

/// Four times each of the last quarters: NVIDIA whole and its data centres, and AWS.
fn filings(c: &Catalog) -> Vec<QuarterRate> {
    let mut out = Vec::new();
    for series in ["nvidia-revenue", "nvidia-data-centre-revenue", "aws-revenue"] {
        let all: Vec<&Statement> = c.series(series).collect();
        for s in &all[all.len().saturating_sub(3)..] {
            out.push(QuarterRate {
                series: s.series.clone(),
                start: s.start.clone(),
                end: s.end.clone(),
                quarter_usd: s.plain(),
                annualised_usd: annualised(s.plain()),
                qualifier: s.qualifier.clone(),
                source: s.source.clone(),
            });
        }
    }
    out
}

fn statements(c: &Catalog) -> Vec<String> {
    let mut out = Vec::new();
    for s in c.series("amazon-chips-run-rate") {
        out.push(format!("Amazon's chips, {} {} {} on {} [{}]: {}", s.qualifier, s.value, s.unit, s.as_of, s.source, s.note));
    }
    if let (Some(backlog), Some(extra)) =
        (c.series("aws-backlog").find(|s| !s.qualifier.is_empty()), c.series("anthropic-commitment").next())
    {
        out.push(format!(
            "AWS backlog {} {} {} [{}] and the agreement with Anthropic, {} {} [{}], are two figures: {} {} together",
            backlog.value,
            backlog.unit,
            backlog.qualifier,
            backlog.source,
            extra.qualifier,
            extra.value,
            extra.source,
            backlog.value + extra.value,
            backlog.unit
        ));
    }
    out
}
