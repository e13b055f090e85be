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

#[test]
fn files_that_do_not_fit_are_refused() {
    let file = |name: &str, axes: &str, unit: &str, grid: &str, rate: &str| {
        let text =
            format!("chips = [\"trn2\"]\n[[kernel]]\nname = \"{name}\"\naxes = {axes}\nunit = \"{unit}\"\ngrid = {grid}\nrate = {rate}\n");
        KernelProfile::read("p.toml", &text).map(|_| ()).map_err(|d| format!("{} {:?}", d.message, d.hints))
    };
    let width = "[\"width\"]";
    assert_eq!(file("norm", width, "B/s", "[[1.0, 2.0]]", "[5.0, 6.0]"), Ok(()));
    for (name, axes, unit, grid, rate, word) in [
        ("norn", width, "B/s", "[[1.0]]", "[5.0]", "no kernel `norn`"),
        ("norm", "[\"rows\"]", "B/s", "[[1.0]]", "[5.0]", "has axes width"),
        ("norm", width, "FLOP/s", "[[1.0]]", "[5.0]", "counts B/s"),
        ("norm", width, "B/s", "[[2.0, 1.0]]", "[5.0, 6.0]", "must rise"),
        ("norm", width, "B/s", "[[1.0, 2.0]]", "[5.0]", "has 1 numbers"),
        ("norm", width, "B/s", "[[1.0, 2.0]]", "[5.0, nan]", "rates must lie"),
        ("norm", width, "B/s", "[[1.0], [2.0]]", "[5.0]", "has 2 lists"),
        ("norm", width, "B/s", "[[1.0], 3]", "[5.0]", "invalid type"),
    ] {
        let e = file(name, axes, unit, grid, rate).expect_err("refused");
        assert!(e.contains(word), "{e}");
    }
}
