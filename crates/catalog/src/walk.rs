//! Walking a TOML document by hand, so that every slip gets file, line, column and the nearest right name.

use std::cell::RefCell;

use secondsource_base::{Diagnostic, SourceText};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A text being read, and what was found wrong with it so far.
pub struct Walk<'t> {
    pub source: SourceText<'t>,
    diags: RefCell<Vec<Diagnostic>>,
}

/// A table of the document with the name it goes by in messages.
#[derive(Clone, Copy)]
pub struct Tab<'d, 't> {
    pub table: &'d DeTable<'t>,
    /// Byte offset of the table's head.
    pub at: usize,
}

impl<'t> Walk<'t> {
    pub fn new(name: &'t str, text: &'t str) -> Self {
        Walk { source: SourceText { name, text }, diags: RefCell::new(Vec::new()) }
    }

    pub fn into_diags(self) -> Vec<Diagnostic> {
        self.diags.into_inner()
    }

    pub fn push(&self, diag: Diagnostic) {
        self.diags.borrow_mut().push(diag);
    }

    pub fn error(&self, at: usize, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).at_offset(self.source, at)
    }

    pub fn fail(&self, at: usize, message: impl Into<String>) {
        self.push(self.error(at, message));
    }

    /// A value from a closed list; anything else is reported with the nearest member.
    pub fn one_of(&self, at: usize, what: &str, word: &str, allowed: &[&'static str]) -> Option<&'static str> {
        let hit = allowed.iter().find(|a| **a == word).copied();
        if hit.is_none() {
            let diag = self.error(at, format!("unknown {what} `{word}`")).suggest(word, allowed.iter().copied());
            self.push(diag.hint(format!("one of: {}", allowed.join(", "))));
        }
        hit
    }

    /// Reports every key that is not in the list.
    pub fn keys(&self, tab: Tab<'_, 't>, what: &str, allowed: &[&'static str]) {
        for key in tab.table.keys() {
            let name = key.get_ref().as_ref();
            if !allowed.contains(&name) {
                let diag = self.error(key.span().start, format!("unknown key `{name}` in {what}"));
                let diag = diag.suggest(name, allowed.iter().copied());
                self.push(diag.hint(format!("known keys: {}", allowed.join(", "))));
            }
        }
    }

    fn get<'d>(&self, tab: Tab<'d, 't>, key: &str) -> Option<&'d Spanned<DeValue<'t>>> {
        tab.table.get(key)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'t>>, want: &str) {
        let have = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date without quotation marks",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fail(value.span().start, format!("`{key}` must be {want}, not {have}"));
    }

    /// A text with its offset; absent is `None` without a message.
    pub fn text(&self, tab: Tab<'_, 't>, key: &str) -> Option<(String, usize)> {
        let value = self.get(tab, key)?;
        match value.get_ref() {
            DeValue::String(s) if s.trim().is_empty() => {
                self.fail(value.span().start, format!("`{key}` is empty: leave the key out instead"));
                None
            }
            DeValue::String(s) => Some((s.to_string(), value.span().start)),
            _ => {
                self.wrong_type(key, value, "a text in quotation marks");
                None
            }
        }
    }

    pub fn text_or_empty(&self, tab: Tab<'_, 't>, key: &str) -> String {
        self.text(tab, key).map(|t| t.0).unwrap_or_default()
    }

    /// A text that must be there.
    pub fn need(&self, tab: Tab<'_, 't>, what: &str, key: &str) -> Option<(String, usize)> {
        if self.get(tab, key).is_none() {
            self.fail(tab.at, format!("{what} has no `{key}`"));
        }
        self.text(tab, key)
    }

    /// A finite, non-negative number that must be there.
    pub fn number(&self, tab: Tab<'_, 't>, what: &str, key: &str) -> Option<(f64, usize)> {
        let Some(value) = self.get(tab, key) else {
            self.fail(tab.at, format!("{what} has no `{key}`"));
            return None;
        };
        let at = value.span().start;
        let number: Option<f64> = match value.get_ref() {
            DeValue::Integer(i) if i.radix() == 10 => i.as_str().replace('_', "").parse().ok(),
            DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
            _ => {
                self.wrong_type(key, value, "a number");
                return None;
            }
        };
        match number {
            Some(n) if n.is_finite() && n >= 0.0 && !(n == 0.0 && n.is_sign_negative()) => Some((n, at)),
            Some(n) if n < 0.0 => {
                self.fail(at, format!("`{key}` of {what} is negative"));
                None
            }
            _ => {
                self.fail(at, format!("`{key}` of {what} is not a finite decimal number"));
                None
            }
        }
    }

    /// A number within limits; absent is `None` without a message.
    pub fn number_within(&self, tab: Tab<'_, 't>, key: &str, low: f64, high: f64) -> Option<f64> {
        self.get(tab, key)?;
        let (v, at) = self.number(tab, "the file", key)?;
        if (low..=high).contains(&v) {
            Some(v)
        } else {
            self.fail(at, format!("`{key}` is {v}; it must be from {low} to {high}"));
            None
        }
    }

    /// A whole number within limits; absent is `None` without a message.
    pub fn whole_within(&self, tab: Tab<'_, 't>, key: &str, low: u64, high: u64) -> Option<u64> {
        let at = self.get(tab, key)?.span().start;
        let v = self.number_within(tab, key, low as f64, high as f64)?;
        if v.fract() != 0.0 {
            self.fail(at, format!("`{key}` is {v}; it must be a whole number"));
            return None;
        }
        Some(v as u64)
    }

    pub fn flag(&self, tab: Tab<'_, 't>, key: &str) -> bool {
        match self.get(tab, key) {
            None => false,
            Some(v) => v.get_ref().as_bool().unwrap_or_else(|| {
                self.wrong_type(key, v, "true or false");
                false
            }),
        }
    }

    /// A list of texts; absent is empty.
    pub fn texts(&self, tab: Tab<'_, 't>, key: &str) -> Vec<(String, usize)> {
        let Some(value) = self.get(tab, key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, "a list of texts");
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(s) => out.push((s.to_string(), item.span().start)),
                _ => self.wrong_type(key, item, "a list of texts"),
            }
        }
        out
    }

    /// The tables of a table (`[figure.X]`): name, offset of the name, table.
    pub fn tables<'d>(&self, tab: Tab<'d, 't>, key: &str) -> Vec<(String, usize, Tab<'d, 't>)> {
        let Some(value) = self.get(tab, key) else { return Vec::new() };
        let DeValue::Table(inner) = value.get_ref() else {
            self.wrong_type(key, value, "a table");
            return Vec::new();
        };
        let mut out = Vec::new();
        for (name, v) in inner {
            match v.get_ref() {
                DeValue::Table(t) => {
                    let at = name.span().start;
                    out.push((name.get_ref().to_string(), at, Tab { table: t, at }));
                }
                _ => self.wrong_type(name.get_ref(), v, "a table"),
            }
        }
        out.sort_by_key(|(_, at, _)| *at);
        out
    }

    /// The entries of an array of tables (`[[price]]`).
    pub fn list<'d>(&self, tab: Tab<'d, 't>, key: &str) -> Vec<Tab<'d, 't>> {
        let Some(value) = self.get(tab, key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, "an array of tables");
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(t) => out.push(Tab { table: t, at: item.span().start }),
                _ => self.wrong_type(key, item, "an array of tables"),
            }
        }
        out
    }

    /// A date as `YYYY`, `YYYY-MM` or `YYYY-MM-DD` that exists.
    pub fn date(&self, at: usize, key: &str, text: &str) -> bool {
        let good = is_date(text);
        if !good {
            self.push(self.error(at, format!("`{key}` is not a date: `{text}`")).hint("write YYYY, YYYY-MM or YYYY-MM-DD"));
        }
        good
    }
}

/// True for an existing day, month or year from 1990 to 2100.
pub fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut next = |digits: usize, low: u32, high: u32| -> Option<Option<u32>> {
        match parts.next() {
            None => Some(None),
            Some(p) if p.len() == digits && p.bytes().all(|b| b.is_ascii_digit()) => {
                let n: u32 = p.parse().ok()?;
                (low..=high).contains(&n).then_some(Some(n))
            }
            Some(_) => None,
        }
    };
    let Some(Some(year)) = next(4, 1990, 2100) else { return false };
    let Some(month) = next(2, 1, 12) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        None => return true,
        Some(4 | 6 | 9 | 11) => 30,
        Some(2) => 28 + u32::from(leap),
        Some(_) => 31,
    };
    next(2, 1, last).is_some() && parts.next().is_none()
}
