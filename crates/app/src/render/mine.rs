//! The page of `calibrate --mine`.

use super::Page;
use super::grid::Grid;
use super::numbers::seconds;
use secondsource::answer::MineAnswer;

pub fn page(a: &MineAnswer, file: &str, page: &Page) -> String {
    let mut out = page.heading(&format!("Own runs: {file}"));
    let mut runs = Grid::new()
        .left("run")
        .left("chip")
        .left("software")
        .dispensable(1)
        .right("measured")
        .right("predicted")
        .right("error")
        .right("weight");
    for r in &a.runs {
        runs.row(vec![
            r.id.clone(),
            r.chip.clone(),
            r.stack.clone(),
            seconds(r.measured_step_s),
            seconds(r.predicted_s),
            format!("{:+.1}%", r.error_pct),
            format!("{:.2}", r.weight),
        ]);
    }
    out.push_str(&runs.render(page));
    out.push('\n');
    out.push_str(&page.heading("Corrections"));
    let mut stacks =
        Grid::new().left("chip").left("software").right("runs").right("time ×").right("90% of later runs").right("before").dispensable(1);
    let range = |(low, high): (f64, f64)| format!("{:+.0}% to {:+.0}%", (low - 1.0) * 100.0, (high - 1.0) * 100.0);
    for s in &a.stacks {
        stacks.row(vec![
            s.chip.clone(),
            s.stack.clone(),
            s.runs.to_string(),
            format!("{:.3}", s.factor),
            range(s.interval),
            s.interval_before.map_or(String::new(), range),
        ]);
    }
    out.push_str(&stacks.render(page));
    out.push_str(&page.hanging(
        "",
        0,
        "The correction is shrunk towards 1: few runs, or runs that disagree, move it less. A weight below 1 marks a run that stands apart from the others of its software.",
    ));
    if !a.skipped.is_empty() {
        out.push_str(&format!("\n{}", page.heading("Skipped")));
        for (id, why) in &a.skipped {
            out.push_str(&page.hanging("", 3, &format!("{id}: {why}")));
        }
    }
    out
}
