//! Chips whose kernels were run on the instruction model.

use crate::{calibration, engine, near};
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_catalog::profile::Kernel;
use secondsource_chip::Engine;
use secondsource_workload::recipe::Recipe;

/// The calibrated shares are those of large shapes on Trainium1, profile or not.
#[test]
fn the_calibration_keeps_its_meaning() {
    let p = calibration::params();
    let e = engine("trn1", Dtype::Bf16);
    // Each core gets 8,192 rows.
    let c = e.bf16(16384.0, 8192.0, 8192.0);
    near(c.flops / c.seconds, p.gemm_cap_neuron * e.peak_bf16, 1e-9);
    let a = e.attention_forward(4096.0, 2048.0, 4096.0, 8.0, 128.0, 128.0);
    near(a.flops / a.seconds, p.attention_neuron * e.peak_bf16, 1e-9);
}

/// Generations differ as their kernels do: a large product keeps the same share of the profile's rate.
#[test]
fn generations_differ_as_their_kernels_do() {
    let rate = |chip: &str, cores: f64| {
        let profile = Catalog::embedded().kernel_profile(chip).expect("a profile");
        profile.curve(Kernel::MatmulBf16).expect("a curve").at(&[8192.0, 8192.0, 8192.0]) * cores
    };
    let speed = |chip: &str, cores: f64| {
        let c = engine(chip, Dtype::Bf16).bf16(8192.0 * cores, 8192.0, 8192.0);
        c.flops / c.seconds
    };
    near(speed("trn2", 8.0) / speed("trn1", 2.0), rate("trn2", 8.0) / rate("trn1", 2.0), 1e-9);
    near(speed("trn3", 8.0) / speed("trn1", 2.0), rate("trn3", 8.0) / rate("trn1", 2.0), 1e-9);
}

/// A kernel of the user's that takes twice the time doubles attention and leaves the rest.
#[test]
fn an_own_kernel_counts_for_its_operator_only() {
    let mut catalog = Catalog::embedded().clone();
    catalog.own_kernel("trn2", Kernel::AttentionForward, 2.0);
    let of = |catalog: &Catalog| {
        let hw = catalog.hardware("trn2").expect("a chip");
        let recipe = Recipe::mixed(Dtype::Bf16, calibration::MODERN);
        Engine::new(&hw.chip, &recipe, &calibration::params(), &calibration::energy()).expect("peaks")
    };
    let (own, library) = (of(&catalog), of(Catalog::embedded()));
    let forward = |e: &Engine| e.attention_forward(8192.0, 4096.0, 8192.0, 16.0, 128.0, 128.0).seconds;
    let others = |e: &Engine| {
        let backward = e.attention_backward(8192.0, 4096.0, 8192.0, 16.0, 128.0, 128.0).seconds;
        (backward, e.linear(8192.0, 8192.0, 8192.0).seconds, e.layer_stream(1e9, 1e9, 1e9, |x| x).seconds, e.loss(1e9).seconds)
    };
    near(forward(&own), 2.0 * forward(&library), 1e-9);
    assert_eq!(others(&own), others(&library));
}

/// No product is faster on a chip than the array of all its cores at the stated clock, nor any stream than device memory.
#[test]
fn never_above_the_array() {
    for (chip, cores, clock) in [("trn1", 2.0, 2.8e9), ("trn2", 8.0, 2.4e9), ("trn3", 8.0, 2.4e9)] {
        let e = engine(chip, Dtype::Bf16);
        let peak = cores * 128.0 * 128.0 * 2.0 * clock;
        for (m, n, k) in [(128.0, 128.0, 128.0), (8192.0, 1024.0, 8192.0), (65536.0, 65536.0, 65536.0), (4096.0, 100.0, 333.0)] {
            let c = e.linear(m, n, k);
            assert!(c.seconds >= c.flops / peak, "{chip} {m} x {n} x {k}: {} FLOP/s", c.flops / c.seconds);
        }
        let memory = Catalog::embedded().hardware(chip).expect("a chip").chip.hbm_bandwidth;
        for c in [e.copy(1e9), e.loss(1e9), e.permute(1e9), e.layer_stream(1e9, 1e9, 1e9, |x| x)] {
            assert!(c.seconds >= c.bytes / memory, "{chip}");
        }
    }
}

/// Without a profile the chip's datasheet and family speak, as for any other chip.
#[test]
fn without_a_profile() {
    let mut catalog = Catalog::embedded().clone();
    catalog.drop_profiles();
    let hw = catalog.hardware("trn2").expect("a chip");
    assert!(hw.chip.kernels.is_none());
    let recipe = Recipe::mixed(Dtype::Bf16, calibration::MODERN);
    let e = Engine::new(&hw.chip, &recipe, &calibration::params(), &calibration::energy()).expect("peaks");
    near(e.sustained_fraction(), calibration::params().gemm_cap_neuron, 1e-12);
}
