use crate::run::{assert_shape, secondsource, secondsource_at};
use serde_json::json;

#[test]
fn json_keeps_its_contract() {
    let value = secondsource(&["validate", "--json", "--quiet"]).json();
    let summary = json!({"n": 0, "skipped": 0, "median_abs_error_pct": 0, "p90_abs_error_pct": 0, "bias_pct": 0, "coverage_90": 0});
    assert_shape(&value, &json!({"rows": [{"id": ""}], "summary": summary, "by_chip": {"h100-sxm": summary}, "by_source": {}}), "validate");
    let (mut predicted, mut skipped) = (0, 0);
    for row in value["rows"].as_array().expect("rows") {
        if row.get("skipped").is_some() {
            assert_shape(row, &json!({"id": "", "skipped": ""}), "skipped row");
            skipped += 1;
        } else {
            let shape = json!({"id": "", "chip": "", "grade": "", "measured_step_s": 0, "p5": 0, "p50": 0, "p95": 0, "error_pct": 0});
            assert_shape(row, &shape, "row");
            predicted += 1;
        }
    }
    let table = std::fs::read_to_string(crate::run::root().join("validation/published_runs.csv")).expect("the table");
    let rows = table.lines().filter(|l| !l.is_empty() && !l.starts_with("id,") && !l.starts_with('#')).count();
    assert_eq!(predicted + skipped, rows, "no row is dropped in silence");
}

#[test]
fn the_page_has_its_tables() {
    for columns in ["80", "100", "160"] {
        let ran = secondsource_at(&["validate", "--quiet", "--worst", "4"], columns);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        for word in [
            "A and B",
            "Source not seen in the fit",
            "after three own runs",
            "By chip",
            "By source",
            "Largest errors, grades A and B (4 of",
            "Skipped",
        ] {
            assert!(ran.stdout.contains(word), "`{word}` is missing at {columns}:\n{}", ran.stdout);
        }
    }
}

/// Grade C is for sanity only: no word of it without `--all`, but for the rows that are skipped.
#[test]
fn grade_c_is_shown_on_request() {
    let (usual, all) = (secondsource(&["validate", "--quiet"]).ok(), secondsource(&["validate", "--quiet", "--all"]).ok());
    assert!(!usual.contains("A, B and C") && all.contains("A, B and C"));
    let skipped = |text: &str| text.split_once("\nSkipped").map(|(_, after)| after.to_owned());
    assert_eq!(skipped(&usual), skipped(&all), "skipped rows are all listed");
}

#[test]
fn a_picture_is_written_and_the_same_each_time() {
    let folder = crate::run::scratch("validate-plot");
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let (one, two, bars) = (path("one.svg"), path("two.svg"), path("bars.svg"));
    for (file, more) in [(&one, None), (&two, None), (&bars, Some("--plot-intervals"))] {
        let mut args = vec!["validate", "--quiet", "--plot", file];
        args.extend(more);
        assert_eq!(secondsource(&args).code, 0);
    }
    let read = |p: &str| std::fs::read_to_string(p).expect("the picture");
    assert_eq!(read(&one), read(&two));
    for word in ["published step time (s)", "predicted step time (s)", "median", "NVIDIA Hopper"] {
        assert!(read(&one).contains(word), "`{word}` is missing");
    }
    assert!(read(&bars).len() > read(&one).len());
    let ran = secondsource(&["validate", "--plot-intervals"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn no_picture_of_nothing() {
    let table = crate::run::scratch_file("validate-plot-none", "runs.csv", "id,chip,chips,model\nx-1,h100-sxm,8,llama3-8b\n");
    let target = table.replace("runs.csv", "none.svg");
    let ran = secondsource(&["validate", "--runs", &table, "--plot", &target]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(!std::path::Path::new(&target).exists());
}
