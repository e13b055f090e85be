//! Own runs: a correction per stack, kept in a file, applied to every later prediction.

use crate::{job, twin};
use secondsource::{Diagnostic, Twin};

const HEAD: &str = "id,chip,chips,model,seq_len,global_batch_seqs,micro_batch,tp,pp,cp,dp,precision,framework,derived_step_s\n";

/// Three runs of one stack; the last takes `odd` times as long as its fellows would have it.
fn table(factor: f64, odd: f64) -> String {
    let row =
        |id: u32, batch: u32, seconds: f64| format!("own-{id},h100-sxm,64,llama3-70b,8192,{batch},1,4,4,1,4,bf16,NeMo 25.02,{seconds}\n");
    // 14.8 s and 29.4 s are about what is predicted; the exact value does not matter here.
    format!("{HEAD}{}{}{}", row(1, 128, 14.8 * factor), row(2, 256, 29.4 * factor), row(3, 256, 29.4 * factor * odd))
}

fn overlay(text: &str) -> String {
    twin().mine("mine.csv", text).unwrap_or_else(|e| panic!("{e:?}")).0.file_text
}

fn corrected(text: &str) -> Twin {
    twin().with_own_runs("mine.toml", &overlay(text)).unwrap()
}

fn step(twin: &Twin, on: &str) -> secondsource::answer::StepAnswer {
    let mut j = job("llama3-70b", &[on], 64);
    (j.fix.tp, j.fix.pp, j.global_batch) = (Some(4), Some(4), Some(128));
    twin.step(&j).unwrap()
}

#[test]
fn own_runs_move_and_narrow_predictions_on_their_chip_only() {
    let (before, after) = (step(&twin(), "h100-sxm"), step(&corrected(&table(1.3, 1.0)), "h100-sxm"));
    let factor = after.option.step_s.p50 / before.option.step_s.p50;
    assert!((1.1..1.3).contains(&factor), "{factor}");
    let width = |a: &secondsource::answer::StepAnswer| a.option.step_s.p95 / a.option.step_s.p5;
    assert!(width(&after) < width(&before), "{} against {}", width(&after), width(&before));
    assert_eq!(after.option.interval_basis, "3 own runs on h100-sxm (nemo)");
    assert!((after.option.mfu * factor / before.option.mfu - 1.0).abs() < 1e-9);
    let sum: f64 = after.breakdown_s.values().sum();
    assert!((sum / after.option.step_s.p50 - 1.0).abs() < 1e-9, "parts add up to the whole");
    for (a, b) in after.option.other_eras.iter().zip(&before.option.other_eras) {
        assert!((a.1 / b.1 / factor - 1.0).abs() < 1e-9);
    }
    assert_eq!(step(&corrected(&table(1.3, 1.0)), "b200").option, step(&twin(), "b200").option);
}

#[test]
fn one_odd_run_does_not_poison_the_rest() {
    let factor = |text: &str| step(&corrected(text), "h100-sxm").option.step_s.p50;
    let (clean, odd) = (factor(&table(1.1, 1.0)), factor(&table(1.1, 8.0)));
    assert!((odd / clean - 1.0).abs() < 0.15, "{odd} against {clean}");
}

#[test]
fn the_file_is_read_as_it_was_written() {
    let text = overlay(&table(1.2, 1.0));
    let own = twin().with_own_runs("mine.toml", &text).unwrap().own.unwrap();
    assert_eq!(own.write(), text);
    assert_eq!(overlay(&table(1.2, 1.0)), text, "same input, same bytes");
}

/// A table of several stacks: each has its correction, and all together one more.
#[test]
fn stacks_are_told_apart() {
    let text = table(1.2, 1.0) + "own-4,h100-sxm,64,llama3-8b,8192,128,1,1,1,1,64,bf16,torchtitan,1.4\n";
    let answer = twin().mine("mine.csv", &text).unwrap().0;
    let names: Vec<(&str, u64)> = answer.stacks.iter().map(|s| (s.stack.as_str(), s.runs)).collect();
    assert_eq!(names, [("nemo", 3), ("torchtitan", 1), ("any", 4)]);
    assert_eq!(step(&corrected(&text), "h100-sxm").option.interval_basis, "4 own runs on h100-sxm");
}

fn refused(text: &str) -> Diagnostic {
    twin().with_own_runs("mine.toml", text).err().unwrap_or_else(|| panic!("taken:\n{text}"))
}

#[test]
fn bad_files_are_refused_with_line_and_nearest_name() {
    let good = overlay(&table(1.2, 1.0));
    let line = |word: &str| good.lines().position(|l| l.starts_with(word)).unwrap() + 1;
    for (from, to, at, says, hint) in [
        ("residual =", "residuel =", "residual", "residuel", "`residual`"),
        ("\"h100-sxm\"", "\"h100-sxn\"", "chip", "h100-sxn", "h100-sxm"),
        ("\"nemo\"", "\"nemmo\"", "software", "nemmo", "`nemo`"),
        ("calibration = \"", "calibration = \"0", "calibration", "another calibration", "calibrate --mine"),
        ("residual = ", "residual = nan # ", "residual", "residual", ""),
        ("residual = ", "residual = 1e9 # ", "residual", "from -20 to 20", ""),
        ("shares = [", "shares = [0.5, ", "shares", "16 values", ""),
        ("shares = [", "shares = [] # ", "shares", "16 values", ""),
        ("shares = [0.", "shares = [-0.", "shares", "add up to 1", ""),
        ("shares = [0.", "shares = [nan, 0.", "shares", "16 values", ""),
        ("\"bf16\"", "\"bf61\"", "precision", "bf61", "`bf16`"),
        ("chips = 64", "chips = 0", "chips", "from 1 to", ""),
    ] {
        let d = refused(&good.replacen(from, to, 1));
        assert!(d.message.contains(says), "{to}: {d}");
        assert_eq!(d.at.map(|a| a.0), Some(line(at)), "{to}: {d}");
        assert!(hint.is_empty() || d.hints.iter().any(|h| h.contains(hint)), "{to}: {d}");
    }
    let empty = format!("{}chip = \"h100-sxm\"\nsoftware = \"nemo\"\n", &good[..good.find("chip =").unwrap()]);
    assert!(refused(&empty).message.contains("1 to 500"));
    let body = &good[good.find("[[stack]]").unwrap()..];
    assert!(refused(&format!("{good}\n{body}")).message.contains("already"));
    assert!(refused(good.split("[[stack]]").next().unwrap()).message.contains("no [[stack]]"));
    assert!(refused("").message.contains("version"));
}

/// Files of other versions of the format are refused as such, whatever else they hold.
#[test]
fn files_of_other_versions_are_told_apart() {
    let good = overlay(&table(1.2, 1.0));
    for (file, says) in [
        (good.replacen("version = 2\n", "", 1), "an older program wrote these corrections (version 1, this one reads 2)"),
        (good.replacen("version = 2", "version = 3", 1), "a newer program wrote these corrections (version 3, this one reads 2)"),
        (good.replacen("version = 2", "version = \"two\"", 1), "`version` must be 2"),
        ("calibration = \"0\"\n[[stack]]\nchip = \"h100-sxm\"\nfactor = 1.1\n".to_owned(), "an older program wrote these corrections"),
    ] {
        let d = refused(&file);
        assert!(d.message.contains(says), "{d}");
        assert!(d.hints.iter().any(|h| h.contains("calibrate --mine")), "{d}");
    }
}

#[test]
fn tables_that_say_nothing_are_refused() {
    let e = twin().mine("mine.csv", HEAD).unwrap_err();
    assert!(e[0].message.contains("nothing to correct"), "{}", e[0]);
    let e = twin().mine("mine.csv", &table(1.0, 1.0).replace("29.4", "nan")).unwrap_err();
    assert!(e.iter().all(|d| d.at.is_some()), "{e:?}");
    let e = twin().mine("mine.csv", &table(1.0, 1.0).replace("h100-sxm", "h100-sxn")).unwrap_err();
    assert!(e[0].hints.iter().any(|h| h.contains("h100-sxn")), "{}", e[0]);
}
