//! Matrix products.

use crate::{engine, near};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;

const CHIPS: [&str; 6] = ["a100-80g-sxm", "h100-sxm", "b200", "mi300x", "trn2", "tpu-v5p"];

/// 2 x 4096 x 4096 x 4096 = 137,438,953,472; three matrices of 4096 x 4096 x 2 bytes = 100,663,296.
#[test]
fn counts_by_hand() {
    let e = engine("h100-sxm", Dtype::Bf16);
    let c = e.linear(4096.0, 4096.0, 4096.0);
    near(c.flops, 137_438_953_472.0, 0.0);
    near(c.bytes, 100_663_296.0, 0.0);
    // fp8 operands of one byte, a bf16 result: 2 x 16 Mi + 2 x 16 Mi bytes.
    near(engine("h100-sxm", Dtype::Fp8).linear(4096.0, 4096.0, 4096.0).bytes, 67_108_864.0, 0.0);
    // The fp32 gradient buffer is read and written: 2 x 2 x 16 Mi + 8 x 16 Mi.
    near(e.weight_gradient(4096.0, 4096.0, 4096.0).bytes, 201_326_592.0, 0.0);
    near(e.grouped(8.0, 512.0, 4096.0, 4096.0, false).flops, 137_438_953_472.0, 0.0);
    near(e.grouped(8.0, 512.0, 4096.0, 4096.0, true).flops, 137_438_953_472.0, 0.0);
}

/// Largest bf16 rates that mamf-finder measured, at their best shapes (Bekman, ml-engineering, "Maximum Achievable
/// Matmul FLOPS comparison table"). No such row is in the calibration, so this is an independent check. The best of
/// thousands of shapes, on an otherwise idle chip, is a ceiling for what products inside a training step sustain.
#[test]
fn best_measured_products_are_a_ceiling() {
    for (chip, (m, n, k), tflops) in [
        ("a100-80g-sxm", (6912.0, 16384.0, 2048.0), 267.9),
        ("h100-sxm", (6144.0, 17920.0, 2816.0), 792.1),
        ("mi300x", (4096.0, 10240.0, 4864.0), 781.9),
    ] {
        let c = engine(chip, Dtype::Bf16).linear(m, n, k);
        let share = c.flops / c.seconds / 1e12 / tflops;
        assert!((0.55..1.05).contains(&share), "{chip}: {share:.2} of the {tflops} TFLOP/s that were measured");
    }
}

/// Routing a few tokens to each of many experts is slower than one product of the same FLOPs, and below 16 tokens
/// an expert the weights' way through memory rules.
#[test]
fn grouped_products_lose_with_width() {
    let e = engine("h100-sxm", Dtype::Bf16);
    let one = e.linear(8192.0, 4096.0, 2048.0).seconds;
    let mut last = one;
    for experts in [8.0, 32.0, 128.0] {
        let t = e.grouped(experts, 8192.0 / experts, 4096.0, 2048.0, false).seconds;
        assert!(t > last, "{experts} experts: {t} after {last}");
        last = t;
    }
    let few = e.grouped(64.0, 4.0, 4096.0, 2048.0, false);
    let bandwidth = Catalog::embedded().hardware("h100-sxm").unwrap().chip.hbm_bandwidth;
    assert!(few.seconds >= 64.0 * 4096.0 * 2048.0 * 2.0 / bandwidth, "weights cannot arrive faster than HBM sends them");
}

#[test]
fn low_precision_is_never_slower() {
    for chip in ["h100-sxm", "b200", "mi300x"] {
        for (m, n, k) in [(8192.0, 8192.0, 8192.0), (1024.0, 4096.0, 16384.0), (128.0, 512.0, 256.0)] {
            let (a, b) = (engine(chip, Dtype::Fp8).linear(m, n, k).seconds, engine(chip, Dtype::Bf16).linear(m, n, k).seconds);
            assert!(a <= b, "{chip} {m} x {n} x {k}: fp8 {a}, bf16 {b}");
        }
    }
}

/// 129 columns take the tiles of 256; waves of a product that fills the cores once more cost at most one more wave.
#[test]
fn tiles_are_paid_whole() {
    let e = engine("h100-sxm", Dtype::Bf16);
    let (a, b) = (e.linear(8192.0, 129.0, 8192.0), e.linear(8192.0, 256.0, 8192.0));
    assert!(a.matrix_seconds / a.flops > 1.3 * b.matrix_seconds / b.flops, "a sliver of a tile is as slow as a tile");
}

fn shape() -> impl Strategy<Value = (f64, f64, f64)> {
    (1u32..400, 1u32..400, 1u32..200).prop_map(|(a, b, c)| (f64::from(a) * 128.0, f64::from(b) * 128.0, f64::from(c) * 128.0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// No product beats the datasheet: neither its dense peak nor its memory bandwidth.
    #[test]
    fn never_above_the_datasheet((m, n, k) in shape(), chip in 0..CHIPS.len(), experts in 1u32..64) {
        let hw = Catalog::embedded().hardware(CHIPS[chip]).unwrap();
        let e = engine(CHIPS[chip], Dtype::Bf16);
        let peak = hw.chip.peak(Dtype::Bf16).unwrap();
        let g = f64::from(experts);
        for c in [e.linear(m, n, k), e.weight_gradient(m, n, k), e.bf16(m, n, k), e.grouped(g, m, n, k, false), e.grouped(g, m, n, k, true)] {
            prop_assert!(c.seconds.is_finite() && c.seconds >= c.flops / peak, "{} s for {} FLOPs", c.seconds, c.flops);
            prop_assert!(c.seconds >= c.bytes / hw.chip.hbm_bandwidth);
            prop_assert!(c.seconds >= c.matrix_seconds * (1.0 - 1e-12));
        }
    }

    /// Whole tiles more of work never take less time.
    #[test]
    fn more_work_is_never_faster((m, n, k) in shape(), more in 1u32..8, axis in 0..3) {
        let e = engine("h100-sxm", Dtype::Bf16);
        let d = f64::from(more) * 128.0;
        let (m2, n2, k2) = match axis { 0 => (m + d, n, k), 1 => (m, n + d, k), _ => (m, n, k + d) };
        let (a, b) = (e.linear(m, n, k).seconds, e.linear(m2, n2, k2).seconds);
        prop_assert!(b >= a * (1.0 - 1e-9), "{m} x {n} x {k}: {a} s, {m2} x {n2} x {k2}: {b} s");
        let (a, b) = (e.grouped(8.0, m, n, k, false).seconds, e.grouped(8.0, m2, n2, k2, false).seconds);
        prop_assert!(b >= a * (1.0 - 1e-9), "grouped {m} x {n} x {k}: {a} s, {m2} x {n2} x {k2}: {b} s");
    }
}
