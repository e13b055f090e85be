//! `secondsource orders list`

use super::BookArgs;
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::render;
use clap::Args;
use secondsource::orders::{Asked, ListAnswer, State, list};
use secondsource::{Catalog, Diagnostic};

/// List claims, and what can still be promised of each chip
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct ListArgs {
    #[command(flatten)]
    book: BookArgs,
    /// Only claims in these states [default: those that have not ended]
    #[arg(long, value_name = "STATE,...", value_delimiter = ',')]
    state: Vec<String>,
    /// Ended claims too
    #[arg(long, conflicts_with = "state")]
    all: bool,
    /// Only claims of this customer
    #[arg(long, value_name = "NAME")]
    customer: Option<String>,
    /// Only claims on this chip's supply
    #[arg(long, value_name = "CHIP")]
    chip: Option<String>,
    /// What can be promised to this class [default: the policy's last, the lowest]
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
}

const AFTER: &str = "\
Examples:
  secondsource orders list --book examples/supply/trainium-orders.toml
  secondsource orders list --book examples/supply/trainium-orders.toml --chip trn3 --state pending";

pub fn run(args: &ListArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let mut states = Vec::new();
    for word in &args.state {
        let state = State::parse(word)
            .ok_or_else(|| Diagnostic::error(format!("--state: unknown state `{word}`")).suggest(word, State::ALL.map(State::name)))?;
        states.push(state);
    }
    if states.is_empty() {
        states = State::ALL.into_iter().filter(|s| args.all || !s.ended()).collect();
    }
    let chip = args.chip.as_deref().map(|c| catalog.chip(c).map(|c| c.id.clone())).transpose()?;
    let read = args.book.read(catalog)?;
    let today = args.book.day_of(&read.book, context)?;
    if let Some(name) = args.class.as_ref().filter(|c| read.book.policy.class(c).is_none()) {
        let classes = read.book.policy.classes.iter().map(|c| c.name.as_str());
        return Err(Diagnostic::error(format!("--class: this book has no class `{name}`")).suggest(name, classes).into());
    }
    let asked = Asked { states, customer: args.customer.clone(), chip, class: args.class.clone() };
    let answer: ListAnswer = list(&args.book.book, &read.book, &asked, today);
    context.answer(&answer, render::orders::list)?;
    Ok(Outcome::Answered)
}
