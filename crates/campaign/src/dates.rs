//! Days of the Gregorian calendar, for saying when a campaign ends.

/// Days since 1970-01-01 of `YYYY-MM-DD`; `None` for a day that does not exist or lies outside 1990 to 2100.
pub fn day_number(text: &str) -> Option<i64> {
    if text.len() != 10 || !secondsource_catalog::walk::is_date(text) {
        return None;
    }
    let mut parts = text.split('-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // Years that begin in March make February the last month (Hinnant, "chrono-compatible low-level date algorithms").
    let y = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// `YYYY-MM-DD` of so many days after 1970-01-01.
pub fn day_text(days: i64) -> String {
    let z = days + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day on which something ends that starts at the beginning of a day and takes so many days.
pub fn after(start: &str, days: f64) -> Option<String> {
    let first = day_number(start)?;
    (days.is_finite() && (0.0..1e7).contains(&days)).then(|| day_text(first + days as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_there_and_back() {
        assert_eq!(day_number("1970-01-01"), None);
        assert_eq!(day_number("2000-03-01"), Some(11_017));
        for (text, days, end) in [
            ("2027-01-04", 0.9, "2027-01-04"),
            ("2028-02-28", 2.0, "2028-03-01"),
            ("2026-12-31", 365.5, "2027-12-31"),
            ("2099-12-31", 1.0, "2100-01-01"),
        ] {
            assert_eq!(after(text, days).as_deref(), Some(end));
            assert_eq!(day_text(day_number(text).expect("a day")), text);
        }
        for bad in ["2027-02-29", "2027-1-4", "2027", "today", ""] {
            assert_eq!(day_number(bad), None, "{bad}");
        }
    }
}
