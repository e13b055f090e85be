//! Answers of `sell` and `run-rate` as data. docs/json.md documents each field.

pub use super::inputs::Input;
use crate::answer::Interval;
use secondsource_market::seller::{Band, BreakEven, Curve, Line, Range, SumOfBands};
use serde::Serialize;

/// One use of a generation, a chip put to it today.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UseOut {
    /// `on-demand`, `reserved`, `tokens` or `racks`.
    pub name: &'static str,
    /// What an hour of a chip brings in the first year, for uses by the hour.
    pub usd_per_chip_hour: Option<f64>,
    /// At the middle of every input; the lines add up to `total_usd`.
    pub lines: Vec<Line>,
    pub total_usd: f64,
    pub usd: Interval,
    /// `total_usd` over the facility power of the chip.
    pub usd_per_kw: f64,
}

/// One generation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChipOut {
    pub id: String,
    /// New chips over all quarters.
    pub chips: f64,
    pub kw: f64,
    pub uses: Vec<UseOut>,
    /// The best way of renting it out at the middle of every input.
    pub best_rent: Option<&'static str>,
    pub rent_usd: Option<Interval>,
    pub sell_usd: Option<Interval>,
    /// V_sell - kappa V_rent.
    pub sell_after_cannibalisation_usd: Option<Interval>,
    /// V_sell / V_rent: kappa at which a sale is worth no more than the rental that it replaces. Absent where renting
    /// loses money at the middle of every input.
    pub break_even_kappa: Option<Interval>,
    pub break_even: Option<BreakEven>,
    /// Share of scenarios in which a chip sold is worth more than a chip rented out.
    pub selling_wins: Option<f64>,
}

/// Chips put to a use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UseChips {
    pub name: &'static str,
    pub chips: f64,
}

/// Share of all new chips put to a use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UseShare {
    pub name: &'static str,
    pub share: Interval,
}

/// Worth of one more chip of a generation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChipPrice {
    pub id: String,
    pub usd: Interval,
}

/// One quarter of the allocation at the middle of every input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuarterOut {
    pub quarter: u64,
    /// New chips by use, over all generations.
    pub chips: Vec<UseChips>,
    pub idle: f64,
    pub megawatts: f64,
    pub megawatts_used: f64,
    /// Worth of one more megawatt from this quarter on, beyond what the quarters after ask for it.
    pub megawatt_price_usd: f64,
}

/// What the whole fleet does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FleetOut {
    pub value_usd: Interval,
    /// Share of all new chips by use, and of those that nobody takes.
    pub shares: Vec<UseShare>,
    pub idle: Interval,
    /// Worth of one more chip by generation, mean over its quarters.
    pub chip_price_usd: Vec<ChipPrice>,
    /// Worth of one more megawatt through all quarters.
    pub megawatt_price_usd: Interval,
    /// What selling one more chip to one more buyer gains over the best other use of it, both paying for the megawatts and
    /// rental buyers that they take up: mean over all new chips that can be sold.
    pub gain_of_selling_usd: Interval,
    /// What has a price at the middle of every input: `chips`, `megawatts`, or `buyers` when neither has.
    pub binds: Vec<&'static str>,
    pub quarters: Vec<QuarterOut>,
    /// Largest difference of dual and primal optimum over their size, over all scenarios.
    pub worst_gap: f64,
}

/// What one input moves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TornadoOut {
    pub input: String,
    pub unit: &'static str,
    pub low: f64,
    pub high: f64,
    /// `gain_of_selling_usd` with the input at its low and high value, the fleet allocated anew.
    pub gain_at_low_usd: f64,
    pub gain_at_high_usd: f64,
    /// Share of new chips that the allocation sells.
    pub sold_at_low: f64,
    pub sold_at_high: f64,
    /// Whether the gain changes its sign between the two, and the value at which they do.
    pub flips: bool,
    pub flips_at: Option<f64>,
}

/// Answer of `sell`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SellAnswer {
    pub name: String,
    pub quarters: u64,
    pub scenarios: u64,
    pub seed: u64,
    /// `rent`, `sell` or `both`: what the allocation does at the middle of every input.
    pub choice: &'static str,
    pub chips: Vec<ChipOut>,
    pub fleet: FleetOut,
    pub tornado: Vec<TornadoOut>,
    pub inputs: Vec<Input>,
    pub notes: Vec<String>,
}

/// A quarter of a company, four times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuarterRate {
    pub series: String,
    pub start: String,
    pub end: String,
    pub quarter_usd: f64,
    pub annualised_usd: f64,
    pub qualifier: String,
    pub source: String,
}

/// The price per chip that one value of the other revenue leaves; absent where the rest is more than all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriceWith {
    pub other_usd: f64,
    pub usd_per_chip: Option<f64>,
}

/// A number of chips with the price that the stated sum asks of each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Combination {
    pub chips: f64,
    pub prices: Vec<PriceWith>,
    /// Bands that this number of chips lies beyond.
    pub beyond: Vec<String>,
}

/// Answer of `run-rate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRateAnswer {
    pub total_usd: f64,
    pub total_origin: String,
    pub combinations: Vec<Combination>,
    pub curves: Vec<Curve>,
    pub bands: Vec<Band>,
    pub chips: Range,
    pub price_usd: Range,
    pub other_usd: Range,
    pub band_origins: Vec<String>,
    /// What the bands allow.
    pub allowed: SumOfBands,
    pub filings: Vec<QuarterRate>,
    pub statements: Vec<String>,
}
