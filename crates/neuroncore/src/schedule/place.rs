//! Where tiles without an address go: bytes that are free longest are taken first, so that a new tile waits for as
//! few instructions as any placement allows. Fragmentation is not modelled.

use std::collections::VecDeque;

use super::depend::{Edge, EdgeKind};

/// One memory of one core, in units (bytes a partition of SBUF, banks of PSUM).
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    never_used: u32,
    /// First unit that was never used.
    next: u32,
    freed: VecDeque<Freed>,
}

#[derive(Debug, Clone)]
struct Freed {
    units: u32,
    first: u32,
    waits: std::rc::Rc<[Edge]>,
}

impl Pool {
    pub fn new(units: u32) -> Pool {
        Pool { never_used: units, next: 0, freed: VecDeque::new() }
    }

    /// Takes `units`; what the new tile must wait for is appended to `edges`. Returns the first unit. More than there
    /// is waits for everything freed so far: the capacity check reports it.
    pub fn take(&mut self, mut units: u32, edges: &mut Vec<Edge>) -> u32 {
        let fresh = units.min(self.never_used);
        let mut first = None;
        if fresh > 0 {
            first = Some(self.next);
            self.never_used -= fresh;
            self.next += fresh;
            units -= fresh;
        }
        while units > 0 {
            let Some(old) = self.freed.front_mut() else { break };
            let used = units.min(old.units);
            first.get_or_insert(old.first);
            edges.extend(old.waits.iter().map(|e| Edge { kind: EdgeKind::Space, ..*e }));
            old.units -= used;
            old.first += used;
            units -= used;
            if old.units == 0 {
                self.freed.pop_front();
            }
        }
        first.unwrap_or(0)
    }

    pub fn give(&mut self, first: u32, units: u32, waits: Vec<Edge>) {
        if units > 0 {
            self.freed.push_back(Freed { units, first, waits: waits.into() });
        }
    }
}
