//! Any text may be given as a model configuration: the importer answers with a model or a diagnostic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secondsource_workload::{FlopsConvention, ImportOptions, builtin, import_config};

fuzz_target!(|text: &str| {
    match import_config("fuzz.json", text, &ImportOptions::default()) {
        Ok(model) => {
            let b = model.breakdown_with(4096, FlopsConvention::Causal);
            let parts: u64 = b.parts.iter().map(|p| p.params).sum();
            assert_eq!(parts, model.params_total());
            assert!(model.params_active() <= model.params_total());
        }
        Err(d) => assert!(!d.to_string().is_empty()),
    }
    if text.len() < 100 {
        let _ = builtin(text);
    }
});
