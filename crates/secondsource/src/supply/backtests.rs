//! Published outcomes against the model: one row a back-test, with its tolerance, its trust and what it does not show.

use super::figures::Reader;
use super::frozen::{FROZEN, Forecast, frozen};
use super::lead_time::queue;
use super::worked::worked_examples;
use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_market::calendar::{DAY, instant};
use secondsource_market::supply::grid::{Wafer, corrected_count, exponential_count, per_wafer};
use secondsource_market::supply::replay::{Capacity, Part, mape, needed, shipped};
use secondsource_market::supply::units::{Ramp, ramp_medians, units};
use secondsource_market::supply::yields::{Harvest, expected, murphy, poisson};
use serde::{Deserialize, Serialize};

/// Units of NVIDIA by fiscal quarter (Epoch AI).
pub const UNITS: &str = include_str!("../../../../validation/supply_units.csv");

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Ours lies within the stated tolerance of what was published.
    Inside,
    Outside,
    /// The model's free numbers were chosen on the data it is compared with.
    InSample,
    /// Published figures contradict each other, or leave the answer open.
    Unresolved,
    /// Nothing to compare with: a table of what follows from what.
    Informative,
}

impl Verdict {
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Inside => "inside",
            Verdict::Outside => "outside",
            Verdict::InSample => "in sample",
            Verdict::Unresolved => "unresolved",
            Verdict::Informative => "informative",
        }
    }
}

/// One back-test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackTest {
    pub id: &'static str,
    pub what: &'static str,
    pub published: String,
    pub tolerance: &'static str,
    /// In words, with the range over what is not known.
    pub ours: String,
    /// The number that is judged.
    pub value: f64,
    pub verdict: Verdict,
    /// A (filings, worked examples) to C (one weak source).
    pub trust: &'static str,
    pub caveat: &'static str,
}

/// Everything `secondsource validate --supply` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SupplyValidation {
    pub rows: Vec<BackTest>,
    /// Rows by verdict.
    pub inside: usize,
    pub outside: usize,
    pub not_claimed: usize,
    pub frozen_on: &'static str,
    pub forecast: Vec<Forecast>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitRow {
    fiscal_quarter: String,
    pub(super) start: String,
    pub(super) end: String,
    pub(super) chip: String,
    pub(super) units_median: f64,
    #[serde(rename = "units_p5")]
    _p5: f64,
    #[serde(rename = "units_p95")]
    _p95: f64,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
}

fn unit_rows() -> Result<Vec<UnitRow>, Diagnostic> {
    let rows: Result<Vec<UnitRow>, _> = csv::Reader::from_reader(UNITS.as_bytes()).deserialize().collect();
    rows.map_err(|e| Diagnostic::error(format!("validation/supply_units.csv: {e}")))
}

fn blackwell(chip: &str) -> bool {
    chip.starts_with('B')
}

/// Units of a fiscal quarter: all, and those of Blackwell.
fn of_quarter(rows: &[UnitRow], quarter: &str) -> (f64, f64) {
    let sum = |f: &dyn Fn(&UnitRow) -> bool| rows.iter().filter(|r| r.fiscal_quarter == quarter && f(r)).map(|r| r.units_median).sum();
    (sum(&|_| true), sum(&|r| blackwell(&r.chip)))
}

/// Twelve shapes of an area: six aspects from square to two reticles side by side (52 x 33 mm), with a rim of 2 and of 3 mm.
fn counts(area: f64) -> Vec<u32> {
    let mut out = Vec::new();
    for edge in [2.0, 3.0] {
        for i in 0..6 {
            let aspect = 1.0 + 0.58 * f64::from(i) / 5.0;
            let short = libm::sqrt(area / aspect);
            out.push(per_wafer(&Wafer { diameter: 300.0, edge, street: 0.1 }, short * aspect, short));
        }
    }
    out.sort_unstable();
    out
}

fn judged(good: bool) -> Verdict {
    if good { Verdict::Inside } else { Verdict::Outside }
}

fn near(ours: f64, published: f64, part: f64) -> Verdict {
    judged((ours / published - 1.0).abs() <= part)
}

fn grids(r: &Reader<'_>) -> Result<Vec<BackTest>, Diagnostic> {
    let row = |id, what, area: &str, published: f64, caveat| -> Result<BackTest, Diagnostic> {
        let c = counts(r.value(area)?);
        let middle = f64::from(c[c.len() / 2 - 1] + c[c.len() / 2]) / 2.0;
        Ok(BackTest {
            id,
            what,
            published: format!("{published} packages a wafer"),
            tolerance: "+/- 1",
            ours: format!("{middle} ({} to {} over 12 shapes)", c[0], c[c.len() - 1]),
            value: middle,
            verdict: judged((middle - published).abs() <= 1.0),
            trust: "B",
            caveat,
        })
    };
    let h100 = r.value("foundry.h100-die")?;
    let (good, share) = (r.value("foundry.h200-good-dies")?, r.value("foundry.h200-good-share")?);
    let dies = counts(h100);
    let middle = f64::from(dies[dies.len() / 2]);
    Ok(vec![
        row(
            "BT02",
            "grid: H100 packages on a CoWoS wafer",
            "packaging.package-h100",
            r.value("packaging.h200-per-wafer")?,
            "the area of two reticles is assumed and decides: 1,500 mm2 gives 33, 2,500 gives 21",
        )?,
        row(
            "BT03",
            "grid: B200 packages on a CoWoS wafer",
            "packaging.package-b200",
            r.value("packaging.b200-per-wafer")?,
            "the area of 3.3 reticles is assumed; plain division of areas gives 25",
        )?,
        BackTest {
            id: "BT15",
            what: "grid: gross H100 dies on a wafer",
            published: format!("about {:.0} ({good} good at {:.0}%)", good / share, share * 100.0),
            tolerance: "+/- 3",
            ours: format!(
                "{middle} ({} to {}); approximation {:.1}, exponential form {:.1}",
                dies[0],
                dies[dies.len() - 1],
                corrected_count(300.0, h100),
                exponential_count(300.0, h100)
            ),
            value: middle,
            verdict: judged((middle - good / share).abs() <= 3.0),
            trust: "C",
            caveat: "one post; the exponential form fails and is not used; pairing reticles would lower the grid",
        },
    ])
}

fn packaging(r: &Reader<'_>, rows: &[UnitRow]) -> Result<Vec<BackTest>, Diagnostic> {
    let (hopper, black) = (r.value("packaging.h200-per-wafer")?, r.value("packaging.b200-per-wafer")?);
    let (s, l) = (r.value("packaging.cowos-s-yield")?, r.value("packaging.cowos-l-yield")?);
    let fy25 = ["FY25Q1", "FY25Q2", "FY25Q3", "FY25Q4"].iter().map(|q| of_quarter(rows, q)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    let wafers = |ys: f64, yl: f64| needed(&[(fy25.0 - fy25.1, hopper, ys), (fy25.1, black, yl)]) / 1e3;
    let published = r.range("packaging.nvidia-wafers-2024")?;
    let (full, low) = (wafers(1.0, 1.0), wafers(s, l));
    let fy26 = ["FY26Q1", "FY26Q2", "FY26Q3", "FY26Q4"].iter().map(|q| of_quarter(rows, q)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    let all26 = r.value("packaging.nvidia-wafers-2025")?;
    let hopper26 = needed(&[(fy26.0 - fy26.1, hopper, s)]);
    let units26 = |y: f64| (fy26.0 - fy26.1 + (all26 - hopper26) * black * y) / 1e6;
    let at = |d: &str| instant(d).unwrap_or(0);
    let ramp = Capacity::new(&[
        (at("2024-12-31"), 1e3 * r.value("packaging.cowos-2024-12-interpolated")?),
        (at("2025-12-31"), 1e3 * r.value("packaging.cowos-2025-12")?),
    ]);
    let capacity = ramp.wafers(at("2024-12-31"), at("2025-12-31")) / 1e3;
    let demand = r.value("packaging.demand-2025")? / 1e3;
    Ok(vec![
        BackTest {
            id: "BT04",
            what: "CoWoS wafers in NVIDIA's units of fiscal 2025",
            published: format!("{:.0} to {:.0} thousand", published.low / 1e3, published.high / 1e3),
            tolerance: "+/- 7%",
            ours: format!("{full:.1} at full yield; {low:.1} at {s} and {l}"),
            value: full,
            verdict: near(full, published.middle / 1e3, 0.07),
            trust: "B",
            caveat: "inside at high yield only: at the yield that BT06 prefers it is above; units are +/- 17%, so yields cannot be told apart",
        },
        BackTest {
            id: "BT05",
            what: "CoWoS wafers of 2025 from a linear ramp",
            published: format!("{demand:.0} thousand, demand"),
            tolerance: "+/- 10%",
            ours: format!("{capacity:.0}"),
            value: capacity,
            verdict: near(capacity, demand, 0.10),
            trust: "B",
            caveat: "demand includes assembly outside TSMC, the ramp does not",
        },
        BackTest {
            id: "BT07",
            what: "NVIDIA's units of fiscal 2026 by CoWoS-L yield",
            published: format!("{:.2} million", fy26.0 / 1e6),
            tolerance: "none",
            ours: [0.6, 0.7, 0.75, 1.0].map(|y| format!("{:.2} at {y}", units26(y))).join(", "),
            value: units26(l),
            verdict: Verdict::Informative,
            trust: "C",
            caveat: "not a hold-out: the yield was seen to fit fiscal 2026 before; units of fiscal 2027 would be one",
        },
    ])
}

/// BT06: shipments of nine quarters for 70 pairs of lag and yield.
fn replay(r: &Reader<'_>, rows: &[UnitRow]) -> Result<BackTest, Diagnostic> {
    const QUARTERS: [&str; 9] = ["FY24Q4", "FY25Q1", "FY25Q2", "FY25Q3", "FY25Q4", "FY26Q1", "FY26Q2", "FY26Q3", "FY26Q4"];
    let (hopper, black, s) =
        (r.value("packaging.h200-per-wafer")?, r.value("packaging.b200-per-wafer")?, r.value("packaging.cowos-s-yield")?);
    let at = |d: &str| instant(d).unwrap_or(0);
    let points = [
        (at("2023-09-30"), 12.0 / 14.0 * r.range("packaging.cowos-2023-12")?.high),
        (at("2023-12-31"), r.range("packaging.cowos-2023-12")?.high),
        (at("2024-12-31"), r.value("packaging.cowos-2024-12-interpolated")?),
        (at("2025-12-31"), r.value("packaging.cowos-2025-12")?),
        (at("2026-12-31"), r.value("packaging.cowos-2026-12")?),
    ];
    let capacity = Capacity::new(&points.map(|(t, v)| (t, v * 1e3)));
    let turn = at("2025-01-01");
    let year =
        |from: &str, until: &str, wafers: &str| -> Result<f64, Diagnostic> { Ok(r.value(wafers)? / capacity.wafers(at(from), at(until))) };
    let (share24, share25) = (
        year("2024-01-01", "2025-01-01", "packaging.nvidia-wafers-2024")?,
        year("2025-01-01", "2026-01-01", "packaging.nvidia-wafers-2025")?,
    );
    let came: Vec<f64> = QUARTERS.iter().map(|q| of_quarter(rows, q).0).collect();
    let predicted = |lag: f64, y: f64| -> Vec<f64> {
        QUARTERS
            .iter()
            .map(|q| {
                let ends = rows.iter().find(|row| row.fiscal_quarter == *q).map_or((0, 0), |row| (at(&row.start), at(&row.end) + DAY));
                let shift = (lag * 91.3125 * DAY as f64) as i64;
                let (from, until) = (ends.0 - shift, ends.1 - shift);
                let wafers = capacity.wafers(from, until.min(turn).max(from)) * share24
                    + capacity.wafers(from.max(turn).min(until), until) * share25;
                let (all, new) = of_quarter(rows, q);
                let parts =
                    [Part { per_wafer: hopper, yields: s, mix: 1.0 - new / all }, Part { per_wafer: black, yields: y, mix: new / all }];
                shipped(wafers, &parts)
            })
            .collect()
    };
    let mut best = (f64::INFINITY, 0.0, 0.0);
    for i in 0..7 {
        for j in 0..10 {
            let (lag, y) = (0.25 * f64::from(i), 0.5 + 0.05 * f64::from(j));
            let error = mape(&predicted(lag, y), &came);
            if error < best.0 {
                best = (error, lag, y);
            }
        }
    }
    let mut before = vec![of_quarter(rows, "FY24Q3").0];
    before.extend(&came[..came.len() - 1]);
    let persistence = mape(&before, &came);
    Ok(BackTest {
        id: "BT06",
        what: "NVIDIA's quarterly units from CoWoS capacity",
        published: "nine quarters to January 2026".to_owned(),
        tolerance: "<= 15%, below persistence",
        ours: format!("{:.1}% at lag {} and yield {:.2}; persistence {persistence:.1}%", best.0, best.1, best.2),
        value: best.0,
        verdict: Verdict::InSample,
        trust: "C",
        caveat: "best of 70 pairs on the data it is scored on, annual wafers imposed: not a prediction; lag and yield are not told apart",
    })
}

fn memory(r: &Reader<'_>, rows: &[UnitRow]) -> Result<BackTest, Diagnostic> {
    let mut bits = 0.0;
    for row in rows.iter().filter(|row| row.fiscal_quarter.starts_with("FY26")) {
        let gb = r.value(match row.chip.as_str() {
            "B200" => "memory.gb-b200",
            "B300" => "memory.gb-b300",
            "H20" => "memory.gb-h20",
            _ => "memory.gb-h100-average",
        })?;
        bits += row.units_median * gb * 8.0 / 1e9;
    }
    let bought = r.value("memory.consumed-2025")? * r.value("memory.nvidia-share-2025")?;
    let ratio = bits / bought;
    Ok(BackTest {
        id: "BT08",
        what: "HBM in NVIDIA's units over HBM it bought",
        published: format!("{bought:.2} billion Gbit bought in 2025"),
        tolerance: "ratio 0.6 to 1.0",
        ours: format!("{bits:.2} billion Gbit, ratio {ratio:.2}"),
        value: ratio,
        verdict: judged((0.6..=1.0).contains(&ratio)),
        trust: "C",
        caveat: "bits bought include stock for the next chip and yield loss: consistent with BT06, no proof of it",
    })
}

fn from_money(r: &Reader<'_>) -> Result<Vec<BackTest>, Diagnostic> {
    let middle = |low: &str, high: &str| -> Result<f64, Diagnostic> { Ok(libm::sqrt(r.value(low)? * r.value(high)?)) };
    let hardware = middle("epoch-model.hardware-share-low", "epoch-model.hardware-share-high")?;
    let (mut worst, mut words) = (0.0_f64, Vec::new());
    for (quarter, price) in [("fy24q4-h100", "h100-2022"), ("fy25q3-h100", "h100-2024"), ("fy26q1-b200", "b200"), ("fy26q3-b300", "b300")] {
        let figure = |what: &str| r.value(&format!("epoch-model.{quarter}-{what}"));
        let price = middle(&format!("epoch-model.{price}-low"), &format!("epoch-model.{price}-high"))?;
        let error = units(figure("revenue")?, hardware, figure("mix")?, price) / figure("units")? - 1.0;
        worst = worst.max(error.abs());
        words.push(format!("{:+.1}%", error * 100.0));
    }
    let ramp = Ramp {
        total: r.range("epoch-model.trn2-total")?,
        first_year: r.range("epoch-model.trn2-first-year")?,
        growth: {
            let g = r.range("epoch-model.trn2-growth")?;
            (g.low, g.high)
        },
        half: r.range("epoch-model.trn2-first-half")?,
    };
    let ours = ramp_medians(&ramp, 10_000, 1);
    let mut errors = Vec::new();
    for (i, v) in ours.iter().enumerate() {
        let published = r.value(&format!("epoch-model.trn2-{}q{}", 2024 + i / 4, i % 4 + 1))?;
        errors.push(v / published - 1.0);
    }
    let (low, high) = errors.iter().fold((0.0_f64, 0.0_f64), |(a, b), e| (a.min(*e), b.max(*e)));
    Ok(vec![
        BackTest {
            id: "BT09",
            what: "units from revenue, share and price",
            published: "Epoch AI's medians of four quarters".to_owned(),
            tolerance: "1%",
            ours: words.join(", "),
            value: worst * 100.0,
            verdict: judged(worst <= 0.01),
            trust: "A",
            caveat: "checks our arithmetic against an open model, not the world; its prices are assumptions",
        },
        BackTest {
            id: "BT10",
            what: "Trainium2's ramp from four stated numbers",
            published: "Epoch AI's medians of eight quarters".to_owned(),
            tolerance: "2%",
            ours: format!("{:+.1}% to {:+.1}%", low * 100.0, high * 100.0),
            value: 100.0 * high.max(-low),
            verdict: judged(low >= -0.02 && high <= 0.02),
            trust: "A",
            caveat: "the anchor is one sentence of the vendor",
        },
    ])
}

fn foundry(r: &Reader<'_>) -> Result<Vec<BackTest>, Diagnostic> {
    let price = r.range("foundry.n3-wafer-price")?;
    let part = r.range("foundry.wafer-share")?;
    let revenue = r.value("foundry.tsmc-revenue-2025q4")? * r.value("foundry.tsmc-n3-share-2025q4")?;
    let wafers = |share: f64, price: f64| revenue * share / price / 3.0 / 1e3;
    let n3 = r.value("foundry.n3-2025-12")?;
    let middle = wafers(part.middle, price.middle);
    let base = r.value("foundry.tsmc-revenue-2025")? * (1.0 + r.value("foundry.tsmc-growth-2026")?);
    let share = r.value("foundry.nvidia-at-tsmc-2026")? / base;
    let published = r.value("foundry.nvidia-share-2026")?;
    let die = Harvest {
        area: r.value("foundry.h100-die")?,
        cores_share: r.value("foundry.sm-area-share")?,
        cores: r.value("foundry.h100-cores")? as u32,
        needed: r.value("foundry.h100-cores-sold")? as u32,
    };
    let (harvest, plain) = (|d0: f64| die.share_good(d0) * 100.0, |d0: f64| expected(die.area, d0));
    let inside = (70.0..=88.0).contains(&harvest(0.05)) && (70.0..=88.0).contains(&harvest(0.10));
    let far = 100.0 * murphy(plain(0.05)) < harvest(0.05) - 10.0 && 100.0 * murphy(plain(0.10)) < harvest(0.10) - 10.0;
    Ok(vec![
        BackTest {
            id: "BT12",
            what: "N3 wafers a month from revenue",
            published: format!("about {n3:.0} thousand a month"),
            tolerance: "+/- 35%",
            ours: format!("{middle:.0} ({:.0} to {:.0})", wafers(part.low, price.high), wafers(part.high, price.low)),
            value: middle,
            verdict: near(middle, n3, 0.35),
            trust: "C",
            caveat: "on the low side; share of wafers in revenue and price are assumed; capacity is of the end of the quarter",
        },
        BackTest {
            id: "BT13",
            what: "NVIDIA's share of TSMC's revenue of 2026",
            published: format!("{:.0}%", published * 100.0),
            tolerance: "2 points",
            ours: format!("{:.1}%", share * 100.0),
            value: share * 100.0,
            verdict: judged((share - published).abs() <= 0.02),
            trust: "C",
            caveat: "both figures come from one family of analysts",
        },
        BackTest {
            id: "BT14",
            what: "yield of H100 dies with and without spare cores",
            published: "about 85% good".to_owned(),
            tolerance: "harvest 70 to 88%, plain far below",
            ours: format!(
                "harvest {:.0} to {:.0}%, Poisson {:.0} to {:.0}%, Murphy {:.0} to {:.0}% for D0 0.10 to 0.05",
                harvest(0.10),
                harvest(0.05),
                100.0 * poisson(plain(0.10)),
                100.0 * poisson(plain(0.05)),
                100.0 * murphy(plain(0.10)),
                100.0 * murphy(plain(0.05))
            ),
            value: harvest(0.05),
            verdict: judged(inside && far),
            trust: "C",
            caveat: "one post; the share of the die that is cores is assumed and D0 is free: spare cores must be modelled, no more is shown",
        },
    ])
}

fn attribution(r: &Reader<'_>) -> Result<Vec<BackTest>, Diagnostic> {
    let wafers26 = r.value("packaging.broadcom-wafers-2026")? + r.value("packaging.mediatek-wafers-2026")?;
    let wafers27 = r.value("packaging.broadcom-wafers-2027")? + r.value("packaging.mediatek-wafers-2027")?;
    let (p26, p27) = (r.value("designers.tpu-2026")? / wafers26, r.value("designers.tpu-2027")? / wafers27);
    let made: f64 =
        ["2025q1", "2025q2", "2025q3", "2025q4"].iter().map(|q| r.value(&format!("epoch-model.trn2-{q}"))).sum::<Result<f64, _>>()?;
    let demand = r.value("packaging.demand-2025")?;
    let (own, partner) = (r.value("designers.cowos-2025-aws-alchip")? * demand, r.value("designers.cowos-2025-marvell")? * demand);
    let (alone, both) = (made / own, made / (own + partner));
    Ok(vec![
        BackTest {
            id: "BT27",
            what: "TPUs per CoWoS wafer",
            published: "3.7 and 5.0 million TPUs of 2026 and 2027".to_owned(),
            tolerance: "none: an input",
            ours: format!("{p26:.1} in 2026, {p27:.1} in 2027, by division"),
            value: p26,
            verdict: Verdict::Informative,
            trust: "C",
            caveat: "no package area of a TPU is published, so the grid has nothing to count; the mix of generations is not known",
        },
        BackTest {
            id: "BT28",
            what: "Trainium2 packages per CoWoS wafer",
            published: format!("{:.2} million Trainium2 made in 2025", made / 1e6),
            tolerance: "20 to 60",
            ours: format!("{alone:.0} with AWS's own wafers, {both:.1} with all of Marvell's"),
            value: alone,
            verdict: Verdict::Unresolved,
            trust: "C",
            caveat: "shares are of suppliers of record, not of end customers: no Trainium share without saying whose wafers are meant",
        },
    ])
}

fn forecast_row(f: &[Forecast]) -> BackTest {
    let scored: Vec<&Forecast> = f.iter().filter(|f| f.inside.is_some()).collect();
    let hits = scored.iter().filter(|f| f.inside == Some(true)).count();
    let missed: Vec<&str> = scored.iter().filter(|f| f.inside == Some(false)).map(|f| f.series).collect();
    BackTest {
        id: "BT30",
        what: "forecast frozen on 2026-05-20",
        published: format!("{} figures of July and August 2026", scored.len()),
        tolerance: "all within P10 to P90",
        ours: format!(
            "{hits} of {} within{}",
            scored.len(),
            if missed.is_empty() { String::new() } else { format!("; missed: {}", missed.join(", ")) }
        ),
        value: hits as f64,
        verdict: judged(hits == scored.len()),
        trust: "A",
        caveat: "one quarter of three related series and a backlog whose scope changed: four dice, not a calibration; the second quarter's figures were not found",
    }
}

/// All rows, in the order of their numbers.
///
/// # Errors
/// A figure that the catalog lacks.
pub fn validate_supply(catalog: &Catalog) -> Result<SupplyValidation, Diagnostic> {
    let r = Reader { catalog };
    let units = unit_rows()?;
    let forecast = frozen(&r, FROZEN)?;
    let mut rows = grids(&r)?;
    rows.extend(packaging(&r, &units)?);
    rows.push(replay(&r, &units)?);
    rows.push(memory(&r, &units)?);
    rows.extend(from_money(&r)?);
    rows.extend(foundry(&r)?);
    rows.push(queue(&r, &units)?);
    rows.extend(worked_examples()?);
    rows.extend(attribution(&r)?);
    rows.push(forecast_row(&forecast));
    rows.sort_by_key(|row| row.id);
    let count = |f: &dyn Fn(Verdict) -> bool| rows.iter().filter(|r| f(r.verdict)).count();
    Ok(SupplyValidation {
        inside: count(&|v| v == Verdict::Inside),
        outside: count(&|v| v == Verdict::Outside),
        not_claimed: count(&|v| !matches!(v, Verdict::Inside | Verdict::Outside)),
        frozen_on: FROZEN,
        forecast,
        rows,
    })
}
