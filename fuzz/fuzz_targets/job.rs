//! Job files and words of `--fix`: any text gives a job or a diagnostic that can be printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use secondsource::job::{Fix, apply_fix, parse_era, parse_precision, read_job};

fuzz_target!(|text: &str| {
    // The model's configuration is fuzzed by the target `config`; here it is the text itself.
    if let Err(d) = read_job("job.toml", text, &|_| Ok(text.to_owned())) {
        let _ = d.to_string();
    }
    for word in text.split([',', '\n']) {
        if let Err(d) = apply_fix(&mut Fix::default(), word) {
            let _ = d.to_string();
        }
    }
    let _ = parse_precision(text);
    let _ = parse_era(text);
});
