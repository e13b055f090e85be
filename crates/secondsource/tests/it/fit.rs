//! `step` and `fit`: one layout by hand.

use crate::{job, twin};
use secondsource::job::{Fix, Job, apply_fix};
use secondsource::workload::{Recompute, Zero};

fn fixed(model: &str, system: &str, chips: u64, fix: &[&str]) -> Job {
    let mut j = job(model, &[system], chips);
    fix.iter().for_each(|f| apply_fix(&mut j.fix, f).unwrap());
    j
}

/// Maps add up to the whole, as the contract says.
#[test]
fn parts_add_up() {
    for (model, system, chips, fix) in [
        ("llama-3.1-405b", "h100-sxm", 16384, &["tp=8", "pp=16", "vpp=2"][..]),
        ("deepseek-v3", "gb200-nvl72", 2048, &["pp=8", "ep=64"][..]),
        ("mixtral-8x7b", "trn2-ultraserver", 256, &["tp=4", "ep=8"][..]),
    ] {
        let a = twin().step(&fixed(model, system, chips, fix)).unwrap();
        let near = |x: f64, y: f64| (x / y - 1.0).abs() < 1e-9;
        assert!(near(a.breakdown_s.values().sum::<f64>(), a.option.step_s.p50), "{model}: seconds");
        assert!(near(a.memory_gib.values().sum::<f64>(), a.option.hbm_gib.peak), "{model}: memory");
        assert_eq!(a.memory_by_stage_gib.len(), a.option.layout.pp as usize);
        let fullest = a.memory_by_stage_gib.iter().map(|s| s.values().sum::<f64>()).fold(0.0, f64::max);
        assert!(near(fullest, a.option.hbm_gib.peak), "{model}: fullest stage {fullest}, peak {}", a.option.hbm_gib.peak);
        assert_eq!(a.option.other_eras.len(), 2);
        assert!(
            a.option.other_eras.iter().all(|(era, s)| *s > a.option.step_s.p50 * 0.999 && !era.is_empty()),
            "{:?}",
            a.option.other_eras
        );
    }
}

/// The layout that the search picks is, asked for by hand, the same step.
#[test]
fn step_repeats_plan() {
    let mut j = job("llama-3.1-70b", &["h100-sxm"], 512);
    j.tokens = Some(1e12);
    let o = crate::plan(&j).unwrap().options.remove(0);
    let l = o.layout;
    j.fix = Fix {
        tp: Some(l.tp),
        cp: Some(l.cp),
        pp: Some(l.pp),
        vpp: Some(l.vpp),
        dp: Some(l.dp),
        micro_batch: Some(l.micro_batch),
        zero: Some(l.zero),
        recompute: Some(l.recompute),
        ..Fix::default()
    };
    let s = twin().step(&j).unwrap().option;
    assert_eq!((s.layout, s.step_s, s.days, s.mfu, s.hbm_gib, s.cost_usd), (l, o.step_s, o.days, o.mfu, o.hbm_gib, o.cost_usd));
}

/// Every change offered fits, is what it says, and is slower or faster by what it says.
#[test]
fn changes_really_fit() {
    let mut j = fixed("llama-3.1-70b", "h100-sxm", 64, &["tp=8", "pp=2", "micro-batch=2"]);
    j.global_batch = Some(512);
    let f = twin().fit(&j).unwrap();
    assert!(!f.fits && f.margin_gib < 0.0 && f.hbm_gib.peak > f.hbm_gib.capacity);
    assert!(!f.changes.is_empty(), "something would make it fit");
    assert!(f.changes.windows(2).all(|w| w[0].step_s <= w[1].step_s), "cheapest first");
    for c in &f.changes {
        assert!(c.layout != f.layout && c.layout.devices() == f.layout.devices(), "{}", c.change);
        let l = c.layout;
        let again = Job {
            fix: Fix {
                tp: Some(l.tp),
                cp: Some(l.cp),
                pp: Some(l.pp),
                vpp: Some(l.vpp),
                dp: Some(l.dp),
                ep: Some(l.ep),
                micro_batch: Some(l.micro_batch),
                zero: Some(l.zero),
                recompute: Some(l.recompute),
                ..Fix::default()
            },
            ..j.clone()
        };
        let g = twin().fit(&again).unwrap();
        assert!(g.fits, "{}: {} of {} GiB", c.change, g.hbm_gib.peak, g.hbm_gib.capacity);
        assert_eq!((g.hbm_gib.peak, g.step_s), (c.peak_gib, c.step_s), "{}", c.change);
        assert!(((c.step_s / f.step_s - 1.0) * 100.0 - c.slowdown_pct).abs() < 1e-9);
    }
}

/// What fits already is only offered what is faster.
#[test]
fn a_fitting_layout_is_offered_faster_ones() {
    let mut j = fixed("llama-3.1-8b", "h100-sxm", 64, &["tp=8", "recompute=full"]);
    j.global_batch = Some(512);
    let f = twin().fit(&j).unwrap();
    assert!(f.fits && f.margin_gib > 0.0);
    assert!(!f.changes.is_empty() && f.changes.iter().all(|c| c.slowdown_pct < 0.0 && c.peak_gib <= f.hbm_gib.capacity));
}

/// Llama-2 70B with ZeRO-3 over 8 H100s: 70e9 x 18 / 8 bytes are 155 GB a chip. Nobody trains it so; LoRA fits.
#[test]
fn adapters_fit_where_full_training_does_not() {
    let full = fixed("llama-2-70b", "h100-sxm", 8, &["zero=3", "recompute=full"]);
    assert!(!twin().fit(&full).unwrap().fits);
    let lora = Job { lora_rank: Some(16), ..full };
    let f = twin().fit(&lora).unwrap();
    assert!(f.fits, "{:?}", f.hbm_gib);
    assert_eq!((f.layout.zero, f.layout.recompute), (Zero::Z3, Recompute::Full));
}

/// Layouts that do not exist are refused with the nearest that does.
#[test]
fn wrong_layouts_are_refused() {
    let refused = |chips, fix: &[&str]| twin().step(&fixed("llama-3.1-8b", "h100-sxm", chips, fix)).unwrap_err().to_string();
    assert!(refused(100, &["tp=8"]).contains("96"), "{}", refused(100, &["tp=8"]));
    assert!(refused(64, &["tp=5", "dp=1"]).contains("5 chips"), "{}", refused(64, &["tp=5", "dp=1"]));
    assert!(refused(64, &["ep=8"]).contains("experts"));
    assert!(refused(64, &["pp=64"]).contains("32 layers"));
    assert!(refused(64, &["pp=4", "vpp=2", "schedule=zero-bubble"]).contains("vpp"));
    let mut f = Fix::default();
    assert!(apply_fix(&mut f, "tpp=8").unwrap_err().to_string().contains("`tp`"));
    assert!(apply_fix(&mut f, "tp").is_err() && apply_fix(&mut f, "tp=0").is_err() && apply_fix(&mut f, "zero=4").is_err());
}

/// A trace is JSON of as many slices as the schedule has passes.
#[test]
fn traces_hold_every_pass() {
    let mut j = fixed("llama-3.1-8b", "h100-sxm", 32, &["tp=4", "pp=4", "dp=2"]);
    j.global_batch = Some(32);
    let text = twin().trace(&j).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let events = json["traceEvents"].as_array().or_else(|| json.as_array()).unwrap();
    // 16 micro-batches x 4 stages, forward and backward.
    assert_eq!(events.iter().filter(|e| e["ph"] == "X").count(), 128);
}

/// Where no small change helps, the search speaks; where nothing fits, nothing is offered.
#[test]
fn a_hopeless_layout_gets_another() {
    let a = twin().fit(&job("llama-3.1-70b", &["h100-sxm"], 16)).unwrap();
    assert!(!a.fits);
    let first = a.changes.first().expect("16 chips can hold it");
    assert!(first.peak_gib <= a.hbm_gib.capacity && first.layout.devices() == 16, "{first:?}");
    let none = twin().fit(&job("llama-3.1-405b", &["h100-sxm"], 8)).unwrap();
    assert!(!none.fits && none.changes.is_empty());
}
