//! The page of `fit`: the verdict first.

use super::Page;
use super::grid::Grid;
use super::numbers::{gib, percent, seconds};
use super::{layout, stages};
use secondsource::answer::FitAnswer;

pub fn page(answer: &FitAnswer, page: &Page) -> String {
    let hbm = answer.hbm_gib;
    let verdict = if answer.fits {
        format!(
            "It fits: {} of {} GiB on the fullest device, {} GiB ({}) to spare.",
            gib(hbm.peak),
            gib(hbm.capacity),
            gib(answer.margin_gib),
            percent(answer.margin_gib / hbm.capacity)
        )
    } else {
        format!(
            "It does not fit: {} GiB on the fullest device of {}, {} GiB too much.",
            gib(hbm.peak),
            gib(hbm.capacity),
            gib(-answer.margin_gib)
        )
    };
    let mut out = page.heading(&verdict);
    out.push_str(&page.field("system", &answer.system));
    out.push_str(&page.field("layout", &layout::line(&answer.layout)));
    let corrected = answer.corrected_by.as_ref().map_or(String::new(), |by| format!("; times corrected by {by}"));
    out.push_str(&page.field("step", &(seconds(answer.step_s) + &corrected)));
    out.push('\n');
    out.push_str(&stages::table(&answer.by_stage_gib, page));
    out.push_str(&changes(answer, page));
    out
}

fn changes(answer: &FitAnswer, page: &Page) -> String {
    if answer.changes.is_empty() {
        let text = if answer.fits {
            "No change of one or two parts is faster and fits."
        } else {
            "No layout of these chips fits: use more chips, or chips with more memory."
        };
        return format!("\n{}", page.hanging("", 0, text));
    }
    let title = if answer.fits { "Also fits, and faster" } else { "Changes that make it fit, the cheapest first" };
    let mut grid = Grid::new().left("change").right("peak GiB").right("step").right("speed").left("layout").dispensable(1);
    for c in &answer.changes {
        let speed = if c.slowdown_pct.abs() < 0.05 {
            "same".to_owned()
        } else if c.slowdown_pct > 0.0 {
            format!("{:.1}% slower", c.slowdown_pct)
        } else {
            format!("{:.1}% faster", -c.slowdown_pct)
        };
        grid.row(vec![c.change.clone(), gib(c.peak_gib), seconds(c.step_s), speed, layout::line(&c.layout)]);
    }
    format!("\n{}{}", page.heading(title), grid.render(page))
}
