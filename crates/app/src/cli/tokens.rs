//! `secondsource tokens`: serving a model: rate, latency and cost per million tokens on each system.

use super::Context;
use super::job_args::{read_model, twin_over};
use super::units::{count, of_flag, seconds, whole};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{io, render};
use clap::Args;
use secondsource::serving::{self, TokensJob};
use secondsource::{Diagnostic, job};
use std::path::Path;

/// Serve a model: tokens per second, latency and cost per million tokens on each system
///
/// For every replica size and batch on each system: time to the first token, time between tokens, tokens a
/// second and chip, and what a million output tokens cost at a public rental price. Says which point is best
/// within a latency limit, what limits it, and how far published measurements lie from the model.
///
/// --validate predicts every row of a table of published serving measurements instead; --calibrate refits the
/// parameters of serving to it.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct TokensArgs {
    /// Built-in model, or path of a Hugging Face config.json
    #[arg(short, long, value_name = "NAME|PATH.json", help_heading = "What to serve")]
    model: Option<String>,
    /// Tokens that each request reads
    #[arg(long, value_name = "N", default_value = "1024", help_heading = "What to serve")]
    prompt: String,
    /// Tokens that each request writes
    #[arg(long, value_name = "N", default_value = "1024", help_heading = "What to serve")]
    output: String,
    /// Format of the stored weights: bf16, fp8, mxfp8, nvfp4, mxfp4, int8 [default: fp8 or MXFP8 where the chip multiplies it]
    #[arg(long, value_name = "FORMAT", help_heading = "What to serve")]
    weights: Option<String>,
    /// Format of the key-value cache [default: fp8 with narrow weights, else bf16]
    #[arg(long, value_name = "FORMAT", help_heading = "What to serve")]
    cache: Option<String>,

    /// Systems or chips, separated by commas; a bare chip means its usual node
    #[arg(long, value_name = "ID,...", value_delimiter = ',', help_heading = "On what")]
    on: Vec<String>,
    /// Chips that share each matrix of a replica [default: the best power of two]
    #[arg(long, value_name = "N", help_heading = "On what")]
    tp: Option<String>,
    /// Pipeline stages of a replica [default: 1]
    #[arg(long, value_name = "N", help_heading = "On what")]
    pp: Option<String>,
    /// Requests in flight on one replica [default: the best]
    #[arg(long, value_name = "N", help_heading = "On what")]
    batch: Option<String>,
    /// A catalog file of your own (a private price), laid over the built-in catalog; may be repeated
    #[arg(long, value_name = "FILE.toml", help_heading = "On what")]
    catalog: Vec<String>,

    /// Longest time between two tokens of a request (50ms)
    #[arg(long, value_name = "TIME", help_heading = "Within what")]
    latency: Option<String>,
    /// Longest time to the first token of a request that does not queue (2s)
    #[arg(long, value_name = "TIME", help_heading = "Within what")]
    first_token: Option<String>,

    /// Predict published serving measurements and print the errors
    #[arg(long, help_heading = "Against published rows", conflicts_with_all = ["model", "on", "calibrate"])]
    validate: bool,
    /// Refit the parameters of serving to published rows and print them
    #[arg(long, help_heading = "Against published rows", conflicts_with_all = ["model", "on"])]
    calibrate: bool,
    /// Table of published serving measurements (CSV) [default: validation/serving_published.csv, or the built-in copy]
    #[arg(long, value_name = "FILE.csv", help_heading = "Against published rows")]
    rows: Option<String>,
    /// Rows with the largest error to list
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Against published rows")]
    worst: usize,
    /// Write the fitted parameters
    #[arg(long, value_name = "FILE.toml", requires = "calibrate", help_heading = "Against published rows")]
    write: Option<String>,
}

const AFTER: &str = "\
Examples:
  Llama 3.1 70B, at most 50 ms between tokens:
    secondsource tokens --model llama-3.1-70b --on h100-sxm,h200,trn2,mi300x --latency 50ms
  A mixture of experts with long prompts, on a rack:
    secondsource tokens --model deepseek-r1 --on gb200-nvl72,h200 --prompt 8192 --output 1024
  How wrong is it on published measurements?
    secondsource tokens --validate

Exit codes: 0 answered; 1 nothing can serve the model within the limits; 2 bad input; 3 internal.";

/// The table that ships, below the current directory.
const USUAL: &str = "validation/serving_published.csv";

pub fn run(args: &TokensArgs, context: &Context) -> Result<Outcome, Failure> {
    let twin = twin_over(&args.catalog)?;
    if args.validate {
        let (file, text) = table(args.rows.as_deref())?;
        let answer = twin.validate_serving(&file, &text)?;
        context.answer(&answer, |a, page| render::tokens::validation(a, &file, args.worst, page))?;
        return Ok(if answer.rows.is_empty() { Outcome::Nothing } else { Outcome::Answered });
    }
    if args.calibrate {
        let (file, text) = table(args.rows.as_deref())?;
        let progress = Progress::new("fitting", context.quiet);
        let result = twin.calibrate_serving(&file, &text, &|done, total| progress.tick(done, total));
        progress.finish();
        let answer = result?;
        if let Some(path) = &args.write {
            io::write_whole(path, &answer.file_text)?;
            context.say(&format!("fitted parameters written to {path}"));
        }
        context.answer(&answer, render::tokens::calibration)?;
        return Ok(Outcome::Answered);
    }
    let answer = twin.tokens(&job_of(args)?)?;
    context.answer(&answer, render::tokens::page)?;
    Ok(if answer.options.is_empty() { Outcome::Nothing } else { Outcome::Answered })
}

fn table(given: Option<&str>) -> Result<(String, String), Failure> {
    let path = match given {
        Some(path) => path,
        None if Path::new(USUAL).is_file() => USUAL,
        None => return Ok((format!("{USUAL} (built in)"), serving::EMBEDDED.to_owned())),
    };
    Ok((path.to_owned(), io::read_text(path, "table of serving measurements", io::MAX_TABLE)?))
}

fn job_of(args: &TokensArgs) -> Result<TokensJob, Failure> {
    let Some(model) = &args.model else {
        return Err(Diagnostic::error("no model was given").hint("--model NAME or PATH/config.json, or --validate").into());
    };
    if args.on.is_empty() {
        return Err(Diagnostic::error("no system was named").hint("--on ID,...; `secondsource catalog list` lists them").into());
    }
    let mut t = TokensJob::new(read_model(model)?, args.on.clone());
    t.prompt = whole("--prompt", &args.prompt)?;
    t.output = whole("--output", &args.output)?;
    let format =
        |flag: &str, word: &Option<String>| word.as_deref().map(|w| job::parse_precision(w).map_err(|d| of_flag(flag, d))).transpose();
    t.weights = format("--weights", &args.weights)?;
    t.cache = format("--cache", &args.cache)?;
    let size = |flag: &str, word: &Option<String>, most: u64| -> Result<Option<u64>, Diagnostic> {
        let Some(word) = word else { return Ok(None) };
        let n = whole(flag, word)?;
        if n > most { Err(Diagnostic::error(format!("{flag}: {n} is more than {most}"))) } else { Ok(Some(n)) }
    };
    t.tp = size("--tp", &args.tp, 4096)?.map(|n| n as u32);
    t.pp = size("--pp", &args.pp, 1024)?.map(|n| n as u32);
    t.batch = match &args.batch {
        Some(word) => Some(count("--batch", word)?.min(1e6) as u64),
        None => None,
    };
    t.latency_s = args.latency.as_deref().map(|w| seconds("--latency", w)).transpose()?;
    t.first_token_s = args.first_token.as_deref().map(|w| seconds("--first-token", w)).transpose()?;
    Ok(t)
}
