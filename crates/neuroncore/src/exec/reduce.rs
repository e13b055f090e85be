//! Reductions over the free dimensions and over partitions, running results, and statistics.

use rayon::prelude::*;

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::alu;
use crate::exec::cx::Input;
use crate::exec::map::{round_at_random, write_column};
use crate::exec::{Cx, shared};
use crate::fault::Fault;
use crate::memory::BLOCK;
use crate::op::{AluOp, AluStage, Op, Operand, ReduceCmd, Reduction};
use crate::tensor::{Place, View};
use crate::trace::{Engine, InstrId};

/// Elements from which rows are shared between threads.
pub(super) const PARALLEL: usize = 1 << 17;

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::TensorReduce { dst, data, op, axes, negate } => tensor_reduce(cx, dst, data, *op, *axes, *negate),
        Op::TensorPartitionReduce { dst, data, op } => partition_reduce(cx, dst, data, *op),
        Op::TensorTensorScan { dst, data0, data1, initial, op0, op1, reverse0, reverse1 } => {
            scan(cx, dst, (data0, data1), initial, (*op0, *reverse0), (*op1, *reverse1))
        }
        Op::TensorScalarCumulative { dst, src, stage0, reduction } => cumulative(cx, dst, src, stage0, reduction),
        Op::BnStats { dst, data } => bn_stats(cx, dst, data),
        Op::BnAggr { dst, data } => bn_aggr(cx, dst, data),
        _ => Err(cx.fault("internal", "", "not a reduction", None)),
    }
}

fn tensor_reduce(cx: &mut Cx<'_>, dst: &View, data: &View, op: AluOp, axes: u8, negate: bool) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let dst = cx.write("dst", dst)?;
    cx.on_chip("data", &data)?;
    cx.on_chip("dst", &dst)?;
    cx.unpacked("data", &data)?;
    cx.unpacked("dst", &dst)?;
    cx.same_partitions("dst", &dst, "data", &data)?;
    if !op.reduces() && op != AluOp::Average {
        return Err(cx.fault("reduce-op", "op", format!("`{}` does not reduce", op.name()), None));
    }
    cx.bitvec(op, &[("dst", &dst), ("data", &data)])?;
    if op.is_bitvec() && negate {
        return Err(cx.fault("reduce-negate", "negate", "only arithmetic reductions can be negated", None));
    }
    let dims = usize::from(data.len);
    let axes = usize::from(axes);
    if axes == 0 || axes >= dims.max(1) {
        let message = format!("{axes} reduced dimensions of {dims}; the first (partitions) cannot be reduced");
        return Err(cx.fault("reduce-axes", "axis", message, Some("reduce over partitions with `nc_matmul` by ones or `nc_transpose`")));
    }
    let each: usize = data.strides[dims - axes..dims].iter().map(|s| s.count).product();
    let groups = data.elements() / each;
    if dst.elements() != groups {
        let message = format!("{} elements a partition, but {} remain after the reduction", dst.free(), groups / data.first());
        return Err(cx.fault("reduce-shape", "dst", message, None));
    }
    if op.is_bitvec() {
        let memory = cx.memory();
        let x = memory.all_bits(&data);
        let start = if op == AluOp::BitwiseAnd { u32::MAX } else { 0 };
        let out: Vec<u32> = x.chunks(each).map(|c| c.iter().fold(start, |a, b| alu::bits(op, a, *b))).collect();
        memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &out);
    } else {
        let mut out = reduce_groups(cx, &data, op, groups, each);
        let scale = if op == AluOp::Average { 1.0 / each as f32 } else { 1.0 };
        let sign = if negate { -scale } else { scale };
        if sign != 1.0 {
            out.iter_mut().for_each(|v| *v *= sign);
        }
        if cx.m.stochastic {
            round_at_random(dst.dtype, cx.key, 0, &mut out);
        }
        cx.memory().write_all(&dst, &out);
    }
    let cost = Cx::with_alu(cx.cost(&[&data], &dst), op, None);
    Ok(cx.finish(Engine::Vector, cost))
}

/// Reduces each of `groups` consecutive groups of `each` elements.
fn reduce_groups(cx: &Cx<'_>, data: &Access, op: AluOp, groups: usize, each: usize) -> Vec<f32> {
    let memory = &cx.m.memory;
    // As many whole groups as fit a block, or one group in pieces.
    let batch = (BLOCK / each).max(1);
    let one = |(i, out): (usize, &mut [f32])| {
        let mut block = [0.0f32; BLOCK];
        let mut cursor = Cursor::new(data, i * batch * each);
        if each <= BLOCK {
            let n = out.len() * each;
            memory.read(data, &mut cursor, &mut block[..n]);
            for (o, group) in out.iter_mut().zip(block[..n].chunks(each)) {
                *o = alu::reduce(op, group);
            }
            return;
        }
        for o in out {
            let mut left = each;
            let mut sum = None;
            while left > 0 {
                let n = left.min(BLOCK);
                memory.read(data, &mut cursor, &mut block[..n]);
                sum = Some(match sum {
                    None => alu::reduce(op, &block[..n]),
                    Some(s) if op == AluOp::Subtract => s - alu::reduce(AluOp::Add, &block[..n]),
                    Some(s) => alu::join(op, s, alu::reduce(op, &block[..n])),
                });
                left -= n;
            }
            *o = sum.unwrap_or_else(|| op.identity());
        }
    };
    let mut out = vec![0.0; groups];
    if shared(groups * each, PARALLEL) {
        out.par_chunks_mut(batch).enumerate().for_each(one);
    } else {
        out.chunks_mut(batch).enumerate().for_each(one);
    }
    out
}

fn partition_reduce(cx: &mut Cx<'_>, dst: &View, data: &View, op: AluOp) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("data", &data), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf])?;
        cx.on_chip(name, a)?;
        cx.unpacked(name, a)?;
    }
    if !matches!(op, AluOp::Add | AluOp::Average | AluOp::Max | AluOp::BitwiseOr | AluOp::BitwiseAnd) {
        let message = format!("`{}`; add, mean, maximum, bitwise_or and bitwise_and are known", op.name());
        return Err(cx.fault("reduce-op", "op", message, None));
    }
    cx.bitvec(op, &[("dst", &dst), ("data", &data)])?;
    if dst.first() != 1 {
        return Err(cx.fault("reduce-shape", "dst", format!("{} partitions; the result is one", dst.first()), None));
    }
    cx.same_free("dst", &dst, "data", &data)?;
    let free = data.free();
    let memory = cx.memory();
    if op.is_bitvec() {
        let x = memory.all_bits(&data);
        let mut out = x[..free].to_vec();
        for row in x[free..].chunks(free) {
            out.iter_mut().zip(row).for_each(|(a, b)| *a = alu::bits(op, *a, *b));
        }
        memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &out);
    } else {
        let x = memory.all(&data);
        let mut out = x[..free].to_vec();
        let step = if op == AluOp::Average { AluOp::Add } else { op };
        for row in x[free..].chunks(free) {
            alu::binary(step, &mut out, row, false);
        }
        if op == AluOp::Average {
            let n = data.first() as f32;
            out.iter_mut().for_each(|v| *v /= n);
        }
        memory.write_all(&dst, &out);
    }
    let cost = Cx::with_alu(cx.cost(&[&data], &dst), op, None);
    Ok(cx.finish(Engine::GpSimd, cost))
}

type Directed = (AluOp, bool);

/// Rows that a scan walks side by side: each waits for its own last result only.
const ROWS: usize = 8;

/// `state = op1(op0(x, state), y)` along up to [`ROWS`] rows, leaving each state in `x`.
fn scan_rows(x: &mut [f32], y: &[f32], free: usize, starts: &[f32], (op0, r0): Directed, (op1, r1): Directed) {
    if op0 == AluOp::Multiply && op1 == AluOp::Add && starts.len() == ROWS {
        let mut state = [0.0f32; ROWS];
        state.copy_from_slice(starts);
        let mut rows: Vec<(&mut [f32], &[f32])> = x.chunks_mut(free).zip(y.chunks(free)).collect();
        for i in 0..free {
            for (s, (x, y)) in state.iter_mut().zip(&mut rows) {
                *s = x[i] * *s + y[i];
                x[i] = *s;
            }
        }
        return;
    }
    let step = |op: AluOp, a: f32, b: f32, reverse: bool| if reverse { alu::apply(op, b, a) } else { alu::apply(op, a, b) };
    for ((x, y), start) in x.chunks_mut(free).zip(y.chunks(free)).zip(starts) {
        let mut state = *start;
        for (x, y) in x.iter_mut().zip(y) {
            state = step(op1, step(op0, *x, state, r0), *y, r1);
            *x = state;
        }
    }
}

fn scan(
    cx: &mut Cx<'_>,
    dst: &View,
    (data0, data1): (&View, &View),
    initial: &Operand,
    first: Directed,
    second: Directed,
) -> Result<InstrId, Fault> {
    let a = cx.read("data0", data0)?;
    let b = cx.read("data1", data1)?;
    let dst = cx.write("dst", dst)?;
    for (name, x) in [("data0", &a), ("data1", &b), ("dst", &dst)] {
        cx.on_chip(name, x)?;
        cx.unpacked(name, x)?;
    }
    cx.same_shape("data1", &b, "data0", &a)?;
    cx.same_shape("dst", &dst, "data0", &a)?;
    cx.not_both_psum("data0", &a, "data1", &b)?;
    for (op, name) in [(first.0, "op0"), (second.0, "op1")] {
        if op.is_bitvec() || op.is_unary() || op == AluOp::Average {
            return Err(cx.fault("operator", name, format!("`{}` is no binary arithmetic operator", op.name()), None));
        }
    }
    let (rows, free) = (a.first(), a.free());
    let starts = match cx.operand("initial", initial, rows, 1)? {
        Input::Constant(v) => vec![v; rows],
        Input::Access(i) => cx.memory().all(&i),
    };
    let memory = cx.memory();
    let mut x = memory.all(&a);
    let y = memory.all(&b);
    let one = |((x, y), starts): ((&mut [f32], &[f32]), &[f32])| scan_rows(x, y, free, starts, first, second);
    let together = ROWS * free;
    if shared(rows * free, PARALLEL / 4) {
        x.par_chunks_mut(together).zip(y.par_chunks(together)).zip(starts.par_chunks(ROWS)).for_each(one);
    } else {
        x.chunks_mut(together).zip(y.chunks(together)).zip(starts.chunks(ROWS)).for_each(one);
    }
    if cx.m.stochastic {
        round_at_random(dst.dtype, cx.key, 0, &mut x);
    }
    let memory = cx.memory();
    memory.write_all(&dst, &x);
    memory.give(x);
    memory.give(y);
    let cost = Cx::with_alu(cx.cost(&[&a, &b], &dst), first.0, Some(second.0));
    Ok(cx.finish(Engine::Vector, cost))
}

fn cumulative(cx: &mut Cx<'_>, dst: &View, src: &View, stage: &AluStage, reduction: &Reduction) -> Result<InstrId, Fault> {
    let src = cx.read("src", src)?;
    let dst = cx.write("dst", dst)?;
    for (name, x) in [("src", &src), ("dst", &dst)] {
        cx.on_chip(name, x)?;
        cx.unpacked(name, x)?;
        if matches!(x.dtype, Dtype::I32 | Dtype::U32) {
            return Err(cx.fault("dtype", name, format!("{} is not known here", x.dtype.name()), Some("use a 16-bit integer or a float")));
        }
    }
    cx.same_shape("dst", &dst, "src", &src)?;
    if stage.op.is_bitvec() {
        return Err(cx.fault("operator", "op0", format!("`{}` is no arithmetic operator", stage.op.name()), None));
    }
    let op = reduction.op;
    if !matches!(op, AluOp::Add | AluOp::Subtract | AluOp::Multiply | AluOp::Max | AluOp::Min) {
        return Err(cx.fault("reduce-op", "op1", format!("`{}` cannot run along a row", op.name()), None));
    }
    let (rows, free) = (src.first(), src.free());
    let imm = cx.operand("imm0", &stage.operand, rows, free)?;
    let lane = |row: usize| (src.partition as usize + row) % 128;
    let starts = match (reduction.cmd, &reduction.init) {
        (ReduceCmd::ResetReduce, _) => vec![op.identity(); rows],
        (ReduceCmd::Reduce, _) => (0..rows).map(|r| cx.m.cores[usize::from(cx.core)].vector[lane(r)]).collect(),
        (ReduceCmd::LoadReduce, Some(init)) => match cx.operand("imm1", init, rows, 1)? {
            Input::Constant(v) => vec![v; rows],
            Input::Access(a) => cx.memory().all(&a),
        },
        (ReduceCmd::LoadReduce, None) => return Err(cx.fault("reduce-init", "imm1", "`load_reduce` needs it", None)),
        _ => return Err(cx.fault("reduce-cmd", "reduce_cmd", "must be `reset_reduce`, `reduce` or `load_reduce`", None)),
    };
    let memory = cx.memory();
    let mut x = memory.all(&src);
    let y = match imm {
        Input::Constant(v) => vec![v; x.len()],
        Input::Access(a) => memory.all(&a),
    };
    alu::binary(stage.op, &mut x, &y, stage.reverse);
    for (row, part) in x.chunks_mut(free).enumerate() {
        let mut state = starts[row];
        for v in part {
            state = alu::apply(op, *v, state);
            *v = state;
        }
        cx.m.cores[usize::from(cx.core)].vector[lane(row)] = state;
    }
    cx.memory().write_all(&dst, &x);
    let cost = Cx::with_alu(cx.cost(&[&src], &dst), stage.op, Some(op));
    Ok(cx.finish(Engine::Vector, cost))
}

fn bn_stats(cx: &mut Cx<'_>, dst: &View, data: &View) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let dst = cx.write("dst", dst)?;
    for (name, x) in [("data", &data), ("dst", &dst)] {
        cx.on_chip(name, x)?;
        cx.unpacked(name, x)?;
    }
    cx.same_partitions("dst", &dst, "data", &data)?;
    cx.free_is("dst", &dst, 6)?;
    if data.free() > 512 {
        let message = format!("{} elements a partition; at most 512", data.free());
        return Err(cx.fault("bn-size", "data", message, Some("take 512 at a time and join with `bn_aggr`")));
    }
    let x = cx.memory().all(&data);
    let mut out = Vec::with_capacity(6 * data.first());
    for row in x.chunks(data.free()) {
        for parity in 0..2 {
            let half = || row.iter().skip(parity).step_by(2).map(|v| f64::from(*v));
            let count = half().count() as f64;
            let mean = if count > 0.0 { half().sum::<f64>() / count } else { 0.0 };
            let spread = half().map(|v| (v - mean) * (v - mean)).sum::<f64>();
            out.extend([count as f32, mean as f32, spread as f32]);
        }
    }
    cx.memory().write_all(&dst, &out);
    let cost = cx.cost(&[&data], &dst);
    Ok(cx.finish(Engine::Vector, cost))
}

fn bn_aggr(cx: &mut Cx<'_>, dst: &View, data: &View) -> Result<InstrId, Fault> {
    let data = cx.read("data", data)?;
    let dst = cx.write("dst", dst)?;
    for (name, x) in [("data", &data), ("dst", &dst)] {
        cx.on_chip(name, x)?;
        cx.unpacked(name, x)?;
    }
    cx.same_partitions("dst", &dst, "data", &data)?;
    cx.free_is("dst", &dst, 2)?;
    if data.free() % 3 != 0 {
        let message = format!("{} elements a partition; triples of count, mean and variance x count are needed", data.free());
        return Err(cx.fault("bn-size", "data", message, None));
    }
    let x = cx.memory().all(&data);
    let mut out = Vec::with_capacity(2 * data.first());
    for row in x.chunks(data.free()) {
        let triples = || row.as_chunks::<3>().0.iter().map(|t| t.map(f64::from));
        let count: f64 = triples().map(|t| t[0]).sum();
        let mean = triples().map(|t| t[0] * t[1]).sum::<f64>() / count;
        let spread: f64 = triples().map(|t| t[2] + t[0] * (t[1] - mean) * (t[1] - mean)).sum();
        out.extend([mean as f32, (spread / count) as f32]);
    }
    write_column(cx, &dst, &out);
    let cost = cx.cost(&[&data], &dst);
    Ok(cx.finish(Engine::Vector, cost))
}
