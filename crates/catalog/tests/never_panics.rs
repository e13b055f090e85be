//! `check` reports; it never panics.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_catalog::{check, embedded_files};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn on_any_text(text in any::<String>(), csv in any::<bool>()) {
        let _ = check(if csv { "supply.csv" } else { "x.toml" }, &text);
    }

    #[test]
    fn on_toml_like_text(text in r#"(\[{1,2}(chip|price|node)(\.[a-z0-9"é]{1,4}){0,3}\]{1,2}\n|[a-z_]{1,8} = ("[a-z0-9./%é -]{0,9}"|-?[0-9.]{1,5}|nan|inf|true|\[[0-9",]{0,5}\])\n){0,12}"#) {
        let _ = check("x.toml", &text);
    }

    /// A data file with a few bytes cut out of it.
    #[test]
    fn on_damaged_files(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), cut in 1usize..40) {
        let (name, text) = embedded_files()[pick.index(embedded_files().len())];
        let chars: Vec<char> = text.chars().collect();
        let from = at.index(chars.len());
        let damaged: String = chars.iter().take(from).chain(chars.iter().skip(from + cut)).collect();
        let _ = check(name, &damaged);
    }
}
