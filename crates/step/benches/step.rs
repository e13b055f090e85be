//! Time of one step evaluated, and of its parts as the search calls them.

#[path = "../../chip/tests/support/calibration.rs"]
mod calibration;

use divan::{Bencher, black_box};
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_fabric::Library;
use secondsource_step::{Split, StepInput, StepModel, seat};
use secondsource_workload::builtin;
use secondsource_workload::layout::Layout;
use secondsource_workload::recipe::Recipe;

fn main() {
    divan::main();
}

const CASES: [&str; 2] = ["llama-3.1-405b", "deepseek-v3"];

/// Calls `f` with the model and the layout that its makers trained it with.
fn with(model: &str, f: impl FnOnce(&StepModel<'_>, &Layout)) {
    let (batch, l) = match model {
        "deepseek-v3" => (15360, Layout { pp: 16, dp: 128, ep: 64, ..Layout::SINGLE }),
        _ => (2048, Layout { tp: 8, pp: 16, vpp: 2, dp: 128, ..Layout::SINGLE }),
    };
    let (Ok(m), Ok(hw)) = (builtin(model), Catalog::embedded().hardware("h100-sxm")) else { return };
    let chips = l.devices();
    let hw = seat(&hw, chips);
    let input = StepInput { model: &m, hw: &hw, seq: 8192, global_batch: batch, chips, library: Library::of(&hw) };
    if let Ok(step) = StepModel::new(input, Recipe::mixed(Dtype::Bf16, calibration::MODERN), &calibration::params(), &calibration::energy())
    {
        f(&step, &l);
    }
}

/// Everything: check, split, layer times, composition, memory.
#[divan::bench(args = CASES)]
fn evaluate(bencher: Bencher, model: &str) {
    with(model, |step, l| bencher.bench_local(|| step.evaluate(black_box(l), true)));
}

/// Layer times, once for each (tp, cp, ep, etp, micro-batch, recompute).
#[divan::bench(args = CASES)]
fn layers(bencher: Bencher, model: &str) {
    with(model, |step, l| bencher.bench_local(|| step.layers(black_box(l))));
}

/// Cutting the model into stages, once for each (pp, vpp).
#[divan::bench(args = CASES)]
fn split(bencher: Bencher, model: &str) {
    with(model, |step, l| bencher.bench_local(|| Split::new(step.input.model, black_box(l))));
}

/// The part that runs for every layout.
#[divan::bench(args = CASES)]
fn time_of_a_layout(bencher: Bencher, model: &str) {
    with(model, |step, l| {
        let (layers, split) = (step.layers(l), Split::new(step.input.model, l));
        bencher.bench_local(|| step.time(&layers, &split, black_box(l)));
    });
}

#[divan::bench(args = CASES)]
fn memory_of_a_layout(bencher: Bencher, model: &str) {
    with(model, |step, l| {
        let split = Split::new(step.input.model, l);
        bencher.bench_local(|| step.peak_memory(&split, black_box(l)));
    });
}
