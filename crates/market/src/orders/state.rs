//! States of a claim. The words are those of the contract commitments of FOCUS.

use serde::{Deserialize, Serialize};

/// Where a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Talked about; holds no racks.
    Proposed,
    /// Racks are held until the deposit or signature comes, or the claim expires.
    Pending,
    /// Binding.
    Active,
    /// Every rack has been delivered.
    Exhausted,
    /// Its time ran out.
    Expired,
    Cancelled,
    /// Another claim took its place.
    Superseded,
}

use State::{Active, Cancelled, Exhausted, Expired, Pending, Proposed, Superseded};

impl State {
    pub const ALL: [State; 7] = [Proposed, Pending, Active, Exhausted, Expired, Cancelled, Superseded];

    pub const fn name(self) -> &'static str {
        match self {
            Proposed => "proposed",
            Pending => "pending",
            Active => "active",
            Exhausted => "exhausted",
            Expired => "expired",
            Cancelled => "cancelled",
            Superseded => "superseded",
        }
    }

    pub fn parse(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|s| s.name() == word)
    }

    /// States that may follow this one.
    pub const fn next(self) -> &'static [State] {
        match self {
            Proposed => &[Pending, Active, Expired, Cancelled, Superseded],
            Pending => &[Active, Expired, Cancelled, Superseded],
            Active => &[Exhausted, Expired, Cancelled, Superseded],
            Exhausted | Expired | Cancelled | Superseded => &[],
        }
    }

    /// Whether racks are held for claims in this state.
    pub const fn holds(self) -> bool {
        matches!(self, Pending | Active)
    }

    /// Whether nothing can follow.
    pub const fn ended(self) -> bool {
        self.next().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every path ends, nothing leaves an end, and racks are held in no ended state.
    #[test]
    fn states_only_go_forward() {
        for s in State::ALL {
            assert_eq!(State::parse(s.name()), Some(s));
            assert!(s.next().iter().all(|n| *n > s), "{s:?}");
            assert!(!(s.ended() && s.holds()));
        }
        assert!(!Active.next().contains(&Pending) && !Pending.next().contains(&Exhausted));
        assert_eq!(State::parse("Active"), None);
    }
}
