//! The whole help text, as it is printed. After a change: SECONDSOURCE_UPDATE=1 cargo test -p
//! secondsource-app, then read the difference.

use crate::run::{Ran, secondsource};
use std::path::Path;

const COMMANDS: [&str; 35] = [
    "",
    "plan",
    "step",
    "fit",
    "campaign",
    "rent",
    "own",
    "decide",
    "model",
    "kernel",
    "profile",
    "catalog",
    "catalog list",
    "catalog show",
    "catalog check",
    "validate",
    "calibrate",
    "tokens",
    "sell",
    "run-rate",
    "supply",
    "orders",
    "orders add",
    "orders list",
    "orders promise",
    "orders supply",
    "orders plan",
    "orders cancel",
    "orders set",
    "orders deliver",
    "orders history",
    "orders check",
    "orders import",
    "orders export",
    "promise",
];

#[test]
fn help_is_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help");
    let mut wrong = Vec::new();
    for command in COMMANDS {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let Ran { code, stdout, stderr } = secondsource(&args);
        assert_eq!((code, stderr.as_str()), (0, ""));
        let name = if command.is_empty() { "secondsource".to_owned() } else { command.replace(' ', "-") };
        let file = folder.join(format!("{name}.txt"));
        if std::env::var_os("SECONDSOURCE_UPDATE").is_some() {
            std::fs::write(&file, &stdout).expect("snapshot");
        }
        let recorded = std::fs::read_to_string(&file).unwrap_or_default();
        if recorded != stdout {
            let line = recorded.lines().zip(stdout.lines()).take_while(|(a, b)| a == b).count() + 1;
            wrong.push(format!("{name}.txt differs from line {line}:\n{stdout}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn help_fits_100_columns() {
    for command in COMMANDS {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let text = secondsource(&args).stdout;
        let long: Vec<&str> = text.lines().filter(|l| l.chars().count() > 100).collect();
        assert!(long.is_empty(), "{command}: {long:#?}");
    }
}

#[test]
fn the_version_is_printed() {
    assert_eq!(secondsource(&["--version"]).ok(), format!("secondsource {}\n", env!("CARGO_PKG_VERSION")));
}

/// Every command line in the examples of a help text is one that the parser takes.
#[test]
fn examples_in_help_parse() {
    let mut seen = 0;
    for command in COMMANDS {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let text = secondsource(&args).stdout.replace("\\\n", " ");
        let examples = text.split_once("\nExamples:\n").map_or("", |(_, after)| after);
        for line in examples.lines().filter_map(|l| l.trim().strip_prefix("secondsource ")) {
            let line = line.split(" > ").next().unwrap_or(line);
            let words: Vec<&str> = line.split_whitespace().collect();
            // These need files of the reader's, write files, or take long.
            if words.contains(&"calibrate") || line.contains("my-") || line.contains("Qwen3-30B-A3B/") || line.contains("--trace") {
                continue;
            }
            let ran = secondsource(&words);
            assert!(ran.code < 2, "`{line}` exits {}: {}", ran.code, ran.stderr);
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} examples found");
}
