use crate::run::{assert_shape, scratch_file, secondsource};
use serde_json::json;

/// The fit itself takes long and is tested where it is made; this is about the command around it.
#[test]
fn a_bad_table_writes_nothing() {
    let table = scratch_file("calibrate-bad", "runs.csv", "not,a,run,table\n1,2,3,4\n");
    let target = table.replace("runs.csv", "fitted.toml");
    let ran = secondsource(&["calibrate", "--runs", &table, "--write", &target]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("runs.csv"), "{}", ran.stderr);
    assert!(!std::path::Path::new(&target).exists());
}

const MINE: &str = "\
id,chip,chips,model,seq_len,global_batch_seqs,micro_batch,tp,pp,cp,dp,precision,framework,derived_step_s
own-1,h100-sxm,64,llama3-70b,8192,128,1,4,4,1,4,bf16,NeMo 25.02,19.2
own-2,h100-sxm,64,llama3-70b,8192,256,1,4,4,1,4,bf16,NeMo 25.02,38.1
own-3,h100-sxm,64,llama3-70b,8192,256,1,4,4,1,4,bf16,NeMo 25.02,37.7
";

/// From a table of three runs to a corrected plan, step, fit and validation.
#[test]
fn own_runs_correct_later_predictions() {
    let table = scratch_file("mine", "runs.csv", MINE);
    let file = table.replace("runs.csv", "mine.toml");
    let ran = secondsource(&["calibrate", "--mine", &table, "--write", &file, "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let value = ran.json();
    let run = json!({"id": "", "chip": "", "stack": "", "measured_step_s": 0, "predicted_s": 0, "error_pct": 0, "weight": 0});
    let stack = json!({"chip": "", "stack": "", "runs": 0, "factor": 0, "interval": [0], "interval_before": [0]});
    assert_shape(&value, &json!({"runs": [run], "skipped": [], "stacks": [stack]}), "calibrate --mine");
    let factor = value["stacks"][0]["factor"].as_f64().expect("a number");
    assert!(factor > 1.05, "{factor}");

    let base = ["--model", "llama3-70b", "--on", "h100-sxm", "--chips", "64", "--global-batch", "128", "--json"];
    for command in ["plan", "step", "fit"] {
        let args: Vec<&str> = [command]
            .into_iter()
            .chain(base)
            .chain((command != "plan").then_some(["--tp", "4", "--pp", "4"]).into_iter().flatten())
            .collect();
        let seconds = |v: serde_json::Value| match command {
            "plan" => v["options"][0]["step_s"]["p50"].as_f64(),
            "step" => v["step_s"]["p50"].as_f64(),
            _ => v["step_s"].as_f64(),
        };
        let before = seconds(secondsource(&args).json()).expect("seconds");
        let with: Vec<&str> = args.iter().copied().chain(["--calibration", &file]).collect();
        let ran = secondsource(&with);
        assert!(ran.stdout.contains("3 own runs on h100-sxm (nemo)"), "{command}: {}", ran.stdout);
        let after = seconds(ran.json()).expect("seconds");
        // Runs alike take the whole correction, runs unlike at least half of it.
        let share = (after / before).ln() / factor.ln();
        assert!((0.45..1.1).contains(&share), "{command}: {before} to {after}, {factor} for runs alike");
    }
    let page = secondsource(&["validate", "--quiet", "--runs", &table, "--calibration", &file]).ok();
    assert!(page.contains("by 3 own runs on h100-sxm (nemo)"), "{page}");
    let page = secondsource(&["calibrate", "--quiet", "--mine", &table]).ok();
    assert!(page.contains("Corrections") && page.contains("own-3"), "{page}");
}

#[test]
fn bad_own_runs_write_nothing() {
    for (name, text, says) in [
        ("nan", MINE.replace("19.2", "NaN"), "runs.csv:2"),
        ("column", MINE.replace("chips,model", "chps,model"), "chips"),
        ("chip", MINE.replace("h100-sxm", "h100-sxn"), "h100-sxn"),
        ("empty", MINE.lines().next().unwrap_or_default().to_owned() + "\n", "nothing to correct"),
    ] {
        let table = scratch_file(&format!("mine-{name}"), "runs.csv", &text);
        let file = table.replace("runs.csv", "mine.toml");
        let ran = secondsource(&["calibrate", "--mine", &table, "--write", &file]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{name}");
        assert!(ran.stderr.contains(says), "{name}: {}", ran.stderr);
        assert!(!std::path::Path::new(&file).exists(), "{name}");
    }
    let ran = secondsource(&["calibrate", "--mine", "a.csv", "--runs", "b.csv"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn a_bad_file_of_own_runs_is_named_with_its_line() {
    let file = scratch_file("mine-bad", "mine.toml", "version = 2\nstak = 1\n");
    for args in [vec!["validate"], vec!["plan", "--model", "llama3-8b", "--on", "h100-sxm", "--chips", "8"]] {
        let args: Vec<&str> = args.into_iter().chain(["--calibration", &file]).collect();
        let ran = secondsource(&args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
        assert!(ran.stderr.contains("mine.toml:2") && ran.stderr.contains("did you mean `stack`"), "{}", ran.stderr);
    }
    // Corrections of an older program are not misread, but made again.
    let old = scratch_file("mine-old", "mine.toml", "calibration = \"0\"\n");
    let ran = secondsource(&["validate", "--calibration", &old]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("an older program") && ran.stderr.contains("calibrate --mine"), "{}", ran.stderr);
}
