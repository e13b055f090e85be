use secondsource::calibrate::*;
use secondsource::runs::*;
use secondsource_catalog::Catalog;
use std::collections::BTreeMap;
fn q(v: &mut Vec<f64>, p: f64) -> f64 {
    v.sort_by(|a, b| a.partial_cmp(b).unwrap());
    if v.is_empty() {
        return 0.0;
    };
    v[((v.len() - 1) as f64 * p).round() as usize]
}
fn main() {
    let text = std::fs::read_to_string("validation/published_runs.csv").unwrap();
    let (rows, warns) = read("validation/published_runs.csv", &text).unwrap();
    for w in warns {
        eprintln!("{w}");
    }
    let cat = Catalog::embedded();
    let hw = |c: &str| cat.hardware(c).map_err(|d| d.to_string());
    let preset = |n: &str| secondsource_workload::builtin(n).ok();
    let mut cases = vec![];
    for r in &rows {
        if r.grade == Grade::C {
            continue;
        }
        match convert(r, &hw, &preset) {
            Ok(c) => cases.push(c),
            Err(s) => eprintln!("skip {} {}", s.id, s.why),
        }
    }
    let priors = Priors::embedded().unwrap();
    let refs: Vec<&Case> = cases.iter().collect();
    let arg = std::env::args().nth(1).unwrap_or_default();
    let report = |name: &str, pred: &dyn Fn(&Case) -> f64, verbose: bool| {
        let mut all = vec![];
        let mut a = vec![];
        let mut anm = vec![];
        let mut by: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut list = vec![];
        let mut nan = 0;
        for c in &cases {
            let e = (pred(c) / c.measured - 1.0) * 100.0;
            if !e.is_finite() {
                nan += 1;
                if nan < 12 {
                    println!("NaN {} {} {:?}", c.id, c.chip, c.recipe.linear);
                }
                continue;
            }
            all.push(e.abs());
            if c.grade == Grade::A {
                a.push(e.abs());
                if c.source != "mosaic" {
                    anm.push(e.abs())
                }
            }
            by.entry(format!("{} {}", c.source, c.chip)).or_default().push(e);
            list.push((e, c));
        }
        println!(
            "{name}: A {:.1}/{:.1}  A-nomosaic {:.1}/{:.1}  AB {:.1}/{:.1} (n {} {})",
            q(&mut a, 0.5),
            q(&mut a, 0.9),
            q(&mut anm, 0.5),
            q(&mut anm, 0.9),
            q(&mut all, 0.5),
            q(&mut all, 0.9),
            a.len(),
            all.len()
        );
        if verbose {
            for (k, v) in &by {
                let mut s = v.clone();
                let med = q(&mut s, 0.5);
                let mut ab: Vec<f64> = v.iter().map(|x| x.abs()).collect();
                println!("  {k:28} n{:4} median {:6.1}  |e| {:5.1}/{:5.1}", v.len(), med, q(&mut ab, 0.5), q(&mut ab, 0.9));
            }
            list.sort_by(|x, y| y.0.abs().partial_cmp(&x.0.abs()).unwrap());
            for (e, c) in list.iter().take(45) {
                let l = &c.layout;
                println!(
                    "  {e:6.1}% {} {} {} {:?} tp{} pp{} vpp{} cp{} ep{} dp{} mb{} {:?} {:?} meas {:.3}",
                    c.id,
                    c.chip,
                    c.model.name,
                    c.recipe.linear,
                    l.tp,
                    l.pp,
                    l.vpp,
                    l.cp,
                    l.ep,
                    l.dp,
                    l.micro_batch,
                    l.recompute,
                    l.zero,
                    c.measured
                );
            }
        }
    };
    let p0 = priors.params();
    report("prior", &|c| predict(c, &p0, &priors.energy).unwrap_or(f64::NAN), arg == "prior");
    if arg == "mem" {
        let cal = Calibration::embedded().unwrap();
        for id in std::env::args().skip(2) {
            let c = cases.iter().find(|c| c.id == id).unwrap();
            let m = secondsource_step::StepModel::new(c.step_input(), c.recipe, &cal.params, &cal.energy).unwrap();
            let r = m.evaluate(&c.layout, false).unwrap();
            println!(
                "{id} {} {} cap {:.1} peak {:.1} stage {}",
                c.chip,
                c.model.name,
                c.hw.chip.hbm_bytes / 1.0737e9,
                r.memory.total() / 1.0737e9,
                r.memory.stage
            );
            for (n, v) in secondsource_step::memory::Memory::NAMES.iter().zip(r.memory.to_array()) {
                print!("  {n} {:.2}", v / 1.0737e9);
            }
            println!("\n  {:?} {:?}", c.layout, c.inferred);
            for (n, v) in secondsource_step::Breakdown::NAMES.iter().zip(r.breakdown.to_array()) {
                print!("  {n} {:.3}", v);
            }
            println!("  total {:.3} meas {:.3}", r.seconds, c.measured);
        }
        return;
    }
    if arg == "prior" {
        return;
    }
    if arg == "ablate" {
        let names = secondsource_catalog::calibration::Params::NAMES;
        let q2 = |e: &Vec<f64>, p: f64| {
            let mut v: Vec<f64> = e.iter().map(|x| x.abs()).collect();
            q(&mut v, p)
        };
        let base = fit(&refs, &priors, &p0, 40, &|_| {});
        let run = |pins: &[(&str, f64)]| {
            let mut pr = priors.clone();
            for (n, v) in pins {
                let j = names.iter().position(|x| x == n).unwrap();
                pr.list[j].prior = *v;
                pr.list[j].low = *v;
                pr.list[j].high = *v;
                pr.list[j].sd = 1e-3;
            }
            let mut st = base.params.to_array();
            for (n, v) in pins {
                st[names.iter().position(|x| x == n).unwrap()] = *v;
            }
            let f = fit(&refs, &pr, &secondsource_catalog::calibration::Params::from_array(&st), 25, &|_| {});
            let (mut all, mut a) = (vec![], vec![]);
            for c in &cases {
                let e = (predict(c, &f.params, &pr.energy).unwrap_or(f64::NAN) / c.measured - 1.0) * 100.0;
                if c.grade == Grade::A {
                    a.push(e)
                }
                all.push(e)
            }
            let moved = cases
                .iter()
                .filter(|c| {
                    let x = predict(c, &f.params, &pr.energy).unwrap();
                    let y = predict(c, &base.params, &pr.energy).unwrap();
                    (x / y).ln().abs() > 0.02
                })
                .count();
            (q2(&a, 0.5), q2(&a, 0.9), q2(&all, 0.5), q2(&all, 0.9), moved)
        };
        let b = run(&[]);
        println!("full: A {:.1}/{:.1} AB {:.1}/{:.1}", b.0, b.1, b.2, b.3);
        let e = 1e-9;
        let list: Vec<(&str, Vec<(&str, f64)>)> = vec![
            ("attention kernel classes (SDPA, Triton)", vec![("attention_sdpa", 1.0), ("attention_triton", 1.0)]),
            (
                "own attention rate (instead of 0.6 of peak everywhere)",
                vec![
                    ("attention_ampere", 0.6),
                    ("attention_hopper", 0.6),
                    ("attention_blackwell", 0.6),
                    ("attention_ultra", 0.6),
                    ("attention_tpu", 0.6),
                    ("attention_other", 0.6),
                    ("attention_neuron", 0.6),
                    ("attention_sdpa", 1.0),
                    ("attention_triton", 1.0),
                ],
            ),
            ("Blackwell Ultra attention", vec![("attention_ultra", 0.47)]),
            ("head width in attention", vec![("attention_width", e)]),
            ("unfused score traffic", vec![("unfused_passes", e)]),
            ("elementwise traffic", vec![("elementwise", e)]),
            ("eager elementwise", vec![("elementwise_eager", 1.0)]),
            ("power limit", vec![("gemm_watts", e)]),
            ("family factors", vec![("gemm_ampere", 1.0), ("gemm_hopper", 1.0), ("gemm_blackwell", 1.0), ("gemm_cdna", 1.0)]),
            ("low-precision factors", vec![("energy_fp8", 1.0), ("dtype_mxfp8", 1.0), ("dtype_fp4", 1.0), ("dtype_int8", 1.0)]),
            ("fill and drain of products", vec![("gemm_fill", e)]),
            ("wave quantisation", vec![("wave_loss", e)]),
            ("grouped products: fill", vec![("moe_fill", e)]),
            ("grouped products: efficiency", vec![("moe_gemm", 1.0)]),
            ("host launch", vec![("host_layer", e), ("host_layer_old", e)]),
            ("step constant", vec![("step_constant", e)]),
            (
                "tensor-parallel traffic",
                vec![
                    ("tp_exposed", e),
                    ("tp_exposed_old", e),
                    ("tp_exposed_xla", e),
                    ("tp_exposed_neuron", e),
                    ("collective_sync", e),
                    ("collective_sync_old", e),
                ],
            ),
            (
                "one overlap class for all",
                vec![("tp_exposed", 0.8), ("tp_exposed_old", 0.8), ("tp_exposed_xla", 0.8), ("tp_exposed_neuron", 0.8)],
            ),
            ("rank synchronisation", vec![("collective_sync", e), ("collective_sync_old", e)]),
            ("data-parallel traffic", vec![("dp_exposed", e)]),
            ("expert all-to-all", vec![("ep_exposed", e)]),
            ("FSDP traffic (perfect overlap)", vec![("fsdp_norm", 50.0), ("fsdp_norm_xla", 50.0)]),
            ("dispatcher generations", vec![("moe_age", 1.0)]),
            ("permutation traffic", vec![("moe_permute", e)]),
            ("LoRA overhead", vec![("lora_overhead", 1.0)]),
            ("loss traffic", vec![("loss_bytes", e)]),
            ("scale-out latency", vec![("latency_scale_out", e)]),
        ];
        for (n, pins) in list {
            let r = run(&pins);
            println!("| {n} | {:.1}/{:.1} | {:.1}/{:.1} | {} |", r.0, r.1, r.2, r.3, r.4);
        }
        return;
    }
    let t = std::time::Instant::now();
    let f = fit(&refs, &priors, &p0, 40, &|_| {});
    println!("fit {} it obj {:.0} in {:?}", f.iterations, f.objective, t.elapsed());
    for ((n, (v, s)), pr) in
        secondsource_catalog::calibration::Params::NAMES.iter().zip(f.params.to_array().iter().zip(f.sigma)).zip(&priors.list)
    {
        let flag = if (v / pr.low - 1.0).abs() < 1e-3 || (v / pr.high - 1.0).abs() < 1e-3 {
            "BOUND"
        } else if s > 0.9 * pr.sd {
            "prior"
        } else {
            ""
        };
        println!("  {n:22} {v:10.4e} prior {:10.4e} x/{:.2} (prior x/{:.2}) {flag}", pr.prior, s.exp(), pr.sd.exp());
    }
    report("fit", &|c| predict(c, &f.params, &priors.energy).unwrap_or(f64::NAN), true);
    if arg == "loo" {
        for (label, key) in [
            ("source", Box::new(|c: &Case| c.source.clone()) as Box<dyn Fn(&Case) -> String>),
            ("chip", Box::new(|c: &Case| c.chip.clone())),
        ] {
            let t = std::time::Instant::now();
            let folds: BTreeMap<String, _> = hold_out(&refs, &priors, &f.params, &*key, &|_| {}).into_iter().collect();
            println!("{:?}", t.elapsed());
            report(&format!("leave-one-{label}-out"), &|c| predict(c, &folds[&key(c)], &priors.energy).unwrap_or(f64::NAN), true);
        }
    }
}
