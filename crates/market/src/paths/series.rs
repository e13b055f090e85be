//! Series of rental prices, one basis each, out of the catalog.

use secondsource_catalog::Catalog;
use serde::Serialize;

use crate::calendar;

/// One observation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Decimal year of the middle of its date.
    pub year: f64,
    pub date: String,
    pub usd_per_chip_hour: f64,
    /// Price pages or entries behind it.
    pub pages: usize,
}

/// Prices of the same thing under the same terms, in time order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    pub name: String,
    pub points: Vec<Point>,
    pub sources: Vec<String>,
}

/// Clouds whose list prices are not those of the neocloud market: they stand still for years.
const NOT_NEOCLOUDS: [&str; 4] = ["Amazon Web Services", "Microsoft Azure", "Google Cloud", "Oracle Cloud"];

/// The series of H100 that the price process is estimated from, up to and including the date `as_of` (decimal year).
///
/// 1. Median on-demand list price of the neoclouds by quarter, all H100 variants (archived pages, 2023 to 2025).
/// 2. One-year contracts (survey).
/// 3. AWS capacity blocks of p5; of several regions on one date the dearest, which is the US price.
pub fn h100_series(catalog: &Catalog, as_of: f64) -> Vec<Series> {
    let mut all = vec![neocloud_medians(catalog)];
    for (basis, name, family) in [("contract-1y", "one-year contract", ""), ("capacity-block", "AWS capacity block, p5", "p5 ")] {
        let mut points: Vec<Point> = Vec::new();
        let mut sources: Vec<String> = Vec::new();
        for p in catalog.prices_of("h100-sxm").filter(|p| p.basis == basis && p.item.starts_with(family)) {
            let (Some(usd), Some(year)) = (p.per_chip_hour, calendar::middle_year(&p.date)) else { continue };
            sources.extend(p.sources.iter().cloned());
            match points.iter_mut().find(|q| q.date == p.date) {
                Some(q) => {
                    q.usd_per_chip_hour = q.usd_per_chip_hour.max(usd);
                    q.pages += 1;
                }
                None => points.push(Point { year, date: p.date.clone(), usd_per_chip_hour: usd, pages: 1 }),
            }
        }
        all.push(Series { name: name.to_owned(), points, sources });
    }
    for s in &mut all {
        s.points.retain(|p| p.year <= as_of && p.usd_per_chip_hour > 0.0);
        s.points.sort_by(|a, b| a.year.total_cmp(&b.year));
        s.sources.sort();
        s.sources.dedup();
    }
    all.retain(|s| !s.points.is_empty());
    all
}

/// Median by quarter, dated at the middle of the quarter.
fn neocloud_medians(catalog: &Catalog) -> Series {
    let mut quarters: Vec<(String, f64, Vec<f64>)> = Vec::new();
    let rows = catalog.history().iter().filter(|r| r.name.contains("H100") && !NOT_NEOCLOUDS.contains(&r.provider.as_str()));
    for r in rows {
        let (Some(usd), Some(at)) = (r.on_demand_usd_per_chip_h, calendar::instant(&r.date)) else { continue };
        let (year, month, _) = calendar::civil_from_days(at.div_euclid(calendar::DAY));
        let quarter = (month - 1) / 3;
        let key = format!("{year}Q{}", quarter + 1);
        match quarters.iter_mut().find(|(k, _, _)| *k == key) {
            Some((_, _, list)) => list.push(usd),
            None => quarters.push((key, year as f64 + (quarter as f64 + 0.5) / 4.0, vec![usd])),
        }
    }
    let points = quarters.into_iter().map(|(date, year, mut list)| {
        list.sort_by(f64::total_cmp);
        let (n, half) = (list.len(), list.len() / 2);
        let median = if n % 2 == 1 { list[half] } else { f64::midpoint(list[half - 1], list[half]) };
        Point { year, date, usd_per_chip_hour: median, pages: n }
    });
    Series { name: "median neocloud list price".to_owned(), points: points.collect(), sources: vec!["EPOCH-PRICE".to_owned()] }
}
