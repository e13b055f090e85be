//! The scatter: same bytes, nothing lost, nothing that cannot be drawn.

use secondsource_emit::scatter::{Marker, Picture, Point, Series, svg};

fn picture(points: &[(f64, f64)]) -> Picture {
    let points = points.iter().map(|(x, y)| Point { published: *x, predicted: *y, low: y * 0.8, high: y * 1.25 }).collect();
    Picture {
        title: "Predicted & published".to_owned(),
        caption: vec!["a <caption>".to_owned(), String::new()],
        x: "published (s)".to_owned(),
        y: "predicted (s)".to_owned(),
        series: vec![Series { name: "Squares".to_owned(), marker: Marker::Square, points }],
        intervals: false,
    }
}

#[test]
fn the_same_points_give_the_same_bytes() {
    let p = picture(&[(0.1, 0.12), (3.0, 2.9), (200.0, 180.0)]);
    let text = svg(&p).unwrap();
    assert_eq!(text, svg(&p).unwrap());
    for word in ["Predicted &amp; published", "a &lt;caption&gt;", "published (s)", "predicted (s)", "Squares (3)", "±20%", "</svg>"] {
        assert!(text.contains(word), "`{word}` is missing");
    }
    // Three markers and the one of the legend, beside the band.
    assert_eq!(text.matches("<polygon").count(), 5);
}

#[test]
fn intervals_are_drawn_on_request() {
    let mut p = picture(&[(1.0, 1.1), (2.0, 2.2)]);
    let bars = |p: &Picture| svg(p).unwrap().matches("opacity=\"0.35\"").count();
    assert_eq!(bars(&p), 0);
    p.intervals = true;
    assert_eq!(bars(&p), 2);
}

#[test]
fn one_point_and_wide_ranges_can_be_drawn() {
    assert!(svg(&picture(&[(1.0, 1.0)])).is_ok());
    assert!(svg(&picture(&[(1e-6, 1e-6), (1e9, 1e9)])).is_ok());
}

#[test]
fn what_has_no_place_is_refused() {
    assert!(svg(&picture(&[])).is_err());
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(svg(&picture(&[(1.0, 1.0), (bad, 1.0)])).is_err(), "{bad}");
    }
}
