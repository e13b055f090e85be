//! Attention cores.

use crate::{calibration, engine, near};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_chip::Engine;
use secondsource_workload::recipe::{AttentionKernel, Recipe, Software};

/// FlashAttention-2 (Dao 2023, section 4.1) counts 4 x seq^2 x width x heads, halved when causal, and 2.5 times that
/// backward. One sequence of 8192, 16 heads of 128: 4 x 8192^2 x 128 x 16 / 2 = 274,877,906,944.
#[test]
fn flops_as_flash_attention_counts_them() {
    let e = engine("h100-sxm", Dtype::Bf16);
    let f = e.attention_forward(8192.0, 4096.0, 8192.0, 16.0, 128.0, 128.0);
    let b = e.attention_backward(8192.0, 4096.0, 8192.0, 16.0, 128.0, 128.0);
    near(f.flops, 274_877_906_944.0, 0.0);
    near(b.flops, 687_194_767_360.0, 0.0);
    assert!(b.seconds > 2.0 * f.seconds, "five products against two");
}

/// Dao 2023, figure 5: FlashAttention-2 on an A100, forward, causal, width 128, 16k tokens: 200 TFLOP/s; forward and
/// backward together 189. FlashAttention-3 (Shah et al. 2024, figure 5) on an H100: 640-660 forward. The calibrated
/// value covers both directions in training steps, so it must lie between a half and the whole of those.
#[test]
fn rates_stay_below_the_published_kernels() {
    for (chip, forward) in [("a100-80g-sxm", 200e12), ("h100-sxm", 660e12)] {
        let e = engine(chip, Dtype::Bf16);
        let f = e.attention_forward(16384.0, 8192.0, 16384.0, 16.0, 128.0, 128.0);
        let b = e.attention_backward(16384.0, 8192.0, 16384.0, 16.0, 128.0, 128.0);
        let rate = (f.flops + b.flops) / (f.seconds + b.seconds);
        assert!((0.5 * forward..=forward).contains(&rate), "{chip}: {:.0} TFLOP/s", rate / 1e12);
    }
}

/// An unfused kernel writes the score matrix: slower than a fused one, and quadratic in the length.
#[test]
fn unfused_scores_travel() {
    let hw = Catalog::embedded().hardware("a100-80g-sxm").unwrap();
    let old = Software { attention: AttentionKernel::Unfused, ..calibration::MODERN };
    let old = Engine::new(&hw.chip, &Recipe::mixed(Dtype::Bf16, old), &calibration::params(), &calibration::energy()).unwrap();
    let new = engine("a100-80g-sxm", Dtype::Bf16);
    let at = |e: &Engine, s: f64| e.attention_forward(s, s / 2.0, s, 16.0, 128.0, 128.0);
    assert!(at(&old, 2048.0).seconds > at(&new, 2048.0).seconds);
    near(at(&old, 32768.0).bytes / at(&old, 16384.0).bytes, 4.0, 0.02);
    near(at(&new, 32768.0).bytes / at(&new, 16384.0).bytes, 2.0, 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// A short window is never slower than a long one, and no core beats the peak or the memory.
    #[test]
    fn windows_and_peaks(tokens in 1u32..64, window in 1u32..63, heads in 1u32..128, width in prop::sample::select(vec![64.0, 128.0, 192.0])) {
        let hw = Catalog::embedded().hardware("h100-sxm").unwrap();
        let e = engine("h100-sxm", Dtype::Bf16);
        let t = f64::from(tokens) * 256.0;
        let at = |keys: f64| e.attention_forward(t, keys, 65536.0, f64::from(heads), width, width);
        let (short, long) = (at(f64::from(window) * 256.0), at(f64::from(window + 1) * 256.0));
        prop_assert!(short.seconds <= long.seconds);
        prop_assert!(long.seconds >= long.flops / hw.chip.peak(Dtype::Bf16).unwrap());
        prop_assert!(long.seconds >= long.bytes / hw.chip.hbm_bandwidth);
    }
}
