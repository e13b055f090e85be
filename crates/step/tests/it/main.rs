//! One step: laws that every layout keeps, and counts that do not depend on how the work is cut.

#[path = "../../../chip/tests/support/calibration.rs"]
mod calibration;

mod closed_forms;
mod conserve;
mod laws;
mod memory;
mod serve;

use proptest::prelude::*;
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_catalog::calibration::Params;
use secondsource_catalog::hardware::Hardware;
use secondsource_fabric::Library;
use secondsource_step::{StepInput, StepModel, StepResult, seat};
use secondsource_workload::builtin;
use secondsource_workload::layout::{Layout, Recompute, Zero};
use secondsource_workload::model::Model;
use secondsource_workload::recipe::{Recipe, Software};

pub const MODELS: [&str; 6] = ["llama-3.1-8b", "llama-3.1-405b", "gpt3-175b", "mixtral-8x7b", "deepseek-v3", "gemma-2-27b"];
pub const SYSTEMS: [&str; 5] = ["h100-sxm", "gb200-nvl72", "trn2-ultraserver", "tpu-v5p", "mi300x"];

/// A job with everything in the open, so that a test can turn one knob.
#[derive(Clone)]
pub struct Job {
    pub model: Model,
    pub hw: Hardware,
    pub params: Params,
    pub recipe: Recipe,
    pub seq: u64,
    pub batch: u64,
    pub layout: Layout,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}, seq {}, batch {}, {:?}", self.model.name, self.hw.system, self.seq, self.batch, self.layout)
    }
}

impl Job {
    pub fn new(model: &str, system: &str, layout: Layout, micro_batches: u64) -> Job {
        Job {
            model: builtin(model).expect("a built-in model"),
            hw: Catalog::embedded().hardware(system).expect("a system of the catalog"),
            params: calibration::params(),
            recipe: Recipe::mixed(Dtype::Bf16, calibration::MODERN),
            seq: 4096,
            batch: u64::from(layout.dp) * u64::from(layout.micro_batch) * micro_batches,
            layout,
        }
    }

    pub fn with<T>(&self, f: impl FnOnce(&StepModel<'_>) -> T) -> T {
        let chips = self.layout.devices();
        let hw = seat(&self.hw, chips);
        let input = StepInput { model: &self.model, hw: &hw, seq: self.seq, global_batch: self.batch, chips, library: Library::of(&hw) };
        f(&StepModel::new(input, self.recipe, &self.params, &calibration::energy()).expect("the chip has the peaks"))
    }

    /// `None` when the layout breaks a rule.
    pub fn run(&self) -> Option<StepResult> {
        self.with(|m| m.evaluate(&self.layout, true).ok())
    }

    pub fn seconds(&self) -> f64 {
        self.run().expect("a layout that keeps the rules").seconds
    }
}

pub fn software() -> Software {
    calibration::MODERN
}

pub fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * a.abs().max(b.abs()), "{a} is not {b} within {tolerance}");
}

/// Jobs of all kinds; those that break a rule are left out by the caller.
pub fn jobs() -> impl Strategy<Value = Job> {
    let sizes = (0u32..4, 0u32..2, 0u32..4, 0usize..3, 0u32..4, 0u32..4);
    let rest = (0usize..MODELS.len(), 0usize..SYSTEMS.len(), 0u32..3, 1u64..5, 0usize..4, 0usize..2);
    (sizes, rest).prop_map(|((tp, cp, pp, vpp, dp, ep), (model, system, micro, m, zero, recompute))| {
        let pp = 1 << pp;
        let layout = Layout {
            tp: 1 << tp,
            cp: 1 << cp,
            pp,
            vpp: if pp == 1 { 1 } else { [1, 2, 4][vpp] },
            dp: 1 << dp,
            ep: if matches!(MODELS[model], "mixtral-8x7b" | "deepseek-v3") { 1 << ep } else { 1 },
            zero: [Zero::Z0, Zero::Z1, Zero::Z2, Zero::Z3][zero],
            micro_batch: 1 << micro,
            recompute: [Recompute::None, Recompute::Full][recompute],
            ..Layout::SINGLE
        };
        Job::new(MODELS[model], SYSTEMS[system], layout, m * u64::from(pp))
    })
}
