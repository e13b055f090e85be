use secondsource_market::calendar::{DAY, instant};
use secondsource_market::supply::forecast::{Dated, ahead, known, student_quantile};

fn day(text: &str) -> i64 {
    instant(text).expect("a date") / DAY
}

/// Steady growth has no width and goes on; what was published a day later is not used.
#[test]
fn steady_growth_goes_on() {
    let series: Vec<Dated> = (0..10).map(|i| Dated { end: 90 * i, value: 100.0 * 1.1_f64.powi(i as i32), as_of: 90 * i + 30 }).collect();
    let a = ahead(&series, 90 * 9 + 29, 2).expect("enough");
    assert!(a[0].growths == 8 && (a[0].p50 - 100.0 * 1.1_f64.powi(9)).abs() < 1e-6 && (a[0].p90 / a[0].p10 - 1.0).abs() < 1e-9);
    assert!((a[1].p50 - 100.0 * 1.1_f64.powi(10)).abs() < 1e-6);
    assert!(ahead(&series[..2], 10_000, 1).is_none());
}

#[test]
fn the_date_column_is_the_gate() {
    let d = |as_of: &str, value: f64| Dated { end: day(as_of) - 30, value, as_of: day(as_of) };
    let series = [d("2026-05-20", 3.0), d("2026-02-20", 2.0), d("2026-05-21", 9.0)];
    let seen: Vec<f64> = known(&series, day("2026-05-20")).iter().map(|d| d.value).collect();
    assert_eq!(seen, [2.0, 3.0]);
}

/// Tables of Student's distribution.
#[test]
fn student_points() {
    for (p, df, t) in [(0.9, 1.0, 3.077_684), (0.9, 2.0, 1.885_618), (0.9, 7.0, 1.414_924), (0.95, 7.0, 1.894_579), (0.9, 1e4, 1.281_636)] {
        assert!((student_quantile(p, df) - t).abs() < 1e-5, "{p} {df}: {}", student_quantile(p, df));
    }
}

/// One quarter ahead with n growths is the textbook prediction interval m +- t s sqrt(1 + 1/n).
#[test]
fn one_step_is_the_prediction_interval() {
    let values = [1.0, 1.2, 1.3, 1.6];
    let series: Vec<Dated> = values.iter().enumerate().map(|(i, v)| Dated { end: i as i64, value: *v, as_of: i as i64 }).collect();
    let g: Vec<f64> = values.windows(2).map(|w| f64::ln(w[1] / w[0])).collect();
    let m = g.iter().sum::<f64>() / 3.0;
    let s = (g.iter().map(|x| (x - m).powi(2)).sum::<f64>() / 2.0).sqrt();
    let want = 1.6 * (m + 1.885_618 * s * (4.0_f64 / 3.0).sqrt()).exp();
    let got = ahead(&series, 10, 1).expect("three growths")[0].p90;
    assert!((got / want - 1.0).abs() < 1e-5, "{got} {want}");
}
