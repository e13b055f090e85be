//! Patterns and selections: iota, affine_select, range_select, select_reduce.

use crate::Dtype;
use crate::access::{Access, Cursor};
use crate::alu;
use crate::convert;
use crate::exec::Cx;
use crate::exec::cx::Input;
use crate::exec::pointwise::{Lanes, reduced};
use crate::fault::Fault;
use crate::generation::Gen;
use crate::op::{AluOp, Op, Operand, Pattern, ReduceCmd, Reduction};
use crate::tensor::{Place, View};
use crate::trace::{Cost, Engine, InstrId};

pub(super) fn run(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::Iota { dst, pattern } => iota(cx, dst, pattern),
        Op::AffineSelect { dst, pattern, on_true, on_false, op } => affine_select(cx, dst, pattern, on_true, *on_false, *op),
        Op::RangeSelect { dst, data, op0, op1, bound0, bound1, start, on_false, reduction } => {
            range_select(cx, (dst, data), (*op0, *op1), (bound0, bound1), *start, *on_false, reduction)
        }
        Op::SelectReduce { dst, predicate, on_true, on_false, reverse, reduction } => {
            select_reduce(cx, dst, predicate, on_true, on_false, *reverse, reduction)
        }
        _ => Err(cx.fault("internal", "", "not a selection", None)),
    }
}

/// The values of a pattern for one partition after the other, in wrapping 32-bit arithmetic.
fn pattern_values(cx: &Cx<'_>, pattern: &Pattern, partitions: usize, free: usize) -> Result<Vec<i32>, Fault> {
    if pattern.dims.len() > 4 {
        return Err(cx.fault("pattern-dims", "pattern", format!("{} dimensions; at most 4", pattern.dims.len()), None));
    }
    let count: u64 = pattern.dims.iter().map(|d| u64::from(d.1)).product();
    if count != free as u64 {
        let message = format!("{count} values for {free} elements a partition");
        return Err(cx.fault("pattern-size", "pattern", message, Some("the counts must multiply to the free size of `dst`")));
    }
    let mut row = vec![pattern.offset];
    for (step, count) in &pattern.dims {
        row = row.iter().flat_map(|v| (0..*count).map(move |i| v.wrapping_add(step.wrapping_mul(i as i32)))).collect();
    }
    let mut out = Vec::with_capacity(partitions * free);
    for p in 0..partitions {
        let add = pattern.channel.wrapping_mul(p as i32);
        out.extend(row.iter().map(|v| v.wrapping_add(add)));
    }
    Ok(out)
}

fn iota(cx: &mut Cx<'_>, dst: &View, pattern: &Pattern) -> Result<InstrId, Fault> {
    let dst = cx.write("dst", dst)?;
    cx.placed("dst", &dst, &[Place::Sbuf])?;
    cx.on_chip("dst", &dst)?;
    cx.unpacked("dst", &dst)?;
    let values = pattern_values(cx, pattern, dst.first(), dst.free())?;
    if dst.dtype.is_integer() && dst.dtype != Dtype::Bool {
        let bits: Vec<u32> = values.iter().map(|v| *v as u32).collect();
        cx.memory().write_bits(&dst, &mut Cursor::new(&dst, 0), &bits);
    } else {
        let x: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        cx.memory().write_all(&dst, &x);
    }
    let cost = cx.cost(&[], &dst);
    Ok(cx.finish(Engine::GpSimd, cost))
}

fn affine_select(cx: &mut Cx<'_>, dst: &View, pattern: &Pattern, on_true: &View, on_false: f32, op: AluOp) -> Result<InstrId, Fault> {
    let data = cx.read("on_true_tile", on_true)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [("on_true_tile", &data), ("dst", &dst)] {
        cx.placed(name, a, &[Place::Sbuf])?;
        cx.on_chip(name, a)?;
        cx.unpacked(name, a)?;
    }
    cx.same_shape("dst", &dst, "on_true_tile", &data)?;
    if !op.is_compare() {
        return Err(cx.fault("operator", "cmp_op", format!("`{}` does not compare", op.name()), None));
    }
    let values = pattern_values(cx, pattern, dst.first(), dst.free())?;
    let keeps = |v: &i32| alu::integer(op, *v as u32, 0, true) != 0;
    let memory = cx.memory();
    if data.dtype == dst.dtype {
        let mut x = memory.all_bits(&data);
        let other = convert::encode_one(dst.dtype, on_false);
        x.iter_mut().zip(&values).for_each(|(x, v)| *x = if keeps(v) { *x } else { other });
        memory.write_bits(&dst, &mut Cursor::new(&dst, 0), &x);
        memory.give_bits(x);
    } else {
        let mut x = memory.all(&data);
        x.iter_mut().zip(&values).for_each(|(x, v)| *x = if keeps(v) { *x } else { on_false });
        memory.write_all(&dst, &x);
    }
    let cost = Cx::with_alu(cx.cost(&[&data], &dst), op, None);
    Ok(cx.finish(Engine::GpSimd, cost))
}

fn tile_pair(cx: &mut Cx<'_>, dst: &View, data: &View, name: &'static str) -> Result<(Access, Access), Fault> {
    let data = cx.read(name, data)?;
    let dst = cx.write("dst", dst)?;
    for (name, a) in [(name, &data), ("dst", &dst)] {
        cx.on_chip(name, a)?;
        cx.unpacked(name, a)?;
    }
    cx.same_shape("dst", &dst, name, &data)?;
    Ok((dst, data))
}

fn max_only(cx: &Cx<'_>, reduction: &Reduction) -> Result<(), Fault> {
    let reduces = !matches!(reduction.cmd, ReduceCmd::Idle | ReduceCmd::Reset);
    if reduces && reduction.op != AluOp::Max {
        return Err(cx.fault("reduce-op", "reduce_op", format!("`{}`, but must be `maximum`", reduction.op.name()), None));
    }
    if reduction.cmd == ReduceCmd::LoadReduce {
        return Err(cx.fault("reduce-cmd", "reduce_cmd", "`load_reduce` is not known here", None));
    }
    Ok(())
}

fn range_select(
    cx: &mut Cx<'_>,
    (dst, data): (&View, &View),
    (op0, op1): (AluOp, AluOp),
    (bound0, bound1): (&View, &View),
    start: i64,
    on_false: f32,
    reduction: &Reduction,
) -> Result<InstrId, Fault> {
    cx.generation(Gen::Gen3, "range_select")?;
    let (dst, data) = tile_pair(cx, dst, data, "on_true_tile")?;
    if !data.dtype.is_float() {
        return Err(cx.fault("dtype", "on_true_tile", format!("{} is no float type", data.dtype.name()), None));
    }
    for (op, name) in [(op0, "comp_op0"), (op1, "comp_op1")] {
        if !op.is_compare() || op == AluOp::NotEqual {
            return Err(cx.fault("operator", name, format!("`{}` is none of the five comparisons", op.name()), None));
        }
    }
    if on_false != f32::MIN {
        return Err(cx.fault("range-false", "on_false_value", format!("{on_false}, but must be the least fp32"), Some("-3.4028235e+38")));
    }
    if !(0..1 << 24).contains(&start) || start + data.free() as i64 > 1 << 24 {
        let message = format!("{} indices from {start} leave 0 to 2^24, where fp32 is exact", data.free());
        return Err(cx.fault("range-start", "range_start", message, None));
    }
    max_only(cx, reduction)?;
    let (rows, free) = (data.first(), data.free());
    let low = cx.column("bound0", bound0, rows, free)?;
    let high = cx.column("bound1", bound1, rows, free)?;
    cx.typed("bound0", &low, &[Dtype::Fp32])?;
    cx.typed("bound1", &high, &[Dtype::Fp32])?;
    // The index of each element, as one more input: made once and read like a tile.
    let (tensor, storage) = index_row(cx, free, start);
    let mut index = data.broadcast(rows, free);
    index.tensor = tensor;
    index.storage = storage;
    index.dtype = Dtype::Fp32;
    index.base = 0;
    index.strides[0].step = 0;
    index.strides[1].step = 4;
    (index.partition, index.low, index.high) = (0, 0, free as u32 * 4);
    index.flatten();
    let inputs = [Input::Access(data), Input::Access(low), Input::Access(high), Input::Access(index)];
    let result = reduced(cx, Lanes::Vector, (&dst, &inputs), (&data, reduction), &|blocks, n| {
        let (x, rest) = blocks.split_at_mut(1);
        for i in 0..n {
            let at = rest[2][i];
            let inside = alu::apply(op0, at, rest[0][i]) != 0.0 && alu::apply(op1, at, rest[1][i]) != 0.0;
            if !inside {
                x[0][i] = on_false;
            }
        }
    });
    cx.m.drop_temporary();
    let flags = result?;
    let cost = Cx::with_alu(cx.cost(&[&data], &dst), op0, Some(op1));
    Ok(cx.finish(Engine::Vector, Cost { flags: cost.flags.with(flags), ..cost }))
}

/// A temporary row of `start, start + 1, ...` in fp32.
fn index_row(cx: &mut Cx<'_>, free: usize, start: i64) -> (crate::TensorId, u32) {
    let like = Access { dtype: Dtype::Fp32, ..Access::EMPTY };
    let (tensor, storage) = cx.m.temporary(&like, 1, free as u32);
    for (i, b) in cx.m.memory.storages[storage as usize].bytes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *b = ((start + i as i64) as f32).to_le_bytes();
    }
    (tensor, storage)
}

fn select_reduce(
    cx: &mut Cx<'_>,
    dst: &View,
    predicate: &View,
    on_true: &View,
    on_false: &Operand,
    reverse: bool,
    reduction: &Reduction,
) -> Result<InstrId, Fault> {
    let (dst, data) = tile_pair(cx, dst, on_true, "on_true")?;
    let predicate = cx.read("predicate", predicate)?;
    cx.on_chip("predicate", &predicate)?;
    cx.typed("predicate", &predicate, &[Dtype::I8, Dtype::U8, Dtype::I16, Dtype::U16])?;
    cx.same_shape("predicate", &predicate, "on_true", &data)?;
    cx.not_both_psum("on_true", &data, "predicate", &predicate)?;
    if matches!(data.dtype, Dtype::Tf32 | Dtype::I32 | Dtype::U32) {
        return Err(cx.fault("dtype", "on_true", format!("{} is not known here", data.dtype.name()), None));
    }
    max_only(cx, reduction)?;
    let other = cx.operand("on_false", on_false, data.first(), data.free())?;
    let inputs = [Input::Access(data), Input::Access(predicate), other];
    let flags = reduced(cx, Lanes::Vector, (&dst, &inputs), (&data, reduction), &|blocks, n| {
        let (x, rest) = blocks.split_at_mut(1);
        for i in 0..n {
            if (rest[0][i] != 0.0) == reverse {
                x[0][i] = rest[1][i];
            }
        }
    })?;
    let cost = cx.cost(&[&data, &predicate], &dst);
    Ok(cx.finish(Engine::Vector, Cost { flags: cost.flags.with(flags), ..cost }))
}
