//! What a job may say of its recipe, and limits that its model sets.

use crate::{job, plan, twin};
use secondsource::Diagnostic;
use secondsource::answer::StepAnswer;
use secondsource::job::{Job, apply_fix, read_job};

fn by_hand(model: &str, set: &[(&str, &str)]) -> Job {
    let mut j = job(model, &["h100-sxm"], 64);
    j.seq = Some(4096);
    j.global_batch = Some(64);
    for word in ["tp=8", "zero=1", "recompute=none"] {
        apply_fix(&mut j.fix, word).unwrap();
    }
    for (key, value) in set {
        j.overrides.set(key, value).unwrap();
    }
    j
}

fn step(j: &Job) -> StepAnswer {
    twin().step(j).unwrap()
}

#[test]
fn each_part_of_the_recipe_has_its_effect() {
    let usual = step(&by_hand("llama-3.1-8b", &[]));
    let peak = |set: &[(&str, &str)]| step(&by_hand("llama-3.1-8b", set)).option.hbm_gib.peak;
    // A shard of 8 ranks of a model cut in 8: 12 bytes a parameter become 6.
    let lighter = step(&by_hand("llama-3.1-8b", &[("optimizer-bytes", "6")]));
    assert!((lighter.memory_gib["optimizer"] / usual.memory_gib["optimizer"] - 0.5).abs() < 1e-9);
    assert!(peak(&[("grad-bytes", "2")]) < usual.option.hbm_gib.peak);
    assert!(peak(&[("offload-activations", "on")]) < usual.option.hbm_gib.peak);
    let again = step(&by_hand("llama-3.1-8b", &[("recompute-modules", "norms,mlp")]));
    assert!(again.memory_gib["activations"] < usual.memory_gib["activations"]);
    assert!(again.breakdown_s["recompute"] > usual.breakdown_s["recompute"]);
    assert!(again.option.step_s.p50 > usual.option.step_s.p50);
    // The same in a job file, and it is stated.
    let text = "model = \"llama-3.1-8b\"\non = [\"h100-sxm\"]\nchips = 64\n[recipe]\noptimizer-bytes = 6\nrecompute-modules = [\"norms\", \"mlp\"]\n";
    let read = read_job("job.toml", text, &|_| Err(Diagnostic::error("no file"))).unwrap();
    assert_eq!(read.overrides.optimizer_bytes, Some(6.0));
    assert!(plan(&read).unwrap().job.assumed.iter().any(|a| a.contains("norms, mlp")));
}

#[test]
fn a_slip_in_the_recipe_has_its_place() {
    for (line, hint) in [("optimizer-byte = 6", "optimizer-bytes"), ("recompute-modules = \"norm\"", "norms"), ("grad-bytes = 0", "fp32")] {
        let text = format!("model = \"llama-3.1-8b\"\non = [\"h100-sxm\"]\n[recipe]\n{line}\n");
        let d = read_job("job.toml", &text, &|_| Err(Diagnostic::error("no file"))).unwrap_err();
        assert_eq!(d.at.map(|(line, _)| line), Some(4), "{d:?}");
        assert!(d.hints.iter().any(|h| h.contains(hint)), "{d:?}");
    }
}

/// GPT-3 has 2,048 learned positions: no plan is made for longer sequences, and none is assumed.
#[test]
fn learned_positions_limit_the_sequence() {
    let mut j = job("gpt3-175b", &["h100-sxm"], 512);
    assert_eq!(plan(&j).unwrap().job.seq, 2048);
    j.seq = Some(4096);
    let d = plan(&j).unwrap_err();
    assert!(d.message.contains("2048"), "{d:?}");
    assert_eq!(plan(&job("llama-3.1-8b", &["h100-sxm"], 64)).unwrap().job.seq, 8192);
}

/// Larger adapters take longer; all weights take longer still.
#[test]
fn adapters_cost_by_their_rank() {
    let seconds = |rank: Option<u32>| {
        let mut j = by_hand("llama-3.1-8b", &[]);
        j.lora_rank = rank;
        step(&j).option.step_s.p50
    };
    let (small, large, all) = (seconds(Some(8)), seconds(Some(512)), seconds(None));
    assert!(small < large && large < all, "{small} {large} {all}");
}

/// Power by part adds up to the mean that the plan prints.
#[test]
fn energy_by_part_adds_up() {
    let a = step(&by_hand("llama-3.1-8b", &[]));
    let joules: f64 = a.energy_j.as_ref().unwrap().values().sum();
    assert!((joules / (a.option.chip_watts.unwrap() * a.option.step_s.p50) - 1.0).abs() < 1e-9);
    assert!(a.option.chip_watts < a.option.chip_watts_limit);
    // A chip whose power limit no source gives has no power, not zero.
    let mut j = by_hand("llama-3.1-8b", &[]);
    j.on = vec!["tpu-v6e".into()];
    assert_eq!(step(&j).energy_j.is_some(), step(&j).option.chip_watts.is_some());
}
