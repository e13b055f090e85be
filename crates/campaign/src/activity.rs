//! Power from what the chips do: training, standing still, waiting.

use crate::energy::OverheadRatio;
use crate::input::Band;
use crate::known::{Known, known};
use secondsource_base::{Kind, Stream};
use secondsource_catalog::{Catalog, System};
use serde::Serialize;

const TABLE: &str = "node-power";

/// Power of one chip's share of a cluster, and what it rests on.
///
/// At the meter: PUE x (node x (host + (1 - host) x board) + network), with node = rating x training share and the power
/// of a board as a share of its limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivityPower {
    /// Rated power of the node (host, fans and cards included) over its chips, kW.
    pub rating_kw: Known,
    /// Of the rating, while training.
    pub training_share: Known,
    /// Of the node while training: what is not on the boards; drawn all the time.
    pub host_share: Known,
    /// Switches, storage and other shared machines, as a share of the rating; drawn all the time.
    pub network_share: Known,
    /// Power of the building over power of the machines.
    pub pue: Known,
}

/// Kilowatts per chip at the meter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Kilowatts {
    pub training: f64,
    /// Saving, restarting, waiting, ready as a spare.
    pub waiting: f64,
}

/// What a board draws as a share of its power limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BoardShares {
    /// Mean over a step.
    pub training: f64,
    /// With nothing to do, clocks up.
    pub waiting: f64,
}

impl ActivityPower {
    /// With factors on rating, share, network and PUE.
    fn with(&self, board: BoardShares, f: [f64; 4]) -> Kilowatts {
        let rating = self.rating_kw.value * f[0];
        let node = rating * (self.training_share.value * f[1]).min(1.0);
        let network = rating * self.network_share.value * f[2];
        let pue = (self.pue.value * f[3]).max(1.0);
        let host = self.host_share.value.min(1.0);
        let of = |share: f64| pue * (node * (host + (1.0 - host) * share.clamp(0.0, 1.0)) + network);
        Kilowatts { training: of(board.training), waiting: of(board.waiting) }
    }

    /// The middle estimate.
    pub fn middle(&self, board: BoardShares) -> Kilowatts {
        self.with(board, [1.0; 4])
    }

    /// One plausible value: each figure drawn within its band, whose ends hold what would lie beyond.
    pub fn draw(&self, board: BoardShares, stream: &mut Stream) -> Kilowatts {
        let bands = [self.rating_kw.band, self.training_share.band, self.network_share.band, self.pue.band];
        self.with(board, bands.map(|b| b.draw(stream).clamp(b.low, b.high)))
    }
}

/// kW of a node or rack over its chips, where a source rates it.
fn rated_kw(system: &System) -> Option<f64> {
    let watts = system.si("power_max").or_else(|| system.si("rack_power"))?;
    let chips = system.si("chips")?;
    (chips > 0.0).then(|| watts / 1e3 / chips)
}

/// Rated node power over chip TDP, median and range over the systems that have both.
pub fn rating_ratio(catalog: &Catalog) -> Option<OverheadRatio> {
    let rows = catalog.systems().filter_map(|s| {
        let tdp = catalog.chip(s.chip.as_ref()?).ok()?.si("tdp")?;
        let sources = s.figures.get("power_max").or_else(|| s.figures.get("rack_power"))?.main.sources.clone();
        Some((rated_kw(s)? * 1e3 / tdp, s.id.clone(), sources))
    });
    OverheadRatio::of(rows.collect())
}

/// Switches, storage and the rest over the node rating: published all-in power, without cooling at the usual PUE, less
/// the rating; median and range over the chips that have both, at least 0.
pub fn network_share(catalog: &Catalog, pue: f64) -> Option<OverheadRatio> {
    let rows = catalog.systems().filter_map(|s| {
        let all_in = catalog.all_in_kw(s.chip.as_ref()?)?;
        let share = all_in.main.value / pue / rated_kw(s)? - 1.0;
        Some((share.max(0.0), s.id.clone(), all_in.main.sources.clone()))
    });
    OverheadRatio::of(rows.collect())
}

fn derived(ratio: &OverheadRatio, basis: String) -> Known {
    let middle = ratio.ratio.max(1e-6);
    // A range that touches zero cannot be a factor: a hundredth of the middle stands for it.
    let low = ratio.range.0.max(middle / 100.0);
    Known { value: ratio.ratio, band: Band::around(low, middle, ratio.range.1), kind: Kind::Derived, basis, sources: ratio.sources.clone() }
}

/// Power by activity of a chip in a system; `None` when neither the node's rating nor the chip's TDP has a source.
///
/// `pue` replaces the catalog's.
pub fn activity_power(catalog: &Catalog, chip: &str, system: &str, pue: Option<f64>) -> Option<ActivityPower> {
    let chip = catalog.chip(chip).ok()?;
    let own = catalog.system(system).ok().filter(|s| rated_kw(s).is_some());
    let same_chip = || catalog.systems().find(|s| s.chip.as_deref() == Some(&chip.id) && rated_kw(s).is_some());
    let rating_kw = match own.or_else(same_chip) {
        Some(rated) => {
            let figure = &rated.figures.get("power_max").or_else(|| rated.figures.get("rack_power"))?.main;
            Known {
                value: rated_kw(rated)?,
                band: Band::NONE,
                kind: figure.kind,
                basis: format!(
                    "rating of {}: {} {} ({}, {})",
                    rated.id,
                    figure.value,
                    figure.unit,
                    figure.sources.join(", "),
                    figure.as_of
                ),
                sources: figure.sources.clone(),
            }
        }
        None => {
            let ratio = rating_ratio(catalog)?;
            let tdp = chip.si("tdp")?;
            let basis = format!(
                "no source rates a node of {}: its TDP of {tdp} W times {:.2}, the median of {} rated systems ({:.2} to {:.2})",
                chip.id,
                ratio.ratio,
                ratio.chips.len(),
                ratio.range.0,
                ratio.range.1
            );
            derived(&ratio, basis).times(tdp / 1e3)
        }
    };
    let usual = known(catalog, TABLE, "pue")?;
    let network = network_share(catalog, usual.value)?;
    let basis = format!(
        "median over {} of all-in power / PUE {} / node rating - 1, from {:.2} to {:.2}",
        network.chips.join(", "),
        usual.value,
        network.range.0,
        network.range.1
    );
    Some(ActivityPower {
        rating_kw,
        training_share: known(catalog, TABLE, "training-share")?,
        host_share: known(catalog, TABLE, "host-share")?,
        network_share: derived(&network, basis),
        pue: pue.map_or(usual, |p| Known::stated(p, Band::NONE)),
    })
}
