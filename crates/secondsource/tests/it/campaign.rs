//! A campaign from a job: what adds up, what it rests on, what is refused.

use crate::twin;
use secondsource::campaign::{CampaignAnswer, CampaignSpec};
use secondsource::job::{Chips, Job, ModelSource, read_job};

fn job(model: &str, on: &str, chips: u64) -> Job {
    let mut job = Job::new(ModelSource::Name(model.to_owned()));
    job.tokens = Some(15.6e12);
    job.on = vec![on.to_owned()];
    job.chips = Chips::Count(chips);
    job.campaign.runs = Some(300);
    job
}

fn with(mut job: Job, keys: &[(&str, &str)]) -> Job {
    for (key, word) in keys {
        job.campaign.set(key, word).unwrap();
    }
    job
}

fn run(job: &Job) -> CampaignAnswer {
    twin().campaign(job, &|_, _| {}).unwrap()
}

fn llama() -> Job {
    job("llama-3.1-405b", "h100-sxm", 16384)
}

#[test]
fn the_bill_and_the_time_add_up() {
    let job = with(llama(), &[("spares", "24"), ("planned-every", "1d"), ("planned-stop", "20m"), ("start", "2027-01-04")]);
    let a = run(&job);
    let sum: f64 = a.parts_days.values().sum();
    assert!((sum / a.days.mean - 1.0).abs() < 1e-12, "{sum} and {}", a.days.mean);
    // The price of the plan, for the chips of the job and of the spare nodes, for as long as it takes.
    let cost = a.cost_usd.clone().unwrap();
    let chips = (16384 + 24 * 8) as f64;
    assert!((cost.p50 / (a.days.p50 * 24.0 * chips * cost.usd_per_chip_hour) - 1.0).abs() < 1e-12);
    assert_eq!(cost.usd_per_chip_hour, a.plan.cost_usd.clone().unwrap().usd_per_chip_hour);
    // The undisturbed time is the plan's own, with its interval.
    let plan = twin().plan(&Job { top: 1, ..job }, &|_, _| {}).unwrap();
    assert_eq!(plan.options[0].days, Some(a.days_undisturbed));
    assert!(a.days.p50 > a.days_undisturbed.p50 && a.days.p5 < a.days.p50 && a.days.p50 < a.days.p95);
    // Energy lies between waiting and training all the time.
    let e = a.energy.unwrap();
    let hours = a.days.mean * 24.0 * 16384.0 / 1e3;
    assert!(e.mwh.p50 > hours * e.kw_waiting * 0.5 && e.mwh.p50 < hours * e.kw_training * 1.5);
    assert!((e.mean_mw * a.days.mean * 24.0 / e.mwh.mean - 1.0).abs() < 1e-9);
    let place = a.place;
    assert!((place.carbon_t.unwrap().p50 / (e.mwh.p50 * place.kg_per_mwh.unwrap().value / 1e3) - 1.0).abs() < 1e-12);
    assert!((place.electricity_usd.unwrap().p95 / (e.mwh.p95 * 10.0 * place.cents_per_kwh.unwrap().value) - 1.0).abs() < 1e-12);
    let finish = a.finish.unwrap();
    assert!(finish.start < finish.p5 && finish.p5 < finish.p50 && finish.p50 < finish.p95, "{finish:?}");
}

/// Llama 3's own: effective training time above 90% with a quick restart, about 419 interruptions in 54 days.
#[test]
fn llama_3() {
    let known = [("failures", "llama-3-405b"), ("detect", "0s"), ("restart", "5m"), ("storage", "1TB/s"), ("checkpoint-bytes", "14")];
    let a = run(&with(llama(), &known));
    assert_eq!((a.nodes, a.chips_per_node), (2048, 8));
    assert!((a.mtti_h.unwrap() - 3.09).abs() < 0.01, "{:?}", a.mtti_h);
    assert!(a.goodput.p50 > 0.90, "{:?}", a.goodput);
    assert!((a.closed_form.goodput - a.goodput.mean).abs() < 0.002);
    let per_day = a.failures.mean / a.days.mean;
    assert!((per_day * 54.0 / 419.0 - 1.0).abs() < 0.02, "{per_day}");
    let slow = run(&with(
        llama(),
        &[("failures", "llama-3-405b"), ("detect", "0s"), ("restart", "10m"), ("checkpoint", "sync"), ("storage", "95GB/s")],
    ));
    assert_eq!(run(&with(llama(), &[("failure-rate", "0")])).mtti_h, None);
    assert!(slow.goodput.p50 < 0.90 && slow.checkpoint.stall_s > 55.0, "{:?}", slow.goodput);
}

/// Chips without a public failure rate take the whole published range, and the answer says so; so do small jobs.
#[test]
fn what_is_not_known_is_said() {
    let small = |on: &str, chips| Job { tokens: Some(1e11), ..job("llama-3.1-8b", on, chips) };
    for on in ["trn2", "tpu-v5p", "mi300x", "gaudi3", "b200"] {
        let a = run(&small(on, 2048));
        assert!(a.caveats.iter().any(|c| c.contains("band over all published")), "{on}: {:?}", a.caveats);
        let rate = &a.inputs[0];
        assert!(rate.high / rate.low > 6.0, "{on}: {rate:?}");
    }
    let compiled = run(&small("trn2", 2048));
    let restart = compiled.inputs.iter().find(|i| i.name == "restart").unwrap();
    assert!(restart.kind == "assumed" && restart.basis.contains("compile cache") && restart.value == 12.0, "{restart:?}");
    let h100 = run(&small("h100-sxm", 2048));
    assert!(h100.caveats.is_empty(), "{:?}", h100.caveats);
    assert_eq!(h100.inputs.iter().find(|i| i.name == "restart").unwrap().value, 10.0);
    // Half as many chips in a node fail half as often each: the job as a whole as often.
    let gb200 = run(&with(small("gb200", 2304), &[("failures", "rsc-1")]));
    assert!((gb200.mtti_h.unwrap() - 24.0 / (2304.0 / 8.0 * 6.5e-3)).abs() < 1e-9, "{:?}", gb200.mtti_h);
    assert!(run(&small("h100-sxm", 1024)).caveats[0].contains("outside the domain"));
}

#[test]
fn the_largest_swing_comes_first() {
    let a = run(&llama());
    assert_eq!(a.sensitivity[0].input, "step time");
    let swings: Vec<f64> = a.sensitivity.iter().map(|s| (s.days_high - s.days_low).abs()).collect();
    assert!(swings.is_sorted_by(|a, b| a >= b) && swings.len() == 5, "{swings:?}");
    // What is stated exactly swings nothing.
    let stated = run(&with(llama(), &[("failure-rate", "4"), ("restart", "5m"), ("detect", "1m")]));
    let names: Vec<&str> = stated.sensitivity.iter().map(|s| s.input.as_str()).collect();
    assert_eq!(names, ["step time", "checkpoint"]);
}

#[test]
fn the_same_seed_the_same_bytes() {
    let text = |seed| {
        let a = run(&with(llama(), &[("seed", seed)]));
        serde_json::to_string(&a).unwrap()
    };
    assert_eq!(text("5"), text("5"));
    assert_ne!(text("5"), text("6"));
}

#[test]
fn what_cannot_run_is_refused() {
    let refused = |job: &Job, words: &[&str]| {
        let d = twin().campaign(job, &|_, _| {}).unwrap_err();
        let text = d.to_string();
        assert!(words.iter().all(|w| text.contains(w)), "{text}");
    };
    refused(&Job { tokens: None, ..llama() }, &["number of tokens"]);
    refused(&Job { on: vec!["h100-sxm".into(), "trn2".into()], ..llama() }, &["one system", "trn2"]);
    refused(&job("llama-3.1-405b", "h100-sxm", 8), &["no layout fits", "nearest"]);
    refused(&with(llama(), &[("failures", "lama-3-405b")]), &["lama-3-405b", "did you mean `llama-3-405b`?"]);
    refused(&with(llama(), &[("region", "texs")]), &["texs", "did you mean `texas`?"]);
    refused(&with(llama(), &[("failure-rate", "9000")]), &["no headway", "fewer nodes"]);
    refused(&with(llama(), &[("planned-every", "1d")]), &["planned-stop"]);
}

#[test]
fn words_of_a_campaign() {
    let mut s = CampaignSpec::default();
    for (key, word) in [
        ("failure-rate", "2.3,3.8,6.5"),
        ("checkpoint-every", "30m"),
        ("storage", "1.2 TB/s"),
        ("detect", "90s"),
        ("restart", "0.1h"),
        ("repair", "2d"),
        ("spares", "0"),
        ("seed", "18446744073709551615"),
        ("runs", "10k"),
        ("carbon", "0"),
    ] {
        s.set(key, word).unwrap_or_else(|d| panic!("{key} = {word}: {d}"));
    }
    assert_eq!((s.failure_rate, s.checkpoint_every, s.storage), (Some((2.3, 3.8, 6.5)), Some(1800.0), Some(1.2e12)));
    assert_eq!((s.detect, s.restart, s.repair, s.spares), (Some(90.0), Some(360.0), Some(172_800.0), Some(0)));
    assert_eq!((s.seed, s.runs, s.carbon), (Some(u64::MAX), Some(10_000), Some(0.0)));
    s.set("storage", "400Gbit/s").unwrap();
    assert_eq!(s.storage, Some(5e10));
    s.set("checkpoint-every", "auto").unwrap();
    assert_eq!(s.checkpoint_every, None);
    for (key, word, hint) in [
        ("storage", "80", "80GB/s"),
        ("storage", "80GB", "80GB/s"),
        ("detect", "10", "10m"),
        ("detect", "-1m", "10m"),
        ("restart", "NaNs", "10m"),
        ("failure-rate", "6,3,2", "low,middle,high"),
        ("failure-rate", "0,1,2", "low,middle,high"),
        ("failure-rate", "inf", "low,middle,high"),
        ("weibull-shape", "0.1", "from 0.4 to 3"),
        ("runs", "0", "from 1"),
        ("pue", "0.9", "from 1 to 5"),
        ("start", "2027-02-30", "2027-01-04"),
        ("checkpoint", "asynch", "did you mean `async`?"),
        ("spare", "3", "did you mean `spares`?"),
    ] {
        let text = s.set(key, word).unwrap_err().to_string();
        assert!(text.contains(hint), "{key} = {word}: {text}");
    }
    // Nothing that is typed ends in a panic or in a number that cannot be computed with.
    for key in secondsource::campaign::spec::KEYS {
        for word in ["", " ", "é", "1µs", "1e999s", "1e999", "-0", "NaN", "0x10", ",", "1,,2", "9e18", "1e300GB/s", "s", "/"] {
            let _ = s.set(key, word);
        }
    }
    let _ = twin().campaign(&Job { campaign: CampaignSpec { runs: Some(2), region: None, ..s }, ..llama() }, &|_, _| {});
}

#[test]
fn the_table_of_a_job_file() {
    let head = "model = \"llama-2-7b\"\non = \"h100-sxm\"\ntokens = \"1T\"\nchips = 2048\n[campaign]\n";
    let read = |rest: &str| read_job("job.toml", &format!("{head}{rest}"), &|_| unreachable!("no file is named"));
    let job = read("failure-rate = [2.3, 3.8, 6.5]\npue = 1.2\nspares = 3\ndetect = \"1m\"\nweibull-shape = 0.7\n").unwrap();
    assert_eq!((job.campaign.failure_rate, job.campaign.pue), (Some((2.3, 3.8, 6.5)), Some(1.2)));
    assert_eq!((job.campaign.spares, job.campaign.detect, job.campaign.weibull_shape), (Some(3), Some(60.0), Some(0.7)));
    for (rest, at, word) in [
        ("spare = 3\n", (6, 1), "did you mean `spares`?"),
        ("pue = 1.2\nrestart = 5\n", (7, 11), "not a time"),
        ("failure-rate = [\"a\"]\n", (6, 16), "list of numbers"),
        ("spares = 1979-05-27\n", (6, 10), "must be"),
    ] {
        let d = read(rest).unwrap_err();
        assert_eq!(d.at, Some(at), "{d}");
        assert!(d.to_string().contains(word), "{d}");
    }
}
