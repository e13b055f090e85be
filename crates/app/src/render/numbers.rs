//! Numbers as people read them: three significant digits, a unit, no more.

use secondsource::answer::Interval;

/// Three significant digits, without an exponent below a million billion: `1230`, `45.6`, `0.0123`.
pub fn sig3(v: f64) -> String {
    if !v.is_finite() {
        return "?".to_owned();
    }
    if v.abs() >= 1e15 || v != 0.0 && v.abs() < 1e-9 {
        return format!("{v:.2e}");
    }
    let magnitude = if v == 0.0 { 0 } else { v.abs().log10().floor() as i32 };
    let decimals = (2 - magnitude).clamp(0, 12) as usize;
    let text = format!("{v:.decimals$}");
    // 9.996 has been rounded up to 10.00: one digit too many.
    let digits = text.chars().filter(char::is_ascii_digit).skip_while(|c| *c == '0').count();
    if decimals > 0 && digits > 3 { format!("{v:.*}", decimals - 1) } else { text }
}

/// Seconds with the unit that fits: `4.56 s`, `123 ms`, `45.6 µs`.
pub fn seconds(s: f64) -> String {
    let (v, unit) = match s.abs() {
        a if a >= 1.0 || a == 0.0 => (s, "s"),
        a if a >= 1e-3 => (s * 1e3, "ms"),
        _ => (s * 1e6, "µs"),
    };
    format!("{} {unit}", sig3(v))
}

/// `4.56 s [4.20–5.10]`, all three in the unit of the middle.
pub fn seconds_interval(i: Interval) -> String {
    let (scale, unit) = match i.p50.abs() {
        a if a >= 1.0 || a == 0.0 => (1.0, "s"),
        a if a >= 1e-3 => (1e3, "ms"),
        _ => (1e6, "µs"),
    };
    format!("{} {unit} [{}–{}]", sig3(i.p50 * scale), sig3(i.p5 * scale), sig3(i.p95 * scale))
}

/// Unit in which a run of so many days is told, and its length in days.
fn run_unit(days: f64) -> (f64, &'static str) {
    match days.abs() {
        d if d >= 2.0 => (1.0, "days"),
        d if d >= 1.0 / 12.0 => (1.0 / 24.0, "hours"),
        _ => (1.0 / 1440.0, "minutes"),
    }
}

/// `27.3 days`, `7.20 hours`, `6.98 minutes`.
pub fn run_length(days: f64) -> String {
    let (unit, name) = run_unit(days);
    format!("{} {name}", sig3(days / unit))
}

/// `27.3 [20.6–36.4] days`.
pub fn run_interval(i: Interval) -> String {
    let (unit, name) = run_unit(i.p50);
    format!("{} [{}–{}] {name}", sig3(i.p50 / unit), sig3(i.p5 / unit), sig3(i.p95 / unit))
}

/// `20.6–36.4`, in the unit of [`run_length`] of the middle.
pub fn run_range(i: Interval) -> String {
    let (unit, _) = run_unit(i.p50);
    format!("{}–{}", sig3(i.p5 / unit), sig3(i.p95 / unit))
}

/// Whole numbers with separators from 100 up, three digits below.
pub fn amount(v: f64) -> String {
    if v.is_finite() && v >= 99.95 { thousands(v.round() as u64) } else { sig3(v) }
}

/// `$210M`, `$45.6k`, `$1.23B`.
pub fn usd(v: f64) -> String {
    format!("${}", short(v))
}

/// `-$1.2M` for negative amounts as well.
pub fn signed_usd(v: f64) -> String {
    if v < 0.0 { format!("-{}", usd(-v)) } else { usd(v) }
}

/// `$961,250`, whole dollars.
pub fn dollars(v: f64) -> String {
    format!("${}", thousands(v.max(0.0).round() as u64))
}

/// `$1,234,567.89`, to the cent.
pub fn cents(v: f64) -> String {
    let all = (v * 100.0).round().max(0.0) as u64;
    format!("${}.{:02}", thousands(all / 100), all % 100)
}

/// A line from `low` to `high` with a mark at `middle`, on a scale from 0 to `most`.
pub fn span(low: f64, middle: f64, high: f64, most: f64, cells: usize) -> String {
    let at = |v: f64| ((v / most).clamp(0.0, 1.0) * (cells - 1) as f64).round() as usize;
    let (a, b, c) = (at(low), at(middle), at(high));
    (0..=c)
        .map(|i| {
            if i == b {
                '●'
            } else if i < a {
                ' '
            } else {
                '─'
            }
        })
        .collect()
}

/// `405B`, `15.6T`, `8.19k`; powers of ten, B for 10^9.
pub fn short(v: f64) -> String {
    // 999,600 must become 1.00M, not 1000k.
    let table = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];
    match table.iter().find(|(scale, _)| v.abs() >= scale * 0.9995 && v.abs() < 1e18) {
        Some((scale, unit)) => format!("{}{unit}", sig3(v / scale)),
        None => sig3(v),
    }
}

/// `16,384`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A share as percent: `43.2%`.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// GiB with one decimal.
pub fn gib(v: f64) -> String {
    format!("{v:.1}")
}

/// A bar of eighth blocks, `cells` long for a share of 1.
pub fn bar(share: f64, cells: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (share.clamp(0.0, 1.0) * cells as f64 * 8.0).round() as usize;
    let mut out = "█".repeat(eighths / 8);
    match EIGHTHS.get(eighths % 8) {
        Some(c) if !eighths.is_multiple_of(8) => out.push(*c),
        _ if eighths == 0 && share > 0.0 => out.push('▏'),
        _ => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits() {
        for (v, text) in [
            (0.0, "0.00"),
            (4.5612, "4.56"),
            (45.61, "45.6"),
            (456.1, "456"),
            (4561.0, "4561"),
            (0.0123, "0.0123"),
            (9.996, "10.0"),
            (-2.5, "-2.50"),
        ] {
            assert_eq!(sig3(v), text);
        }
        assert_eq!(sig3(f64::NAN), "?");
        assert_eq!(short(1e300), "1.00e300");
        assert_eq!(short(999_600.0), "1.00M");
        assert_eq!(usd(2.1e8), "$210M");
        assert_eq!((signed_usd(-2.1e8).as_str(), cents(1_234_567.891).as_str()), ("-$210M", "$1,234,567.89"));
        assert_eq!(span(0.5, 1.0, 1.5, 2.0, 9), "  ──●──");
        assert_eq!(seconds(0.1234), "123 ms");
        assert_eq!(thousands(16384), "16,384");
        assert_eq!(thousands(123), "123");
        assert_eq!(amount(25_353.4), "25,353");
        assert_eq!(amount(0.1234), "0.123");
        assert_eq!(run_length(27.31), "27.3 days");
        assert_eq!(run_length(0.00485), "6.98 minutes");
        assert_eq!(run_interval(Interval { p5: 0.2, p50: 0.25, p95: 0.5 }), "6.00 [4.80–12.0] hours");
    }

    #[test]
    fn bars_never_vanish() {
        assert_eq!(bar(1.0, 4), "████");
        assert_eq!(bar(0.0001, 4), "▏");
        assert_eq!(bar(0.0, 4), "");
        assert_eq!(bar(0.5, 3), "█▌");
    }
}
