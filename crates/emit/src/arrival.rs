//! Probability over time: by which day something has arrived (SVG).
//!
//! Nothing is computed but where on the page things go. The same points give the same bytes.

use crate::scatter::{Failed, GRID, INK, SOFT, failed, heading};
use plotters::backend::SVGBackend;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use secondsource_market::calendar::{DAY, civil_from_days, month_start};

/// A day with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    pub name: String,
    pub day: i32,
    /// Height of the curve there: the name stands where the curve is not.
    pub share: f64,
}

/// What is drawn. Days are counted from 1970-01-01.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub title: String,
    pub caption: Vec<String>,
    /// Left end of the page.
    pub from: i32,
    /// Day and share, by rising day.
    pub points: Vec<(i32, f64)>,
    pub marks: Vec<Mark>,
}

const SIZE: (u32, u32) = (1000, 560);
const HEAD: u32 = 92;
const LINE: RGBColor = RGBColor(0, 114, 178);

/// The picture as SVG text.
///
/// # Errors
/// When there is nothing to draw.
pub fn svg(picture: &Picture) -> Result<String, Failed> {
    let from = f64::from(picture.from);
    let last = picture.points.iter().map(|p| p.0).max().unwrap_or(picture.from);
    if last <= picture.from || picture.points.iter().any(|(_, share)| !(0.0..=1.0).contains(share)) {
        return Err("there is no time to draw".to_owned());
    }
    let right = f64::from(last);
    let mut out = String::new();
    {
        let root = SVGBackend::with_string(&mut out, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let (head, body) = root.split_vertically(HEAD);
        heading(&head, &picture.title, &picture.caption)?;
        let mut chart = ChartBuilder::on(&body)
            .margin_right(28)
            .margin_bottom(10)
            .margin_left(8)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d(from..right, 0.0..1.0)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(0)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .y_label_formatter(&|v| format!("{:.0}%", v * 100.0))
            .y_desc("share of scenarios with the last rack in service")
            .axis_desc_style(("sans-serif", 17).into_font().color(&INK))
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .draw()
            .map_err(failed)?;
        let plot = chart.plotting_area().clone();
        let below = TextStyle::from(("sans-serif", 14).into_font()).color(&INK).pos(Pos::new(HPos::Center, VPos::Top));
        let quarters = (1..=150).map(|m| month_start(i64::from(picture.from) * DAY, m) / DAY).take_while(|d| *d <= i64::from(last));
        let months: Vec<(i64, i64, i64)> = quarters.map(|d| (d, civil_from_days(d).0, civil_from_days(d).1)).collect();
        // Quarters, or months where there are few.
        let step = if months.len() > 9 { 3 } else { 1 };
        let quarters: Vec<_> = months.into_iter().filter(|q| q.2 % step == 1 % step).collect();
        // At most a dozen names.
        let every = quarters.len().div_ceil(12).max(1);
        for (i, (day, year, month)) in quarters.iter().enumerate() {
            chart.draw_series(LineSeries::new([(*day as f64, 0.0), (*day as f64, 1.0)], GRID.stroke_width(1))).map_err(failed)?;
            if i % every == 0 {
                let (x, y) = plot.map_coordinate(&(*day as f64, 0.0));
                root.draw(&Text::new(format!("{year:04}-{month:02}"), (x, y + 8), below.clone())).map_err(failed)?;
            }
        }
        let points: Vec<(f64, f64)> = std::iter::once((from, 0.0)).chain(picture.points.iter().map(|(d, s)| (f64::from(*d), *s))).collect();
        let area: Vec<(f64, f64)> = points.iter().copied().chain([(right, 0.0)]).collect();
        chart.draw_series([Polygon::new(area, LINE.mix(0.10))]).map_err(failed)?;
        chart.draw_series(LineSeries::new(points, LINE.stroke_width(3))).map_err(failed)?;
        for mark in picture.marks.iter().filter(|m| m.day > picture.from && m.day <= last) {
            let x = f64::from(mark.day);
            chart.draw_series(DashedLineSeries::new([(x, 0.0), (x, 1.0)], 2, 4, SOFT.stroke_width(1))).map_err(failed)?;
            let high = mark.share < 0.5;
            let (px, py) = plot.map_coordinate(&(x, if high { 1.0 } else { 0.0 }));
            let turned = ("sans-serif", 13).into_font().transform(FontTransform::Rotate90).color(&SOFT);
            // Turned, a text begins at the top of its line.
            let top = if high { py + 10 } else { py - 10 - 7 * mark.name.chars().count() as i32 };
            root.draw(&Text::new(mark.name.clone(), (px - 4, top), turned.pos(Pos::new(HPos::Left, VPos::Top)))).map_err(failed)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_what_it_is_given() {
        let mark = |name: &str, day, share| Mark { name: name.into(), day, share };
        let picture = Picture {
            title: "a title".into(),
            caption: vec!["a caption".into()],
            from: 20_780,
            points: vec![(20_800, 0.0), (20_900, 0.4), (21_000, 1.0)],
            marks: vec![mark("10%: a day", 20_820, 0.1), mark("off the page", 30_000, 0.9)],
        };
        let text = svg(&picture).expect("a picture");
        for word in ["a title", "a caption", "10%: a day", "2027-01", "2027-02", "100%"] {
            assert!(text.contains(word), "{word}");
        }
        // Months give way to quarters where there are many.
        let long = svg(&Picture { points: vec![(20_800, 0.0), (21_500, 1.0)], ..picture.clone() }).expect("a picture");
        assert!(long.contains("2027-04") && !long.contains("2027-05"));
        assert!(!text.contains("off the page"));
        assert_eq!(text, svg(&picture).expect("the same again"));
        assert!(svg(&Picture { points: vec![], ..picture.clone() }).is_err());
        assert!(svg(&Picture { points: vec![(20_800, f64::NAN)], ..picture }).is_err());
    }
}
