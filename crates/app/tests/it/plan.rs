use crate::run::{assert_shape, scratch_file, secondsource, secondsource_at};
use serde_json::json;

const HEADLINE: [&str; 9] = [
    "plan",
    "--model",
    "llama-3.1-405b",
    "--tokens",
    "15.6T",
    "--on",
    "h100-sxm,gb200-nvl72,trn2-ultraserver,trn3-ultraserver,tpu-v5p",
    "--chips",
    "16384",
];

#[test]
fn the_main_job_answers_for_five_systems() {
    let text = secondsource(&HEADLINE).ok();
    for system in ["h100-sxm", "gb200-nvl72", "trn2-ultraserver", "trn3-ultraserver", "tpu-v5p"] {
        assert!(text.contains(system), "{system} is missing:\n{text}");
    }
    for word in ["layout", "MFU", "memory", "run", "cost", "no public price", "energy", "binds", "interval", "Weighed", "Assumed"] {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
}

/// The contract of the project's first issue; docs/json.md describes it.
#[test]
fn json_keeps_its_contract() {
    let mut args = HEADLINE.to_vec();
    args.push("--json");
    let value = secondsource(&args).json();
    let interval = json!({"p5": 0, "p50": 0, "p95": 0});
    let option = json!({
        "system": "", "chips": 0,
        "layout": {"tp": 0, "pp": 0, "vpp": 0, "cp": 0, "ep": 0, "dp": 0, "zero": "", "micro_batch": 0, "recompute": "", "schedule": ""},
        "step_s": interval, "mfu": 0, "tokens_per_s_per_chip": 0, "hbm_gib": {"peak": 0, "capacity": 0},
        "days": interval, "cost_usd": null, "energy_mwh": null, "binds": ""
    });
    assert_shape(
        &value,
        &json!({"job": {"model": ""}, "options": [option], "rejected": [{"system": "", "why": ""}], "search": {"weighed": 0, "pruned": 0}}),
        "plan",
    );
    let options = value["options"].as_array().expect("options");
    assert!(!options.is_empty());
    for o in options {
        if !o["cost_usd"].is_null() {
            assert_shape(&o["cost_usd"], &json!({"p50": 0, "basis": "", "price_source": "", "price_date": ""}), "cost_usd");
        }
        let at = |p: &str| o["step_s"][p].as_f64().expect("a number");
        assert!(at("p5") <= at("p50") && at("p50") <= at("p95"), "{o}");
        let layout = &o["layout"];
        let devices: u64 = ["tp", "cp", "pp", "dp"].iter().map(|k| layout[*k].as_u64().expect("a count")).product();
        assert_eq!(Some(devices), o["chips"].as_u64(), "{o}");
    }
}

/// Promise 3: same input, same bytes.
#[test]
fn the_same_question_gets_the_same_bytes() {
    assert_eq!(secondsource(&HEADLINE).ok(), secondsource(&HEADLINE).ok());
}

#[test]
fn the_table_fits_the_page() {
    for columns in [80, 100, 160] {
        let text = secondsource_at(&HEADLINE, &columns.to_string()).ok();
        let too_long: Vec<&str> = text.lines().filter(|l| l.chars().count() > columns && !l.contains("http")).collect();
        assert!(too_long.is_empty(), "{columns} columns: {too_long:#?}");
    }
}

#[test]
fn flags_override_the_job_file() {
    let value = secondsource(&["plan", "examples/llama-3.1-405b.toml", "--on", "trn2-ultraserver", "--seq", "4096", "--json"]).json();
    assert_eq!(value["job"]["seq"], 4096);
    assert_eq!(value["options"][0]["system"], "trn2-ultraserver");
    assert_eq!(value["options"].as_array().map(Vec::len), Some(1));
}

#[test]
fn top_lists_several_layouts_a_system() {
    let value = secondsource(&["plan", "--model", "llama-2-7b", "--on", "h100-sxm", "--chips", "64", "--top", "3", "--json"]).json();
    assert_eq!(value["options"].as_array().map(Vec::len), Some(3));
}

#[test]
fn fixed_parts_stay_fixed() {
    let value = secondsource(&[
        "plan",
        "--model",
        "llama-3.1-70b",
        "--on",
        "h100-sxm",
        "--chips",
        "512",
        "--fix",
        "tp=4,pp=2",
        "--fix",
        "zero=1",
        "--json",
    ])
    .json();
    let layout = &value["options"][0]["layout"];
    assert_eq!((layout["tp"].as_u64(), layout["pp"].as_u64(), layout["zero"].as_str()), (Some(4), Some(2), Some("z1")));
}

#[test]
fn a_job_that_fits_nowhere_says_why_and_exits_1() {
    let ran = secondsource(&["plan", "--model", "llama-3.1-405b", "--on", "h100-sxm", "--chips", "8"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("Cannot run it") && ran.stdout.contains("nearest"), "{}", ran.stdout);
}

#[test]
fn auto_finds_a_count_within_the_limit() {
    let value = secondsource(&[
        "plan",
        "--model",
        "llama-3.1-70b",
        "--tokens",
        "15T",
        "--on",
        "tpu-v5p",
        "--chips",
        "auto",
        "--within",
        "90d",
        "--json",
    ])
    .json();
    let option = &value["options"][0];
    assert!(option["days"]["p50"].as_f64().expect("days") <= 90.0, "{option}");
    assert!(option["chips"].as_u64().expect("chips") > 0);
}

#[test]
fn a_private_price_is_used() {
    let overlay = "examples/overlays/private-price.toml";
    let value = secondsource(&["plan", "examples/llama-3.1-405b.toml", "--on", "trn3-ultraserver", "--catalog", overlay, "--json"]).json();
    let cost = &value["options"][0]["cost_usd"];
    assert_eq!((cost["usd_per_chip_hour"].as_f64(), cost["price_kind"].as_str()), (Some(2.6), Some("user")));
}

#[test]
fn a_config_of_hugging_face_is_a_model() {
    let config = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192,
        "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "head_dim": 64,
        "max_position_embeddings": 131072, "tie_word_embeddings": true, "hidden_act": "silu"}"#;
    let path = scratch_file("plan-config", "config.json", config);
    let value = secondsource(&["plan", "--model", &path, "--on", "trn2", "--chips", "16", "--json"]).json();
    assert_eq!(value["job"]["params_total"], 1_235_814_400u64);
    let folder = path.strip_suffix("/config.json").expect("a folder");
    assert_eq!(secondsource(&["plan", "--model", folder, "--on", "trn2", "--chips", "16", "--json"]).code, 0);
}
