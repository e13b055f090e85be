//! `secondsource orders cancel`, `set` and `deliver`

use super::add::{day, racks};
use super::{BookArgs, find};
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::render;
use clap::Args;
use secondsource::orders::{Book, Day, Event, Order, Slip, State};
use secondsource::{Catalog, Diagnostic};

/// Cancel a claim; its racks are free again
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  secondsource orders cancel --book my-orders.db A-7 --why \"budget withdrawn\"")]
pub struct CancelArgs {
    #[command(flatten)]
    book: BookArgs,
    #[arg(value_name = "ID")]
    id: String,
    /// Reason, for the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
}

/// Move a claim to another state
///
/// proposed can become pending or active; pending can become active; active can become exhausted when all its
/// racks are delivered; all three can expire, be cancelled or be superseded. Nothing leaves an ended state.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  secondsource orders set --book my-orders.db A-7 active --why \"deposit received\"
  secondsource orders set --book my-orders.db A-7 superseded --by A-9
  secondsource orders set --book my-orders.db A-8 pending --expires 2027-03-31

Exit codes: 0 entered; 1 no racks to hold, nothing entered; 2 bad input; 3 disk or internal.")]
pub struct SetArgs {
    #[command(flatten)]
    book: BookArgs,
    #[arg(value_name = "ID")]
    id: String,
    /// pending, active, exhausted, expired, cancelled or superseded
    #[arg(value_name = "STATE")]
    state: String,
    /// Last day of the slot that is held from now on (pending)
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<String>,
    /// The claim that takes its place
    #[arg(long, value_name = "ID")]
    by: Option<String>,
    /// Reason, for the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
}

/// Record that racks of a claim were handed over
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  secondsource orders deliver --book my-orders.db A-7 --racks 12")]
pub struct DeliverArgs {
    #[command(flatten)]
    book: BookArgs,
    #[arg(value_name = "ID")]
    id: String,
    #[arg(long, value_name = "N")]
    racks: String,
}

pub fn cancel(args: &CancelArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    step(&args.book, &args.id, To { state: State::Cancelled, by: None, expires: None, why: &args.why }, catalog, context)
}

pub fn set(args: &SetArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let state = State::parse(&args.state).ok_or_else(|| {
        Diagnostic::error(format!("there is no state `{}`", args.state)).suggest(&args.state, State::ALL.map(State::name))
    })?;
    let expires = day("--expires", args.expires.as_deref())?;
    step(&args.book, &args.id, To { state, by: args.by.clone(), expires, why: &args.why }, catalog, context)
}

pub fn deliver(args: &DeliverArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let racks = racks(&args.racks)?;
    let mut store = args.book.store(catalog)?;
    let mut make = |book: &Book, _: Day| {
        find(book, &args.id)?;
        Ok(vec![Event::Deliver { id: args.id.clone(), racks }])
    };
    args.book.enter(&mut store, context, &mut make)?;
    show(find(store.book(), &args.id)?, context)
}

/// Where a claim goes.
struct To<'a> {
    state: State,
    by: Option<String>,
    expires: Option<Day>,
    why: &'a str,
}

fn step(book: &BookArgs, id: &str, target: To<'_>, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let To { state: to, by: superseded_by, expires, why } = target;
    if why.chars().count() > 400 || why.chars().any(char::is_control) {
        return Err(Diagnostic::error("--why: at most 400 characters in one line").into());
    }
    let mut store = book.store(catalog)?;
    let mut no_room = None;
    let mut make = |book: &Book, today: Day| {
        let order = find(book, id)?;
        let mut slots = Vec::new();
        if to.holds() && !order.state.holds() && order.state.next().contains(&to) {
            match book.slots(order, today) {
                Ok(given) => slots = given,
                Err(Slip::NoRoom(words)) => {
                    no_room = Some(words);
                    return Ok(Vec::new());
                }
                Err(Slip::Wrong(words)) => return Err(Diagnostic::error(words).into()),
            }
        }
        Ok(vec![Event::Move { id: id.to_owned(), to, superseded_by: superseded_by.clone(), why: why.to_owned(), slots, expires }])
    };
    book.enter(&mut store, context, &mut make)?;
    if let Some(words) = no_room {
        context.answer(&serde_json::json!({"accepted": false, "why": words}), |_, page| render::orders::refused(&words, page))?;
        return Ok(Outcome::Nothing);
    }
    show(find(store.book(), id)?, context)
}

fn show(order: &Order, context: &Context) -> Result<Outcome, Failure> {
    context.answer(&serde_json::json!({"accepted": true, "order": order}), |_, page| render::orders::accepted(order, page))?;
    Ok(Outcome::Answered)
}
