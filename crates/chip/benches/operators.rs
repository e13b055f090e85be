//! ns per operator cost.

#[path = "../tests/support/calibration.rs"]
mod calibration;

use divan::{Bencher, black_box};
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_chip::Engine;
use secondsource_workload::recipe::Recipe;

fn main() {
    divan::main();
}

const CHIPS: [&str; 3] = ["h100-sxm", "trn2", "tpu-v5p"];

fn engine(chip: &str) -> Option<Engine> {
    let hw = Catalog::embedded().hardware(chip).ok()?;
    Engine::new(&hw.chip, &Recipe::mixed(Dtype::Bf16, calibration::MODERN), &calibration::params(), &calibration::energy()).ok()
}

#[divan::bench(args = CHIPS)]
fn new_engine(bencher: Bencher, chip: &str) {
    let Ok(hw) = Catalog::embedded().hardware(chip) else { return };
    let (recipe, p, energy) = (Recipe::mixed(Dtype::Bf16, calibration::MODERN), calibration::params(), calibration::energy());
    bencher.bench(|| Engine::new(black_box(&hw.chip), &recipe, &p, &energy));
}

#[divan::bench(args = CHIPS)]
fn linear(bencher: Bencher, chip: &str) {
    let Some(e) = engine(chip) else { return };
    bencher.bench(|| e.linear(black_box(8192.0), black_box(6656.0), black_box(16384.0)));
}

#[divan::bench(args = CHIPS)]
fn grouped(bencher: Bencher, chip: &str) {
    let Some(e) = engine(chip) else { return };
    bencher.bench(|| e.grouped(black_box(8.0), black_box(1024.0), black_box(4096.0), black_box(7168.0), false));
}

#[divan::bench(args = CHIPS)]
fn attention(bencher: Bencher, chip: &str) {
    let Some(e) = engine(chip) else { return };
    bencher.bench(|| e.attention_forward(black_box(8192.0), black_box(4096.0), 8192.0, 16.0, 128.0, 128.0));
}
