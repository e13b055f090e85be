//! Which engine runs an instruction when the kernel leaves that open.
//!
//! The pages of `tensor_copy` and `tensor_scalar` say that the compiler then selects "based on engine workload" or tile
//! shape. Here: of Vector and Scalar the one with less work among the instructions around, where Scalar can do it at all
//! (a copy, a scale, a shift). GpSimd is left out: profiles of eight published kernels show it busy for 0 to 3% even where
//! Vector is busy for 90%.

use super::price::price;
use crate::op::AluOp;
use crate::timing::Timing;
use crate::trace::{Engine, Flags, Instr, OpCode, Trace};

/// Instructions of Vector and Scalar among which work is balanced: some iterations of any published loop.
const BLOCK: usize = 256;

/// True when the kernel named no engine and Scalar computes the same as Vector.
fn open(i: &Instr) -> bool {
    let c = &i.cost;
    if i.engine != Engine::Vector || c.flags.has(Flags::ENGINE_GIVEN) || c.flags.has(Flags::DYNAMIC) {
        return false;
    }
    if c.input.is_integer() || c.output.is_integer() {
        return false;
    }
    let scale = |op: u8| op == AluOp::Multiply as u8;
    let shift = |op: u8| op == AluOp::Add as u8 || op == AluOp::Subtract as u8;
    match i.op {
        OpCode::TensorCopy => true,
        OpCode::TensorScalar => (scale(c.alu0) && (c.alu1 == 255 || shift(c.alu1))) || (shift(c.alu0) && c.alu1 == 255),
        _ => false,
    }
}

/// The trace with open instructions on the engine that the rule names; None when it has none.
pub(super) fn assign(t: &Timing, trace: &Trace) -> Option<Trace> {
    if !trace.instrs.iter().any(open) {
        return None;
    }
    let mut out = trace.clone();
    let cores = trace.instrs.iter().map(|i| usize::from(i.core) + 1).max().unwrap_or(0);
    let mut blocks: Vec<Vec<u32>> = vec![Vec::with_capacity(BLOCK); cores];
    for (at, i) in trace.instrs.iter().enumerate().filter(|(_, i)| matches!(i.engine, Engine::Vector | Engine::Scalar)) {
        let block = &mut blocks[usize::from(i.core)];
        block.push(at as u32);
        if block.len() == BLOCK {
            balance(t, &mut out.instrs, block);
            block.clear();
        }
    }
    for block in &blocks {
        balance(t, &mut out.instrs, block);
    }
    Some(out)
}

fn balance(t: &Timing, instrs: &mut [Instr], block: &[u32]) {
    // Work of Vector and Scalar, ps.
    let mut work = [0u64; 2];
    for at in block {
        let i = &instrs[*at as usize];
        if !open(i) {
            work[usize::from(i.engine == Engine::Scalar)] += price(t, i).busy;
        }
    }
    for at in block {
        let i = &mut instrs[*at as usize];
        if !open(i) {
            continue;
        }
        let vector = price(t, i).busy;
        let other = Instr { engine: Engine::Scalar, ..*i };
        let scalar = price(t, &other).busy;
        if work[1] + scalar < work[0] + vector {
            work[1] += scalar;
            i.engine = Engine::Scalar;
            i.cost.trigger = Engine::Scalar;
        } else {
            work[0] += vector;
        }
    }
}
