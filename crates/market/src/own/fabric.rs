//! Switches and cables of a rail-optimised fat tree.

use serde::Serialize;

/// Numbers of the rule: `R` ports a switch at the speed of the card, `r` cards a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FabricRule {
    /// Ports of a switch.
    pub ports: u64,
    /// Cards (rails) of a node.
    pub rails: u64,
}

/// What a cluster needs of switches and cables on its compute fabric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FabricPlan {
    /// Scalable units of `ports / 2` nodes.
    pub units: u64,
    pub leaf: u64,
    pub spine: u64,
    pub core: u64,
    pub node_leaf_cables: u64,
    pub leaf_spine_cables: u64,
    pub spine_core_cables: u64,
}

impl FabricPlan {
    pub fn switches(&self) -> u64 {
        self.leaf + self.spine + self.core
    }

    pub fn cables(&self) -> u64 {
        self.node_leaf_cables + self.leaf_spine_cables + self.spine_core_cables
    }
}

/// Counts by the rule of the published reference architectures (docs/costs.md).
///
/// A scalable unit is `ports / 2` nodes with one leaf for each rail, half of its ports down and half up. Up to `ports`
/// leaves, two tiers: the spines are the fewest that divide the uplinks of a leaf evenly, at least half of the leaves.
/// Beyond, three tiers with as many spines as leaves and half as many cores. `None` for no nodes, odd or no ports, no
/// rails, or more than a million nodes.
pub fn fabric(rule: FabricRule, nodes: u64) -> Option<FabricPlan> {
    let FabricRule { ports, rails } = rule;
    if nodes == 0 || nodes > 1_000_000 || ports < 2 || ports % 2 != 0 || ports > 4096 || rails == 0 || rails > 256 {
        return None;
    }
    let half = ports / 2;
    let units = nodes.div_ceil(half);
    let leaf = rails * units;
    let (spine, core) = if leaf <= ports {
        // `half` itself is such a divisor, because leaf / 2 <= half.
        (1..=half).find(|s| half % s == 0 && 2 * s >= leaf).map(|s| (s, 0))?
    } else {
        (leaf, leaf.div_ceil(2))
    };
    Some(FabricPlan {
        units,
        leaf,
        spine,
        core,
        node_leaf_cables: nodes * rails,
        leaf_spine_cables: leaf * half,
        spine_core_cables: if core > 0 { spine * half } else { 0 },
    })
}
