//! Values of a job file that TOML has no type for: counts with suffixes, ranges, dates as months.

use super::read::MOST_MONTHS;
use secondsource_base::quantity;
use secondsource_catalog::walk::{Tab, Walk};
use secondsource_market::calendar::{self, DAY};
use secondsource_market::contract::Range;
use toml::Spanned;
use toml::de::DeValue;

/// Days of a month that is a twelfth of 8,760 hours.
const MONTH_DAYS: f64 = 8760.0 / 12.0 / 24.0;

#[derive(Clone, Copy)]
pub(super) struct Cells<'w, 't> {
    pub walk: &'w Walk<'t>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Cells<'_, 't> {
    /// A table `[key]`; absent is `None`.
    pub fn table<'d>(&self, tab: Tab<'d, 't>, key: &str) -> Option<Tab<'d, 't>> {
        let value = tab.table.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Tab { table, at: value.span().start }),
            _ => {
                self.walk.fail(value.span().start, format!("`{key}` must be a table"));
                None
            }
        }
    }

    fn plain(value: &Value<'t>) -> Option<f64> {
        match value.get_ref() {
            DeValue::Integer(i) if i.radix() == 10 => i.as_str().replace('_', "").parse().ok(),
            DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
            _ => None,
        }
    }

    fn within(&self, value: &Value<'t>, key: &str, number: Option<f64>, low: f64, high: f64) -> Option<f64> {
        match number {
            Some(n) if n >= low && n <= high => Some(n),
            Some(n) if n.is_finite() => {
                self.walk.fail(value.span().start, format!("`{key}` is {n}; it must be from {low} to {high}"));
                None
            }
            _ => {
                self.walk.fail(value.span().start, format!("`{key}` must be a number from {low} to {high}"));
                None
            }
        }
    }

    pub fn number(&self, tab: Tab<'_, 't>, key: &str, low: f64, high: f64) -> Option<f64> {
        let value = tab.table.get(key)?;
        self.within(value, key, Self::plain(value), low, high)
    }

    pub fn whole(&self, tab: Tab<'_, 't>, key: &str, low: f64, high: f64) -> Option<u64> {
        let n = self.number(tab, key, low, high)?;
        if n.fract() != 0.0 {
            let at = tab.table.get(key).map_or(tab.at, |v| v.span().start);
            self.walk.fail(at, format!("`{key}` is {n}; it must be a whole number"));
            return None;
        }
        Some(n as u64)
    }

    fn counted(value: &Value<'t>) -> Option<f64> {
        match value.get_ref() {
            DeValue::String(s) => quantity::parse_count(s.trim().trim_start_matches('$')),
            _ => Self::plain(value),
        }
    }

    /// `2000000`, `2e6` or `"2M"`.
    pub fn count(&self, tab: Tab<'_, 't>, key: &str, high: f64) -> Option<f64> {
        let value = tab.table.get(key)?;
        match Self::counted(value) {
            Some(n) if n > 0.0 && n <= high => Some(n),
            _ => {
                let d = self.walk.error(value.span().start, format!("`{key}` must be a count above zero"));
                self.walk.push(d.hint("for example 2000000, 2e6 or \"2M\""));
                None
            }
        }
    }

    /// As [`Cells::count`], but 0 is one too.
    pub fn amount(&self, tab: Tab<'_, 't>, key: &str, high: f64) -> Option<f64> {
        let value = tab.table.get(key)?;
        match Self::counted(value) {
            Some(n) if n >= 0.0 && n <= high => Some(n),
            _ => {
                let d = self.walk.error(value.span().start, format!("`{key}` must be an amount of 0 or more"));
                self.walk.push(d.hint("for example 0, 2e6 or \"2M\""));
                None
            }
        }
    }

    /// A number, or `[low, middle, high]`.
    pub fn range(&self, tab: Tab<'_, 't>, key: &str, low: f64, high: f64) -> Option<Range> {
        let value = tab.table.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return Some(Range::exactly(self.within(value, key, Self::counted(value), low, high)?));
        };
        let numbers: Vec<f64> = items.iter().filter_map(|v| self.within(v, key, Self::counted(v), low, high)).collect();
        self.triple(value, key, items.len(), &numbers)
    }

    fn triple(&self, value: &Value<'t>, key: &str, given: usize, numbers: &[f64]) -> Option<Range> {
        match (given, numbers) {
            (3, [a, b, c]) if a <= b && b <= c => Some(Range { low: *a, mid: *b, high: *c }),
            // Something else has been said about one of the three.
            (3, n) if n.len() < 3 => None,
            _ => {
                let d = self.walk.error(value.span().start, format!("`{key}` must be one value, or [low, middle, high] in rising order"));
                self.walk.push(d);
                None
            }
        }
    }

    /// Every key of a table as a range above or at 0.
    pub fn ranges(&self, tab: Tab<'_, 't>, key: &str) -> Vec<(String, Range, usize)> {
        let Some(table) = self.table(tab, key) else { return Vec::new() };
        let mut out: Vec<(String, Range, usize)> = table
            .table
            .keys()
            .filter_map(|k| {
                let name = k.get_ref().to_string();
                Some((name.clone(), self.range(table, &name, 0.0, 1e12)?, k.span().start))
            })
            .collect();
        out.sort_by_key(|(_, _, at)| *at);
        out
    }

    fn months(&self, value: &Value<'t>, key: &str, today: i64) -> Option<f64> {
        let months = match value.get_ref() {
            DeValue::String(s) => {
                if !self.walk.date(value.span().start, key, s) {
                    return None;
                }
                let days = (calendar::instant(s)? - today) as f64 / DAY as f64;
                if days < 0.0 {
                    self.walk.fail(value.span().start, format!("`{key}` is before the day of the decision, {}", calendar::date(today)));
                    return None;
                }
                Some(days / MONTH_DAYS)
            }
            _ => Self::plain(value),
        };
        match months {
            Some(m) if (0.0..=MOST_MONTHS).contains(&m) => Some(m),
            _ => {
                let d = self.walk.error(value.span().start, format!("`{key}` must be a date or a number of months up to {MOST_MONTHS}"));
                self.walk.push(d.hint("for example \"2027-03\" or 4"));
                None
            }
        }
    }

    /// A date or a number of months, as months after `today`.
    pub fn moment(&self, tab: Tab<'_, 't>, key: &str, today: i64) -> Option<f64> {
        self.months(tab.table.get(key)?, key, today)
    }

    /// One moment, or `[early, likely, late]`.
    pub fn moments(&self, tab: Tab<'_, 't>, key: &str, today: i64) -> Option<Range> {
        let value = tab.table.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return Some(Range::exactly(self.months(value, key, today)?));
        };
        let numbers: Vec<f64> = items.iter().filter_map(|v| self.months(v, key, today)).collect();
        self.triple(value, key, items.len(), &numbers)
    }
}
