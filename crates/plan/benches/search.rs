//! Layouts a second. Each figure covers the whole of a layout: divisibility, memory of the fullest stage, step time with
//! bubble and collectives. Items are the
//! layouts that divide.

#[path = "../../chip/tests/support/calibration.rs"]
mod calibration;

use divan::Bencher;
use divan::counter::ItemsCount;
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_fabric::Library;
use secondsource_plan::{Options, Pins, Space, search};
use secondsource_step::{StepInput, StepModel, seat};
use secondsource_workload::builtin;
use secondsource_workload::recipe::Recipe;

fn main() {
    divan::main();
}

/// Model, system, chips, tokens a sequence, sequences a step.
type Case = (&'static str, &'static str, u64, u64, u64);

const CASES: [Case; 4] = [
    ("gpt3-175b", "h100-sxm", 4096, 2048, 4096),
    ("llama-3.1-405b", "h100-sxm", 16384, 8192, 2048),
    ("llama-3.1-405b", "trn2-ultraserver", 16384, 8192, 2048),
    ("deepseek-v3", "gb200-nvl72", 2048, 4096, 16384),
];

fn run(bencher: Bencher, (model, system, chips, seq, global_batch): Case, cut: bool, exact: bool) {
    let (Ok(m), Ok(hw)) = (builtin(model), Catalog::embedded().hardware(system)) else { return };
    let hw = seat(&hw, chips);
    let input = StepInput { model: &m, hw: &hw, seq, global_batch, chips, library: Library::of(&hw) };
    let Ok(step) = StepModel::new(input, Recipe::mixed(Dtype::Bf16, calibration::MODERN), &calibration::params(), &calibration::energy())
    else {
        return;
    };
    // Without a limit on memory, so that every layout is timed.
    let capacity = if cut { hw.chip.hbm_bytes } else { f64::INFINITY };
    let options = Options { top: 1, capacity, cut, exact };
    let found = search(&step, &Space::new(&step, Pins::default()), &options);
    // Choices of sizes that do not divide are not layouts.
    let layouts =
        found.weighed - found.by_rule.iter().filter(|(rule, _)| !matches!(**rule, "memory" | "bound")).map(|(_, n)| n).sum::<u64>();
    bencher.counter(ItemsCount::new(layouts)).bench_local(|| search(&step, &Space::new(&step, Pins::default()), &options));
}

/// Times every layout of the space.
#[divan::bench(args = CASES, sample_count = 10)]
fn every_layout(bencher: Bencher, case: Case) {
    run(bencher, case, false, false);
}

/// Cuts by lower bounds.
#[divan::bench(args = CASES, sample_count = 10)]
fn with_cutting(bencher: Bencher, case: Case) {
    run(bencher, case, true, false);
}

/// What `plan` runs: also simulates the schedules of the layouts that could win.
#[divan::bench(args = CASES, sample_count = 10)]
fn as_plan(bencher: Bencher, case: Case) {
    run(bencher, case, true, true);
}
