//! ns per closed-form collective, per placement, and the time of one large torus message by message.

use divan::{Bencher, black_box};
use secondsource_catalog::hardware::{ChipSpec, Hardware, NetworkLevel, ScaleUpShape};
use secondsource_fabric::simulate::{Torus, torus_all_reduce};
use secondsource_fabric::{Collective, Efficiency, Library, Thresholds, cost, place};

fn main() {
    divan::main();
}

fn level(chips: u32, shape: ScaleUpShape, gbps: f64, axis: [f64; 3], us: f64, scale_out: bool) -> NetworkLevel {
    let axis_bandwidth = axis.map(|x| x * 1e9);
    NetworkLevel { chips, shape, injection: gbps * 1e9, axis_bandwidth, latency: us * 1e-6, scale_out, host_bus: false }
}

fn machine(name: &str) -> (Hardware, Library, u32) {
    use ScaleUpShape::{FullMesh, Switched, Torus as T};
    let (vendor, family, node, first, out, size) = match name {
        "nvswitch" => ("NVIDIA", "hopper", 8, level(8, Switched, 450.0, [0.0; 3], 1.0, false), 50.0, 256),
        "full-mesh" => ("AMD", "cdna3", 8, level(8, FullMesh, 448.0, [0.0; 3], 1.0, false), 50.0, 256),
        "torus-16384" => ("Google", "tpu", 4, level(16384, T([16, 32, 32]), 600.0, [100.0; 3], 1.0, false), 6.25, 16384),
        _ => ("AWS", "neuron", 16, level(64, T([4, 4, 4]), 640.0, [128.0, 128.0, 64.0], 1.5, false), 25.0, 256),
    };
    let chip = ChipSpec {
        id: name.into(),
        vendor: vendor.into(),
        family: family.into(),
        peaks: [None; 8],
        hbm_bytes: 0.0,
        hbm_bandwidth: 0.0,
        tdp: None,
        cores: None,
        power: None,
        kernels: None,
    };
    let levels = vec![first, level(u32::MAX, Switched, out, [0.0; 3], 15.0, true)];
    let hw = Hardware { system: name.into(), chip, chips_per_node: node, levels, max_chips: None };
    let mut lib = Library::of(&hw);
    lib.scale_up = Thresholds { mesh_max: Some(1e6), rdh_max: Some(56e6) };
    (hw, lib, size)
}

const MACHINES: [&str; 4] = ["nvswitch", "full-mesh", "torus-16384", "trn2-ultraserver"];

#[divan::bench(args = MACHINES)]
fn cost_all_reduce(bencher: Bencher, name: &str) {
    let (hw, lib, size) = machine(name);
    let p = place(&hw, 1, size);
    bencher.bench(|| cost(black_box(&hw), black_box(&p), Collective::AllReduce, black_box(64.0 * 1048576.0), &Efficiency::WIRE, &lib));
}

#[divan::bench(args = MACHINES)]
fn cost_all_to_all(bencher: Bencher, name: &str) {
    let (hw, lib, size) = machine(name);
    let p = place(&hw, 1, size);
    bencher.bench(|| cost(black_box(&hw), black_box(&p), Collective::AllToAll, black_box(1e6), &Efficiency::WIRE, &lib));
}

#[divan::bench(args = MACHINES)]
fn place_group(bencher: Bencher, name: &str) {
    let (hw, _, size) = machine(name);
    let slice = secondsource_fabric::Slice::whole(&hw);
    bencher.bench(|| slice.place(black_box(&hw), black_box(4), black_box(size / 4)));
}

#[divan::bench(args = MACHINES)]
fn cut_slice(bencher: Bencher, name: &str) {
    let (hw, _, size) = machine(name);
    bencher.bench(|| secondsource_fabric::Slice::new(black_box(&hw), black_box(size / 2)));
}

/// One 64 MiB all-reduce on 16 x 32 x 32 chips, message by message.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn simulate_16384() -> f64 {
    let torus = Torus { extents: [16, 32, 32], wraps: [true; 3], link: [1e11; 3], latency: 1e-6 };
    torus_all_reduce(black_box(&torus), 64.0 * 1048576.0, false).seconds
}
