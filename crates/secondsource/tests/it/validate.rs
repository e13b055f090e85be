//! Accuracy on the published table: it may get better, not worse. The limits, as a test.

use crate::twin;
use secondsource::answer::{ErrorSummary, ValidateAnswer, ValidateRow};
use secondsource::runs::EMBEDDED;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

fn answer() -> &'static ValidateAnswer {
    static ANSWER: OnceLock<ValidateAnswer> = OnceLock::new();
    ANSWER.get_or_init(|| twin().validate("published_runs.csv", EMBEDDED, &|_, _| {}).unwrap_or_else(|e| panic!("{e:?}")).0)
}

fn show(name: &str, s: &ErrorSummary) {
    println!(
        "{name}: n {} skipped {} median {:.2}% p90 {:.1}% bias {:+.2}% coverage {:.3} rank {:.3}",
        s.n, s.skipped, s.median_abs_error_pct, s.p90_abs_error_pct, s.bias_pct, s.coverage_90, s.rank_correlation
    );
}

#[test]
fn medians_stay_within_the_limits() {
    let a = answer();
    show("A and B", &a.summary);
    show("A", &a.summary_a);
    show("MoE", &a.summary_moe);
    show("without its source, A and B", &a.leave_one_source_out);
    show("without its source, A", &a.leave_one_source_out_a);
    show("without its chip, A and B", &a.leave_one_chip_out);
    // What is reached, and a tenth of it.
    for (name, s, median, p90) in [
        ("A", &a.summary_a, 4.1, 11.9),
        ("A without mosaic", &a.summary_a_without_mosaic, 5.1, 13.1),
        ("A and B", &a.summary, 5.4, 15.5),
        ("A and B, event by event", &a.summary_simulated, 5.5, 15.5),
        ("without its source, A", &a.leave_one_source_out_a, 6.6, 17.5),
        ("without its source, A without mosaic", &a.leave_one_source_out_a_without_mosaic, 6.6, 20.2),
        ("without its source, A and B", &a.leave_one_source_out, 8.2, 21.0),
        ("without its source, MoE", &a.leave_one_source_out_moe, 14.0, 27.6),
        ("without its chip, A", &a.leave_one_chip_out_a, 5.2, 16.5),
        ("without its chip, A without mosaic", &a.leave_one_chip_out_a_without_mosaic, 7.2, 18.0),
        ("without its chip, A and B", &a.leave_one_chip_out, 7.1, 20.1),
        ("after three own runs", &a.new_stack_after_three, 5.9, 18.0),
    ] {
        assert!(s.median_abs_error_pct <= median, "{name}: median {}", s.median_abs_error_pct);
        assert!(s.p90_abs_error_pct <= p90, "{name}: 90th percentile {}", s.p90_abs_error_pct);
    }
    assert!(a.summary.median_abs_error_pct > 4.0, "under 4% the fit would follow single rows: {}", a.summary.median_abs_error_pct);
    for (chip, s) in &a.by_chip {
        show(chip, s);
        assert!(s.median_abs_error_pct <= 22.0, "{chip}: {}", s.median_abs_error_pct);
    }
}

/// At least 95% of A and B rows are simulated; what is not says why.
#[test]
fn few_rows_are_skipped_and_each_says_why() {
    let a = answer();
    let n = a.summary.n + a.summary.skipped;
    assert!(a.summary.skipped * 20 <= n, "{} of {n} skipped", a.summary.skipped);
    let graded =
        a.rows.iter().filter(|r| !matches!(r, ValidateRow::Predicted { grade, .. } | ValidateRow::Skipped { grade, .. } if grade == "C"));
    assert_eq!(n, graded.count() as u64);
    assert!(n >= 670, "{n} rows of grade A and B");
    for r in &a.rows {
        if let ValidateRow::Skipped { id, skipped, .. } = r {
            assert!(skipped.len() > 10, "{id}: {skipped}");
        }
    }
}

/// Every row of the table comes back, once.
#[test]
fn no_row_is_dropped() {
    let ids: Vec<&str> = answer()
        .rows
        .iter()
        .map(|r| match r {
            ValidateRow::Predicted { id, .. } | ValidateRow::Skipped { id, .. } => id.as_str(),
        })
        .collect();
    let table =
        csv::ReaderBuilder::new().from_reader(EMBEDDED.as_bytes()).into_records().map(|r| r.unwrap()[0].to_owned()).collect::<Vec<_>>();
    assert_eq!(ids.len(), table.len());
    assert_eq!(ids.iter().copied().collect::<BTreeSet<_>>(), table.iter().map(String::as_str).collect::<BTreeSet<_>>());
}

/// The figures can be made again from the rows that stand beside them.
#[test]
fn summaries_follow_from_the_rows() {
    let a = answer();
    let mut errors = Vec::new();
    let mut inside = 0.0;
    let mut by_chip: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for r in &a.rows {
        if let ValidateRow::Predicted { grade, chip, measured_step_s, p5, p50, p95, error_pct, .. } = r {
            assert!(p5 <= p50 && p50 <= p95 && p5 > &0.0);
            assert!((error_pct - (p50 / measured_step_s - 1.0) * 100.0).abs() < 1e-9);
            if grade != "C" {
                errors.push(error_pct.abs());
                inside += f64::from(u8::from(p5 <= measured_step_s && measured_step_s <= p95));
                by_chip.entry(chip).or_default().push(error_pct.abs());
            }
        }
    }
    let median = |v: &mut Vec<f64>| {
        v.sort_by(f64::total_cmp);
        f64::midpoint(v[(v.len() - 1) / 2], v[v.len() / 2])
    };
    assert_eq!(a.summary.n, errors.len() as u64);
    assert!((a.summary.coverage_90 - inside / errors.len() as f64).abs() < 1e-12);
    assert!((median(&mut errors) - a.summary.median_abs_error_pct).abs() < 1e-9);
    for (chip, mut v) in by_chip {
        assert!((median(&mut v) - a.by_chip[chip].median_abs_error_pct).abs() < 1e-9, "{chip}");
    }
}

/// Held-out figures exist for every row that is in the fit, are worse than the fit, and intervals hold what they say.
#[test]
fn held_out_figures() {
    let a = answer();
    assert_eq!(a.leave_one_source_out.n, a.summary.n);
    assert_eq!(a.leave_one_chip_out.n, a.summary.n);
    assert!(a.leave_one_source_out.median_abs_error_pct >= a.summary.median_abs_error_pct);
    assert!(a.leave_one_source_out.coverage_90 >= 0.80, "held-out coverage {}", a.leave_one_source_out.coverage_90);
    assert!((0.85..=0.99).contains(&a.summary.coverage_90), "coverage {}", a.summary.coverage_90);
    let (right, pairs) = a.layout_pairs;
    assert!(pairs > 2000 && right * 100 > pairs * 87, "{right} of {pairs} pairs of layouts in the right order");
}

/// Runs that ran fit: at most 1% of A rows and 2% of A and B rows are predicted not to.
#[test]
fn runs_that_ran_fit_in_memory() {
    let a = answer();
    let (of_a, of_ab) = a.misfits;
    assert!(of_a * 100 <= a.summary_a.n && of_ab * 50 <= a.summary.n, "{of_a} of {} and {of_ab} of {}", a.summary_a.n, a.summary.n);
}

/// SimuMax measured the peak of 22 runs on one B200 node (Llama 3 70B and DeepSeek-V2 cut to a few layers).
#[test]
fn measured_peaks_are_met() {
    let mut rows = csv::Reader::from_reader(EMBEDDED.as_bytes());
    let notes = rows.headers().unwrap().iter().position(|h| h == "notes").unwrap();
    let capacity = twin().catalog.hardware("b200").unwrap().chip.hbm_bytes;
    let mut met = 0;
    for row in rows.records().map(Result::unwrap) {
        let Some(rest) = row[notes].strip_prefix("real memory ") else { continue };
        let measured: f64 = rest.split(' ').next().unwrap().parse().unwrap();
        let ratio = answer().rows.iter().find_map(|r| match r {
            ValidateRow::Predicted { id, memory_ratio, .. } if *id == row[0] => Some(*memory_ratio),
            _ => None,
        });
        let predicted = ratio.unwrap() * capacity / f64::from(1 << 30);
        assert!((predicted / measured - 1.0).abs() < 0.08, "{}: {predicted:.1} GiB, measured {measured}", &row[0]);
        met += 1;
    }
    assert_eq!(met, 22);
}

/// Same bytes on one thread and on three.
#[test]
fn validation_does_not_depend_on_threads() {
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let run = || serde_json::to_string(&twin().validate("t", EMBEDDED, &|_, _| {}).unwrap().0).unwrap();
    assert_eq!(pool(1).install(run), pool(3).install(run));
}

/// Sizes that no cluster has are refused with the row, at once, whatever the cell.
#[test]
fn absurd_sizes_are_refused() {
    let mut reader = csv::Reader::from_reader(EMBEDDED.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).unwrap();
    let columns = ["tp", "pp", "cp", "dp", "ep", "vpp", "chips", "layers", "hidden", "heads", "head_dim", "experts", "vocab"];
    for column in columns {
        let at = header.iter().position(|h| h == column).unwrap();
        for row in [4, 400, 600] {
            let mut cells: Vec<String> = rows[row].iter().map(str::to_owned).collect();
            cells[0] = format!("{column}-{row}");
            cells[at] = "3000000000".into();
            writer.write_record(cells).unwrap();
        }
    }
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let answer = twin().validate("absurd.csv", &text, &|_, _| {}).unwrap().0;
    assert_eq!(answer.rows.len(), columns.len() * 3);
    assert!(answer.rows.iter().all(|r| matches!(r, ValidateRow::Skipped { .. })), "{:?}", answer.rows);
}
