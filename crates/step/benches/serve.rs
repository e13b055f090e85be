//! Serving: one pass, one point of steady load, and all batches of a replica.

#[path = "../../chip/tests/support/calibration.rs"]
mod calibration;

use divan::{Bencher, black_box};
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_fabric::Library;
use secondsource_step::seat;
use secondsource_step::serve::{Formats, Limits, Load, Replica, ServeParams, Server, Split};
use secondsource_workload::builtin;

fn main() {
    divan::main();
}

const PARAMS: ServeParams = ServeParams {
    bandwidth: 1.0,
    compute: 1.0,
    compute_fp4: 1.0,
    experts: 0.5,
    layer_gpu: 7e-5,
    layer_neuron: 1.7e-4,
    layer_tpu: 7e-6,
    layer_gaudi: 7e-5,
    collective: 5e-6,
    pass: 4e-4,
    load: 0.97,
};
const LOAD: Load = Load { prompt: 1024.0, output: 1024.0 };

/// Model, system, chips of a replica, how attention is cut.
type Case = (&'static str, &'static str, u32, Split);

const CASES: [Case; 3] = [
    ("llama-3.1-70b", "h100-sxm", 4, Split::Heads),
    ("llama-3.1-70b", "trn2-ultraserver", 4, Split::Heads),
    ("deepseek-v3", "gb200-nvl72", 32, Split::Requests),
];

fn with(case: Case, run: impl FnOnce(&Server<'_>)) {
    let (name, system, tp, split) = case;
    let (Ok(model), Ok(hw)) = (builtin(name), Catalog::embedded().hardware(system)) else { return };
    let hw = seat(&hw, u64::from(tp));
    let formats = Formats { weights: Dtype::Bf16, math: Dtype::Bf16, cache_bytes: 2.0 };
    let limits = Limits { memory_share: 0.9, chunk: 8192.0, slots: 2048.0 };
    let (params, energy) = (calibration::params(), calibration::energy());
    let replica = Replica { tp, pp: 1, split };
    let server =
        Server::new(&model, &hw, Library::of(&hw), replica, formats, limits, calibration::MODERN.attention, &params, &energy, &PARAMS);
    if let Ok(server) = server {
        run(&server);
    }
}

#[divan::bench(args = CASES)]
fn decode_pass(bencher: Bencher, case: Case) {
    with(case, |s| bencher.bench_local(|| s.decode(black_box(64.0), 2048.0)));
}

#[divan::bench(args = CASES)]
fn steady_point(bencher: Bencher, case: Case) {
    with(case, |s| bencher.bench_local(|| s.steady(black_box(64.0), LOAD)));
}

/// Every power of two that the cache holds.
#[divan::bench(args = CASES)]
fn all_batches(bencher: Bencher, case: Case) {
    with(case, |s| {
        bencher.bench_local(|| s.batches(LOAD).map(|b| b.into_iter().map(|b| s.steady(b, LOAD)).collect::<Vec<_>>()));
    });
}
