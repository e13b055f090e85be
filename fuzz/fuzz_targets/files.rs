//! Every other file that a command reads, chosen by the first byte: any text gives a value or diagnostics that can be printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use secondsource::catalog::profile::KernelProfile;
use secondsource::orders::{Day, read_book, read_history, read_table};
use secondsource::{Catalog, Diagnostic, costs, decide, sell, supply};

/// Longer files take long without showing anything new.
const LONGEST: usize = 16 << 10;

fn told<T>(result: Result<T, Vec<Diagnostic>>) {
    if let Err(list) = result {
        assert!(!list.is_empty(), "a refusal says why");
        list.iter().for_each(|d| drop(d.to_string()));
    }
}

fn one<T>(result: Result<T, Diagnostic>) {
    told(result.map_err(|d| vec![d]));
}

fuzz_target!(|data: (u8, &str)| {
    let (which, text) = data;
    if text.len() > LONGEST {
        return;
    }
    let Some(today) = Day::parse("2026-11-23") else { return };
    let catalog = Catalog::embedded();
    // A model's configuration is fuzzed by the target `config`; here it is the text itself.
    let load = |_: &str| Ok(text.to_owned());
    match which % 8 {
        0 => told(decide::read_decide("decide.toml", text, "2026-10-08", &load)),
        1 => told(sell::read_sell("sell.toml", text, &load)),
        2 => told(costs::read_own("own.toml", text)),
        3 => told(supply::read_supply("supply.toml", text, catalog, None)),
        4 => told(read_book("book.toml", text, catalog, today)),
        5 => told(read_table("claims.csv", text, catalog, today, "standard")),
        6 => one(read_history("history.json", text)),
        _ => one(KernelProfile::read("profile.toml", text)),
    }
});
