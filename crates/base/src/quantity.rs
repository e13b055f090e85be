//! Parsing and printing of quantities. GB is 10^9 bytes, GiB is 2^30. Bandwidths are bytes per second.

pub const GIB: f64 = (1u64 << 30) as f64;
pub const MIB: f64 = (1u64 << 20) as f64;

/// What a unit measures, and how many base units (byte, FLOP/s, byte/s, watt, second, USD...) one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    Bytes,
    BytesPerSecond,
    FlopPerSecond,
    Watts,
    Seconds,
    Other,
}

/// Scale of a unit as it is spelt in the catalog, or `None` when it is not one we convert.
///
/// `Gbit/s` and `GB/s` differ by eight here, in one place, and nowhere else.
pub fn unit_scale(unit: &str) -> Option<(Dimension, f64)> {
    use Dimension::*;
    Some(match unit {
        "B" => (Bytes, 1.0),
        "KiB" => (Bytes, 1024.0),
        "MB" => (Bytes, 1e6),
        "MiB" => (Bytes, MIB),
        "GB" => (Bytes, 1e9),
        "GiB" => (Bytes, GIB),
        "TB" => (Bytes, 1e12),
        "GB/s" => (BytesPerSecond, 1e9),
        "GiB/s" => (BytesPerSecond, GIB),
        "TB/s" => (BytesPerSecond, 1e12),
        "Gbit/s" => (BytesPerSecond, 1e9 / 8.0),
        "Tbit/s" => (BytesPerSecond, 1e12 / 8.0),
        "Pbit/s" => (BytesPerSecond, 1e15 / 8.0),
        "TFLOP/s" | "TOP/s" => (FlopPerSecond, 1e12),
        "PFLOP/s" => (FlopPerSecond, 1e15),
        "W" => (Watts, 1.0),
        "kW" => (Watts, 1e3),
        "us" => (Seconds, 1e-6),
        "ms" => (Seconds, 1e-3),
        "s" => (Seconds, 1.0),
        _ => return None,
    })
}

/// Parses counts such as `15.6T`, `8k`, `1e12`, `4096` (k, M, G or B, T, P; powers of ten). `None` for
/// anything else, for negatives, NaN and infinities.
pub fn parse_count(text: &str) -> Option<f64> {
    let t = text.trim().replace('_', "");
    let (number, scale) = match t.chars().last()? {
        'k' | 'K' => (&t[..t.len() - 1], 1e3),
        'm' | 'M' => (&t[..t.len() - 1], 1e6),
        'g' | 'G' | 'b' | 'B' => (&t[..t.len() - 1], 1e9),
        't' | 'T' => (&t[..t.len() - 1], 1e12),
        'p' | 'P' => (&t[..t.len() - 1], 1e15),
        _ => (t.as_str(), 1.0),
    };
    let v: f64 = number.parse().ok()?;
    (v.is_finite() && v >= 0.0).then_some(v * scale)
}

/// Three significant digits with an SI prefix: `15.6T`, `989M`.
pub fn si(value: f64) -> String {
    let table = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    for (scale, suffix) in table {
        if value.abs() >= scale * 0.9995 {
            return format!("{}{suffix}", digits3(value / scale));
        }
    }
    digits3(value)
}

fn digits3(v: f64) -> String {
    let a = v.abs();
    if a >= 100.0 {
        format!("{v:.0}")
    } else if a >= 10.0 {
        format!("{v:.1}")
    } else {
        format!("{v:.2}")
    }
}
