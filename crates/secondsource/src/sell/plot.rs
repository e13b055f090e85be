//! The curves of `run-rate` as a picture.

use super::answer::RunRateAnswer;
use crate::twin::Twin;
use secondsource_base::Diagnostic;
use secondsource_emit::curves::{self, Curve, Limit, Picture, Shaded};

const MILLION: f64 = 1e6;
const THOUSAND: f64 = 1e3;

impl Twin {
    pub(crate) fn plot_rates(&self, a: &RunRateAnswer) -> Result<String, Diagnostic> {
        let right = a.combinations.last().map_or(1.0, |c| c.chips / MILLION);
        let dearest = a.bands.iter().filter(|b| b.axis == "price").map(|b| b.high).fold(a.price_usd.high, f64::max);
        let top = 1.15 * dearest / THOUSAND;
        let curves = a.curves.iter().map(|c| Curve {
            name: format!("other revenue {}", billions(c.other_usd)),
            points: c.points.iter().map(|(n, p)| (n / MILLION, p / THOUSAND)).collect(),
        });
        let limits = a.bands.iter().map(|b| match b.axis {
            "chips" => Limit { name: format!("{}: {:.1}M", b.name, b.high / MILLION), on_x: true, at: b.high / MILLION },
            _ => Limit { name: format!("{}: ${:.0}k", b.name, b.high / THOUSAND), on_x: false, at: b.high / THOUSAND },
        });
        let (chips, price) = (a.chips, a.price_usd);
        let wide = chips.high > chips.low && price.high > price.low;
        let picture = Picture {
            title: format!("{} a year: chips, price and the rest", billions(a.total_usd)),
            caption: vec![
                "every point of a curve makes the same revenue; the statement alone does not say which".to_owned(),
                format!(
                    "bounds of chips, price and other revenue allow {} to {} (5% and 95%)",
                    billions(a.allowed.revenue_usd.low),
                    billions(a.allowed.revenue_usd.high)
                ),
            ],
            x: "chips a year (millions)".to_owned(),
            y: "revenue per chip (thousand USD)".to_owned(),
            ends: (right, top),
            curves: curves.collect(),
            limits: limits.collect(),
            shaded: wide.then(|| Shaded {
                name: "5–95% of chips, price".to_owned(),
                x: (chips.low / MILLION, chips.high / MILLION),
                y: (price.low / THOUSAND, price.high / THOUSAND),
            }),
        };
        curves::svg(&picture).map_err(Diagnostic::error)
    }
}

fn billions(v: f64) -> String {
    if v == 0.0 { "none".to_owned() } else { format!("${:.1}B", v / 1e9).replace(".0B", "B") }
}
