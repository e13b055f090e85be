//! Intervals and own runs on the published table: what they promise is counted, on rows that nothing had seen.

use crate::{job, twin};
use secondsource::answer::ValidateAnswer;
use secondsource::runs::EMBEDDED;

fn answer() -> ValidateAnswer {
    twin().validate("published_runs.csv", EMBEDDED, &|_, _| {}).unwrap_or_else(|e| panic!("{e:?}")).0
}

/// Neither the parameters nor the quantiles of an interval saw the row's source, or its chip.
#[test]
fn nine_in_ten_of_unseen_runs_lie_inside() {
    let a = answer();
    for (name, s, low, high) in [
        ("source, A", &a.leave_one_source_out_a, 0.86, 0.94),
        ("source, A and B", &a.leave_one_source_out, 0.84, 0.95),
        ("source, MoE", &a.leave_one_source_out_moe, 0.80, 0.99),
        ("chip, A", &a.leave_one_chip_out_a, 0.86, 0.95),
        ("chip, A and B", &a.leave_one_chip_out, 0.84, 0.96),
        ("after three own runs", &a.new_stack_after_three, 0.85, 0.95),
    ] {
        println!("{name}: {:.3} of {}", s.coverage_90, s.n);
        assert!((low..=high).contains(&s.coverage_90), "{name}: {}", s.coverage_90);
    }
    assert_eq!(a.leave_one_source_out_moe.n, a.summary_moe.n);
    assert_eq!(a.leave_one_source_out_a_without_mosaic.n, a.summary_a_without_mosaic.n);
    assert_eq!(a.leave_one_chip_out_a_without_mosaic.n, a.summary_a_without_mosaic.n);
}

#[test]
fn three_own_runs_are_worth_having() {
    let a = answer();
    let (before, after) = (&a.leave_one_source_out, &a.new_stack_after_three);
    println!("{:.1} / {:.1} after three own runs", after.median_abs_error_pct, after.p90_abs_error_pct);
    assert!(after.n > 600, "{}", after.n);
    assert!(after.median_abs_error_pct < before.median_abs_error_pct - 1.0);
    assert!(after.p90_abs_error_pct < before.p90_abs_error_pct);
}

/// A chip that no run has calibrated gets an interval at least as wide as one of the same family that has some.
#[test]
fn an_unseen_chip_gets_the_wider_interval() {
    let width = |chip: &str| {
        let mut j = job("llama3-8b", &[chip], 64);
        j.fix.zero = Some(secondsource::workload::layout::Zero::Z3);
        let o = twin().step(&j).unwrap().option;
        (o.step_s.p95 / o.step_s.p5, o.interval_basis)
    };
    let ((seen, basis), (unseen, new)) = (width("trn1"), width("trn2"));
    assert!(basis.contains("calibrated chip, dense model") && new.contains("chip without calibration runs"), "{basis}; {new}");
    assert!(unseen >= seen, "{unseen} against {seen}");
}
