use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_market::orders::fair_share;

/// BT25: frePPLe's fair-share example: 6 units among two centres whose demand is as 50 to 50, and as 33 to 66.
#[test]
fn freppl_fair_share() {
    assert_eq!(fair_share(6, &[50, 50]), [3, 3]);
    assert_eq!(fair_share(6, &[33, 66]), [2, 4]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// Everything is given out, nobody gets more than was asked, and nobody is a whole unit away from the exact share.
    #[test]
    fn shares_are_whole_and_near_exact(there in 0u64..5000, wants in prop::collection::vec(0u64..1000, 1..12)) {
        let got = fair_share(there, &wants);
        let all: u64 = wants.iter().sum();
        prop_assert_eq!(got.iter().sum::<u64>(), there.min(all));
        for (g, w) in got.iter().zip(&wants) {
            prop_assert!(g <= w);
            if all > there {
                let exact = there as f64 * *w as f64 / all as f64;
                prop_assert!((*g as f64 - exact).abs() < 1.0 + 1e-9, "{} {}", g, exact);
            }
        }
    }
}
