//! The profile of kernels: written again, turned off, and with a kernel of the user's.

use crate::{job, twin};
use secondsource::job::Fix;
use secondsource::nki::{KernelSource, parse_own_kernel, profile, profile_file, reported_seconds};
use secondsource_neuroncore::Gen;

/// What ships is what the command writes.
#[test]
fn the_profiles_that_ship_are_fresh() {
    for version in Gen::ALL {
        let file = format!("{}/../../calibration/profile-{}.toml", env!("CARGO_MANIFEST_DIR"), version.chip());
        let shipped = std::fs::read_to_string(&file).expect("the file ships");
        let fresh = profile_file(&profile(version, &|_, _| {}).expect("the tables are whole"), version);
        assert!(shipped == fresh, "{file} is not what `secondsource profile {} --write` writes", version.chip());
    }
}

#[test]
fn a_kernel_twice_as_slow_costs_step_days_and_bill() {
    let mut job = job("llama-3.1-70b", &["trn2"], 64);
    job.tokens = Some(1e12);
    job.fix = Fix { tp: Some(8), pp: Some(4), ..Fix::default() };
    let plain = twin().step(&job).expect("it runs");
    assert_eq!(plain.option.other_kernels.len(), 1, "only the profile can be left out");
    let own = parse_own_kernel("attention=0.001s@seq=4096,width=128").expect("well formed");
    let mut changed = twin();
    let library = 1e-3 / changed.clone().with_kernel(&own, "trn2", 1e-3).expect("a factor");
    // Twice the library's time, for both heads of one run.
    let two = parse_own_kernel("attention=0.001s@seq=4096,width=128,times=2").expect("well formed");
    let factor = changed.with_kernel(&two, "trn2", 4.0 * library).expect("a factor");
    assert!((factor - 2.0).abs() < 1e-9, "{factor}");
    let slow = changed.step(&job).expect("it runs");
    let back = &slow.option.other_kernels[0];
    assert!(back.kernels.contains("attention-forward") && back.kernels.contains("200%"), "{}", back.kernels);
    assert!((back.step_s / plain.option.step_s.p50 - 1.0).abs() < 1e-9, "{} {}", back.step_s, plain.option.step_s.p50);
    let longer = slow.option.step_s.p50 / plain.option.step_s.p50;
    assert!(longer > 1.02, "{longer}");
    let days = slow.option.days.expect("tokens were given").p50 / plain.option.days.expect("tokens were given").p50;
    assert!((days / longer - 1.0).abs() < 1e-3, "{days} {longer}");
    assert!(back.days.is_some() && back.cost_usd.is_some());
}

/// Only Trainium chips have profiles, and they can be left out.
#[test]
fn gpus_have_no_profile() {
    let mut job = job("llama-3.1-70b", &["h100-sxm"], 64);
    job.fix = Fix { tp: Some(8), ..Fix::default() };
    let step = twin().step(&job).expect("it runs");
    assert!(step.option.other_kernels.is_empty());
    assert_eq!(step, twin().without_profiles().step(&job).expect("it runs"));
}

#[test]
fn what_is_typed_is_checked() {
    let ok = parse_own_kernel("norm=my_norm.py@width=8192,rows=4096").expect("well formed");
    assert_eq!((ok.source, ok.shape, ok.rows, ok.times), (KernelSource::File("my_norm.py".into()), vec![8192.0], 4096.0, 1.0));
    for (text, word) in [
        ("attention", "names no source"),
        ("attention=a.py", "shape"),
        ("atention=a.py@seq=1,width=1", "no kernel"),
        ("attention=a.py@seq=4096", "needs width"),
        ("attention=a.py@seq=4096,width=128,heads=8", "no dimension `heads`"),
        ("attention=a.py@seq=-1,width=128", "from 1 to 10 million"),
        ("attention=0s@seq=1,width=128", "kernel of 0 s"),
        ("norm=a.py@width=4096", "needs rows"),
    ] {
        let e = parse_own_kernel(text).expect_err("refused");
        assert!(e.message.contains(word), "{text}: {}", e.message);
    }
}

#[test]
fn reports_of_launches_are_read() {
    let report = |us: f64| format!("{{\"launches\": [{{\"target\": \"trn2\", \"cores\": 2, \"time_us\": {us}, \"mfu\": 0.5}}]}}");
    let (version, seconds) = reported_seconds("r.json", &report(1023.0)).expect("a report");
    assert_eq!(version, Gen::Gen3);
    // Two cores, and about 20 us of start and stop.
    assert!((1.9e-3..2.1e-3).contains(&seconds), "{seconds}");
    for text in ["", "{}", "{\"launches\": []}", &report(0.5), &report(1023.0).replace("trn2", "tpu")] {
        assert!(reported_seconds("r.json", text).is_err(), "{text}");
    }
}
