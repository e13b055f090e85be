//! The search against a search that does nothing clever.

#[path = "../../../chip/tests/support/calibration.rs"]
mod calibration;

mod brute;
mod counts;
mod threads;

use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_fabric::Library;
use secondsource_plan::{Found, Options, Pins, Space, search};
use secondsource_step::{StepInput, StepModel, seat};
use secondsource_workload::builtin;
use secondsource_workload::recipe::{AttentionKernel, Recipe, Software};

/// Model, system, chips, tokens a sequence, sequences a step.
#[derive(Clone, Copy, Debug)]
pub struct Case(pub &'static str, pub &'static str, pub u64, pub u64, pub u64);

pub const SMALL: [Case; 8] = [
    Case("llama-3.1-8b", "h100-sxm", 64, 8192, 512),
    Case("llama-3.1-8b", "trn2-ultraserver", 256, 8192, 512),
    Case("llama-3.1-8b", "tpu-v5p", 96, 4096, 768),
    Case("mixtral-8x7b", "h100-sxm", 64, 4096, 512),
    Case("mixtral-8x7b", "gb200-nvl72", 144, 4096, 576),
    Case("deepseek-v3", "h100-sxm", 256, 4096, 1024),
    Case("deepseek-v3", "gb200-nvl72", 1024, 4096, 4096),
    Case("llama-3.1-405b", "h100-sxm", 256, 8192, 512),
];

impl Case {
    pub fn with<T>(&self, kernel: AttentionKernel, f: impl FnOnce(&StepModel<'_>) -> T) -> T {
        let Case(model, system, chips, seq, global_batch) = *self;
        let model = builtin(model).expect("a built-in model");
        let hw = seat(&Catalog::embedded().hardware(system).expect("a system of the catalog"), chips);
        let input = StepInput { model: &model, hw: &hw, seq, global_batch, chips, library: Library::of(&hw) };
        let recipe = Recipe::mixed(Dtype::Bf16, Software { attention: kernel, ..calibration::MODERN });
        f(&StepModel::new(input, recipe, &calibration::params(), &calibration::energy()).expect("the chip has the peaks"))
    }

    pub fn search(&self, pins: Pins, top: usize, cut: bool) -> Found {
        self.with(AttentionKernel::Vendor, |m| {
            search(m, &Space::new(m, pins), &Options { top, capacity: m.input.hw.chip.hbm_bytes, cut, exact: true })
        })
    }
}

/// Layouts that keep every rule of divisibility: those weighed but for the choices of sizes that no pipeline divides.
pub fn dividing(f: &Found) -> u64 {
    f.weighed - f.by_rule.iter().filter(|(rule, _)| !matches!(**rule, "memory" | "bound")).map(|(_, n)| n).sum::<u64>()
}
