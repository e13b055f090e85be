//! Civil dates and instants in UTC, as whole seconds since 1970-01-01T00:00:00Z (no leap seconds).

pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;
/// Days in a contract year: clouds count 8,760 hours.
pub const YEAR_HOURS: f64 = 8760.0;

/// Days since 1970-01-01 of a date of the Gregorian calendar.
///
/// Counting years from 1 March puts the leap day last, so that a month's offset is a linear formula.
pub const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let since_march = (month + 9) % 12;
    let of_year = (153 * since_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let since_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * since_march + 2) / 5 + 1;
    let month = if since_march < 10 { since_march + 3 } else { since_march - 9 };
    (year + era * 400 + (month <= 2) as i64, month, day)
}

/// Midnight of `YYYY-MM-DD`, of the first day of `YYYY-MM`, or of 1 January of `YYYY`, as a catalog date is
/// written. `None` for anything else.
pub fn instant(date: &str) -> Option<i64> {
    if !secondsource_catalog::walk::is_date(date) {
        return None;
    }
    let mut parts = date.split('-').map(|p| p.parse::<i64>().ok());
    let year = parts.next()??;
    let month = parts.next().unwrap_or(Some(1))?;
    let day = parts.next().unwrap_or(Some(1))?;
    Some(days_from_civil(year, month, day) * DAY)
}

/// Middle of the day, month or year that a catalog date names, as a decimal year (2026.5 is early July).
pub fn middle_year(date: &str) -> Option<f64> {
    let start = instant(date)?;
    let days = match date.len() {
        4 => 365.2425,
        7 => 30.436_875,
        _ => 1.0,
    };
    Some(1970.0 + (start as f64 / DAY as f64 + days / 2.0) / 365.2425)
}

/// An instant as a decimal year.
pub fn year_of(instant: i64) -> f64 {
    1970.0 + instant as f64 / DAY as f64 / 365.2425
}

/// `2027-01-01`.
pub fn date(instant: i64) -> String {
    let (y, m, d) = civil_from_days(instant.div_euclid(DAY));
    format!("{y:04}-{m:02}-{d:02}")
}

/// `2027-01-01T11:30:00Z`.
pub fn rfc3339(instant: i64) -> String {
    let s = instant.rem_euclid(DAY);
    format!("{}T{:02}:{:02}:{:02}Z", date(instant), s / HOUR, s / 60 % 60, s % 60)
}

/// Midnight of the first day of the month of an instant, moved by so many months.
pub const fn month_start(instant: i64, shift: i64) -> i64 {
    let (y, m, _) = civil_from_days(instant.div_euclid(DAY));
    let months = y * 12 + m - 1 + shift;
    days_from_civil(months.div_euclid(12), months.rem_euclid(12) + 1, 1) * DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        // Known points, then every day from 1990 to 2101 in sequence.
        for (y, m, d, days) in [(1970, 1, 1, 0), (2000, 2, 29, 11_016), (2024, 2, 29, 19_782), (2100, 3, 1, 47_541)] {
            assert_eq!(days_from_civil(y, m, d), days);
            assert_eq!(civil_from_days(days), (y, m, d));
        }
        for days in days_from_civil(1990, 1, 1)..days_from_civil(2101, 1, 1) {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
    }

    #[test]
    fn dates_read_and_print() {
        assert_eq!(instant("2027-01-01").map(rfc3339).as_deref(), Some("2027-01-01T00:00:00Z"));
        assert_eq!(instant("2026-10").map(date).as_deref(), Some("2026-10-01"));
        assert_eq!(instant("2026-02-30"), None);
        let t = instant("2026-12-15").expect("a date");
        assert_eq!(
            (date(month_start(t, 0)), date(month_start(t, 1)), date(month_start(t, -12))),
            ("2026-12-01".into(), "2027-01-01".into(), "2025-12-01".into())
        );
        assert!((middle_year("2026-06").expect("a month") - 2026.455).abs() < 0.005);
    }
}
