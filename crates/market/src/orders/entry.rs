//! What can happen to a book. A book is the list of its entries; nothing that was entered is ever changed.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::record::{Order, Tranche};
use super::state::State;
use super::statement::Statement;

/// How scarce racks are divided among classes when a slot is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Whoever comes first, whatever the class.
    FirstCome,
    /// A class may take its share of what is left when it asks (Oracle's planning allocation rules).
    ShareOfRest,
    /// What the classes above have not yet taken of their shares is kept for them.
    Protected,
}

impl Rule {
    pub const ALL: [Rule; 3] = [Rule::FirstCome, Rule::ShareOfRest, Rule::Protected];

    pub const fn name(self) -> &'static str {
        match self {
            Rule::FirstCome => "first-come",
            Rule::ShareOfRest => "share-of-rest",
            Rule::Protected => "protected",
        }
    }

    pub fn parse(word: &str) -> Option<Rule> {
        Rule::ALL.into_iter().find(|r| r.name() == word)
    }
}

/// A class of customers. The first of the policy ranks highest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    pub name: String,
    pub share: f64,
}

/// How the seller promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Slots are given against the supply that comes at least with this probability.
    pub confidence: f64,
    pub rule: Rule,
    pub classes: Vec<Class>,
    /// Share of active claims that are cancelled, from 5% to 95% (here and below).
    pub cancel: (f64, f64),
    /// Share of pending claims that lapse.
    pub lapse: (f64, f64),
    /// Share of proposed claims that become active.
    pub firm_up: (f64, f64),
    pub scenarios: u32,
    pub seed: u64,
}

/// Most scenarios of a book.
pub const MOST_SCENARIOS: u32 = 20_000;
const MOST_CLASSES: usize = 12;

impl Policy {
    /// Rank of a class by name.
    pub fn class(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|c| c.name == name)
    }

    /// Whether it can be followed. Words if not.
    pub fn check(&self) -> Result<(), String> {
        let share = |what: &str, (a, b): (f64, f64)| {
            if 0.0 <= a && a <= b && b <= 1.0 { Ok(()) } else { Err(format!("`{what}` needs two rising shares from 0 to 1")) }
        };
        if !(0.5..=0.999).contains(&self.confidence) {
            return Err("`confidence` must be from 0.5 to 0.999".to_owned());
        }
        share("cancel", self.cancel)?;
        share("lapse", self.lapse)?;
        share("firm-up", self.firm_up)?;
        if !(10..=MOST_SCENARIOS).contains(&self.scenarios) {
            return Err(format!("`scenarios` must be from 10 to {MOST_SCENARIOS}"));
        }
        if self.classes.is_empty() || self.classes.len() > MOST_CLASSES {
            return Err(format!("a policy has 1 to {MOST_CLASSES} classes"));
        }
        for (i, c) in self.classes.iter().enumerate() {
            let usable = !c.name.trim().is_empty() && c.name.chars().count() <= 80 && !c.name.chars().any(char::is_control);
            if !usable || self.classes[..i].iter().any(|d| d.name == c.name) {
                return Err(format!("class `{}` stands twice, or has no usable name", c.name));
            }
            if !(0.0..=1.0).contains(&c.share) {
                return Err(format!("class `{}`: the share must be from 0 to 1", c.name));
            }
        }
        let sum: f64 = self.classes.iter().map(|c| c.share).sum();
        if self.rule != Rule::FirstCome && (sum > 1.0 + 1e-9 || sum <= 0.0) {
            return Err(format!("the shares of the classes add up to {sum}; they need more than 0 and at most 1"));
        }
        Ok(())
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
pub enum Event {
    /// How the seller promises, from now on.
    Policy { policy: Policy },
    /// What the seller expects to have, from now on.
    Supply { supply: Statement },
    /// A claim came in.
    Accept { order: Box<Order> },
    /// A claim changed its state.
    Move {
        id: String,
        to: State,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        superseded_by: Option<String>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
        /// The slots that it holds from now on, when it begins to hold some.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        slots: Vec<Tranche>,
        /// The last day on which they are held, when it becomes pending; else that of the claim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<Day>,
    },
    /// Racks were handed over.
    Deliver { id: String, racks: u32 },
}

impl Event {
    pub const fn name(&self) -> &'static str {
        match self {
            Event::Policy { .. } => "policy",
            Event::Supply { .. } => "supply",
            Event::Accept { .. } => "accept",
            Event::Move { .. } => "move",
            Event::Deliver { .. } => "deliver",
        }
    }

    /// The claim that it is about.
    pub fn id(&self) -> Option<&str> {
        match self {
            Event::Accept { order } => Some(&order.id),
            Event::Move { id, .. } | Event::Deliver { id, .. } => Some(id),
            Event::Policy { .. } | Event::Supply { .. } => None,
        }
    }
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps: the order of the history, whatever any clock said.
    pub seq: u64,
    pub day: Day,
    #[serde(flatten)]
    pub event: Event,
}
