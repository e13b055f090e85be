//! The inputs of owning by name, with the bounds that keep every formula finite.

use serde::Serialize;

/// An input that a job may state, and that is sampled and varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    UnitUsd,
    Spares,
    NetworkShare,
    StorageShare,
    Installation,
    ColocationUsdPerKwMonth,
    ShellUsdPerKw,
    ShellLifeYears,
    KwPerChip,
    Pue,
    UsdPerKwh,
    Load,
    StaffUsdPerYear,
    Support,
    Rate,
    Years,
    BookYears,
    Residual,
    Goodput,
    Utilisation,
}

/// Name, unit, words for people, lowest and highest value.
type Row = (Key, &'static str, &'static str, &'static str, f64, f64);

const TABLE: [Row; 20] = [
    (Key::UnitUsd, "unit-usd", "USD", "price of a unit", 1.0, 1e10),
    (Key::Spares, "spares", "of the units", "spares", 0.0, 1.0),
    (Key::NetworkShare, "network-share", "of the cluster", "network share", 0.0, 0.6),
    (Key::StorageShare, "storage-share", "of the cluster", "storage share", 0.0, 0.3),
    (Key::Installation, "installation", "of the units", "installation", 0.0, 1.0),
    (Key::ColocationUsdPerKwMonth, "colocation-usd-per-kw-month", "USD/kW-month", "colocation", 0.0, 1e4),
    (Key::ShellUsdPerKw, "shell-usd-per-kw", "USD/kW", "shell", 0.0, 1e6),
    (Key::ShellLifeYears, "shell-life-years", "years", "life of the shell", 1.0, 100.0),
    (Key::KwPerChip, "kw-per-chip", "kW", "power per chip", 0.0, 100.0),
    (Key::Pue, "pue", "ratio", "PUE", 1.0, 5.0),
    (Key::UsdPerKwh, "usd-per-kwh", "USD/kWh", "electricity", 0.0, 10.0),
    (Key::Load, "load", "of the contracted power", "load", 0.0, 1.0),
    (Key::StaffUsdPerYear, "staff-usd-per-year", "USD/year", "staff", 0.0, 1e12),
    (Key::Support, "support", "of the units per year", "support", 0.0, 1.0),
    (Key::Rate, "rate", "per year", "cost of capital", 0.0, 1.0),
    (Key::Years, "years", "years", "years of use", 0.5, 30.0),
    (Key::BookYears, "book-years", "years", "depreciation", 0.5, 30.0),
    (Key::Residual, "residual", "of the price", "residual value", 0.0, 1.0),
    (Key::Goodput, "goodput", "of running time", "goodput", 0.01, 1.0),
    (Key::Utilisation, "utilisation", "of the hours", "utilisation", 0.01, 1.0),
];

impl Key {
    pub const ALL: [Key; TABLE.len()] = {
        let mut all = [Key::UnitUsd; TABLE.len()];
        let mut i = 0;
        while i < TABLE.len() {
            all[i] = TABLE[i].0;
            i += 1;
        }
        all
    };

    const fn row(self) -> Row {
        TABLE[self as usize]
    }

    /// As a job file spells it.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    pub const fn unit(self) -> &'static str {
        self.row().2
    }

    pub const fn words(self) -> &'static str {
        self.row().3
    }

    /// Lowest and highest value that is accepted.
    pub const fn bounds(self) -> (f64, f64) {
        (self.row().4, self.row().5)
    }

    pub fn parse(text: &str) -> Option<Key> {
        Key::ALL.into_iter().find(|k| k.name() == text)
    }
}

/// The values of all inputs, by `Key as usize`.
pub type Values = [f64; Key::ALL.len()];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_keys() {
        for (i, key) in Key::ALL.into_iter().enumerate() {
            assert_eq!(key as usize, i);
            assert_eq!(Key::parse(key.name()), Some(key));
        }
    }
}
