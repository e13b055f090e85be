//! Quantities as they are typed on the command line. Errors name the flag.

use secondsource::{Diagnostic, quantity};

/// Names the flag in front of a diagnostic of the facade.
pub fn of_flag(flag: &str, d: Diagnostic) -> Diagnostic {
    Diagnostic { message: format!("{flag}: {}", d.message), ..d }
}

/// `15.6T`, `1e12`, `40M`, `$40M`.
pub fn count(flag: &str, word: &str) -> Result<f64, Diagnostic> {
    let bare = word.trim().trim_start_matches('$');
    quantity::parse_count(bare).filter(|v| *v > 0.0 && v.is_finite()).ok_or_else(|| {
        Diagnostic::error(format!("{flag}: `{word}` is not a count above zero"))
            .hint("for example 4096, 15.6e12, 15.6T or 40M (k, M, G or B, T, P are powers of ten)")
    })
}

/// Days: `90d`, `12w`, `36h`, or a bare number of days.
pub fn days(flag: &str, word: &str) -> Result<f64, Diagnostic> {
    let t = word.trim();
    let (number, scale) = match t.chars().last() {
        Some('d') => (&t[..t.len() - 1], 1.0),
        Some('w') => (&t[..t.len() - 1], 7.0),
        Some('h') => (&t[..t.len() - 1], 1.0 / 24.0),
        _ => (t, 1.0),
    };
    let parsed = number.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0);
    parsed.map(|v| v * scale).ok_or_else(|| {
        Diagnostic::error(format!("{flag}: `{word}` is not a time above zero"))
            .hint("for example 90d, 12w or 36h; a bare number means days")
    })
}

/// Seconds: `50ms`, `2s`, `800us`, or a bare number of seconds.
pub fn seconds(flag: &str, word: &str) -> Result<f64, Diagnostic> {
    let t = word.trim();
    let units = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0)];
    let (number, scale) = units.iter().find_map(|(u, s)| t.strip_suffix(u).map(|n| (n, *s))).unwrap_or((t, 1.0));
    let parsed = number.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0);
    parsed.map(|v| v * scale).ok_or_else(|| {
        Diagnostic::error(format!("{flag}: `{word}` is not a time above zero")).hint("for example 50ms or 2s; a bare number means seconds")
    })
}

/// A whole number above zero; `_` and `,` may group digits.
pub fn whole(flag: &str, word: &str) -> Result<u64, Diagnostic> {
    let digits: String = word.trim().chars().filter(|c| !matches!(c, '_' | ',')).collect();
    digits.parse::<u64>().ok().filter(|v| *v > 0).ok_or_else(|| {
        Diagnostic::error(format!("{flag}: `{word}` is not a whole number above zero"))
            .hint("for example 8192; there are no suffixes here, because 8k would be 8000 to some and 8192 to others")
    })
}

/// The same, from `low` to `high`.
pub fn whole_within(flag: &str, word: &str, low: u64, high: u64) -> Result<u64, Diagnostic> {
    match whole(flag, word)? {
        v if (low..=high).contains(&v) => Ok(v),
        v => Err(Diagnostic::error(format!("{flag} is {v}; it must be from {low} to {high}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_take_units() {
        assert_eq!(days("--within", "90d"), Ok(90.0));
        assert_eq!(days("--within", "2w"), Ok(14.0));
        assert_eq!(days("--within", "36h"), Ok(1.5));
        assert_eq!(days("--within", "7"), Ok(7.0));
        for bad in ["", "d", "-1d", "NaN", "inf", "0", "90x", "é"] {
            assert!(days("--within", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seconds_take_units() {
        assert_eq!(seconds("--latency", "50ms"), Ok(0.05));
        assert_eq!(seconds("--latency", "2s"), Ok(2.0));
        assert_eq!(seconds("--latency", "0.5"), Ok(0.5));
        for bad in ["", "ms", "-1s", "NaN", "0", "5m"] {
            assert!(seconds("--latency", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn whole_numbers_have_no_suffix() {
        assert_eq!(whole("--seq", "16_384"), Ok(16384));
        assert_eq!(whole("--seq", "16,384"), Ok(16384));
        for bad in ["8k", "0", "-4", "", "1.5", "99999999999999999999"] {
            assert!(whole("--seq", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_take_a_dollar_sign() {
        assert_eq!(count("--budget", "$40M"), Ok(40e6));
        assert!(count("--budget", "0").is_err());
        assert!(count("--tokens", "NaN").is_err());
    }
}
