//! Profiles of kernels: interpolation in closed form, the files that ship, files that do not fit.

use secondsource_catalog::Catalog;
use secondsource_catalog::profile::{Curve, Kernel, KernelProfile};

fn near(a: f64, b: f64) {
    assert!((a / b - 1.0).abs() < 1e-12, "{a} is not {b}");
}

/// A product of powers is met exactly between the points, and held at the ends.
#[test]
fn powers_are_met_exactly() {
    let law = |m: f64, n: f64, k: f64| 3.0 * m.powf(0.3) * n.powf(0.7) * k.powf(-0.1);
    let axis = vec![128.0, 1024.0, 8192.0];
    let rates =
        axis.iter().flat_map(|m| axis.iter().map(move |n| (*m, *n))).flat_map(|(m, n)| axis.clone().into_iter().map(move |k| law(m, n, k)));
    let c = Curve::new(Kernel::MatmulBf16, vec![axis.clone(); 3], rates.collect()).expect("a curve");
    for (m, n, k) in [(128.0, 1024.0, 8192.0), (200.0, 5000.0, 1024.0), (777.0, 130.0, 8000.0)] {
        near(c.at(&[m, n, k]), law(m, n, k));
    }
    near(c.at(&[1.0, 1e6, 4096.0]), law(128.0, 8192.0, 4096.0));
}

/// All kernels on all three generations, but for formats that a core has no unit for.
#[test]
fn what_ships_is_whole() {
    for (chip, absent) in [("trn1", vec!["matmul-fp8", "matmul-mxfp8"]), ("trn2", vec!["matmul-mxfp8"]), ("trn3", vec!["matmul-fp8"])] {
        let p = Catalog::embedded().kernel_profile(chip).expect("a profile ships");
        for k in Kernel::ALL {
            assert_eq!(p.curve(k).is_none(), absent.contains(&k.name()), "{chip} {}", k.name());
        }
    }
    assert!(
        Catalog::embedded().hardware("inf2").is_ok_and(|h| h.chip.kernels.is_some())
            || Catalog::embedded().kernel_profile("inf2").is_some()
    );
}

/// The shipped profile of Trainium2 with one thing changed.
fn changed(from: &str, to: &str) -> Result<KernelProfile, String> {
    let text = include_str!("../../../calibration/profile-trn2.toml");
    assert!(text.contains(from), "{from}");
    KernelProfile::read("p.toml", &text.replacen(from, to, 1)).map_err(|d| d.to_string())
}

#[test]
fn files_that_do_not_fit_are_refused_with_their_line() {
    assert!(changed("trn2", "trn2").is_ok());
    for (from, to, word) in [
        ("\"norm\"", "\"norn\"", "there is no kernel `norn`"),
        ("\"norm\"", "\"rotary\"", "`rotary` stands twice"),
        ("axes = [\"m\", \"n\", \"k\"]", "axes = [\"m\", \"k\", \"n\"]", "the axes of `matmul-bf16` are not m, k, n"),
        ("\"FLOP/s\"", "\"B/s\"", "`matmul-bf16` does not count B/s"),
        ("[\"trn2\"]", "[\"trn9\"]", "`trn9` is no chip that runs these kernels"),
        ("[\"trn2\"]", "[\"h100-sxm\"]", "one of trn1, inf2, trn2, trn3"),
        ("[\"trn2\"]", "[]", "a profile of no chip"),
        ("[\"trn2\"]", "\"trn2\"", "invalid type"),
        ("chips", "chip", "unknown field"),
    ] {
        let e = changed(from, to).expect_err(to);
        assert!(e.contains(word), "{to}: {e}");
        assert!(e.contains("p.toml:"), "{to}: {e}");
    }
    let e = changed("\"norm\"", "\"matmul-mxfp8\"").expect_err("its axes are others");
    assert!(e.contains("p.toml:"), "{e}");
}

#[test]
fn a_curve_needs_a_rising_grid_and_a_rate_a_point() {
    let curve = |grid: Vec<Vec<f64>>, rate: Vec<f64>| Curve::new(Kernel::Norm, grid, rate).map(|_| ());
    assert_eq!(curve(vec![vec![1.0, 2.0]], vec![5.0, 6.0]), Ok(()));
    for (grid, rate, word) in [
        (vec![vec![2.0, 1.0]], vec![5.0, 6.0], "must rise"),
        (vec![vec![1.0, 2.0]], vec![5.0], "has 1 numbers"),
        (vec![vec![1.0, 2.0]], vec![5.0, f64::NAN], "rates must lie"),
        (vec![vec![1.0], vec![2.0]], vec![5.0], "has 2 lists"),
    ] {
        let e = curve(grid, rate).expect_err(word);
        assert!(e.contains(word), "{e}");
    }
}

/// The calibration's references are of what ships: a user's profile of Trainium1 is no reason for Trainium2 to run differently.
#[test]
fn a_profile_of_trn1_leaves_trn2_alone() {
    let text = include_str!("../../../calibration/profile-trn1.toml");
    let usual = KernelProfile::read("p.toml", text).expect("ships");
    let slow: Vec<Curve> = usual
        .curves()
        .map(|c| Curve::new(c.kernel, c.grid.clone(), c.rate.iter().map(|r| r / 2.0).collect()).expect("half of a rate"))
        .collect();
    let mut catalog = Catalog::embedded().clone();
    catalog.add_profile(KernelProfile::new(usual.chips.clone(), slow));
    let kernels = |c: &Catalog, chip: &str| c.hardware(chip).expect(chip).chip.kernels.expect("has a profile");
    for chip in ["trn1", "trn2"] {
        let (before, after) = (kernels(Catalog::embedded(), chip), kernels(&catalog, chip));
        assert_eq!(before.product_reference, after.product_reference, "{chip}");
        assert_eq!(before.attention_reference, after.attention_reference, "{chip}");
        assert_eq!(before.profile == after.profile, chip == "trn2", "{chip}");
    }
}
