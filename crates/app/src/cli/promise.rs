//! `secondsource promise`: when racks could be there, with which probability.

use super::Context;
use super::orders::add::{chips_per_rack, day, racks, ramp};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{book, io, render};
use clap::Args;
use secondsource::orders::{Claim, Order, PromiseAnswer, State, promise, promise_svg, promise_without_book, rack};
use secondsource::{Catalog, Diagnostic};

/// When so many racks could be in service, and how surely
///
/// Days by which the last rack is in service in 10%, 50% and 90% of scenarios. An order book also gives the first
/// slot that hurts nobody, over its stated supply and what the others in it do; nothing is entered (`secondsource
/// orders add` does that). Without a book the catalog's supply is asked, of which a new buyer has what is free.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct PromiseArgs {
    /// The rack, as the catalog names it
    #[arg(long, value_name = "ID")]
    system: String,
    #[arg(long, value_name = "N")]
    racks: String,
    /// The order book that is asked; without one, what is free of the catalog's default supply
    #[arg(long, value_name = "BOOK")]
    book: Option<String>,
    /// No rack is wanted before [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", requires = "book")]
    wanted: Option<String>,
    /// Racks by day, where not all are wanted at once: 2027-01-01:10,2027-04-01:30
    #[arg(long, value_name = "DAY:N,...", requires = "book")]
    ramp: Option<String>,
    /// Class of the policy [default: its last, the lowest]
    #[arg(long, value_name = "NAME", requires = "book")]
    class: Option<String>,
    /// Chip of a rack that the catalog does not have
    #[arg(long, value_name = "CHIP", requires = "book")]
    chip: Option<String>,
    /// Chips of one such rack
    #[arg(long, value_name = "N", requires = "book")]
    chips_per_rack: Option<String>,
    /// Today, in place of the clock's day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<String>,
    /// Seed of the scenarios without a book [default: 1; a book has its own]
    #[arg(long, value_name = "N", conflicts_with = "book")]
    seed: Option<u64>,
    /// Draw the probability over time (SVG)
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<String>,
}

const AFTER: &str = "\
Examples:
  secondsource promise --system trn3-ultraserver --racks 40 --date 2026-11-23
  secondsource promise --system trn3-ultraserver --racks 40 \\
      --book examples/supply/trainium-orders.toml --date 2026-11-23
  secondsource promise --system trn4-rack --chip trn4 --chips-per-rack 72 --racks 100 \\
      --wanted 2028-01-01 --book examples/supply/trainium-orders.toml --svg my-promise.svg

Exit codes: 0 a slot can be given; 1 none can (the page says what the end of the queue would see); 2 bad input;
3 internal.";

pub fn run(args: &PromiseArgs, context: &Context) -> Result<Outcome, Failure> {
    let catalog = Catalog::embedded();
    let clock = book::today(args.date.as_deref())?;
    if let Some(path) = &args.svg {
        if !path.ends_with(".svg") {
            return Err(Diagnostic::error("--svg: the name must end in .svg").in_file(path).into());
        }
        book::keep(path, "--svg", args.book.as_deref())?;
    }
    let answer = match &args.book {
        Some(name) => from_book(args, name, clock, catalog, context)?,
        None => promise_without_book(catalog, &args.system, racks(&args.racks)?, clock.day, args.seed.unwrap_or(1))?,
    };
    if let Some(path) = &args.svg {
        io::write_whole(path, &promise_svg(&answer)?)?;
        context.say(&format!("picture written to {path}"));
    }
    context.answer(&answer, render::orders::promise::page)?;
    Ok(if answer.has_room == Some(false) { Outcome::Nothing } else { Outcome::Answered })
}

fn from_book(args: &PromiseArgs, name: &str, clock: book::Today, catalog: &Catalog, context: &Context) -> Result<PromiseAnswer, Failure> {
    let per_rack = args.chips_per_rack.as_deref().map(chips_per_rack).transpose()?;
    let r = rack(catalog, &args.system, args.chip.as_deref(), per_rack)?;
    let racks = racks(&args.racks)?;
    let ramp = args.ramp.as_deref().map_or(Ok(Vec::new()), ramp)?;
    let wanted = day("--wanted", args.wanted.as_deref())?.or(ramp.first().map(|t| t.day));
    let read = book::read(name, catalog, clock)?;
    let (today, warning) = clock.looking(read.book.last)?;
    context.warn(warning.as_slice());
    let classes: Vec<&str> = read.book.policy.classes.iter().map(|c| c.name.as_str()).collect();
    let class = match &args.class {
        Some(name) if classes.contains(&name.as_str()) => name.clone(),
        Some(name) => return Err(Diagnostic::error(format!("--class: this book has no class `{name}`")).suggest(name, classes).into()),
        None => classes.last().map(|c| (*c).to_owned()).unwrap_or_default(),
    };
    let order = Order {
        id: "asked".to_owned(),
        claim: Claim::Order,
        customer: "asked".to_owned(),
        class,
        system: r.system,
        product: r.product,
        racks,
        chips_per_rack: r.chips,
        state: State::Active,
        placed: today,
        wanted: wanted.unwrap_or(today),
        slots: Vec::new(),
        ramp,
        expires: None,
        usd_per_rack: None,
        deposit_usd: 0.0,
        take_or_pay: 0.0,
        promised: None,
        delivered: Vec::new(),
        superseded_by: None,
        note: String::new(),
    };
    Ok(promise(&read.book, name, &order, today)?)
}
