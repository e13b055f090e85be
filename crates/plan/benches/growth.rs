//! How the cost of a search grows with chips, layers and micro-batches. Each case is a whole search: `every_layout` times all
//! layouts of Llama 3.1 405B without a limit on memory, `as_plan` is what the command runs. One schedule is also simulated alone.

#[path = "../../chip/tests/support/calibration.rs"]
mod calibration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_fabric::Library;
use secondsource_plan::{Options, Pins, Space, search};
use secondsource_step::schedule::{P2p, Schedule, StageTimes, build, simulate};
use secondsource_step::{StepInput, StepModel, seat};
use secondsource_workload::builtin;
use secondsource_workload::recipe::Recipe;

fn main() {
    divan::main();
}

const MODEL: &str = "llama-3.1-405b";
const SYSTEMS: [&str; 2] = ["gb200-nvl72", "tpu-v5p"];

/// Search for 405B with `layers` layers on `chips` chips and `global_batch` sequences of 8,192 tokens a step.
fn run(bencher: Bencher, system: &str, chips: u64, layers: u64, global_batch: u64, whole: bool) {
    let (Ok(mut m), Ok(hw)) = (builtin(MODEL), Catalog::embedded().hardware(system)) else { return };
    for run in &mut m.runs {
        run.count = layers;
    }
    let hw = seat(&hw, chips);
    let input = StepInput { model: &m, hw: &hw, seq: 8192, global_batch, chips, library: Library::of(&hw) };
    let Ok(step) = StepModel::new(input, Recipe::mixed(Dtype::Bf16, calibration::MODERN), &calibration::params(), &calibration::energy())
    else {
        return;
    };
    let capacity = if whole { hw.chip.hbm_bytes } else { f64::INFINITY };
    let options = Options { top: 1, capacity, cut: whole, exact: whole };
    let found = search(&step, &Space::new(&step, Pins::default()), &options);
    let layouts =
        found.weighed - found.by_rule.iter().filter(|(rule, _)| !matches!(**rule, "memory" | "bound")).map(|(_, n)| n).sum::<u64>();
    bencher.counter(ItemsCount::new(layouts)).bench_local(|| search(&step, &Space::new(&step, Pins::default()), &options));
}

/// As many sequences as chips, so that the batch does not bound the layouts.
#[divan::bench(args = [1024, 4096, 16384, 65536, 262_144, 1_048_576], consts = [0, 1], sample_count = 10)]
fn chips_every_layout<const SYSTEM: usize>(bencher: Bencher, chips: u64) {
    run(bencher, SYSTEMS[SYSTEM], chips, 126, chips, false);
}

#[divan::bench(args = [1024, 4096, 16384, 65536, 262_144, 1_048_576], consts = [0, 1], sample_count = 10)]
fn chips_as_plan<const SYSTEM: usize>(bencher: Bencher, chips: u64) {
    run(bencher, SYSTEMS[SYSTEM], chips, 126, chips, true);
}

#[divan::bench(args = [32, 64, 128, 256, 512, 1024, 2048], sample_count = 10)]
fn layers_every_layout(bencher: Bencher, layers: u64) {
    run(bencher, SYSTEMS[0], 16384, layers, 2048, false);
}

#[divan::bench(args = [512, 2048, 8192, 32768, 131_072], sample_count = 10)]
fn sequences_as_plan(bencher: Bencher, global_batch: u64) {
    run(bencher, SYSTEMS[0], 512, 126, global_batch, true);
}

/// Stages, chunks of layers a stage, micro-batches.
#[divan::bench(args = [(16, 1, 64), (16, 1, 256), (16, 1, 1024), (16, 1, 4096), (16, 8, 64), (16, 8, 1024), (16, 8, 4096), (64, 8, 512)], sample_count = 10)]
fn micro_batches_one_schedule(bencher: Bencher, (pp, vpp, m): (u32, u32, u32)) {
    let Ok(plan) = build(Schedule::OneFOneB, pp, vpp, m) else { return };
    let times = StageTimes::uniform(plan.stages(), 1.0, 1.1, 0.9);
    bencher
        .counter(ItemsCount::new(2 * u64::from(pp) * u64::from(vpp) * u64::from(m)))
        .bench_local(|| simulate(black_box(&plan), black_box(&times), &P2p::overlapped(0.05)));
}
