//! The chain from wafer to rack as plain data. Quarters count from the first one shown; `warm` more run before it, so that the
//! pipeline is full when the first one begins.
//!
//! Never here: names of chips, foundries or customers that mean something. Whoever builds a chain has turned them into rows.

use secondsource_base::random::{Stream, Z95};
use serde::Serialize;

use super::allocate::Rule;
use super::share::{Record, middle_shares, shares};
use super::yields::Harvest;
use crate::seller::Range;

/// What a line makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Wafers started; dies come out.
    Wafers,
    /// Memory that is ready to be packaged.
    Memory,
    /// Packages started.
    Packaging,
    /// Chips built into racks.
    Rack,
}

/// A duration in days: 5% below `low`, 5% above `high`, lognormal; equal ends are exact.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Days {
    pub low: f64,
    pub high: f64,
}

impl Days {
    pub const NONE: Days = Days { low: 0.0, high: 0.0 };

    /// Days at a standard normal score.
    pub fn at(&self, z: f64) -> f64 {
        if self.low <= 0.0 {
            // From nothing: half a normal distribution, 5% above `high`.
            return (self.high * z.abs() / 1.959_963_984_540_054).max(0.0);
        }
        libm::sqrt(self.low * self.high) * libm::pow(self.high / self.low, z / (2.0 * Z95))
    }

    pub fn middle(&self) -> f64 {
        libm::sqrt(self.low * self.high)
    }
}

/// Something whose capacity is shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: String,
    pub stage: Stage,
    /// Per quarter, warm-up first. One standard normal score moves all quarters of a line together.
    pub capacity: Vec<Range>,
    /// Whose line it is, of [`Chain::makers`]: lines of one maker share a shock. `None`: it moves by itself.
    pub maker: Option<usize>,
    /// From start to output.
    pub days: Days,
    /// Defects per cm2, for wafers.
    pub defects: Option<Range>,
    /// Suppliers of record from a quarter (warm-up first) on. Empty: shares as the orders are.
    pub records: Vec<(usize, Vec<Record>)>,
}

/// How much of a line one started package takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// So much.
    Stated(Range),
    /// One over this: packages per wafer.
    PerPiece(Range),
    /// Wafers: dies over gross dies and yield.
    Dies {
        dies: f64,
        /// mm2 of one.
        area: Range,
        /// Gross dies per wafer at rising areas.
        gross: Vec<(f64, f64)>,
        /// Share of the die that is repeated cores, cores, and how many must work.
        cores: (f64, u32, u32),
    },
}

impl Amount {
    fn middle(&self, defects: f64) -> f64 {
        self.with(&mut |r| r.middle, defects)
    }

    fn draw(&self, stream: &mut Stream, defects: f64) -> f64 {
        self.with(&mut |r| r.at(stream.normal()).clamp(0.5 * r.low, 2.0 * r.high), defects)
    }

    fn with(&self, of: &mut dyn FnMut(&Range) -> f64, defects: f64) -> f64 {
        match self {
            Amount::Stated(r) => of(r).max(0.0),
            Amount::PerPiece(r) => 1.0 / of(r).max(1e-6),
            Amount::Dies { dies, area, gross, cores } => {
                let area = of(area).max(1.0);
                let (share, n, k) = *cores;
                let good = Harvest { area, cores_share: share, cores: n, needed: k }.share_good(defects);
                dies / (line_through(gross, area) * good).max(1e-6)
            }
        }
    }
}

/// Piecewise linear between points of rising x, flat outside; zero for none.
pub fn line_through(points: &[(f64, f64)], x: f64) -> f64 {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0.0 };
    if x <= first.0 {
        return first.1;
    }
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if x <= x1 {
            return if x1 > x0 { y0 + (y1 - y0) * (x - x0) / (x1 - x0) } else { y1 };
        }
    }
    last.1
}

/// A chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    pub name: String,
    pub customer: usize,
    /// Chips wanted out of the rack line per quarter, warm-up first. One score moves all quarters of a product together.
    pub orders: Vec<Range>,
    /// (line, amount per started package).
    pub needs: Vec<(usize, Amount)>,
    /// Good over started packages.
    pub yields: Range,
    /// From tested package to rack.
    pub integration: Days,
    /// After the rack line: shipping, site... in order.
    pub after: Vec<(String, Days)>,
}

/// Who runs lines that rise and fall together.
#[derive(Debug, Clone, PartialEq)]
pub struct Maker {
    pub name: String,
    /// Correlation of the capacities of its lines, 0 to 1; drawn for each scenario.
    pub together: Range,
}

/// A customer and its class under [`Rule::Priority`].
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    pub name: String,
    pub class: u32,
}

/// Everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// First day of the first quarter shown, as an instant.
    pub start: i64,
    pub quarters: usize,
    pub warm: usize,
    pub customers: Vec<Customer>,
    pub makers: Vec<Maker>,
    pub lines: Vec<Line>,
    pub products: Vec<Product>,
    pub rule: Rule,
    /// Part of an order that was not served and waits for the next quarter.
    pub carry: f64,
    /// Correlation of the orders of all products, 0 to 1; drawn for each scenario.
    pub orders_together: Range,
}

impl Chain {
    pub fn all(&self) -> usize {
        self.quarters + self.warm
    }

    /// Whether all rows have the sizes that the head promises and all numbers are usable. The reason if not.
    ///
    /// # Errors
    /// Words.
    pub fn check(&self) -> Result<(), String> {
        let n = self.all();
        if self.quarters == 0 || n > 400 || self.products.is_empty() || self.products.len() > 200 || self.customers.is_empty() {
            return Err("a chain needs 1 to 400 quarters, 1 to 200 products and a customer".to_owned());
        }
        let good =
            |r: &Range| [r.low, r.middle, r.high].iter().all(|v| (0.0..=1e15).contains(v)) && r.low <= r.middle && r.middle <= r.high;
        let days = |d: &Days| 0.0 <= d.low && d.low <= d.high && d.high <= 3650.0;
        let share = |r: &Range| good(r) && r.high <= 1.0;
        if !share(&self.orders_together) || !self.makers.iter().all(|m| share(&m.together)) {
            return Err("a correlation is from 0 to 1".to_owned());
        }
        for l in &self.lines {
            if l.maker.is_some_and(|m| m >= self.makers.len()) {
                return Err(format!("line {}: a maker that is not there", l.name));
            }
            if l.capacity.len() != n || !l.capacity.iter().all(good) || !days(&l.days) || l.defects.as_ref().is_some_and(|d| !good(d)) {
                return Err(format!("line {}: capacity, days or defects", l.name));
            }
            if l.records
                .iter()
                .flat_map(|(_, r)| r)
                .any(|r| !good(&r.share) || r.to.iter().any(|(c, p)| *c >= self.customers.len() || !good(p)))
            {
                return Err(format!("line {}: shares", l.name));
            }
        }
        for p in &self.products {
            let whole = p.customer < self.customers.len() && p.orders.len() == n && p.orders.iter().all(good) && good(&p.yields);
            if !whole || !days(&p.integration) || !p.after.iter().all(|(_, d)| days(d)) || p.yields.high > 1.0 || p.yields.low <= 0.0 {
                return Err(format!("product {}: customer, orders, yields or days", p.name));
            }
            if p.needs.iter().any(|(l, _)| *l >= self.lines.len()) {
                return Err(format!("product {}: a line that is not there", p.name));
            }
        }
        if (0.0..=1.0).contains(&self.carry) { Ok(()) } else { Err("carry must be a share".to_owned()) }
    }
}

/// What several scores share in a scenario.
#[derive(Debug, Clone, Copy)]
struct Shock {
    score: f64,
    /// Correlation of any two that share it.
    together: f64,
}

impl Shock {
    fn draw(together: &Range, stream: &mut Stream) -> Shock {
        let score = stream.normal();
        Shock { score, together: together.at(stream.normal()).clamp(0.0, 1.0) }
    }

    /// A score of its own with the shared one in it: standard normal again.
    fn with(self, own: f64) -> f64 {
        libm::sqrt(self.together) * self.score + libm::sqrt(1.0 - self.together) * own
    }
}

/// One world: every uncertain number of a chain at one value.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// `[line][quarter]`.
    pub capacity: Vec<Vec<f64>>,
    /// Days from start to output, per line.
    pub days: Vec<f64>,
    /// `[product][quarter]`: chips wanted out of the rack line.
    pub orders: Vec<Vec<f64>>,
    /// `[product]`: (line, amount per started package).
    pub needs: Vec<Vec<(usize, f64)>>,
    pub yields: Vec<f64>,
    pub integration: Vec<f64>,
    /// `[product][stage after the rack line]`.
    pub after: Vec<Vec<f64>>,
    /// `[line]`: (from quarter, shares by customer); empty where the line has no records.
    pub shares: Vec<Vec<(usize, Vec<f64>)>>,
}

impl Chain {
    /// All at the middle.
    pub fn middle(&self) -> World {
        let customers = self.customers.len();
        let defects: Vec<f64> = self.lines.iter().map(|l| l.defects.map_or(0.0, |d| d.middle)).collect();
        World {
            capacity: self.lines.iter().map(|l| l.capacity.iter().map(|c| c.middle).collect()).collect(),
            days: self.lines.iter().map(|l| l.days.middle()).collect(),
            orders: self.products.iter().map(|p| p.orders.iter().map(|o| o.middle).collect()).collect(),
            needs: self.products.iter().map(|p| p.needs.iter().map(|(l, a)| (*l, a.middle(defects[*l]))).collect()).collect(),
            yields: self.products.iter().map(|p| p.yields.middle).collect(),
            integration: self.products.iter().map(|p| p.integration.middle()).collect(),
            after: self.products.iter().map(|p| p.after.iter().map(|(_, d)| d.middle()).collect()).collect(),
            shares: self.lines.iter().map(|l| l.records.iter().map(|(q, r)| (*q, middle_shares(r, customers))).collect()).collect(),
        }
    }

    /// Scenario `index` of a seed.
    pub fn draw(&self, seed: u64, index: u64) -> World {
        let s = &mut Stream::numbered(seed, "supply chain", index);
        let customers = self.customers.len();
        let row = |ranges: &[Range], z: f64| -> Vec<f64> { ranges.iter().map(|r| r.at(z).max(0.0)).collect() };
        // Drawn from a stream of their own: what is not shared is the same with and without them.
        let common = &mut Stream::numbered(seed, "common shocks", index);
        let boom = Shock::draw(&self.orders_together, common);
        let shocks: Vec<Shock> = self.makers.iter().map(|m| Shock::draw(&m.together, common)).collect();
        let shared = |l: &Line, own: f64| l.maker.map_or(own, |m| shocks[m].with(own));
        let capacity = self.lines.iter().map(|l| row(&l.capacity, shared(l, s.normal()))).collect();
        let days = self.lines.iter().map(|l| l.days.at(s.normal())).collect();
        let defects: Vec<f64> = self.lines.iter().map(|l| l.defects.map_or(0.0, |d| d.at(s.normal()).max(0.0))).collect();
        let orders = self.products.iter().map(|p| row(&p.orders, boom.with(s.normal()))).collect();
        let needs = self.products.iter().map(|p| p.needs.iter().map(|(l, a)| (*l, a.draw(s, defects[*l]))).collect()).collect();
        let yields = self.products.iter().map(|p| p.yields.at(s.normal()).clamp(0.01, 1.0)).collect();
        let integration = self.products.iter().map(|p| p.integration.at(s.normal())).collect();
        let after = self.products.iter().map(|p| p.after.iter().map(|(_, d)| d.at(s.normal())).collect()).collect();
        let shares = self.lines.iter().map(|l| l.records.iter().map(|(q, r)| (*q, shares(r, customers, s))).collect()).collect();
        World { capacity, days, orders, needs, yields, integration, after, shares }
    }
}
