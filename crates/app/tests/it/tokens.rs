use crate::run::{assert_shape, scratch_file, secondsource, secondsource_at};
use serde_json::json;

const ASK: [&str; 7] = ["tokens", "--model", "llama-3.1-70b", "--on", "h100-sxm,trn2,trn3", "--latency", "50ms"];

#[test]
fn a_page_for_three_systems() {
    let text = secondsource(&ASK).ok();
    for word in [
        "dgx-h100",
        "trn2.48xlarge",
        "trn3-ultraserver",
        "no public price",
        "first token",
        "between tokens",
        "frontier",
        "interval",
        "Assumed",
    ] {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
    for columns in ["80", "100"] {
        let text = secondsource_at(&ASK, columns).ok();
        let width: usize = columns.parse().expect("a number");
        let long: Vec<&str> = text.lines().filter(|l| l.chars().count() > width).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
    assert_eq!(text, secondsource(&ASK).ok());
}

#[test]
fn json_keeps_its_contract() {
    let mut args = ASK.to_vec();
    args.push("--json");
    let value = secondsource(&args).json();
    let interval = json!({"p5": 0, "p50": 0, "p95": 0});
    let point = json!({"replica_chips": 0, "tp": 0, "pp": 0, "split": "", "batch": 0, "first_token_s": 0, "inter_token_s": 0, "tokens_per_s_per_chip": 0, "memory_share": 0});
    let option = json!({
        "system": "", "chip": "", "weights": "", "math": "", "cache": "", "best": point, "tokens_per_s_per_chip": interval,
        "first_token_s": interval, "inter_token_s": interval, "pass_s": {}, "binds": "", "frontier": [point], "interval_basis": "", "notes": []
    });
    let job = json!({"model": "", "params_total": 0, "prompt": 0, "output": 0, "latency_s": 0, "on": [], "assumed": [""]});
    assert_shape(&value, &json!({"job": job, "options": [option], "rejected": []}), "tokens");
}

#[test]
fn published_rows_are_predicted() {
    let text = secondsource(&["tokens", "--validate", "--worst", "3"]).ok();
    for word in [
        "source not seen in the fit",
        "chip not seen in the fit",
        "trtllm-1.2",
        "neuron-nxdi-trn2",
        "Largest errors (3 of",
        "Skipped",
        "inf2",
    ] {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
    let value = secondsource(&["tokens", "--validate", "--json"]).json();
    assert_shape(
        &value,
        &json!({"rows": [{"id": "", "metric": "", "published": 0, "predicted": 0, "p5": 0, "p95": 0}], "skipped": [], "summary": [{"metric": ""}]}),
        "validate",
    );
}

#[test]
fn nothing_and_nonsense() {
    assert_eq!(secondsource(&["tokens", "--model", "llama-3.1-405b", "--on", "h100-sxm", "--latency", "1ms"]).code, 1);
    for (args, word) in [
        (vec!["--model", "llama-3.1-8b"], "no system was named"),
        (vec!["--on", "h100-sxm"], "no model was given"),
        (vec!["--model", "llama-3.1-8b", "--on", "h100-smx"], "did you mean `h100-sxm`?"),
        (vec!["--model", "llama-3.1-8b", "--on", "h100-sxm", "--latency", "soon"], "is not a time"),
        (vec!["--model", "llama-3.1-8b", "--on", "h100-sxm", "--weights", "float8"], "did you mean `fp8`?"),
        (vec!["--model", "llama-3.1-8b", "--on", "h100-sxm", "--prompt", "8k"], "not a whole number"),
        (vec!["--model", "llama-3.1-8b", "--on", "h100-sxm", "--output", "99999999999"], "from 1 to 10 million"),
    ] {
        let args: Vec<&str> = std::iter::once("tokens").chain(args).collect();
        let ran = secondsource(&args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
    }
    let path = scratch_file("tokens-rows", "rows.csv", "id,source\nx,y\n");
    let ran = secondsource(&["tokens", "--validate", "--rows", &path]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("rows.csv:1:1"), "{}", ran.stderr);
}
