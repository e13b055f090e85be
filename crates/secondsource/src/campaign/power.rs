//! Energy of the simulated campaigns, and what a place makes of it.

use super::answer::{EnergyOut, InputOut, Outcomes, PlaceOut};
use super::inputs::row;
use super::spec::CampaignSpec;
use crate::answer::{Interval, PlanOption};
use crate::plan::Seat;
use crate::twin::Twin;
use secondsource_base::{Diagnostic, Stream};
use secondsource_campaign::activity::{BoardShares, activity_power};
use secondsource_campaign::known::Known;
use secondsource_campaign::region::{Local, region};
use secondsource_campaign::{Band, Distribution, Outcome, quantile};
use secondsource_catalog::Catalog;

/// Hours in which the chips train, and all others.
fn hours(run: &Outcome) -> (f64, f64) {
    let training = run.parts.productive + run.parts.lost;
    (training / 3600.0, (run.wall_s() - training) / 3600.0)
}

/// Energy at the meter: chips at training power while they train, at waiting power else; spares wait all the time. Power
/// is drawn once per campaign within the bands of what it rests on. `None` without a power limit of the chip.
pub(super) fn energy(
    twin: &Twin,
    option: &PlanOption,
    seat: &Seat,
    d: &Distribution,
    spare_chips: f64,
    pue: Option<f64>,
    seed: u64,
) -> Option<EnergyOut> {
    let (mean, limit) = (option.chip_watts?, option.chip_watts_limit?);
    let waiting = seat.hw.chip.power?.waiting;
    let power = activity_power(&twin.catalog, &option.chip, &seat.full.system, pue)?;
    let board = BoardShares { training: mean / limit, waiting: waiting / limit };
    let chips = seat.billed();
    let mwh = |run: &Outcome, training: f64, waiting: f64| {
        let (busy, idle) = hours(run);
        (chips * (training * busy + waiting * idle) + spare_chips * waiting * (busy + idle)) / 1e3
    };
    let mut all: Vec<f64> = Vec::with_capacity(d.runs.len());
    for (i, run) in d.runs.iter().enumerate() {
        let kw = power.draw(board, &mut Stream::numbered(seed, "power", i as u64));
        all.push(mwh(run, kw.training, kw.waiting));
    }
    let total: f64 = all.iter().sum::<f64>() / all.len().max(1) as f64;
    all.sort_by(f64::total_cmp);
    let middle = power.middle(board);
    let wall_h = d.quantiles(|r| r.wall_s() / 3600.0);
    let shares = |name: &str, share: f64, basis: String| InputOut {
        kind: "derived".to_owned(),
        basis,
        ..row(name, "of its limit", 1.0, &Known::stated(share, Band::NONE))
    };
    Some(EnergyOut {
        mwh: Outcomes { p5: quantile(&all, 0.05), p50: quantile(&all, 0.5), p95: quantile(&all, 0.95), mean: total },
        kw_training: middle.training,
        kw_waiting: middle.waiting,
        mean_mw: total / wall_h.mean,
        tdp_mwh: limit / 1e6 * chips * wall_h.p50,
        inputs: vec![
            row("node rating", "kW per chip", 1.0, &power.rating_kw),
            row("node while training", "of its rating", 1.0, &power.training_share),
            row("host", "of the node then", 1.0, &power.host_share),
            shares(
                "board while training",
                board.training,
                format!("{mean:.0} of {limit:.0} W: operators of the step, as `step` prints them"),
            ),
            shares("board while waiting", board.waiting, format!("{waiting:.0} of {limit:.0} W")),
            row("network and storage", "of the node rating", 1.0, &power.network_share),
            row("PUE", "ratio", 1.0, &power.pue),
        ],
    })
}

/// Price and emissions of the job's place; the United States when it names none.
pub(super) fn place(
    catalog: &Catalog,
    spec: &CampaignSpec,
    energy: Option<&EnergyOut>,
    notes: &mut Vec<String>,
) -> Result<PlaceOut, Diagnostic> {
    let name = spec.region.as_deref().unwrap_or("us");
    let found = region(catalog, name)?;
    if spec.region.is_none() {
        notes.push("no region given: electricity and emissions of the United States on average".to_owned());
    }
    let stated = |v: Option<f64>| v.map(|value| Local { value, basis: "as stated".to_owned(), sources: Vec::new() });
    let cents_per_kwh = stated(spec.electricity).or(found.cents_per_kwh);
    let kg_per_mwh = stated(spec.carbon).or(found.kg_per_mwh);
    if spec.carbon.is_none() {
        notes.extend(found.notes);
    }
    if cents_per_kwh.is_none() {
        notes.push(format!("the catalog has no electricity price for {}: give one in US cents per kWh", found.name));
    }
    let mwh = energy.map(|e| Interval { p5: e.mwh.p5, p50: e.mwh.p50, p95: e.mwh.p95 });
    Ok(PlaceOut {
        region: found.name,
        electricity_usd: mwh.zip(cents_per_kwh.as_ref()).map(|(e, c)| e.scaled(c.value * 10.0)),
        carbon_t: mwh.zip(kg_per_mwh.as_ref()).map(|(e, k)| e.scaled(k.value / 1e3)),
        cents_per_kwh,
        kg_per_mwh,
    })
}
