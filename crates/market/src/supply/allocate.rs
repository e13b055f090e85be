//! Dividing too little among too many: the rules, what each leaves unserved, and what an inflated order gains under it.
//!
//! Every rule gives nobody more than was ordered, and nothing is left over while an order is open.

use serde::Serialize;

/// How a supply is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// By contract shares; what one does not need goes to the others by their shares.
    Contract,
    /// Class by class; within a class in proportion to orders.
    Priority,
    /// In proportion to orders.
    Proportional,
    /// The same for all, up to the order (max-min fair).
    Uniform,
    /// Orders less the same amount for all, down to nothing.
    Linear,
}

impl Rule {
    pub const ALL: [Rule; 5] = [Rule::Contract, Rule::Priority, Rule::Proportional, Rule::Uniform, Rule::Linear];

    pub const fn name(self) -> &'static str {
        match self {
            Rule::Contract => "contract",
            Rule::Priority => "priority",
            Rule::Proportional => "proportional",
            Rule::Uniform => "uniform",
            Rule::Linear => "linear",
        }
    }
}

/// A claim on a supply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    pub order: f64,
    /// Contract share; only ratios matter.
    pub share: f64,
    /// Class: 0 is served first.
    pub class: u32,
}

/// What each claim gets of `supply`, into `out` (one number a claim).
pub fn allocate_into(rule: Rule, supply: f64, claims: &[Claim], out: &mut [f64]) {
    let supply = supply.max(0.0);
    match rule {
        Rule::Contract => fill(supply, claims, |c| c.share, out),
        Rule::Uniform => fill(supply, claims, |_| 1.0, out),
        Rule::Proportional => {
            let all: f64 = claims.iter().map(|c| c.order).sum();
            let part = if all > supply { supply / all } else { 1.0 };
            for (o, c) in out.iter_mut().zip(claims) {
                *o = c.order * part;
            }
        }
        Rule::Priority => {
            out.fill(0.0);
            let mut left = supply;
            let mut class = claims.iter().map(|c| c.class).min();
            while let Some(now) = class {
                let all: f64 = claims.iter().filter(|c| c.class == now).map(|c| c.order).sum();
                let part = if all > left { left / all } else { 1.0 };
                for (o, c) in out.iter_mut().zip(claims).filter(|(_, c)| c.class == now) {
                    *o = c.order * part;
                }
                left = (left - all).max(0.0);
                class = claims.iter().map(|c| c.class).filter(|c| *c > now).min();
            }
        }
        Rule::Linear => linear(supply, claims, out),
    }
}

/// The same as a new list.
pub fn allocate(rule: Rule, supply: f64, claims: &[Claim]) -> Vec<f64> {
    let mut out = vec![0.0; claims.len()];
    allocate_into(rule, supply, claims, &mut out);
    out
}

/// Weighted water-filling: everybody gets weight x level, up to the order. Claims of weight zero get what is then left, in
/// proportion to their orders.
fn fill(supply: f64, claims: &[Claim], weight: impl Fn(&Claim) -> f64, out: &mut [f64]) {
    let mut left = supply;
    out.fill(0.0);
    // Each round serves those in full whose order lies below the level; at most one round a claim.
    for _ in 0..=claims.len() {
        let open = |o: &f64, c: &Claim| *o < c.order && weight(c) > 0.0;
        let weights: f64 = out.iter().zip(claims).filter(|(o, c)| open(o, c)).map(|(_, c)| weight(c)).sum();
        if weights <= 0.0 || left <= 0.0 {
            break;
        }
        let level = left / weights;
        let full: f64 = out.iter().zip(claims).filter(|(o, c)| open(o, c) && c.order <= weight(c) * level).map(|(_, c)| c.order).sum();
        if full > 0.0 {
            for (o, c) in out.iter_mut().zip(claims) {
                if open(o, c) && c.order <= weight(c) * level {
                    *o = c.order;
                }
            }
            left = (left - full).max(0.0);
        } else {
            for (o, c) in out.iter_mut().zip(claims) {
                if open(o, c) {
                    *o = weight(c) * level;
                }
            }
            left = 0.0;
            break;
        }
    }
    if left > 0.0 {
        let rest: f64 = claims.iter().filter(|c| weight(c) <= 0.0).map(|c| c.order).sum();
        let part = if rest > left { left / rest } else { 1.0 };
        for (o, c) in out.iter_mut().zip(claims).filter(|(_, c)| weight(c) <= 0.0) {
            *o = c.order * part;
        }
    }
}

/// d_i - cut for all whose order is above the cut, and nothing for the rest; the cut that spends the supply.
fn linear(supply: f64, claims: &[Claim], out: &mut [f64]) {
    let all: f64 = claims.iter().map(|c| c.order).sum();
    if all <= supply {
        for (o, c) in out.iter_mut().zip(claims) {
            *o = c.order;
        }
        return;
    }
    let mut cut = 0.0;
    // Orders at or below the cut drop out, which raises it for the others: at most one round a claim.
    for _ in 0..=claims.len() {
        let (sum, n) = claims.iter().filter(|c| c.order > cut).fold((0.0, 0.0), |(s, n), c| (s + c.order, n + 1.0));
        let next = if n > 0.0 { (sum - supply) / n } else { cut };
        if next <= cut {
            break;
        }
        cut = next;
    }
    for (o, c) in out.iter_mut().zip(claims) {
        *o = (c.order - cut).max(0.0);
    }
}

/// One claimant under one rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outcome {
    pub got: f64,
    /// Ordered and not got.
    pub unserved: f64,
    /// What the rule that is best for this claimant gives, less what this one gives.
    pub regret: f64,
    /// What the claimant gains, up to its true need, by ordering `factor` times that while the others order what they need.
    pub gaming: f64,
}

/// All rules on the same claims: `[rule][claimant]`, in the order of [`Rule::ALL`]. An inflated order is `factor` times the true one.
pub fn compare(supply: f64, claims: &[Claim], factor: f64) -> Vec<Vec<Outcome>> {
    let plain: Vec<Vec<f64>> = Rule::ALL.iter().map(|r| allocate(*r, supply, claims)).collect();
    Rule::ALL
        .iter()
        .zip(&plain)
        .map(|(rule, got)| {
            (0..claims.len())
                .map(|i| {
                    let mut inflated = claims.to_vec();
                    inflated[i].order *= factor;
                    let useful = allocate(*rule, supply, &inflated)[i].min(claims[i].order);
                    let best = plain.iter().map(|p| p[i]).fold(0.0, f64::max);
                    Outcome {
                        got: got[i],
                        unserved: (claims[i].order - got[i]).max(0.0),
                        regret: (best - got[i]).max(0.0),
                        gaming: (useful - got[i]).max(0.0),
                    }
                })
                .collect()
        })
        .collect()
}
