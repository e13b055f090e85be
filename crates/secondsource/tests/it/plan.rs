//! `plan`: what the contract promises.

use crate::{FIVE, job, plan, twin};
use secondsource::answer::PlanAnswer;
use serde_json::Value;

fn headline() -> PlanAnswer {
    let mut j = job("llama-3.1-405b", &FIVE, 16384);
    j.tokens = Some(15.6e12);
    plan(&j).unwrap()
}

/// The README's first command answers for each system, with every field of the contract.
#[test]
fn five_systems() {
    let answer = headline();
    let named: Vec<&str> =
        answer.options.iter().map(|o| o.system.as_str()).chain(answer.rejected.iter().map(|r| r.system.as_str())).collect();
    // Under the names asked for.
    assert!(FIVE.iter().all(|s| named.iter().filter(|n| *n == s).count() == 1), "{named:?}");
    assert!(answer.rejected.is_empty(), "{:?}", answer.rejected);
    let json: Value = serde_json::to_value(&answer).unwrap();
    assert!(["job", "options", "rejected", "search"].iter().all(|k| json.get(k).is_some()));
    assert!(json["search"]["weighed"].as_u64().unwrap() > json["search"]["pruned"].as_u64().unwrap());
    for o in json["options"].as_array().unwrap() {
        for key in
            ["system", "chips", "layout", "step_s", "mfu", "tokens_per_s_per_chip", "hbm_gib", "days", "cost_usd", "energy_mwh", "binds"]
        {
            assert!(o.get(key).is_some(), "{key} is missing of {}", o["system"]);
        }
        for key in ["tp", "pp", "vpp", "cp", "ep", "dp", "zero", "micro_batch", "recompute", "schedule"] {
            assert!(o["layout"].get(key).is_some(), "layout.{key} is missing of {}", o["system"]);
        }
        for key in ["p5", "p50", "p95"] {
            assert!(o["step_s"][key].is_f64() && o["days"][key].is_f64());
        }
        if !o["cost_usd"].is_null() {
            for key in ["p50", "basis", "price_source", "price_date"] {
                assert!(!o["cost_usd"][key].is_null(), "cost_usd.{key} of {}", o["system"]);
            }
        }
    }
}

/// What an option says of itself agrees: days from tokens and rate, cost from days and price, layout from chips.
#[test]
fn options_agree_with_themselves() {
    let answer = headline();
    for o in &answer.options {
        let s = &o.system;
        assert!(o.step_s.p5 <= o.step_s.p50 && o.step_s.p50 <= o.step_s.p95 && o.step_s.p5 < o.step_s.p95, "{s}");
        assert!(
            o.mfu > 0.05 && o.mfu < 0.8 && o.floor_s <= o.step_s.p50 && (o.mfu - o.floor_s / o.step_s.p50).abs() < 1e-9,
            "{s}: mfu {}",
            o.mfu
        );
        assert_eq!(o.layout.devices(), o.chips, "{s}");
        assert!(o.hbm_gib.peak <= o.hbm_gib.capacity, "{s}");
        let days = o.days.unwrap();
        let by_rate = 15.6e12 / (o.tokens_per_s_per_chip * o.chips as f64) / 86400.0;
        assert!((days.p50 / by_rate - 1.0).abs() < 1e-6, "{s}: {} days, {by_rate} by rate", days.p50);
        assert!((days.p95 / days.p5 - o.step_s.p95 / o.step_s.p5).abs() < 1e-9);
        if let Some(c) = &o.cost_usd {
            let least = days.p50 * 24.0 * o.chips as f64 * c.usd_per_chip_hour;
            // Whole racks are billed: never less than the chips used, at most 72 for 64.
            assert!(c.p50 >= least * (1.0 - 1e-9) && c.p50 <= least * 72.0 / 64.0 * 1.001, "{s}: {} USD, {least} by hand", c.p50);
            assert!(c.price_date.len() >= 7 && !c.price_source.is_empty() && c.usd_per_chip_hour > 0.0);
        }
    }
    let days: Vec<f64> = answer.options.iter().map(|o| o.days.unwrap().p50).collect();
    assert!(days.is_sorted(), "fastest first: {days:?}");
    // The front holds the fastest, and nothing on it is beaten in both days and cost.
    assert!(answer.pareto.contains(&0));
}

/// No price has been published for Trainium3: cost is absent, not guessed. Days and layout are there.
#[test]
fn no_public_price_is_no_cost() {
    let answer = headline();
    let trn3 = answer.options.iter().find(|o| o.system.starts_with("trn3-ultraserver")).unwrap();
    assert!(trn3.cost_usd.is_none() && trn3.days.is_some());
    assert!(serde_json::to_value(trn3).unwrap()["cost_usd"].is_null());
    assert!(answer.options.iter().filter(|o| o.cost_usd.is_some()).count() >= 3);
}

/// Without a token count there is no run: no days, cost or energy, and the answer says so.
#[test]
fn without_tokens() {
    let answer = plan(&job("llama-3.1-8b", &["h100-sxm"], 64)).unwrap();
    let o = &answer.options[0];
    assert!(o.days.is_none() && o.cost_usd.is_none() && o.energy_mwh.is_none());
    assert!(answer.job.assumed.iter().any(|a| a.contains("token")), "{:?}", answer.job.assumed);
}

#[test]
fn unknown_names_suggest_the_nearest() {
    let text = |e: secondsource::Diagnostic| e.to_string();
    let e = text(plan(&job("llama-3.1-405b", &["h100-sxn"], 64)).unwrap_err());
    assert!(e.contains("h100-sxn") && e.contains("h100-sxm"), "{e}");
    let e = text(plan(&job("llama-3.1-405b", &["trn2-ultrasever"], 64)).unwrap_err());
    assert!(e.contains("trn2-ultraserver"), "{e}");
    let e = text(plan(&job("llama-3.1-40b", &["h100-sxm"], 64)).unwrap_err());
    assert!(e.contains("llama-3.1-405b"), "{e}");
    let e = text(plan(&job("llama-3.1-405b", &[], 64)).unwrap_err());
    assert!(e.contains("--on"), "{e}");
}

/// 405B parameters x 18 bytes are 7.3 TB: eight H100 hold 0.64. The refusal says by how much and what would do.
#[test]
fn a_model_that_cannot_fit() {
    let answer = plan(&job("llama-3.1-405b", &["h100-sxm"], 8)).unwrap();
    assert!(answer.options.is_empty());
    let r = &answer.rejected[0];
    assert!(r.system == "h100-sxm" && r.why.contains("GiB"), "{}", r.why);
    let nearest = r.nearest.as_ref().expect("a nearest layout");
    let chips: u64 = nearest.split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{nearest}"));
    assert!(chips > 8);
    // What it names really fits, and the next smaller power of two does not.
    assert!(!plan(&job("llama-3.1-405b", &["h100-sxm"], chips)).unwrap().options.is_empty(), "{nearest}");
    assert!(plan(&job("llama-3.1-405b", &["h100-sxm"], chips / 2)).unwrap().options.is_empty(), "{nearest}");
}

/// A TPU pod ends at 8,960 chips.
#[test]
fn machines_end() {
    let answer = plan(&job("llama-3.1-405b", &["tpu-v5e"], 16384)).unwrap();
    assert!(answer.options.is_empty() || answer.options[0].chips == 16384);
    if let Some(max) = twin().catalog.hardware("tpu-v5e").unwrap().max_chips {
        assert!(answer.rejected.iter().any(|r| r.why.contains(&max.to_string())), "{:?}", answer.rejected);
    }
}

/// `top` lists that many layouts of each system, best first, all different.
#[test]
fn top_lists_more() {
    let mut j = job("llama-3.1-8b", &["h100-sxm", "trn2-ultraserver"], 64);
    j.top = 5;
    let answer = plan(&j).unwrap();
    for s in ["h100-sxm", "trn2-ultraserver"] {
        let of: Vec<_> = answer.options.iter().filter(|o| o.system == s).collect();
        assert_eq!(of.len(), 5, "{s}");
        assert!(of.windows(2).all(|w| w[0].step_s.p50 <= w[1].step_s.p50 && w[0].layout != w[1].layout));
    }
}

/// The same bytes twice, and on one, two and three threads.
#[test]
fn same_bytes_on_any_thread_count() {
    let mut j = job("deepseek-v3", &FIVE, 2048);
    j.tokens = Some(14.8e12);
    j.top = 3;
    let run = || serde_json::to_string(&plan(&j).unwrap()).unwrap();
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let first = pool(1).install(run);
    assert!(first.len() > 1000);
    for n in [1, 2, 3] {
        assert_eq!(pool(n).install(run), first, "{n} threads");
    }
}
