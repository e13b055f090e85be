//! Tables of published runs: any text is predicted row by row, skipped with a reason, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use secondsource::Twin;
use std::sync::OnceLock;

/// Longer tables take long without showing anything new.
const LONGEST: usize = 16 << 10;

fn twin() -> &'static Twin {
    static TWIN: OnceLock<Twin> = OnceLock::new();
    TWIN.get_or_init(|| Twin::embedded().expect("the calibration that ships is sound"))
}

fuzz_target!(|text: &str| {
    if text.len() > LONGEST {
        return;
    }
    match twin().validate("runs.csv", text, &|_, _| {}) {
        Ok((answer, warnings)) => {
            assert!(!answer.summary.coverage_90.is_nan(), "a share is a number");
            warnings.iter().for_each(|d| drop(d.to_string()));
        }
        Err(list) => {
            assert!(!list.is_empty(), "a refusal says why");
            list.iter().for_each(|d| drop(d.to_string()));
        }
    }
});
