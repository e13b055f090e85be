//! Predicted against published step times as a scatter (SVG), both axes logarithmic.
//!
//! Points come as they are drawn; nothing is computed but where on the page they go. The same points give the
//! same bytes. A series has a colour and a shape, so that colour alone never carries meaning; the colours are
//! those of Okabe and Ito, which most colour-blind readers can tell apart.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// Shape of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    Circle,
    Square,
    Triangle,
    TriangleDown,
    Diamond,
    Plus,
    Cross,
    Ring,
}

/// One run, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub published: f64,
    pub predicted: f64,
    /// Ends of the interval of the prediction.
    pub low: f64,
    pub high: f64,
}

/// Points of one colour and shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub marker: Marker,
    pub points: Vec<Point>,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub title: String,
    /// Lines below the title.
    pub caption: Vec<String>,
    /// Labels of the axes, with their unit.
    pub x: String,
    pub y: String,
    pub series: Vec<Series>,
    /// Whether to draw the interval of every point.
    pub intervals: bool,
}

const SIZE: (u32, u32) = (900, 900);
const HEAD: u32 = 92;
const RADIUS: f64 = 4.2;
pub(crate) const INK: RGBColor = RGBColor(34, 34, 34);
pub(crate) const SOFT: RGBColor = RGBColor(96, 96, 96);
pub(crate) const GRID: RGBColor = RGBColor(228, 228, 228);
const BAND: RGBColor = RGBColor(243, 243, 243);

impl Marker {
    const fn colour(self) -> RGBColor {
        match self {
            Marker::Circle => RGBColor(0, 114, 178),
            Marker::Square => RGBColor(213, 94, 0),
            Marker::Triangle => RGBColor(0, 158, 115),
            Marker::Diamond => RGBColor(204, 121, 167),
            Marker::TriangleDown => RGBColor(230, 159, 0),
            Marker::Plus => RGBColor(0, 0, 0),
            Marker::Cross => RGBColor(150, 30, 30),
            Marker::Ring => RGBColor(110, 110, 110),
        }
    }

    /// Corners around the middle, in pixels; none for the round ones.
    fn corners(self) -> Vec<(i32, i32)> {
        match self {
            Marker::Circle | Marker::Ring | Marker::Plus | Marker::Cross => Vec::new(),
            Marker::Square => vec![(-4, -4), (4, -4), (4, 4), (-4, 4)],
            Marker::Triangle => vec![(0, -5), (5, 4), (-5, 4)],
            Marker::TriangleDown => vec![(0, 5), (5, -4), (-5, -4)],
            Marker::Diamond => vec![(0, -6), (5, 0), (0, 6), (-5, 0)],
        }
    }
}

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Failed = String;

pub(crate) fn failed(e: impl std::fmt::Display) -> Failed {
    format!("the picture cannot be drawn: {e}")
}

/// The picture as SVG text. Fails when there is no point, or one that has no place on a logarithmic axis.
pub fn svg(picture: &Picture) -> Result<String, Failed> {
    let points = || picture.series.iter().flat_map(|s| &s.points);
    let values = |p: &Point| if picture.intervals { vec![p.published, p.predicted, p.low, p.high] } else { vec![p.published, p.predicted] };
    if points().next().is_none() {
        return Err("there is no point to draw".to_owned());
    }
    if points().flat_map(values).any(|v| !v.is_finite() || v <= 0.0) {
        return Err("a step time that is not above zero has no place on a logarithmic axis".to_owned());
    }
    let low = points().flat_map(values).fold(f64::INFINITY, f64::min);
    let high = points().flat_map(values).fold(0.0, f64::max);
    let axis = || Decades { low: low / 1.35, high: high * 1.35 };
    let mut out = String::new();
    {
        let root = SVGBackend::with_string(&mut out, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let (head, body) = root.split_vertically(HEAD);
        heading(&head, &picture.title, &picture.caption)?;
        let mut chart = ChartBuilder::on(&body)
            .margin_right(24)
            .margin_bottom(10)
            .margin_left(8)
            .x_label_area_size(54)
            .y_label_area_size(68)
            .build_cartesian_2d(axis(), axis())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .x_desc(&picture.x)
            .y_desc(&picture.y)
            .axis_desc_style(("sans-serif", 17).into_font().color(&INK))
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .draw()
            .map_err(failed)?;
        let ends = axis();
        // From edge to edge of the square, whatever the factor.
        let line = |factor: f64| {
            let (from, to) = (ends.low.max(ends.low / factor), ends.high.min(ends.high / factor));
            vec![(from, from * factor), (to, to * factor)]
        };
        let (over, under) = (line(1.2), line(0.8));
        let band = vec![(ends.low, ends.low), over[0], over[1], (ends.high, ends.high), under[1], under[0]];
        chart.draw_series([Polygon::new(band, BAND.filled())]).map_err(failed)?;
        for factor in [0.8, 1.2] {
            chart.draw_series(DashedLineSeries::new(line(factor), 6, 4, SOFT.stroke_width(1))).map_err(failed)?;
        }
        chart.draw_series(LineSeries::new(line(1.0), INK.stroke_width(1))).map_err(failed)?;
        if picture.intervals {
            for series in &picture.series {
                let style = series.marker.colour().mix(0.35).stroke_width(1);
                let bars = series.points.iter().map(|p| PathElement::new(vec![(p.published, p.low), (p.published, p.high)], style));
                chart.draw_series(bars).map_err(failed)?;
            }
        }
        // The largest series first, so that small ones are not hidden under it.
        let mut order: Vec<&Series> = picture.series.iter().collect();
        order.sort_by_key(|s| std::cmp::Reverse(s.points.len()));
        let plot = chart.plotting_area();
        for series in &order {
            for p in &series.points {
                let at = plot.map_coordinate(&(p.published, p.predicted));
                mark(&root, series.marker, at)?;
            }
        }
        legend(&root, picture, plot.get_pixel_range())?;
        root.present().map_err(failed)?;
    }
    Ok(out)
}

pub(crate) fn heading(area: &Area<'_>, title: &str, caption: &[String]) -> Result<(), Failed> {
    let style = ("sans-serif", 24).into_font().style(FontStyle::Bold).color(&INK);
    area.draw(&Text::new(title.to_owned(), (24, 18), style)).map_err(failed)?;
    for (i, text) in caption.iter().filter(|c| !c.is_empty()).enumerate() {
        let style = ("sans-serif", 14).into_font().color(&SOFT);
        area.draw(&Text::new(text.clone(), (24, 49 + 19 * i as i32), style)).map_err(failed)?;
    }
    Ok(())
}

/// One marker, filled and with a white rim, so that points over points can be counted.
fn mark(area: &Area<'_>, marker: Marker, (x, y): (i32, i32)) -> Result<(), Failed> {
    let colour = marker.colour();
    let stroke = |dx: i32, dy: i32| PathElement::new(vec![(x - dx, y - dy), (x + dx, y + dy)], colour.stroke_width(2));
    match marker {
        Marker::Circle => {
            area.draw(&Circle::new((x, y), RADIUS, colour.mix(0.75).filled())).map_err(failed)?;
            area.draw(&Circle::new((x, y), RADIUS, WHITE.mix(0.9).stroke_width(1))).map_err(failed)
        }
        Marker::Ring => area.draw(&Circle::new((x, y), RADIUS, colour.stroke_width(2))).map_err(failed),
        Marker::Plus => [stroke(5, 0), stroke(0, 5)].iter().try_for_each(|s| area.draw(s).map_err(failed)),
        Marker::Cross => [stroke(4, 4), stroke(4, -4)].iter().try_for_each(|s| area.draw(s).map_err(failed)),
        _ => {
            let mut corners: Vec<(i32, i32)> = marker.corners().iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
            area.draw(&Polygon::new(corners.clone(), colour.mix(0.75).filled())).map_err(failed)?;
            corners.extend(corners.first().copied());
            area.draw(&PathElement::new(corners, WHITE.mix(0.9).stroke_width(1))).map_err(failed)
        }
    }
}

/// In the upper left corner, where predictions would be far too slow.
fn legend(area: &Area<'_>, picture: &Picture, (xs, ys): (Range<i32>, Range<i32>)) -> Result<(), Failed> {
    const ROW: i32 = 23;
    let rows = picture.series.len() as i32 + 2;
    let (left, top) = (xs.start + 14, ys.start + 14);
    let frame = [(left, top), (left + 248, top + rows * ROW + 12)];
    area.draw(&Rectangle::new(frame, WHITE.mix(0.92).filled())).map_err(failed)?;
    area.draw(&Rectangle::new(frame, GRID.stroke_width(1))).map_err(failed)?;
    let style = TextStyle::from(("sans-serif", 14).into_font()).color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    let mut y = top + 6 + ROW / 2;
    for s in &picture.series {
        mark(area, s.marker, (left + 26, y))?;
        area.draw(&Text::new(format!("{} ({})", s.name, s.points.len()), (left + 52, y), style.clone())).map_err(failed)?;
        y += ROW;
    }
    area.draw(&PathElement::new(vec![(left + 12, y), (left + 40, y)], INK.stroke_width(1))).map_err(failed)?;
    area.draw(&Text::new("predicted = published", (left + 52, y), style.clone())).map_err(failed)?;
    y += ROW;
    for x in [12, 22, 32] {
        area.draw(&PathElement::new(vec![(left + x, y), (left + x + 6, y)], SOFT.stroke_width(1))).map_err(failed)?;
    }
    let words = if picture.intervals { "±20%; bars: 90% interval" } else { "±20%" };
    area.draw(&Text::new(words, (left + 52, y), style)).map_err(failed)
}

/// A logarithmic axis of seconds with labels at 1, 2 and 5 of every decade.
#[derive(Clone)]
struct Decades {
    low: f64,
    high: f64,
}

impl Ranged for Decades {
    type ValueType = f64;
    type FormatOption = NoDefaultFormatting;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        limit.0 + (f64::from(limit.1 - limit.0) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let steps = if self.high / self.low > 1e5 { vec![1.0] } else { vec![1.0, 2.0, 5.0] };
        let all = decades.flat_map(|d| steps.iter().map(move |s| s * 10f64.powi(d)).collect::<Vec<f64>>());
        all.filter(|v| (self.low..=self.high).contains(v)).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Decades {
    fn format(value: &f64) -> String {
        if *value < 0.999 { format!("{value:.3}").trim_end_matches('0').to_owned() } else { format!("{value:.0}") }
    }
}
