#![no_main]
//! `catalog check` on anything at all: it may report, it must not panic or hang.

use libfuzzer_sys::fuzz_target;
use secondsource_catalog::{Catalog, check};

fuzz_target!(|text: &str| {
    let _ = check("fuzz.toml", text);
    let _ = check("supply/fuzz.csv", text);
    if let Ok(catalog) = Catalog::embedded().with_overlay("fuzz.toml", text) {
        for row in catalog.list() {
            let _ = catalog.show(&row.id);
        }
    }
});
