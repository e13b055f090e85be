//! Rows of a validation as a picture.

use crate::answer::{ErrorSummary, ValidateAnswer, ValidateRow};
use crate::twin::Twin;
use secondsource_base::Diagnostic;
use secondsource_emit::scatter::{self, Marker, Picture, Point, Series};

/// Families of the legend, in the order of their marks; a family that is not here is `other`.
const FAMILIES: [(&str, &[&str], Marker); 8] = [
    ("NVIDIA Ampere, Ada", &["ampere", "ada"], Marker::Circle),
    ("NVIDIA Hopper", &["hopper"], Marker::Square),
    ("NVIDIA Blackwell", &["blackwell", "blackwell-ultra", "rubin"], Marker::Triangle),
    ("AMD CDNA", &["cdna2", "cdna3", "cdna4", "cdna5"], Marker::Plus),
    ("Google TPU", &["tpu"], Marker::Diamond),
    ("AWS Trainium", &["neuron"], Marker::TriangleDown),
    ("Intel Gaudi", &["gaudi"], Marker::Cross),
    ("other", &[], Marker::Ring),
];

impl Twin {
    pub(crate) fn plot_rows(&self, answer: &ValidateAnswer, intervals: bool) -> Result<String, Diagnostic> {
        let scored = |grade: &str| grade != "C" || answer.summary.n == 0;
        let mut series: Vec<Series> =
            FAMILIES.iter().map(|(name, _, marker)| Series { name: (*name).to_owned(), marker: *marker, points: Vec::new() }).collect();
        for row in &answer.rows {
            let ValidateRow::Predicted { chip, grade, measured_step_s, p5, p50, p95, .. } = row else { continue };
            if !scored(grade) {
                continue;
            }
            let family = self.catalog.hardware(chip).map(|h| h.chip.family).unwrap_or_default();
            let place = FAMILIES.iter().position(|(_, f, _)| f.contains(&family.as_str())).unwrap_or(FAMILIES.len() - 1);
            series[place].points.push(Point { published: *measured_step_s, predicted: *p50, low: *p5, high: *p95 });
        }
        series.retain(|s| !s.points.is_empty());
        if series.is_empty() {
            return Err(Diagnostic::error("no row was predicted, so there is nothing to draw"));
        }
        let (s, what) =
            if answer.summary.n == 0 { (&answer.summary_all, "runs") } else { (&answer.summary, "published runs of grades A and B") };
        let picture = Picture {
            title: "Predicted against published step time".to_owned(),
            caption: vec![caption(what, s), held_out(answer)],
            x: "published step time (s)".to_owned(),
            y: "predicted step time (s)".to_owned(),
            series,
            intervals,
        };
        scatter::svg(&picture).map_err(Diagnostic::error)
    }
}

fn caption(what: &str, s: &ErrorSummary) -> String {
    format!(
        "{} {what}; absolute error: median {:.1}%, 90th percentile {:.1}%; {:.0}% inside the 90% interval",
        s.n,
        s.median_abs_error_pct,
        s.p90_abs_error_pct,
        s.coverage_90 * 100.0
    )
}

/// The same for sources that the fit had not seen, if the rows are those of the fit.
fn held_out(answer: &ValidateAnswer) -> String {
    let s = &answer.leave_one_source_out;
    if s.n == 0 || s.n != answer.summary.n {
        return String::new();
    }
    format!(
        "with each source left out of the fit: median {:.1}%, 90th percentile {:.1}%; {:.0}% inside the 90% interval",
        s.median_abs_error_pct,
        s.p90_abs_error_pct,
        s.coverage_90 * 100.0
    )
}
