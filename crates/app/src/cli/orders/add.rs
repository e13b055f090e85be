//! `secondsource orders add`

use super::BookArgs;
use crate::cli::Context;
use crate::cli::units::{count, whole_within};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::render;
use clap::Args;
use secondsource::orders::{Book, Claim, Day, Event, MOST_CHIPS_PER_RACK, MOST_RACKS, Order, Slip, State, Tranche, rack};
use secondsource::{Catalog, Diagnostic};

/// Enter a claim and give it its slot
///
/// The slot is the first day, not before `--wanted`, on which the supply that comes with the policy's confidence
/// has room without hurting any claim that is already in the book. Where there is no such day nothing is entered
/// and the exit code is 1.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct AddArgs {
    #[command(flatten)]
    book: BookArgs,
    /// Who claims
    #[arg(long, value_name = "NAME")]
    customer: String,
    /// The rack, as the catalog names it
    #[arg(long, value_name = "ID")]
    system: String,
    #[arg(long, value_name = "N")]
    racks: String,
    /// No rack is wanted before [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    wanted: Option<String>,
    /// Refuse the claim if its slot would be later
    #[arg(long, value_name = "YYYY-MM-DD")]
    by: Option<String>,
    /// Racks by day, where not all are wanted at once: 2027-01-01:10,2027-04-01:30
    #[arg(long, value_name = "DAY:N,...")]
    ramp: Option<String>,
    /// A reservation, not an order
    #[arg(long)]
    reserve: bool,
    /// proposed (holds no racks), pending (holds them until `--expires`) or active
    #[arg(long, value_name = "STATE", default_value = "active")]
    state: String,
    /// Class of the policy [default: its last, the lowest]
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Name of the claim [default: the next A-N]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Last day of an offer or of a held slot
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<String>,
    #[arg(long, value_name = "USD")]
    usd_per_rack: Option<String>,
    /// Deposit for the whole claim
    #[arg(long, value_name = "USD")]
    deposit: Option<String>,
    /// Share that is paid for even when it is not taken, 0 to 1
    #[arg(long, value_name = "SHARE")]
    take_or_pay: Option<f64>,
    /// Chip of a rack that the catalog does not have
    #[arg(long, value_name = "CHIP")]
    chip: Option<String>,
    #[arg(long, value_name = "N")]
    chips_per_rack: Option<String>,
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

const AFTER: &str = "\
Examples:
  secondsource orders add --book my-orders.db --customer Example --system trn3-ultraserver \\
      --racks 40 --wanted 2027-01-01
  secondsource orders add --book my-orders.db --customer Example --system trn4-rack --chip trn4 \\
      --chips-per-rack 72 --racks 100 --wanted 2028-01-01 --reserve --state pending \\
      --expires 2027-03-31 --deposit 5M --take-or-pay 0.6

Exit codes: 0 entered; 1 no room, nothing entered; 2 bad input; 3 disk or internal.";

pub fn run(args: &AddArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let latest = day("--by", args.by.as_deref())?;
    let order = claim(args, catalog, args.book.today()?.day)?;
    let mut store = args.book.store(catalog)?;
    let mut no_room = None;
    let mut make = |book: &Book, today: Day| -> Result<Vec<Event>, Failure> {
        let mut order = order.clone();
        order.placed = today;
        order.wanted = day("--wanted", args.wanted.as_deref())?.or(order.ramp.first().map(|t| t.day)).unwrap_or(today);
        if order.class.is_empty() {
            order.class = book.policy.classes.last().map(|c| c.name.clone()).unwrap_or_default();
        }
        if book.policy.class(&order.class).is_none() {
            let names = book.policy.classes.iter().map(|c| c.name.as_str());
            return Err(Diagnostic::error(format!("--class: this book has no class `{}`", order.class))
                .suggest(&order.class, names)
                .into());
        }
        let id = if order.id.is_empty() { book.next_id() } else { order.id.clone() };
        let named = Order { id, ..order.clone() };
        named.check().and_then(|()| named.consistent(today)).map_err(Diagnostic::error)?;
        if order.state.holds() {
            match book.slots(&order, today) {
                Ok(slots) => {
                    order.slots = slots;
                    if latest.is_some_and(|l| order.complete() > l) {
                        no_room = Some(format!(
                            "the first day on which all of it ({} of {}) can be had is {}",
                            render::orders::racks(order.racks),
                            order.system,
                            order.complete()
                        ));
                        return Ok(Vec::new());
                    }
                }
                Err(Slip::NoRoom(words)) => {
                    no_room = Some(words);
                    return Ok(Vec::new());
                }
                Err(Slip::Wrong(words)) => return Err(Diagnostic::error(words).into()),
            }
        }
        Ok(vec![Event::Accept { order: Box::new(order) }])
    };
    let entries = args.book.enter(&mut store, context, &mut make)?;
    if let Some(words) = no_room {
        context.answer(&Refused { accepted: false, why: &words }, |r, page| render::orders::refused(r.why, page))?;
        return Ok(Outcome::Nothing);
    }
    let id = entries.last().and_then(|e| e.event.id()).unwrap_or_default();
    let order = super::find(store.book(), id)?;
    context.answer(&Accepted { accepted: true, order }, |a, page| render::orders::accepted(a.order, page))?;
    Ok(Outcome::Answered)
}

#[derive(serde::Serialize)]
struct Refused<'a> {
    accepted: bool,
    why: &'a str,
}

#[derive(serde::Serialize)]
struct Accepted<'a> {
    accepted: bool,
    order: &'a Order,
}

fn claim(args: &AddArgs, catalog: &Catalog, today: Day) -> Result<Order, Failure> {
    let per_rack = args.chips_per_rack.as_deref().map(chips_per_rack).transpose()?;
    let r = rack(catalog, &args.system, args.chip.as_deref(), per_rack)?;
    let words = [State::Proposed, State::Pending, State::Active].map(State::name);
    let state = State::parse(&args.state).filter(|s| words.contains(&s.name())).ok_or_else(|| {
        Diagnostic::error(format!("--state: a claim does not begin as `{}`", args.state)).hint(format!("one of: {}", words.join(", ")))
    })?;
    let usd = |flag: &str, word: &Option<String>| word.as_deref().map(|w| if is_nothing(w) { Ok(0.0) } else { count(flag, w) }).transpose();
    let order = Order {
        id: args.id.clone().unwrap_or_default(),
        claim: if args.reserve { Claim::Reservation } else { Claim::Order },
        customer: args.customer.clone(),
        class: args.class.clone().unwrap_or_default(),
        system: r.system,
        product: r.product,
        racks: racks(&args.racks)?,
        chips_per_rack: r.chips,
        state,
        placed: today,
        wanted: day("--wanted", args.wanted.as_deref())?.unwrap_or(today),
        slots: Vec::new(),
        ramp: args.ramp.as_deref().map_or(Ok(Vec::new()), ramp)?,
        expires: day("--expires", args.expires.as_deref())?,
        usd_per_rack: usd("--usd-per-rack", &args.usd_per_rack)?,
        deposit_usd: usd("--deposit", &args.deposit)?.unwrap_or(0.0),
        take_or_pay: args.take_or_pay.unwrap_or(0.0),
        promised: None,
        delivered: Vec::new(),
        superseded_by: None,
        note: args.note.clone(),
    };
    let filled = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let named = Order { id: filled(&order.id), class: filled(&order.class), ..order.clone() };
    named.check().map_err(Diagnostic::error)?;
    Ok(order)
}

/// `0`, `$0`: no deposit is a deposit of nothing.
fn is_nothing(word: &str) -> bool {
    word.trim().trim_start_matches('$').parse::<f64>() == Ok(0.0)
}

/// `--racks`.
pub fn racks(word: &str) -> Result<u32, Diagnostic> {
    whole_within("--racks", word, 1, MOST_RACKS.into()).map(|v| v as u32)
}

/// `--chips-per-rack`.
pub fn chips_per_rack(word: &str) -> Result<u32, Diagnostic> {
    whole_within("--chips-per-rack", word, 1, MOST_CHIPS_PER_RACK.into()).map(|v| v as u32)
}

/// A day of a flag.
pub fn day(flag: &str, word: Option<&str>) -> Result<Option<Day>, Diagnostic> {
    word.map(|w| {
        let day = Day::parse(w).filter(|_| w.len() == 10);
        day.ok_or_else(|| Diagnostic::error(format!("{flag}: `{w}` is not a day")).hint("write YYYY-MM-DD, for example 2027-01-01"))
    })
    .transpose()
}

/// `--ramp`.
pub fn ramp(word: &str) -> Result<Vec<Tranche>, Diagnostic> {
    let one = |t: &str| {
        let (day, racks) = t.trim().split_once(':')?;
        Some(Tranche { day: Day::parse(day)?, racks: racks.parse().ok()? })
    };
    let list: Option<Vec<Tranche>> = word.split(',').map(one).collect();
    list.ok_or_else(|| {
        Diagnostic::error(format!("--ramp: `{word}` is not a list of days and racks")).hint("for example 2027-01-01:10,2027-04-01:30")
    })
}
