//! Charges as a FOCUS 1.2 dataset (FinOps Open Cost and Usage Specification): one row a charge, all 57 columns in the order
//! of the specification, then columns of one's own with the prefix `x_`.

use crate::csv::line;
use secondsource_market::calendar::rfc3339;
use secondsource_market::charge::{Category, Charge, Commitment, Detail, Frequency, Pricing};

/// The columns of FOCUS 1.2, in its order.
pub const COLUMNS: [&str; 57] = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
];

/// The columns that every dataset must have; `ChargeClass` is null because nothing is a correction.
pub const MANDATORY: [&str; 21] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
];

/// Who is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub name: String,
}

/// The dataset as CSV. Null is an empty cell; instants are ISO 8601 in UTC; money is US dollars.
pub fn csv(charges: &[Charge], account: &Account) -> String {
    let mut extra: Vec<&str> = charges.iter().flat_map(|c| c.custom.iter().map(|(name, _)| name.as_str())).collect();
    extra.sort_unstable();
    extra.dedup();
    let mut out = String::new();
    line(&mut out, COLUMNS.iter().chain(&extra).map(|c| (*c).to_owned()));
    for charge in charges {
        let cells = COLUMNS.iter().map(|column| cell(column, charge, account));
        let custom = extra.iter().map(|name| charge.custom.iter().find(|(n, _)| n == name).map_or_else(String::new, |(_, v)| plain(v)));
        line(&mut out, cells.chain(custom));
    }
    out
}

/// One cell; empty is null.
fn cell(column: &str, c: &Charge, account: &Account) -> String {
    let commitment = |pick: &dyn Fn(&Commitment) -> String| c.commitment.as_ref().map_or_else(String::new, pick);
    let reservation = |pick: &dyn Fn(&Commitment) -> String| c.reservation.as_ref().map_or_else(String::new, pick);
    let status = |k: &Commitment| k.used.map_or_else(String::new, |u| if u { "Used" } else { "Unused" }.to_owned());
    match column {
        "BilledCost" => c.billed.to_string(),
        "BillingAccountId" => account.id.clone(),
        "BillingAccountName" => account.name.clone(),
        "BillingAccountType" => "Billing Account".to_owned(),
        "BillingCurrency" | "PricingCurrency" => "USD".to_owned(),
        "BillingPeriodStart" => rfc3339(c.billing_start),
        "BillingPeriodEnd" => rfc3339(c.billing_end),
        "CapacityReservationId" => reservation(&|k| k.id.clone()),
        "CapacityReservationStatus" => reservation(&status),
        "ChargeCategory" => match c.category {
            Category::Usage => "Usage",
            Category::Purchase => "Purchase",
            Category::Tax => "Tax",
            Category::Credit => "Credit",
            Category::Adjustment => "Adjustment",
        }
        .to_owned(),
        "ChargeDescription" => c.description.clone(),
        "ChargeFrequency" => match c.frequency {
            Frequency::OneTime => "One-Time",
            Frequency::Recurring => "Recurring",
            Frequency::UsageBased => "Usage-Based",
        }
        .to_owned(),
        "ChargePeriodStart" => rfc3339(c.start),
        "ChargePeriodEnd" => rfc3339(c.end),
        "CommitmentDiscountCategory" => commitment(&|_| "Usage".to_owned()),
        "CommitmentDiscountId" => commitment(&|k| k.id.clone()),
        "CommitmentDiscountName" => commitment(&|k| k.name.clone()),
        "CommitmentDiscountQuantity" => commitment(&|k| number(k.quantity)),
        "CommitmentDiscountStatus" => commitment(&status),
        "CommitmentDiscountType" => commitment(&|k| k.sort.clone()),
        "CommitmentDiscountUnit" => commitment(&|k| k.unit.clone()),
        "ConsumedQuantity" => c.consumed.as_ref().map_or_else(String::new, |q| number(q.0)),
        "ConsumedUnit" => c.consumed.as_ref().map_or_else(String::new, |q| q.1.clone()),
        "ContractedCost" => c.contracted.to_string(),
        "ContractedUnitPrice" | "PricingCurrencyContractedUnitPrice" => number(c.contracted_unit_usd),
        "EffectiveCost" | "PricingCurrencyEffectiveCost" => c.effective.to_string(),
        "InvoiceId" => c.invoice.clone(),
        "InvoiceIssuerName" => c.issuer.clone(),
        "ListCost" => c.list.to_string(),
        "ListUnitPrice" | "PricingCurrencyListUnitPrice" => number(c.list_unit_usd),
        "PricingCategory" => match c.pricing {
            Pricing::Standard => "Standard",
            Pricing::Dynamic => "Dynamic",
            Pricing::Committed => "Committed",
            Pricing::Other => "Other",
        }
        .to_owned(),
        "PricingQuantity" => number(c.quantity),
        "PricingUnit" => c.unit.clone(),
        "ProviderName" => c.provider.clone(),
        "PublisherName" => c.publisher.clone(),
        "RegionId" | "RegionName" => c.region.clone(),
        "ResourceId" => c.resource.0.clone(),
        "ResourceName" => c.resource.1.clone(),
        "ResourceType" => c.resource.2.clone(),
        "ServiceCategory" => c.service.0.clone(),
        "ServiceSubcategory" => c.service.1.clone(),
        "ServiceName" => c.service.2.clone(),
        "SkuId" => c.sku.clone(),
        "SkuMeter" => c.meter.clone(),
        "SkuPriceId" => c.sku_price.clone(),
        "SkuPriceDetails" => object(c.details.iter().map(|(k, v)| (k.as_str(), v.clone()))),
        "Tags" => object(c.tags.iter().map(|(k, v)| (k.as_str(), Detail::Text(v.clone())))),
        // Zones, corrections and sub-accounts: there are none.
        _ => String::new(),
    }
}

/// A flat JSON object, or null when empty.
fn object<'a>(pairs: impl Iterator<Item = (&'a str, Detail)>) -> String {
    let mut map = serde_json::Map::new();
    for (key, value) in pairs {
        let value = match value {
            Detail::Text(t) => serde_json::Value::String(t),
            Detail::Number(n) => serde_json::Number::from_f64(n).map_or(serde_json::Value::Null, serde_json::Value::Number),
        };
        map.insert(key.to_owned(), value);
    }
    if map.is_empty() { String::new() } else { serde_json::Value::Object(map).to_string() }
}

fn plain(v: &Detail) -> String {
    match v {
        Detail::Number(n) => number(*n),
        Detail::Text(t) => t.clone(),
    }
}

/// A decimal without exponent and without a sign for positive values, exact when read back.
fn number(v: f64) -> String {
    v.to_string()
}
