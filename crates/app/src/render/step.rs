//! The page of `step`: the option, where its time goes, where its memory goes.

use super::Page;
use super::grid::Grid;
use super::numbers::{bar, gib, percent, seconds, thousands};
use super::{plan, stages};
use secondsource::answer::StepAnswer;

/// Names of the parts of a step, for people.
const WORDS: [(&str, &str); 16] = [
    ("matrix", "matrix products of the layers"),
    ("attention", "attention scores"),
    ("elementwise", "norms, activations, residuals, casts"),
    ("moe", "expert routing and permutation"),
    ("recompute", "recomputed forward work"),
    ("head", "output product, loss, embedding"),
    ("host", "waiting for the host"),
    ("tp", "exposed tensor-parallel traffic"),
    ("cp", "exposed context-parallel traffic"),
    ("ep", "exposed expert traffic"),
    ("fsdp", "exposed FSDP gathers and scatters"),
    ("dp", "exposed gradient reduction"),
    ("pp", "exposed pipeline sends"),
    ("bubble", "pipeline bubble"),
    ("optimizer", "optimizer step"),
    ("constant", "fixed time per step"),
];

const BAR: usize = 28;

pub fn page(answer: &StepAnswer, page: &Page) -> String {
    let o = &answer.option;
    let mut out = plan::block("", o, page);
    out.push_str(&page.field("batches", &format!("{} micro-batches per data-parallel rank", thousands(answer.micro_batches))));
    out.push('\n');
    out.push_str(&page.heading("Where the time goes"));
    out.push_str(&time(answer, page));
    out.push('\n');
    out.push_str(&page.heading("Where the memory goes"));
    out.push_str(&memory(answer, page));
    if answer.memory_by_stage_gib.len() > 1 {
        out.push('\n');
        out.push_str(&stages::table(&answer.memory_by_stage_gib, page));
    }
    out
}

fn time(answer: &StepAnswer, page: &Page) -> String {
    let whole = answer.option.step_s.p50;
    let mut parts: Vec<(&String, f64)> = answer.breakdown_s.iter().map(|(k, v)| (k, *v)).filter(|(_, v)| *v > 0.0).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let longest = parts.first().map_or(1.0, |(_, v)| *v);
    let mut grid = Grid::new().left("part").right("time").right("share").right("W/chip").dispensable(2).left("").dispensable(1);
    let watts = |joules: Option<f64>, s: f64| joules.map_or(String::new(), |j| format!("{:.0}", j / s));
    for (name, s) in parts {
        let words = WORDS.iter().find(|(key, _)| key == name).map_or(name.as_str(), |(_, words)| words);
        let joules = answer.energy_j.as_ref().and_then(|e| e.get(name)).copied();
        grid.row(vec![words.to_owned(), seconds(s), percent(s / whole), watts(joules, s), bar(s / longest, BAR)]);
    }
    let joules = answer.energy_j.as_ref().map(|e| e.values().sum());
    grid.row(vec!["whole step".to_owned(), seconds(whole), percent(1.0), watts(joules, whole), String::new()]);
    let floor = answer.option.floor_s;
    grid.row(vec![
        "floor: the same FLOPs at the datasheet peak".to_owned(),
        seconds(floor),
        percent(floor / whole),
        String::new(),
        bar(floor / longest, BAR),
    ]);
    grid.render(page)
}

fn memory(answer: &StepAnswer, page: &Page) -> String {
    let hbm = answer.option.hbm_gib;
    let mut parts: Vec<(&String, f64)> = answer.memory_gib.iter().map(|(k, v)| (k, *v)).filter(|(_, v)| *v > 0.0).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut grid = Grid::new().left("part, fullest device").right("GiB").right("of capacity").left("").dispensable(1);
    let mut row = |name: &str, v: f64| grid.row(vec![name.to_owned(), gib(v), percent(v / hbm.capacity), bar(v / hbm.capacity, BAR)]);
    for (name, v) in parts {
        row(name, v);
    }
    row("peak", hbm.peak);
    row("capacity", hbm.capacity);
    grid.render(page)
}
