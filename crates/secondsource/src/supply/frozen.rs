//! BT30, the frozen forecast: what was known on a day, intervals for the next two quarters, and the score.

use super::figures::Reader;
use secondsource_base::Diagnostic;
use secondsource_catalog::Statement;
use secondsource_market::calendar::{DAY, instant};
use secondsource_market::supply::forecast::{Ahead, Dated, ahead};
use serde::Serialize;

/// The day on which inputs are frozen, and the series that are forecast: (name in the catalog, words).
pub const FROZEN: &str = "2026-05-20";
pub const SERIES: [(&str, &str); 4] = [
    ("nvidia-revenue", "NVIDIA, revenue of the quarter"),
    ("nvidia-data-centre-revenue", "NVIDIA, data-centre revenue of the quarter"),
    ("aws-revenue", "AWS, revenue of the quarter"),
    ("aws-backlog", "AWS, backlog at the end of the quarter"),
];

/// One quarter of one series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    pub series: &'static str,
    pub what: &'static str,
    /// Last day of the last quarter that was known, and when that was published.
    pub known_until: String,
    pub published: String,
    #[serde(flatten)]
    pub ahead: Ahead,
    /// What came, published after the frozen day; absent where it was not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_published: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<bool>,
}

fn day(date: &str) -> Option<i64> {
    instant(date).map(|t| t / DAY)
}

/// A statement of what happened: guidance and forecasts are not.
fn happened(s: &Statement) -> bool {
    !["guidance", "forecast"].iter().any(|w| s.qualifier.starts_with(w))
}

/// A row of a series with its dates. Values are plain dollars.
fn dated(s: &Statement) -> Option<Dated> {
    Some(Dated { end: day(&s.end)?, value: s.plain(), as_of: day(&s.as_of)? })
}

/// Intervals of all series from what was published by `today`, and what came of them. The forecast sees only rows that
/// [`secondsource_market::supply::forecast::known`] lets through; the rest of the series is looked at afterwards, to score.
pub fn frozen(reader: &Reader<'_>, today: &str) -> Result<Vec<Forecast>, Diagnostic> {
    let Some(now) = day(today) else { return Err(Diagnostic::error(format!("`{today}` is not a date"))) };
    let mut out = Vec::new();
    for (series, what) in SERIES {
        let rows: Vec<(&Statement, Dated)> =
            reader.catalog.series(series).filter(|s| happened(s)).filter_map(|s| dated(s).map(|d| (s, d))).collect();
        let all: Vec<Dated> = rows.iter().map(|(_, d)| *d).collect();
        let Some(steps) = ahead(&all, now, 2) else { continue };
        let Some((last, _)) = rows.iter().filter(|(_, d)| d.as_of <= now).max_by_key(|(_, d)| d.end) else { continue };
        let later: Vec<&(&Statement, Dated)> = rows.iter().filter(|(_, d)| d.as_of > now).collect();
        for (i, step) in steps.into_iter().enumerate() {
            let came = later.get(i);
            let actual = came.map(|(_, d)| d.value);
            out.push(Forecast {
                series,
                what,
                known_until: last.end.clone(),
                published: last.as_of.clone(),
                inside: actual.map(|a| (step.p10..=step.p90).contains(&a)),
                actual,
                actual_published: came.map(|(s, _)| s.as_of.clone()),
                ahead: step,
            });
        }
    }
    Ok(out)
}
