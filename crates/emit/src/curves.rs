//! Curves over two linear axes with limits on either (SVG).
//!
//! Curves come as they are drawn; nothing is computed but where on the page they go. The same curves give the same bytes.
//! Each has a colour and a dash, so that colour alone never carries meaning; the colours are those of Okabe and Ito.

use crate::scatter::{Area, Failed, GRID, INK, SOFT, failed, heading};
use plotters::backend::SVGBackend;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A line with the name that stands in the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// A line across the page with its name on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    pub name: String,
    /// On the horizontal axis; else on the vertical one.
    pub on_x: bool,
    pub at: f64,
}

/// A shaded part of the page with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Shaded {
    pub name: String,
    /// (left, right).
    pub x: (f64, f64),
    /// (bottom, top).
    pub y: (f64, f64),
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
    /// Ends of the axes, which begin at 0.
    pub ends: (f64, f64),
    pub curves: Vec<Curve>,
    pub limits: Vec<Limit>,
    pub shaded: Option<Shaded>,
}

const SIZE: (u32, u32) = (1000, 760);
const HEAD: u32 = 92;
const SHADE: RGBColor = RGBColor(236, 242, 236);
const COLOURS: [RGBColor; 4] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
/// Length of a dash and of the gap after it, in pixels; the first is drawn whole.
const DASHES: [(u32, u32); 4] = [(1, 0), (12, 6), (3, 4), (18, 10)];

/// The picture as SVG text. Fails when there is no curve, or a number that has no place on the axes.
pub fn svg(picture: &Picture) -> Result<String, Failed> {
    let (right, top) = picture.ends;
    let positive = |v: f64| v.is_finite() && v > 0.0;
    if picture.curves.iter().all(|c| c.points.is_empty()) {
        return Err("there is no curve to draw".to_owned());
    }
    let on_page = |(x, y): &(f64, f64)| positive(*x) && y.is_finite() && *y >= 0.0;
    let shaded = picture.shaded.iter().flat_map(|s| [(s.x.1, s.y.1), (s.x.0.max(f64::MIN_POSITIVE), s.y.0)]);
    let fit = picture.curves.iter().flat_map(|c| &c.points).all(on_page) && shaded.into_iter().all(|p| on_page(&p));
    if !(fit && positive(right) && positive(top)) {
        return Err("a number that is not above zero has no place on the axes".to_owned());
    }
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
            .y_label_area_size(76)
            .build_cartesian_2d(0.0..right, 0.0..top)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(INK)
            .x_label_formatter(&|v| format!("{v}"))
            .y_label_formatter(&|v| format!("{v}"))
            .x_desc(&picture.x)
            .y_desc(&picture.y)
            .axis_desc_style(("sans-serif", 17).into_font().color(&INK))
            .label_style(("sans-serif", 14).into_font().color(&INK))
            .draw()
            .map_err(failed)?;
        let small = ("sans-serif", 13).into_font().color(&SOFT);
        if let Some(shaded) = &picture.shaded {
            let corners = [(shaded.x.0.min(right), shaded.y.0.min(top)), (shaded.x.1.min(right), shaded.y.1.min(top))];
            chart.draw_series([Rectangle::new(corners, SHADE.filled())]).map_err(failed)?;
            let plot = chart.plotting_area();
            let (left, high) = plot.map_coordinate(&(corners[0].0, corners[1].1));
            root.draw(&Text::new(shaded.name.clone(), (left + 8, high + 8), small.clone())).map_err(failed)?;
        }
        for limit in picture.limits.iter().filter(|l| positive(l.at) && l.at <= if l.on_x { right } else { top }) {
            let ends = if limit.on_x { vec![(limit.at, 0.0), (limit.at, top)] } else { vec![(0.0, limit.at), (right, limit.at)] };
            chart.draw_series(DashedLineSeries::new(ends, 2, 4, SOFT.stroke_width(1))).map_err(failed)?;
            let plot = chart.plotting_area();
            let (at, style) = if limit.on_x {
                let (x, y) = plot.map_coordinate(&(limit.at, top));
                let turned = ("sans-serif", 13).into_font().transform(FontTransform::Rotate90).color(&SOFT);
                ((x - 4, y + 10), turned.pos(Pos::new(HPos::Left, VPos::Top)))
            } else {
                let (x, y) = plot.map_coordinate(&(0.92 * right, limit.at));
                ((x, y - 4), small.pos(Pos::new(HPos::Right, VPos::Bottom)))
            };
            root.draw(&Text::new(limit.name.clone(), at, style)).map_err(failed)?;
        }
        for (i, curve) in picture.curves.iter().enumerate() {
            // From where the curve comes down into the page.
            let inside: Vec<(f64, f64)> = curve.points.iter().copied().filter(|(x, y)| *x <= right && *y <= top).collect();
            let style = COLOURS[i % COLOURS.len()].stroke_width(3);
            match DASHES[i % DASHES.len()] {
                (_, 0) => chart.draw_series(LineSeries::new(inside, style)).map_err(failed)?,
                (dash, gap) => chart.draw_series(DashedLineSeries::new(inside, dash, gap, style)).map_err(failed)?,
            };
        }
        let (xs, ys) = chart.plotting_area().get_pixel_range();
        legend(&root, picture, (xs.end - 330, ys.start + (ys.end - ys.start) * 9 / 25))?;
        root.present().map_err(failed)?;
    }
    Ok(out)
}

fn legend(area: &Area<'_>, picture: &Picture, (left, top): (i32, i32)) -> Result<(), Failed> {
    const ROW: i32 = 24;
    let frame = [(left, top), (left + 300, top + picture.curves.len() as i32 * ROW + 12)];
    area.draw(&Rectangle::new(frame, WHITE.mix(0.92).filled())).map_err(failed)?;
    area.draw(&Rectangle::new(frame, GRID.stroke_width(1))).map_err(failed)?;
    let style = TextStyle::from(("sans-serif", 14).into_font()).color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    for (i, curve) in picture.curves.iter().enumerate() {
        let y = top + 6 + ROW / 2 + ROW * i as i32;
        let (dash, gap) = DASHES[i % DASHES.len()];
        let (dash, step) = if gap == 0 { (40, 40) } else { (dash as i32, (dash + gap) as i32) };
        for x in (0..40).step_by(step as usize) {
            let piece = vec![(left + 12 + x, y), (left + 12 + (x + dash).min(40), y)];
            area.draw(&PathElement::new(piece, COLOURS[i % COLOURS.len()].stroke_width(3))).map_err(failed)?;
        }
        area.draw(&Text::new(curve.name.clone(), (left + 64, y), style.clone())).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Picture {
        Picture {
            title: "a title".into(),
            caption: vec!["a caption".into()],
            x: "across".into(),
            y: "up".into(),
            ends: (6.0, 60.0),
            curves: vec![
                Curve { name: "first".into(), points: vec![(1.0, 50.0), (2.0, 25.0)] },
                Curve { name: "second".into(), points: vec![(1.0, 40.0), (2.0, 20.0)] },
            ],
            limits: vec![
                Limit { name: "upright".into(), on_x: true, at: 3.0 },
                Limit { name: "level".into(), on_x: false, at: 21.0 },
                Limit { name: "off the page".into(), on_x: true, at: 7.0 },
            ],
            shaded: Some(Shaded { name: "a part".into(), x: (1.0, 3.0), y: (10.0, 20.0) }),
        }
    }

    #[test]
    fn everything_on_the_page_is_named() {
        let text = svg(&sample()).expect("a picture");
        for word in ["a title", "a caption", "across", "up", "first", "second", "upright", "level", "a part"] {
            assert!(text.contains(word), "{word}");
        }
        assert!(!text.contains("off the page"));
        assert_eq!(text, svg(&sample()).expect("a picture"));
    }

    #[test]
    fn numbers_without_a_place_are_refused() {
        let empty = Picture { curves: Vec::new(), ..sample() };
        assert!(svg(&empty).is_err());
        for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let p = Picture { curves: vec![Curve { name: String::new(), points: vec![(bad, 1.0)] }], ..sample() };
            assert!(svg(&p).is_err(), "{bad}");
            assert!(svg(&Picture { ends: (bad, 1.0), ..sample() }).is_err(), "{bad}");
        }
    }
}
