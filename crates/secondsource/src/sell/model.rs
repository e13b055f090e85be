//! A fleet with every input resolved: the file's own, the catalog's, and rates of the serving model.

use super::inputs::{At, Input, Inputs};
use super::read::{SellJob, USES};
use crate::serving::TokensJob;
use crate::twin::Twin;
use secondsource_base::{Diagnostic, SourceText};
use secondsource_campaign::energy::facility_power;
use secondsource_market::rent;
use secondsource_market::seller::{Batch, Chip, Demand, Fleet, Rack, Range, Rent, Terms, Waterfall, rent_value, sell_value};

/// Where the price of an hour comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Price {
    Hour(At),
    /// USD per million tokens, and tokens a second and chip.
    Tokens(At, At),
}

#[derive(Debug, Clone, PartialEq)]
struct Use {
    /// Index into [`USES`].
    kind: usize,
    price: Price,
    decline: At,
    utilisation: At,
    margin: At,
}

#[derive(Debug, Clone, PartialEq)]
struct Generation {
    id: String,
    chips: Vec<f64>,
    life: At,
    kw: At,
    system: At,
    residual: At,
    opex: At,
    uses: Vec<Use>,
    racks: Option<[At; 5]>,
}

/// Ready to be asked about one set of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub inputs: Inputs,
    generations: Vec<Generation>,
    rate: At,
    site: At,
    site_years: At,
    draw: At,
    kappa: At,
    energy: At,
    attach: At,
    freed: At,
    supply: At,
    demand_scale: At,
    megawatts: Vec<f64>,
    in_service: Option<Vec<f64>>,
    demand: Vec<(usize, Vec<f64>)>,
}

/// One generation under one set of values, service from today.
#[derive(Debug, Clone, PartialEq)]
pub struct Worth {
    pub id: String,
    /// (index into [`USES`], waterfall, USD per chip-hour where it is rented).
    pub uses: Vec<(usize, Waterfall, Option<f64>)>,
    pub kw: f64,
}

impl Worth {
    /// The best way of renting it out, and the sale.
    pub fn rent(&self) -> Option<&(usize, Waterfall, Option<f64>)> {
        let rented = self.uses.iter().filter(|u| u.0 != RACKS);
        rented.max_by(|a, b| a.1.total_usd.total_cmp(&b.1.total_usd).then(b.0.cmp(&a.0)))
    }

    pub fn sale(&self) -> Option<&Waterfall> {
        self.uses.iter().find(|u| u.0 == RACKS).map(|u| &u.1)
    }
}

/// Index of racks in [`USES`].
pub const RACKS: usize = USES.len() - 1;

impl Model {
    /// # Errors
    /// A chip that the catalog does not know, or an input that neither the file nor the catalog gives.
    pub fn new(twin: &Twin, job: &SellJob) -> Result<Model, Diagnostic> {
        let source = SourceText { name: &job.origin.0, text: &job.origin.1 };
        let mut inputs = job.inputs.clone();
        let catalog = &twin.catalog;
        let energy = match job.energy {
            Some(at) => at,
            None => {
                let missing = || Diagnostic::error("no electricity price in the catalog").hint("give `usd-per-kwh` in [money]");
                let table =
                    catalog.electricity().filter(|t| t.id.contains("commercial")).max_by(|a, b| a.id.cmp(&b.id)).ok_or_else(missing)?;
                let f = &table.figures.get("us").ok_or_else(missing)?.main;
                inputs.add(catalogued("money usd-per-kwh", "USD/kWh", Range::exactly(f.value / 100.0), &table.name, &f.sources))
            }
        };
        let attach = match job.attach {
            Some(at) => at,
            None => {
                let table = catalog.table("attach")?;
                let figure = |name: &str| table.figures.get(name).map(|f| &f.main);
                let (Some(low), Some(middle), Some(high)) = (figure("low"), figure("middle"), figure("high")) else {
                    return Err(
                        Diagnostic::error("the catalog's table `attach` lacks low, middle or high").hint("give `attach` in [money]")
                    );
                };
                let range = Range { low: low.value, middle: middle.value, high: high.value };
                let mut sources: Vec<&str> = [low, middle, high].iter().flat_map(|f| f.sources.iter().map(String::as_str)).collect();
                sources.dedup();
                let origin = format!("assumption: no cloud publishes it; range from what neighbours print [{}]", sources.join(", "));
                inputs.add(Input { name: "money attach".into(), unit: "ratio", range, bounds: (0.0, 10.0), origin, assumed: true })
            }
        };
        let freed = match job.freed {
            Some(at) => at,
            None => {
                let table = catalog.table("colocation")?;
                let rents: Vec<f64> =
                    table.figures.values().filter(|f| f.main.unit == "USD/kW-month").map(|f| f.main.value * 12.0).collect();
                let high = rents.iter().copied().fold(0.0, f64::max);
                let range = Range { low: 0.0, middle: 0.0, high };
                let origin =
                    "assumption: nothing, up to the highest colocation rent of the catalog (where a freed kilowatt has a taker)".to_owned();
                inputs.add(Input {
                    name: "money freed-usd-per-kw-year".into(),
                    unit: "USD/kW a year",
                    range,
                    bounds: (0.0, 1e5),
                    origin,
                    assumed: true,
                })
            }
        };
        let mut generations = Vec::new();
        for c in &job.chips {
            let chip = catalog.chip(&c.id).map_err(|d| d.at_offset(source, c.at))?;
            let kw = match c.kw {
                Some(at) => at,
                None => {
                    let power = facility_power(catalog, &chip.id).ok_or_else(|| {
                        let d = Diagnostic::error(format!("no source gives {} a power figure", chip.id)).at_offset(source, c.at);
                        d.hint("give `kw` of the chip in the file")
                    })?;
                    inputs.add(catalogued(&format!("{} kw", c.id), "kW", Range::exactly(power.kw_per_chip), &power.basis, &power.sources))
                }
            };
            let mut uses = Vec::new();
            for u in &c.uses {
                let kind = USES.iter().position(|n| *n == u.name).unwrap_or(0);
                let what = format!("{} {}", c.id, u.name);
                let price = match (&u.tokens, u.price) {
                    (Some(t), Some(at)) => {
                        let mut ask = TokensJob::new(t.model.clone(), vec![chip.id.clone()]);
                        (ask.prompt, ask.output, ask.latency_s) = (t.prompt, t.output, t.latency_s);
                        let answer = twin.tokens(&ask).map_err(|d| if d.file.is_none() { d.at_offset(source, t.at) } else { d })?;
                        let Some(o) = answer.options.first() else {
                            let why = answer.rejected.first().map_or_else(|| "no replica serves it".to_owned(), |r| r.why.clone());
                            return Err(Diagnostic::error(format!("{what}: {why}")).at_offset(source, t.at));
                        };
                        let i = o.tokens_per_s_per_chip;
                        let origin = format!(
                            "serving model: {} of {}, {} in and {} out, {} chips a replica, {} requests; {}",
                            answer.job.model, o.system, t.prompt, t.output, o.best.replica_chips, o.best.batch, o.interval_basis
                        );
                        let range = Range { low: i.p5, middle: i.p50, high: i.p95 };
                        let name = format!("{what} tokens-per-s");
                        Price::Tokens(
                            at,
                            inputs.add(Input { name, unit: "tokens/s a chip", range, bounds: (0.0, 1e9), origin, assumed: false }),
                        )
                    }
                    (_, Some(at)) => Price::Hour(at),
                    (_, None) => {
                        let quote = rent::quote(catalog, &chip.id, rent::Basis::Best).ok_or_else(|| {
                            let d = Diagnostic::error(format!("{} has no public rental price", chip.id)).at_offset(source, c.at);
                            d.hint(format!("state one in the file: [chip.{}] usd-per-hour", u.name))
                        })?;
                        let text = format!("{} {} of {}", quote.provider, quote.basis, quote.date);
                        let input = catalogued(
                            &format!("{what} usd-per-hour"),
                            "USD/h",
                            Range::exactly(quote.usd_per_chip_hour),
                            &text,
                            &[quote.source],
                        );
                        Price::Hour(inputs.add(input))
                    }
                };
                uses.push(Use { kind, price, decline: u.decline, utilisation: u.utilisation, margin: u.margin });
            }
            let racks = c.racks.as_ref().map(|r| [r.price, r.support, r.support_years, r.support_margin, r.software]);
            generations.push(Generation {
                id: c.id.clone(),
                chips: c.chips.clone(),
                life: c.life,
                kw,
                system: c.system,
                residual: c.residual,
                opex: c.opex,
                uses,
                racks,
            });
        }
        let demand = job.demand.iter().filter_map(|(n, l)| Some((USES.iter().position(|u| u == n)?, l.clone()))).collect();
        Ok(Model {
            inputs,
            generations,
            rate: job.rate,
            site: job.site,
            site_years: job.site_years,
            draw: job.draw,
            kappa: job.kappa,
            energy,
            attach,
            freed,
            supply: job.supply,
            demand_scale: job.demand_scale,
            megawatts: job.megawatts.clone(),
            in_service: job.in_service.clone(),
            demand,
        })
    }

    pub fn quarters(&self) -> usize {
        self.megawatts.len()
    }

    pub fn generations(&self) -> usize {
        self.generations.len()
    }

    pub fn kappa(&self, v: &[f64]) -> f64 {
        v[self.kappa]
    }

    pub fn id(&self, generation: usize) -> &str {
        &self.generations[generation].id
    }

    /// New chips of a generation over all quarters.
    pub fn supply(&self, generation: usize, v: &[f64]) -> f64 {
        self.generations[generation].chips.iter().sum::<f64>() * v[self.supply]
    }

    /// Rental demand at the end over all new chips; `None` without a limit.
    pub fn demand_share(&self, v: &[f64]) -> Option<f64> {
        let all: f64 = (0..self.generations.len()).map(|g| self.supply(g, v)).sum();
        let last = self.in_service.as_ref()?.last()? * v[self.demand_scale];
        (all > 0.0).then(|| last / all)
    }

    fn terms(&self, v: &[f64]) -> Terms {
        Terms {
            rate: v[self.rate],
            site_usd_per_kw: v[self.site],
            site_years: v[self.site_years],
            usd_per_kwh: v[self.energy],
            draw: v[self.draw],
        }
    }

    /// What each use makes of one chip that begins after `start` years.
    pub fn worth(&self, generation: usize, v: &[f64], start: f64) -> Worth {
        let g = &self.generations[generation];
        let terms = self.terms(v);
        let chip = Chip { life_years: v[g.life], kw: v[g.kw], system_usd: v[g.system], residual: v[g.residual] };
        let mut uses = Vec::new();
        for u in &g.uses {
            let usd_per_hour = match u.price {
                Price::Hour(at) => v[at],
                Price::Tokens(usd, rate) => v[usd] * v[rate] * 3600.0 / 1e6,
            };
            let rent = Rent {
                usd_per_hour,
                decline: v[u.decline],
                utilisation: v[u.utilisation],
                attach: v[self.attach],
                margin: v[u.margin],
                opex_usd: v[g.opex],
                start_years: start,
            };
            uses.push((u.kind, rent_value(&chip, &terms, &rent), Some(usd_per_hour)));
        }
        if let Some([price, support, years, margin, software]) = g.racks {
            let rack = Rack {
                price_usd: v[price],
                support: v[support],
                support_years: v[years],
                support_margin: v[margin],
                software_usd: v[software],
                freed_usd_per_kw_year: v[self.freed],
                start_years: start,
            };
            uses.push((RACKS, sell_value(&chip, &terms, &rack), None));
        }
        Worth { id: g.id.clone(), uses, kw: v[g.kw] }
    }

    /// The program's question. The worth of freed megawatts is left out of sales here: the program has the megawatts
    /// themselves.
    pub fn fleet(&self, v: &[f64]) -> Fleet {
        let mut without = v.to_vec();
        without[self.freed] = 0.0;
        let mut batches = Vec::new();
        for (g, generation) in self.generations.iter().enumerate() {
            for (q, count) in generation.chips.iter().enumerate() {
                let worth = self.worth(g, &without, q as f64 / 4.0);
                let mut usd = vec![None; USES.len()];
                for (kind, waterfall, _) in &worth.uses {
                    usd[*kind] = Some(waterfall.total_usd);
                }
                batches.push(Batch { chip: g, quarter: q, count: count * v[self.supply], kw: worth.kw, usd });
            }
        }
        let scaled = |l: &Vec<f64>| l.iter().map(|x| x * v[self.demand_scale]).collect::<Vec<f64>>();
        let limit = |u: usize| self.demand.iter().find(|(k, _)| *k == u).map(|(_, l)| scaled(l));
        Fleet {
            batches,
            leaves: (0..USES.len()).map(|u| u == RACKS).collect(),
            megawatts: self.megawatts.clone(),
            demand: Demand {
                uses: (0..USES.len()).map(limit).collect(),
                in_service: self.in_service.as_ref().map(scaled),
                kappa: v[self.kappa],
            },
        }
    }
}

fn catalogued(name: &str, unit: &'static str, range: Range, what: &str, sources: &[String]) -> Input {
    let origin = format!("catalog: {what} [{}]", sources.join(", "));
    Input { name: name.to_owned(), unit, range, bounds: (0.0, f64::MAX), origin, assumed: false }
}
