//! All offers for a chip on a date, one for each provider, item and contract.

use secondsource_base::{Diagnostic, Kind};
use secondsource_catalog::{Catalog, Price, System, Thing};

use super::{ContractKind, Offer, RuleBook};
use crate::calendar;

/// Clouds whose commitment ratios are measured: name in the price lists, prefix in `catalog/contracts/commitments.toml`.
const COMMITTED: [(&str, &str); 3] = [("AWS", "aws"), ("GCP", "gcp"), ("Azure", "azure")];

/// What can be rented for a chip at an instant `as_of` (seconds since 1970): for each provider, item and contract the
/// latest published price not after it, cheapest per contract first. Commitments that are not published are derived
/// from the same provider's on-demand price and marked [`Kind::Derived`]. Indices and market averages are no offers.
///
/// Regions are not told apart: of prices of the same date the lowest is taken, and its region stated.
pub fn offers(catalog: &Catalog, chip: &str, as_of: i64) -> Result<Vec<Offer>, Diagnostic> {
    let mut out: Vec<Offer> = Vec::new();
    for offer in offers_of_every_item(catalog, chip, as_of)? {
        // The list is sorted: the first of a provider and contract is its cheapest.
        if !out.iter().any(|o| o.provider == offer.provider && o.contract == offer.contract) {
            out.push(offer);
        }
    }
    Ok(out)
}

/// As [`offers`], with each item of a provider (instance types, generations of a service) by itself.
pub fn offers_of_every_item(catalog: &Catalog, chip: &str, as_of: i64) -> Result<Vec<Offer>, Diagnostic> {
    let chip = catalog.chip(chip)?.id.as_str();
    let book = RuleBook::of(catalog)?;
    let mut kept: Vec<(&Price, ContractKind)> = Vec::new();
    for price in catalog.prices_of(chip) {
        let Some(contract) = ContractKind::parse(&price.basis) else { continue };
        let dated = calendar::instant(&price.date).is_some_and(|t| t <= as_of);
        if price.per_chip_hour.is_none() || !dated || price.provider == "market" {
            continue;
        }
        match kept.iter_mut().find(|(k, c)| *c == contract && k.provider == price.provider && family(&k.item) == family(&price.item)) {
            Some((old, _)) => {
                if better(price, old) {
                    *old = price;
                }
            }
            None => kept.push((price, contract)),
        }
    }
    let mut out: Vec<Offer> = kept.iter().map(|(p, c)| published(catalog, &book, p, *c)).collect();
    for offer in derived(catalog, &book, &out) {
        out.push(offer);
    }
    out.sort_by(|a, b| {
        let by_price = a.usd_per_chip_hour.total_cmp(&b.usd_per_chip_hour);
        a.contract.cmp(&b.contract).then(by_price).then_with(|| (&a.provider, &a.item).cmp(&(&b.provider, &b.item)))
    });
    Ok(out)
}

/// The user's own price, then the latest, then the more direct, then the cheaper.
fn better(new: &Price, old: &Price) -> bool {
    let users = (old.kind == Kind::User).cmp(&(new.kind == Kind::User));
    let later = old.date.cmp(&new.date);
    let directer = crate::rent::directness(new.kind).cmp(&crate::rent::directness(old.kind));
    let cheaper = new.per_chip_hour.unwrap_or(f64::MAX).total_cmp(&old.per_chip_hour.unwrap_or(f64::MAX));
    users.then(later).then(directer).then(cheaper).is_lt()
}

/// `p5` of "p5.48xlarge" and of "p5 capacity block".
fn family(item: &str) -> &str {
    item.split([' ', '.']).next().unwrap_or(item)
}

fn published(catalog: &Catalog, book: &RuleBook, price: &Price, contract: ContractKind) -> Offer {
    let instance = instance(catalog, price);
    Offer {
        chip: price.chip.clone(),
        contract,
        provider: price.provider.clone(),
        item: price.item.clone(),
        chips_per_instance: instance,
        chips_per_host: host(catalog, price, instance),
        usd_per_chip_hour: price.per_chip_hour.unwrap_or_default(),
        region: price.region.clone(),
        date: price.date.clone(),
        kind: price.kind,
        sources: price.sources.clone(),
        note: price.note.clone(),
        rules: book.rules(contract).clone(),
    }
}

/// Chips of the instance that a price is for. Lists that print a price per chip leave the instance out: then it is the
/// node of the catalog that is named like the item ("p5.48xlarge"; "p5 capacity block" is sold as p5.48xlarge), else the
/// largest item of the same provider and series, else one chip.
fn instance(catalog: &Catalog, price: &Price) -> u32 {
    let nodes = || catalog.systems().filter(|s| s.thing == Thing::Node);
    let chips = |s: &System| s.si("chips").map(|c| c as u32);
    if let Some(n) = nodes().find(|s| s.id == price.item).and_then(chips) {
        return n.max(1);
    }
    if price.chips_in_item > 1 || price.item.contains('.') {
        return price.chips_in_item;
    }
    let begins = |id: &str| id.split('.').next().is_some_and(|word| word == family(&price.item));
    let of_nodes = nodes().filter(|s| begins(&s.id)).filter_map(chips);
    let neighbour = |p: &&Price| p.provider == price.provider && p.basis == price.basis;
    let of_prices = catalog.prices_of(&price.chip).filter(neighbour).map(|p| p.chips_in_item);
    of_nodes.max().or_else(|| of_prices.max()).unwrap_or(1).max(1)
}

/// Chips on one host: those of the chip's usual node, or of the hosts of its usual rack; no more than a named instance
/// has.
fn host(catalog: &Catalog, price: &Price, instance: u32) -> u32 {
    let usual = catalog.system(&price.chip).ok();
    let of_usual = usual.and_then(|s| if s.thing == Thing::Node { s.si("chips") } else { s.si("chips_per_node") });
    let host = of_usual.map_or(instance, |c| c as u32).max(1);
    if instance > 1 || price.item.contains('.') { host.min(instance) } else { host }
}

/// Commitments that are not published, from the on-demand prices that are.
fn derived(catalog: &Catalog, book: &RuleBook, published: &[Offer]) -> Vec<Offer> {
    let Ok(ratios) = catalog.table("commitments") else { return Vec::new() };
    let mut out = Vec::new();
    for (provider, prefix) in COMMITTED {
        for (contract, term) in [(ContractKind::Reserved1y, "1y"), (ContractKind::Reserved3y, "3y")] {
            if published.iter().any(|o| o.provider == provider && o.contract == contract) {
                continue;
            }
            let Some(ratio) = ratios.figures.get(&format!("{prefix}-{term}")).map(|f| &f.main) else { continue };
            let on_demand = published.iter().filter(|o| o.provider == provider && o.contract == ContractKind::OnDemand);
            let Some(base) = on_demand.min_by(|a, b| a.usd_per_chip_hour.total_cmp(&b.usd_per_chip_hour)) else { continue };
            let mut sources = base.sources.clone();
            sources.extend(ratio.sources.iter().filter(|s| !base.sources.contains(s)).cloned());
            out.push(Offer {
                contract,
                usd_per_chip_hour: base.usd_per_chip_hour * ratio.value,
                kind: Kind::Derived,
                sources,
                note: format!(
                    "not published: {} times {} ({})",
                    format_args!("the on-demand price of {}", base.item),
                    ratio.value,
                    ratio.note.trim_end_matches('.')
                ),
                rules: book.rules(contract).clone(),
                ..base.clone()
            });
        }
    }
    out
}
