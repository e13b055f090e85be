//! Every chip of the catalog, and chips with something changed.

use crate::calibration;
use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_chip::{Engine, MissingPeak};
use secondsource_workload::recipe::{AttentionKernel, Launch, Recipe, Software};

/// Every chip whose peaks have a source gets an engine that sustains a share of them; the others say what is missing.
#[test]
fn every_chip_of_the_catalog() {
    let (p, energy) = (calibration::params(), calibration::energy());
    let mut built = 0;
    for chip in Catalog::embedded().chips() {
        let Ok(hw) = Catalog::embedded().hardware(&chip.id) else { continue };
        for linear in Dtype::ALL {
            match Engine::new(&hw.chip, &Recipe::mixed(linear, calibration::MODERN), &p, &energy) {
                Ok(e) => {
                    built += 1;
                    let share = e.sustained_fraction();
                    assert!(share > 0.2 && share <= 1.0, "{} {}: sustains {share} of its peak", chip.id, linear.name());
                }
                Err(MissingPeak { chip: name, dtype }) => {
                    assert_eq!(name, hw.chip.id);
                    assert!(hw.chip.peak(dtype).is_none(), "{name} has a {} peak", dtype.name());
                }
            }
        }
    }
    assert!(built > 60, "only {built} engines");
}

/// An A100 has no fp8 unit: that is an error with the chip's name, never bf16 by another name.
#[test]
fn a_missing_unit_is_an_error() {
    let hw = Catalog::embedded().hardware("a100-80g-sxm").unwrap();
    let e =
        Engine::new(&hw.chip, &Recipe::mixed(Dtype::Fp8, calibration::MODERN), &calibration::params(), &calibration::energy()).unwrap_err();
    assert_eq!(e, MissingPeak { chip: "a100-80g-sxm".into(), dtype: Dtype::Fp8 });
    assert!(e.to_string().contains("a100-80g-sxm") && e.to_string().contains("fp8"), "{e}");
}

/// The same silicon under a lower power limit is slower, and never faster than without a limit.
#[test]
fn power_limits_only_slow_down() {
    let mut hw = Catalog::embedded().hardware("h100-sxm").unwrap();
    let mut last = f64::INFINITY;
    for tdp in [Some(300.0), Some(500.0), Some(700.0), Some(1400.0), None] {
        hw.chip.tdp = tdp;
        let e = Engine::new(&hw.chip, &Recipe::mixed(Dtype::Bf16, calibration::MODERN), &calibration::params(), &calibration::energy())
            .unwrap();
        let t = e.linear(8192.0, 8192.0, 8192.0).seconds;
        assert!(t <= last, "{tdp:?} W: {t} s after {last} s");
        last = t;
    }
}

/// Older software is never faster: eager elementwise chains, PyTorch's and Triton's attention.
#[test]
fn older_software_is_never_faster() {
    let hw = Catalog::embedded().hardware("h100-sxm").unwrap();
    let at = |software: Software| {
        let e = Engine::new(&hw.chip, &Recipe::mixed(Dtype::Bf16, software), &calibration::params(), &calibration::energy()).unwrap();
        let a = e.attention_forward(8192.0, 4096.0, 8192.0, 32.0, 128.0, 128.0).seconds;
        (a, e.stream(1e9).seconds, e.host_layer)
    };
    let modern = calibration::MODERN;
    let new = at(modern);
    let sdpa = at(Software { attention: AttentionKernel::Sdpa, ..modern });
    let triton = at(Software { attention: AttentionKernel::Triton, ..modern });
    let eager = at(Software { launch: Launch::Eager, ..modern });
    assert!(new.0 < sdpa.0 && sdpa.0 < triton.0, "attention: {} {} {}", new.0, sdpa.0, triton.0);
    assert!(new.1 < eager.1 && new.2 < eager.2, "eager: {new:?} {eager:?}");
}
