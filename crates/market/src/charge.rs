//! Charges: one record for each thing that is billed, used or written off in a period, as billing data want them.
//!
//! The records are plain and know nothing of where they come from; `emit` writes them as FOCUS rows. What is bought ahead
//! is one `Purchase` (cash) and a `Usage` record for each month of its life (its share of the cost, no cash), so that the
//! billed column adds up to the invoice and the effective column to the cost.

use serde::Serialize;

use crate::calendar::{self, HOUR};
use crate::contract::{ContractKind, Offer, RentBill};
use crate::finance::straight_line;
use crate::money::Cents;
use crate::own::bill::{Group, When};
use crate::own::{Bill, Key, OwnInput};

/// How a charge comes about; the words are those of FOCUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Category {
    #[default]
    Usage,
    Purchase,
    Tax,
    Credit,
    Adjustment,
}

/// How often a charge comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Frequency {
    #[serde(rename = "One-Time")]
    OneTime,
    Recurring,
    #[default]
    #[serde(rename = "Usage-Based")]
    UsageBased,
}

/// How the price was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Pricing {
    #[default]
    Standard,
    Dynamic,
    Committed,
    Other,
}

/// A reservation or commitment that a charge belongs to.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Commitment {
    pub id: String,
    pub name: String,
    /// As the provider calls it: `Reserved Instance`, `Capacity Block`.
    pub sort: String,
    /// Hours of chips bought or used.
    pub quantity: f64,
    pub unit: String,
    /// `None` for the purchase itself.
    pub used: Option<bool>,
}

/// One charge. Instants are seconds since 1970 UTC; amounts are US dollars.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Charge {
    /// The invoice it stands on; empty for a charge that is on none (what is owned and written off).
    pub invoice: String,
    pub billing_start: i64,
    pub billing_end: i64,
    pub start: i64,
    pub end: i64,
    pub category: Category,
    pub frequency: Frequency,
    pub pricing: Pricing,
    pub description: String,
    /// Who makes the thing available, who made it, who sends the invoice.
    pub provider: String,
    pub publisher: String,
    pub issuer: String,
    /// Category, subcategory (words of FOCUS) and name.
    pub service: (String, String, String),
    pub region: String,
    /// Resource: id, name, type; empty for none.
    pub resource: (String, String, String),
    pub sku: String,
    pub sku_price: String,
    pub meter: String,
    /// Quantity that is priced, and its unit.
    pub quantity: f64,
    pub unit: String,
    pub list_unit_usd: f64,
    pub contracted_unit_usd: f64,
    /// Cash of the period; cost of the period; quantity at list and at contracted price.
    pub billed: Cents,
    pub effective: Cents,
    pub list: Cents,
    pub contracted: Cents,
    /// Quantity consumed, and its unit.
    pub consumed: Option<(f64, String)>,
    /// Capacity that is held whether used or not.
    pub reservation: Option<Commitment>,
    /// A discount for a commitment.
    pub commitment: Option<Commitment>,
    /// Properties of the price, FOCUS keys or `x_...`.
    pub details: Vec<(String, Detail)>,
    pub tags: Vec<(String, String)>,
    /// Columns of one's own; names begin with `x_`.
    pub custom: Vec<(String, Detail)>,
}

/// A value of a property or of a column of one's own.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Detail {
    Number(f64),
    Text(String),
}

/// What is billed in all: the sum of the billed amounts.
pub fn billed(charges: &[Charge]) -> Cents {
    charges.iter().map(|c| c.billed).sum()
}

/// A month or the part of it between two instants, with its share of the whole time.
fn months(start: i64, end: i64) -> Vec<(i64, i64, f64)> {
    let mut out = Vec::new();
    let mut at = start;
    while at < end && out.len() < 2000 {
        let next = calendar::month_start(at, 1).min(end);
        out.push((at, next, (next - at) as f64));
        at = next;
    }
    if out.is_empty() {
        out.push((start, end.max(start + HOUR), 1.0));
    }
    out
}

/// A unit price that, times the quantity, gives the amount to the cent.
fn unit_price(amount: Cents, quantity: f64) -> f64 {
    if quantity > 0.0 { amount.usd() / quantity } else { 0.0 }
}

const CHIP_HOURS: &str = "Chip-Hours";

/// Charges of a rental bill, one month a record. What is prepaid or committed is bought (by the contract, or by the month)
/// and then used; what the job does not use is `Unused`.
///
/// `scenario` names the quote in ids, tags and the invoice.
pub fn of_rent(offer: &Offer, bill: &RentBill, scenario: &str) -> Vec<Charge> {
    let committed = matches!(offer.contract, ContractKind::Reserved1y | ContractKind::Reserved3y);
    let block = offer.contract == ContractKind::CapacityBlock;
    let pricing = if offer.contract == ContractKind::Spot { Pricing::Dynamic } else { Pricing::Standard };
    let slug = |s: &str| s.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
    let base = Charge {
        provider: offer.provider.clone(),
        publisher: offer.provider.clone(),
        issuer: offer.provider.clone(),
        service: ("Compute".into(), "Virtual Machines".into(), format!("{} accelerator instances", offer.provider)),
        // A price list that prints a range of regions names none.
        region: if offer.region.starts_with("range") { String::new() } else { offer.region.clone() },
        resource: (format!("{scenario}/{}", slug(&offer.item)), offer.item.clone(), "Instance".into()),
        sku: slug(&format!("{} {}", offer.provider, offer.item)),
        sku_price: slug(&format!("{} {} {} {}", offer.provider, offer.item, offer.contract.name(), offer.date)),
        meter: "accelerator time".into(),
        unit: CHIP_HOURS.into(),
        pricing,
        details: vec![
            ("GpuCount".into(), Detail::Number(f64::from(offer.chips_per_instance))),
            ("InstanceType".into(), Detail::Text(offer.item.clone())),
            ("x_Chip".into(), Detail::Text(offer.chip.clone())),
        ],
        tags: vec![("scenario".into(), scenario.to_owned())],
        ..Charge::default()
    };
    let mut out = Vec::new();
    let asked = bill.used_chip_hours / bill.segments.iter().map(|s| s.used_hours).sum::<f64>().max(1e-9);
    for (n, s) in bill.segments.iter().enumerate() {
        let chip_hours = s.billed_hours * bill.chips as f64;
        let parts = months(s.start, s.end);
        let weights: Vec<f64> = parts.iter().map(|p| p.2).collect();
        let total: f64 = weights.iter().sum();
        let amounts = s.usd.split(&weights);
        let id = format!("{scenario}/{}-{}", offer.contract.name(), n + 1);
        // Hours of the job fill a contract from its start.
        let mut job_left = s.used_hours * asked;
        let whole = Commitment {
            id: id.clone(),
            name: format!("{} {}", offer.provider, offer.contract.name()),
            sort: if block { "Capacity Block" } else { "Reserved Instance" }.into(),
            quantity: chip_hours,
            unit: CHIP_HOURS.into(),
            used: None,
        };
        if block {
            let invoice = invoice(scenario, s.start);
            out.push(Charge {
                category: Category::Purchase,
                frequency: Frequency::OneTime,
                description: format!("Capacity block of {} {}, {} days, paid in full", s.instances, offer.item, s.billed_hours / 24.0),
                reservation: Some(whole.clone()),
                ..priced(&base, s.usd, chip_hours, invoice, (s.start, s.end), s.usd, Cents(0))
            });
        }
        for ((from, to, weight), amount) in parts.into_iter().zip(amounts) {
            let hours = chip_hours * weight / total;
            let used = job_left.min(hours);
            job_left -= used;
            let invoice = invoice(scenario, from);
            if committed {
                out.push(Charge {
                    category: Category::Purchase,
                    frequency: Frequency::Recurring,
                    description: format!("{} of {}, monthly payment", offer.contract.name(), offer.item),
                    commitment: Some(Commitment { quantity: hours, ..whole.clone() }),
                    ..priced(&base, amount, hours, invoice.clone(), (from, to), amount, Cents(0))
                });
            }
            let split = amount.split(&[used, hours - used]);
            for (is_used, quantity, cost) in [(true, used, split[0]), (false, hours - used, split[1])] {
                if quantity <= 1e-9 {
                    continue;
                }
                let status = Commitment { quantity, used: Some(is_used), ..whole.clone() };
                let ahead = block || committed;
                let word = if is_used {
                    "used"
                } else if ahead {
                    "unused"
                } else {
                    "idle or lost"
                };
                out.push(Charge {
                    category: Category::Usage,
                    pricing: if committed { Pricing::Committed } else { pricing },
                    description: format!("{} {}, {word}", offer.contract.name(), offer.item),
                    consumed: (is_used || !committed).then(|| (quantity, CHIP_HOURS.to_owned())),
                    reservation: block.then(|| status.clone()),
                    commitment: committed.then_some(status),
                    ..priced(&base, cost, quantity, invoice.clone(), (from, to), if ahead { Cents(0) } else { cost }, cost)
                });
            }
        }
    }
    out
}

/// A record with its period, amounts and unit prices.
fn priced(
    base: &Charge,
    amount: Cents,
    quantity: f64,
    invoice: String,
    (start, end): (i64, i64),
    billed: Cents,
    effective: Cents,
) -> Charge {
    let unit = unit_price(amount, quantity);
    Charge {
        invoice,
        billing_start: calendar::month_start(start, 0),
        billing_end: calendar::month_start(start, 1),
        start,
        end,
        quantity,
        list_unit_usd: unit,
        contracted_unit_usd: unit,
        billed,
        effective,
        list: amount,
        contracted: amount,
        ..base.clone()
    }
}

fn invoice(scenario: &str, instant: i64) -> String {
    format!("{scenario}-{}", &calendar::date(calendar::month_start(instant, 0))[..7])
}

/// A unit of a bill as FOCUS spells units: in the plural, time after a hyphen.
fn unit(of_bill: &str) -> String {
    match of_bill {
        "kW-month" => "kW-Months".to_owned(),
        "kWh" => "kW-Hours".to_owned(),
        "kW" => "kW".to_owned(),
        other => {
            let mut letters = other.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['s']).collect())
        }
    }
}

/// Charges of an owned cluster from its delivery over its years in the books: each line that is paid once is a purchase at
/// delivery, then written off in a straight line by the month; each yearly line is billed by the month. The provider is
/// the owner itself.
pub fn of_own(x: &OwnInput, bill: &Bill, delivery: i64, scenario: &str) -> Vec<Charge> {
    let years = x.value(Key::BookYears).clamp(0.5, 30.0);
    let count = libm::ceil(years * 12.0) as i64;
    let start = calendar::month_start(delivery, 0);
    let mut out = Vec::new();
    for (n, line) in bill.lines.iter().enumerate().filter(|(_, l)| l.usd > Cents(0)) {
        let (category, subcategory) = match line.group {
            Group::Units | Group::Spares | Group::Installation => ("Compute", "Other (Compute)"),
            Group::Network => ("Networking", "Network Infrastructure"),
            Group::Storage => ("Storage", "Storage Platforms"),
            Group::Support => ("Management and Governance", "Support"),
            Group::Site | Group::Energy | Group::Staff => ("Other", "Other (Other)"),
        };
        let name = line.item.clone();
        let base = Charge {
            provider: "self".into(),
            publisher: "self".into(),
            issuer: "self".into(),
            service: (category.into(), subcategory.into(), "Owned cluster".into()),
            resource: (format!("{scenario}/{}", n + 1), name.clone(), line.group.name().to_owned()),
            sku: format!("{}-{}", x.system, n + 1),
            sku_price: format!("{}-{}-{scenario}", x.system, n + 1),
            meter: name.clone(),
            details: vec![("x_Chip".into(), Detail::Text(x.chip.clone()))],
            tags: vec![("scenario".into(), scenario.to_owned()), ("basis".into(), line.kind.name().to_owned())],
            ..Charge::default()
        };
        match line.when {
            When::Once => {
                out.push(Charge {
                    category: Category::Purchase,
                    frequency: Frequency::OneTime,
                    description: format!("{name}, bought"),
                    unit: unit(&line.unit),
                    ..priced(&base, line.usd, line.quantity, invoice(scenario, start), (start, start + HOUR), line.usd, Cents(0))
                });
                let resalable = matches!(line.group, Group::Units | Group::Spares);
                let residual = if resalable { x.value(Key::Residual) } else { 0.0 };
                let loss = Cents::from_usd(straight_line(line.usd.usd(), residual, years) * years);
                // The last month counts for the part of it that lies within the years.
                let weights: Vec<f64> = (0..count).map(|m| (years * 12.0 - m as f64).min(1.0)).collect();
                for (m, amount) in loss.split(&weights).into_iter().enumerate() {
                    let (from, to) = (calendar::month_start(start, m as i64), calendar::month_start(start, m as i64 + 1));
                    out.push(Charge {
                        category: Category::Usage,
                        frequency: Frequency::Recurring,
                        description: format!("{name}, written off"),
                        unit: "Months".into(),
                        consumed: Some((1.0, "Months".into())),
                        invoice: String::new(),
                        ..priced(&base, amount, 1.0, String::new(), (from, to), Cents(0), amount)
                    });
                }
            }
            When::Yearly => {
                let total = Cents::from_usd(line.usd.usd() * years);
                let weights: Vec<f64> = (0..count).map(|m| (years * 12.0 - m as f64).min(1.0)).collect();
                for (m, amount) in total.split(&weights).into_iter().enumerate() {
                    let (from, to) = (calendar::month_start(start, m as i64), calendar::month_start(start, m as i64 + 1));
                    let quantity = line.quantity / 12.0 * weights[m];
                    let energy = line.group == Group::Energy;
                    out.push(Charge {
                        category: Category::Usage,
                        frequency: if energy { Frequency::UsageBased } else { Frequency::Recurring },
                        description: name.clone(),
                        unit: unit(&line.unit),
                        consumed: Some((quantity, unit(&line.unit))),
                        custom: if energy { vec![("x_EnergyKwh".into(), Detail::Number(quantity))] } else { Vec::new() },
                        ..priced(&base, amount, quantity, invoice(scenario, from), (from, to), amount, amount)
                    });
                }
            }
        }
    }
    out
}
