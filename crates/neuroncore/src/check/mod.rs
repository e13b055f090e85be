//! What a kernel does that the hardware leaves undefined, or that does not fit: found from the whole trace.
//!
//! Everything here is about bytes that were really touched, in the order in which the kernel issued its work. A finding is
//! told once for each pair of source lines.

mod bits;
mod capacity;
mod clobber;
mod race;
mod unwritten;

pub use capacity::{Holder, Usage, capacity};

use crate::generation::Generation;
use crate::machine::Machine;
use crate::tensor::Tensor;
use crate::trace::{Finding, Trace};

/// All findings of a finished kernel, by line: those made while it ran, and those of the whole trace.
pub fn check(machine: &Machine) -> Vec<Finding> {
    let (trace, tensors) = (machine.trace(), machine.tensors());
    let mut found = trace.findings.clone();
    found.extend(unwritten::find(trace, tensors));
    found.extend(clobber::find(trace, tensors));
    found.extend(race::find(trace, tensors, machine.lnc()));
    found.extend(overflows(trace, tensors, machine.generation()));
    found.extend(unmet(machine));
    found.sort_by(|a, b| (a.line, a.rule, &a.message).cmp(&(b.line, b.rule, &b.message)));
    found.dedup_by(|b, a| (a.rule, a.line, a.other, a.core) == (b.rule, b.line, b.other, b.core));
    found
}

/// Cores that still wait for others when the kernel has ended.
fn unmet(machine: &Machine) -> Vec<Finding> {
    let waiting = (0..machine.cores()).filter(|c| machine.waiting(*c));
    waiting
        .map(|core| {
            let last = machine.trace().instrs.iter().rev().find(|i| i.core == core);
            Finding {
                rule: "barrier-unmet",
                core,
                line: last.map_or(0, |i| i.line),
                other: None,
                message: format!("core {core} waits at {}, but the others never come there", last.map_or("a barrier", |i| i.op.name())),
                hint: Some("every core must issue the same barriers, exchanges and collectives in the same order".into()),
            }
        })
        .collect()
}

fn overflows(trace: &Trace, tensors: &[Tensor], generation: &Generation) -> Vec<Finding> {
    let full = capacity(trace, tensors, generation).into_iter().filter(|u| u.peak > u64::from(u.limit));
    full.map(|u| Finding {
        rule: "capacity",
        core: u.core,
        line: u.line,
        other: None,
        message: format!("{} needs {} bytes a partition at this point, and has {}", u.place.name(), u.peak, u.limit),
        hint: Some(u.map()),
    })
    .collect()
}

/// Name of a tensor for messages.
fn name(tensors: &[Tensor], id: crate::TensorId) -> String {
    match tensors.get(id.0 as usize) {
        Some(t) if !t.name.is_empty() => format!("`{}`", t.name),
        _ => format!("tensor {}", id.0),
    }
}
