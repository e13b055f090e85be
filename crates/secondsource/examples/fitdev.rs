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
