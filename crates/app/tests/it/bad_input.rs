//! Bad input: a message with the place and the nearest right thing, exit code 2, nothing on stdout but the
//! JSON error, nothing written.

use crate::run::{Ran, root, scratch, scratch_file, secondsource};
use std::time::{Duration, Instant};

/// Exit code 2, an empty stdout, and every one of `words` on stderr.
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing in:\n{}", ran.stderr);
    }
}

#[test]
fn a_misspelt_key_of_a_job_file() {
    let file = scratch_file("bad-key", "job.toml", "model = \"llama-2-7b\"\non = [\"trn1\"]\nchips = 16\ntokns = \"2T\"\n");
    refused(&secondsource(&["plan", &file]), &["job.toml:4:1", "tokns", "did you mean `tokens`?"]);
}

#[test]
fn a_misspelt_part_of_a_layout() {
    let file = scratch_file("bad-part", "job.toml", "model = \"llama-2-7b\"\non = [\"trn1\"]\nchips = 16\n[fix]\nmicrobatch = 2\n");
    refused(&secondsource(&["plan", &file]), &["job.toml:5:1", "microbatch", "did you mean `micro-batch`?"]);
}

#[test]
fn a_job_file_that_is_not_toml() {
    let file = scratch_file("bad-toml", "job.toml", "model = \n");
    refused(&secondsource(&["plan", &file]), &["job.toml:1:"]);
}

#[test]
fn a_chip_that_does_not_exist() {
    let ran = secondsource(&["plan", "--model", "llama-2-7b", "--on", "h100-sxn", "--chips", "8"]);
    refused(&ran, &["h100-sxn", "did you mean `h100-sxm`?"]);
}

#[test]
fn a_model_that_does_not_exist() {
    let ran = secondsource(&["plan", "--model", "lama-3.1-405b", "--on", "trn2", "--chips", "16"]);
    refused(&ran, &["lama-3.1-405b", "did you mean `llama-3.1-405b`?"]);
}

#[test]
fn a_layout_that_does_not_divide() {
    let ran = secondsource(&["step", "--model", "llama-2-7b", "--on", "h100-sxm", "--chips", "8", "--tp", "3"]);
    refused(&ran, &["tp 3", "does not divide 8 chips", "hint:"]);
}

#[test]
fn more_stages_than_layers() {
    let ran = secondsource(&["step", "--model", "llama-2-7b", "--on", "h100-sxm", "--chips", "64", "--pp", "64"]);
    refused(&ran, &["64", "32 layers"]);
}

#[test]
fn a_config_with_a_negative_layer_count() {
    let config = "{\n  \"model_type\": \"llama\",\n  \"hidden_size\": 4096,\n  \"num_hidden_layers\": -32,\n  \"num_attention_heads\": 32,\n  \"intermediate_size\": 11008,\n  \"vocab_size\": 32000\n}\n";
    let file = scratch_file("bad-layers", "config.json", config);
    refused(&secondsource(&["model", &file]), &["config.json:4:", "num_hidden_layers"]);
    refused(&secondsource(&["plan", "--model", &file, "--on", "trn2", "--chips", "16"]), &["config.json:4:"]);
}

#[test]
fn an_architecture_that_is_not_known() {
    let file = scratch_file("bad-arch", "config.json", "{\"model_type\": \"lama\", \"hidden_size\": 64}\n");
    refused(&secondsource(&["model", &file]), &["config.json", "lama", "llama"]);
}

/// A sparse file: refused by its length, without being read.
#[test]
fn files_of_two_gigabytes() {
    let dir = scratch("huge");
    let before = Instant::now();
    for (name, args) in [
        ("config.json", &["model"][..]),
        ("model.json", &["plan", "--on", "trn2", "--chips", "16", "--model"]),
        ("job.toml", &["plan"]),
        ("overlay.toml", &["catalog", "check"]),
        ("runs.csv", &["validate", "--runs"]),
    ] {
        let path = dir.join(name);
        std::fs::File::create(&path).and_then(|f| f.set_len(2 << 30)).expect("a sparse file");
        let mut args = args.to_vec();
        args.push(path.to_str().expect("UTF-8"));
        refused(&secondsource(&args), &[name, "2.0 GiB", "at most"]);
        std::fs::remove_file(&path).expect("sparse file goes");
    }
    assert!(before.elapsed() < Duration::from_secs(10), "they must not be read");
}

#[test]
fn nan_in_a_run_table() {
    let table = std::fs::read_to_string(root().join("validation/published_runs.csv")).expect("the table");
    let mut lines = table.lines();
    let (header, first) = (lines.next().expect("header"), lines.next().expect("a row"));
    assert!(first.contains(",6288.0,"), "the first row has changed: {first}");
    let file = scratch_file("bad-nan", "runs.csv", &format!("{header}\n{}\n", first.replacen(",6288.0,", ",NaN,", 1)));
    refused(&secondsource(&["validate", "--runs", &file]), &["runs.csv:2:", "metric_value", "NaN"]);
}

#[test]
fn a_misspelt_column_of_a_run_table() {
    let file = scratch_file("bad-column", "runs.csv", "id,chipp\n1,2\n");
    refused(&secondsource(&["validate", "--runs", &file]), &["runs.csv:1:"]);
}

#[test]
fn an_unknown_subcommand_or_flag() {
    refused(&secondsource(&["plann"]), &["plann", "'plan'"]);
    refused(&secondsource(&["plan", "--precison", "bf16"]), &["--precison", "'--precision'"]);
    refused(&secondsource(&[]), &["Usage:"]);
}

#[test]
fn values_of_flags() {
    let base = ["plan", "--model", "llama-2-7b", "--on", "trn2", "--chips", "16"];
    for (flag, value, words) in [
        ("--tokens", "lots", &["--tokens", "lots"][..]),
        ("--tokens", "-5T", &["--tokens"]),
        ("--tokens", "NaN", &["--tokens"]),
        ("--within", "soon", &["--within", "90d"]),
        ("--budget", "0", &["--budget"]),
        ("--seq", "8k", &["--seq", "8k"]),
        ("--precision", "fp9", &["--precision", "did you mean `fp8`?"]),
        ("--era", "1999", &["--era", "2026"]),
        ("--fix", "tq=8", &["--fix", "tq"]),
        ("--fix", "tp", &["--fix", "tp=8"]),
        ("--top", "0", &["--top"]),
        ("--lora", "99999999999", &["--lora"]),
    ] {
        let mut args = base.to_vec();
        let joined = format!("{flag}={value}");
        args.push(&joined);
        refused(&secondsource(&args), words);
    }
    refused(&secondsource(&["plan", "--model", "llama-2-7b", "--on", "trn2", "--chips", "many"]), &["--chips", "many", "auto"]);
}

#[test]
fn what_is_missing_is_named() {
    refused(&secondsource(&["plan"]), &["no model was given", "--model"]);
    refused(&secondsource(&["plan", "--model", "llama-2-7b"]), &["no system was given", "--on"]);
    refused(&secondsource(&["plan", "--model", "llama-2-7b", "--on", "trn2"]), &["--within"]);
    refused(&secondsource(&["plan", "no-such-file.toml"]), &["no-such-file.toml", "no such job file"]);
    refused(&secondsource(&["plan", "examples/llama-3.1-405.toml"]), &["did you mean `llama-3.1-405b.toml`?"]);
    refused(&secondsource(&["model", "examples"]), &["examples"]);
}

#[test]
fn bytes_that_are_not_text() {
    let path = scratch("bad-bytes").join("config.json");
    std::fs::write(&path, b"{\n\"model_type\": \"\xff\xfe\"}").expect("scratch file");
    refused(&secondsource(&["model", path.to_str().expect("UTF-8")]), &["config.json:2:", "UTF-8"]);
}

#[test]
fn with_json_the_error_is_an_object_on_stdout() {
    let file = scratch_file("bad-json", "job.toml", "model = \"llama-2-7b\"\non = [\"trn1\"]\nchips = 16\ntokns = \"2T\"\n");
    let ran = secondsource(&["plan", &file, "--json"]);
    assert_eq!(ran.code, 2);
    let error = &ran.json()["error"];
    assert_eq!((error["line"].as_u64(), error["column"].as_u64()), (Some(4), Some(1)));
    assert!(error["file"].as_str().is_some_and(|f| f.ends_with("job.toml")));
    assert_eq!(error["hints"][0], "did you mean `tokens`?");
    assert!(!error["message"].as_str().unwrap_or_default().is_empty());

    let ran = secondsource(&["plan", "--precison", "bf16", "--json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.json()["error"]["message"].as_str().is_some_and(|m| m.contains("--precison")));
}

/// A misspelt column would be lost, and what stands in it guessed; a column of the user's own is no error.
#[test]
fn a_misspelt_column_is_refused() {
    let table = |extra: &str| {
        format!(
            "id,chip,chips,model,seq_len,global_batch_seqs,tp,dp,precision,framework,derived_step_s,{extra}\n\
             r1,h100-sxm,8,llama-3.1-8b,8192,64,1,8,bf16,nemo,6,1\n"
        )
    };
    let file = scratch_file("misspelt-column", "misspelt-column.csv", &table("micro_bach"));
    let words = ["`micro_bach` is not known", "did you mean `micro_batch`?", "misspelt-column.csv:1"];
    refused(&secondsource(&["calibrate", "--mine", &file]), &words);
    let file = scratch_file("own-column", "own-column.csv", &table("our_ticket_number"));
    let ran = secondsource(&["calibrate", "--mine", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("`our_ticket_number` is not known and is ignored"), "{}", ran.stderr);
}
