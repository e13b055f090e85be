use crate::run::{assert_shape, scratch, secondsource, secondsource_at};
use serde_json::json;

const STEP: [&str; 11] = ["step", "--model", "llama-3.1-8b", "--on", "trn2", "--chips", "16", "--tp", "4", "--json", "--quiet"];

fn step(more: &[&str]) -> serde_json::Value {
    secondsource(&[&STEP, more].concat()).json()
}

#[test]
fn json_keeps_its_contract() {
    let value = secondsource(&["profile", "trn2", "--json", "--quiet"]).json();
    let point = json!({"shape": [0], "rate": 0, "share": 0});
    let shape = json!({
        "chip": "", "core": "", "shapes": 0, "product_reference": 0, "attention_reference": 0,
        "kernels": [{"kernel": "", "axes": [""], "unit": "", "points": [point], "changed_pct": 0}],
    });
    assert_shape(&value, &shape, "profile");
    let shares = value["kernels"].as_array().expect("kernels").iter().flat_map(|k| k["points"].as_array().expect("points"));
    assert!(shares.clone().all(|p| (0.0..=1.02).contains(&p["share"].as_f64().expect("a share"))));
    assert!(shares.count() > 100);
}

#[test]
fn the_page_has_its_parts_and_the_file_its_bytes() {
    let path = scratch("profile").join("p.toml");
    let file = path.to_str().expect("UTF-8");
    for columns in ["80", "100"] {
        let text = secondsource_at(&["profile", "trn2", "--write", file, "--quiet"], columns).ok();
        for word in ["matmul-bf16", "attention-backward", "dispatch", "is the same"] {
            assert!(text.contains(word), "`{word}` is missing at {columns}:\n{text}");
        }
        let most = columns.parse::<usize>().expect("a number");
        assert!(text.lines().all(|l| l.chars().count() <= most), "{text}");
    }
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../calibration/profile-trn2.toml");
    assert!(std::fs::read(&path).expect("written") == std::fs::read(shipped).expect("it ships"));
    // The same rates again change nothing; none at all do.
    let (with, again, none) = (step(&[]), step(&["--profile", file]), step(&["--profile", "none"]));
    assert_eq!(with["step_s"], again["step_s"]);
    assert_ne!(with["step_s"], none["step_s"]);
    assert_eq!(none["other_kernels"], json!([]));
    assert_eq!(with["other_kernels"][0]["step_s"], none["step_s"]["p50"]);
}

#[test]
fn an_own_kernel_from_a_report() {
    let path = scratch("own-kernel").join("r.json");
    let file = path.to_str().expect("UTF-8");
    let report = |target: &str| json!({"launches": [{"target": target, "cores": 1, "time_us": 900.0}]}).to_string();
    std::fs::write(&path, report("trn2")).expect("written");
    let kernel = format!("attention={file}@seq=4096,width=128");
    let value = step(&["--kernel", &kernel]);
    assert!(value["other_kernels"][0]["kernels"].as_str().is_some_and(|k| k.contains("attention-forward")), "{value}");
    assert_eq!(value["other_kernels"][0]["step_s"], step(&[])["step_s"]["p50"]);
    std::fs::write(&path, report("trn1")).expect("written");
    let wrong = secondsource(&[&STEP[..], &["--kernel", &kernel]].concat());
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("the report is of trn1"), "{}", wrong.stderr);
}

/// What would change nothing is refused or said.
#[test]
fn nothing_is_taken_in_silence() {
    let profile = scratch("profile-other").join("p.toml");
    let text = include_str!("../../../../calibration/profile-trn1.toml");
    std::fs::write(&profile, text).expect("written");
    let file = profile.to_str().expect("UTF-8");
    let norm = "norm=0.0009s@rows=4096,width=4096";
    for (more, word) in [
        (vec!["--profile", file], "the profile is of trn1, inf2, which no system of the job has"),
        (vec!["--kernel", norm, "--kernel", norm], "norm is given twice"),
        (vec!["--kernel", "norm=0.0009s@rows=4096,rows=1,width=4096"], "`rows` is given twice"),
        (vec!["--kernel", "norm=0.0009@rows=4096,width=4096"], "they end in s"),
        (vec!["--kernel", "norn=0.0009s@rows=4096,width=4096"], "one of matmul-bf16"),
        (vec!["--profile", "none", "--kernel", norm], "leaves the profiles out"),
    ] {
        let ran = secondsource(&[&STEP[..], &more].concat());
        assert_eq!(ran.code, 2, "{more:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(word), "{more:?}: {}", ran.stderr);
    }
    let value = step(&["--kernel", "softmax=0.001s@rows=2048,width=2048"]);
    assert!(value["other_kernels"][0]["kernels"].as_str().is_some_and(|k| k.contains("no part of this step")), "{value}");
}

#[test]
fn wrong_input_is_named() {
    for (args, word) in [
        (vec!["profile", "trn9"], "trn1, trn2 and trn3"),
        (
            vec!["step", "--model", "llama-3.1-8b", "--on", "h100-sxm", "--chips", "8", "--kernel", "norm=0.1s@rows=1,width=1"],
            "no system of the job",
        ),
        (
            vec!["step", "--model", "llama-3.1-8b", "--on", "trn2", "--chips", "8", "--kernel", "attention=gone.py@seq=4096,width=128"],
            "no such script",
        ),
        (vec!["step", "--model", "llama-3.1-8b", "--on", "trn2", "--chips", "8", "--kernel", "norm=9s@rows=1,width=1"], "times as long"),
        (vec!["step", "--model", "llama-3.1-8b", "--on", "trn2", "--chips", "8", "--profile", "gone.toml"], "no such profile of kernels"),
    ] {
        let ran = secondsource(&args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
    }
}
