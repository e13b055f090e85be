//! The short way for the instructions that kernels issue most, on plain tiles of floats ([`Tile`]).
//!
//! Each function either runs an instruction that surely breaks no rule, leaving the bytes and the trace that the general way
//! leaves (a test compares them), or gives nothing and has changed nothing.

use super::map::{Blocks, INPUTS, PARALLEL, PARALLEL_HEAVY};
use super::reduce;
use super::tile::{Tile, cost};
use crate::generation::Gen;
use crate::machine::Machine;
use crate::memory::BLOCK;
use crate::op::{ActFn, AluOp, AluStage, Op, Operand, ReduceCmd, Reduction};
use crate::rows::{self, Shape, Step};
use crate::tensor::{Place, View};
use crate::trace::{Cost, Engine, Flags, Instr, InstrId, OpCode, Span};
use crate::{Dtype, act, alu, convert, wide};

/// One instruction's surroundings.
pub(super) struct Quick<'m> {
    pub m: &'m mut Machine,
    pub core: u16,
    pub line: u32,
    pub code: OpCode,
}

/// A second input of an arithmetic step: a constant, or one number for each partition.
#[derive(Debug, Clone, Copy)]
enum Side {
    Value(f32),
    Column(Tile),
}

/// Runs the instruction if it is one of those.
pub(super) fn run(m: &mut Machine, core: u16, op: &Op, line: u32) -> Option<InstrId> {
    if m.stochastic {
        return None;
    }
    let mut q = Quick { m, core, line, code: op.code() };
    match op {
        Op::TensorTensor { dst, data1, data2, op, engine } => q.tensor_tensor([dst, data1, data2], *op, *engine),
        Op::TensorScalar { dst, data, stage0, stage1, engine } => q.tensor_scalar(dst, data, stage0, stage1.as_ref(), *engine),
        Op::ScalarTensorTensor { dst, data, stage0, op1, operand1, reverse1 } => {
            q.scalar_tensor_tensor([dst, data, operand1], stage0, *op1, *reverse1)
        }
        Op::Reciprocal { dst, data } => q.reciprocal(dst, data),
        Op::TensorCopy { dst, src, engine } => q.tensor_copy(dst, src, *engine),
        Op::Memset { dst, value, engine } => q.memset(dst, *value, *engine),
        Op::TensorReduce { dst, data, op, axes, negate } => q.tensor_reduce(dst, data, *op, usize::from(*axes), *negate),
        Op::Activation { dst, data, function, scale, bias, reduction } => {
            q.activation([dst, data], *function, scale, bias.as_ref(), reduction)
        }
        Op::ActivationReduce { dst, data, function, scale, bias, op, result } if *op == AluOp::Add => {
            let reduction = Reduction { cmd: ReduceCmd::ResetReduce, result: Some(result.clone()), ..Reduction::NONE };
            q.activation([dst, data], *function, scale, bias.as_ref(), &reduction)
        }
        _ => None,
    }
}

fn float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::Fp32 | Dtype::Bf16 | Dtype::Fp16)
}

/// Vector unless another engine was asked for that may run it too.
fn vector(given: Option<Engine>) -> Option<(Engine, Flags)> {
    match given {
        None => Some((Engine::Vector, Flags(0))),
        Some(Engine::Vector) => Some((Engine::Vector, Flags::ENGINE_GIVEN)),
        _ => None,
    }
}

/// The rows of tiles of one shape, joined where none of them has a gap.
fn shapes<const N: usize>(tiles: [&Tile; N]) -> [Shape; N] {
    let joined = tiles.iter().all(|t| t.row() == t.pitch);
    tiles.map(|t| {
        let (rows, row) = (t.rows, t.row());
        if joined { Shape { rows: 1, len: rows * row, pitch: rows * row } } else { Shape { rows, len: row, pitch: t.pitch } }
    })
}

impl Quick<'_> {
    fn tile(&self, view: &View) -> Option<Tile> {
        Tile::of(self.m, self.core, view).filter(|t| float(t.dtype))
    }

    /// A destination and an input of one shape, too small to be shared between threads. (Which way an instruction goes must not
    /// depend on how many threads there are.)
    fn pair(&self, dst: &View, data: &View, most: usize) -> Option<(Tile, Tile)> {
        let (data, dst) = (self.tile(data)?, self.tile(dst)?);
        (dst.same_shape(&data) && data.safe_with(&dst) && dst.rows * dst.free < most).then_some((dst, data))
    }

    fn side(&self, operand: &Operand, rows: usize) -> Option<Side> {
        match operand {
            Operand::Value(v) => Some(Side::Value(*v as f32)),
            Operand::View(view) => Tile::of(self.m, self.core, view).filter(|t| t.free == 1 && t.rows == rows).map(Side::Column),
        }
    }

    fn stage(&self, stage: &AluStage, rows: usize) -> Option<Side> {
        if stage.op.is_bitvec() || stage.op == AluOp::Average {
            return None;
        }
        if stage.op.is_unary() {
            return Some(Side::Value(0.0));
        }
        self.side(&stage.operand, rows).filter(|s| matches!(s, Side::Value(_) | Side::Column(Tile { dtype: Dtype::Fp32, .. })))
    }

    /// The numbers of a side, one for each partition (or one for all).
    fn numbers(&self, side: &Side, out: &mut Vec<f32>) {
        out.clear();
        match side {
            Side::Value(v) => out.push(*v),
            Side::Column(t) => {
                let size = t.dtype.size();
                out.extend(t.bytes(self.m).chunks(t.pitch).take(t.rows).map(|b| convert::decode_one(t.dtype, &b[..size])));
            }
        }
    }

    /// Calls `f` with the bytes of the machine's memory and those of `dst`, from its first element on.
    fn write(&mut self, dst: &Tile, f: impl FnOnce(&Machine, &mut [u8])) {
        let mut bytes = std::mem::take(&mut self.m.memory.storages[dst.storage()].bytes);
        f(self.m, &mut bytes[dst.base..]);
        self.m.memory.storages[dst.storage()].bytes = bytes;
    }

    /// Appends the instruction to the trace.
    fn done(&mut self, engine: Engine, cost: Cost, reads: &[&Tile], writes: &[&Tile]) -> InstrId {
        for t in writes.iter().filter(|t| t.place == Place::Psum) {
            super::psum::written_by_others(self.m, &t.range);
        }
        let in_loop = self.m.current_loop();
        let trace = &mut self.m.trace;
        let mut span = |list: &[&Tile]| {
            let start = trace.ranges.len() as u32;
            trace.ranges.extend(list.iter().map(|t| t.range));
            Span { start, len: list.len() as u16 }
        };
        let (reads, writes) = (span(reads), span(writes));
        let id = InstrId(trace.instrs.len() as u32);
        let cost = Cost { trigger: engine, ..cost };
        let (op, core, line) = (self.code, self.core, self.line);
        trace.instrs.push(Instr { op, engine, core, line, cost, reads, writes, after: Span::default(), in_loop, meeting: 0 });
        id
    }

    fn tensor_tensor(&mut self, [dst, data1, data2]: [&View; 3], op: AluOp, engine: Option<Engine>) -> Option<InstrId> {
        let (ran, given) = vector(engine)?;
        if op.is_unary() || op.is_bitvec() || matches!(op, AluOp::Average | AluOp::Power) {
            return None;
        }
        let (dst, a) = self.pair(dst, data1, PARALLEL)?;
        let b = self.tile(data2)?;
        if !b.same_shape(&a) || (a.place == Place::Psum && b.place == Place::Psum) || !b.safe_with(&dst) {
            return None;
        }
        let known = rows::joins(op) && [dst, a, b].iter().all(|t| rows::known(t.dtype));
        let storage = dst.storage();
        if known && b.storage() != storage && (a.storage() != storage || a.same(&dst)) {
            let [to, x, y] = shapes([&dst, &a, &b]);
            let in_place = a.storage() == storage;
            self.write(&dst, |m, out| {
                let first = (!in_place).then(|| (a.dtype, a.bytes(m), x));
                rows::binary(op, first, (b.dtype, b.bytes(m), y), (dst.dtype, out, to));
            });
        } else {
            self.blocks(&dst, &[a, b], &mut |blocks, _, n| {
                let (x, y) = blocks.split_at_mut(1);
                alu::binary(op, &mut x[0][..n], &y[0][..n], false);
            });
        }
        let c = Cost { alu0: op as u8, ..cost(&[&a, &b], &dst) };
        Some(self.done(ran, Cost { flags: c.flags.with(given), ..c }, &[&a, &b], &[&dst]))
    }

    fn tensor_scalar(
        &mut self,
        dst: &View,
        data: &View,
        stage0: &AluStage,
        stage1: Option<&AluStage>,
        engine: Option<Engine>,
    ) -> Option<InstrId> {
        let (ran, given) = vector(engine)?;
        let (dst, data) = self.pair(dst, data, PARALLEL)?;
        let side0 = self.stage(stage0, data.rows)?;
        let side1 = match stage1 {
            Some(s) => Some(self.stage(s, data.rows)?),
            None => None,
        };
        let rsqrt = stage0.op == AluOp::Rsqrt || stage1.is_some_and(|s| s.op == AluOp::Rsqrt);
        let ran = if rsqrt && engine.is_none() && dst.place != Place::Psum && data.place != Place::Psum { Engine::GpSimd } else { ran };
        let (mut s0, mut s1) = (std::mem::take(&mut self.m.scratch.left), std::mem::take(&mut self.m.scratch.right));
        self.numbers(&side0, &mut s0);
        if let Some(side) = &side1 {
            self.numbers(side, &mut s1);
        }
        if !self.scaled(&dst, &data, (stage0, &s0), stage1.map(|s| (s, &s1[..]))) {
            self.blocks(&dst, &[data], &mut |blocks, first, n| {
                let x = &mut blocks[0][..n];
                alu::by_rows(stage0.op, x, data.free, first, &s0, stage0.reverse);
                if let Some(s) = stage1 {
                    alu::by_rows(s.op, x, data.free, first, &s1, s.reverse);
                }
            });
        }
        (self.m.scratch.left, self.m.scratch.right) = (s0, s1);
        let c = Cost { alu0: stage0.op as u8, alu1: stage1.map_or(255, |s| s.op as u8), ..cost(&[&data], &dst) };
        let c = Cost { flags: c.flags.with(given), ..c };
        let columns = [side0, side1.unwrap_or(Side::Value(0.0))];
        Some(self.with_columns(ran, c, &[&data], &columns, &[&dst]))
    }

    /// Records an instruction that reads columns after its tiles.
    fn with_columns(&mut self, engine: Engine, cost: Cost, reads: &[&Tile], sides: &[Side], writes: &[&Tile]) -> InstrId {
        let mut all = [reads[0]; 4];
        let mut n = reads.len();
        all[..n].copy_from_slice(reads);
        for side in sides {
            if let Side::Column(t) = side {
                all[n] = t;
                n += 1;
            }
        }
        self.done(engine, cost, &all[..n], writes)
    }

    /// `tensor_scalar` in one pass, if its types and operators allow.
    fn scaled(&mut self, dst: &Tile, data: &Tile, first: (&AluStage, &[f32]), second: Option<(&AluStage, &[f32])>) -> bool {
        let in_place = data.storage() == dst.storage();
        if !rows::known(dst.dtype) || !rows::known(data.dtype) || (in_place && !data.same(dst)) {
            return false;
        }
        let step = |s: &AluStage| match s.op {
            AluOp::Add => Some(Step::Add),
            AluOp::Multiply => Some(Step::Multiply),
            AluOp::Subtract if !s.reverse => Some(Step::Subtract),
            AluOp::Max if !s.reverse => Some(Step::Max),
            AluOp::Min if !s.reverse => Some(Step::Min),
            _ => None,
        };
        let (step0, step1) = (step(first.0), second.map(|s| step(s.0)));
        let (Some(step0), None | Some(Some(_))) = (step0, step1) else { return false };
        let columns = first.1.len() > 1 || second.is_some_and(|s| s.1.len() > 1);
        // A row of a few elements is not worth a loop of its own.
        if columns && dst.free < 16 {
            return false;
        }
        let spread = |numbers: &[f32]| -> [f32; 128] {
            let mut out = [numbers[0]; 128];
            out[..numbers.len()].copy_from_slice(numbers);
            out
        };
        let (s0, s1) = (spread(first.1), second.map(|s| spread(s.1)));
        let [to, from] =
            if columns { [dst, data].map(|t| Shape { rows: t.rows, len: t.row(), pitch: t.pitch }) } else { shapes([dst, data]) };
        self.write(dst, |m, out| {
            let a = (!in_place).then(|| (data.dtype, data.bytes(m), from));
            rows::scale(a, (dst.dtype, out, to), (step0, &s0), step1.flatten().zip(s1.as_ref().map(|s| &s[..])));
        });
        true
    }

    fn scalar_tensor_tensor(
        &mut self,
        [dst, data, operand1]: [&View; 3],
        stage0: &AluStage,
        op1: AluOp,
        reverse1: bool,
    ) -> Option<InstrId> {
        let (dst, data) = self.pair(dst, data, PARALLEL)?;
        let b = self.tile(operand1)?;
        if !b.same_shape(&data) || (data.place == Place::Psum && b.place == Place::Psum) || !b.safe_with(&dst) {
            return None;
        }
        if [stage0.op, op1].iter().any(|op| op.is_bitvec() || *op == AluOp::Average) {
            return None;
        }
        let side = if stage0.op.is_unary() { Side::Value(0.0) } else { self.side(&stage0.operand, data.rows)? };
        let mut s0 = std::mem::take(&mut self.m.scratch.left);
        self.numbers(&side, &mut s0);
        self.blocks(&dst, &[data, b], &mut |blocks, first, n| {
            let (x, y) = blocks.split_at_mut(1);
            alu::by_rows(stage0.op, &mut x[0][..n], data.free, first, &s0, stage0.reverse);
            alu::binary(op1, &mut x[0][..n], &y[0][..n], reverse1);
        });
        self.m.scratch.left = s0;
        let c = Cost { alu0: stage0.op as u8, alu1: op1 as u8, ..cost(&[&data, &b], &dst) };
        Some(self.with_columns(Engine::Vector, c, &[&data, &b], &[side], &[&dst]))
    }

    fn reciprocal(&mut self, dst: &View, data: &View) -> Option<InstrId> {
        let (dst, data) = self.pair(dst, data, PARALLEL)?;
        self.blocks(&dst, &[data], &mut |blocks, _, n| alu::unary(AluOp::Reciprocal, &mut blocks[0][..n]));
        let c = Cost { alu0: AluOp::Reciprocal as u8, ..cost(&[&data], &dst) };
        Some(self.done(Engine::Vector, c, &[&data], &[&dst]))
    }

    fn tensor_copy(&mut self, dst: &View, src: &View, engine: Option<Engine>) -> Option<InstrId> {
        let (ran, given) = match engine {
            Some(Engine::Scalar) if self.m.generation.version != Gen::Gen2 => (Engine::Scalar, Flags::ENGINE_GIVEN),
            _ => vector(engine)?,
        };
        let (src, dst) = (Tile::of(self.m, self.core, src)?, Tile::of(self.m, self.core, dst)?);
        let types = src.dtype == dst.dtype || (rows::known(src.dtype) && rows::known(dst.dtype));
        if !types || !dst.same_shape(&src) || src.storage() == dst.storage() || dst.rows * dst.free >= PARALLEL {
            return None;
        }
        let [to, from] = shapes([&dst, &src]);
        self.write(&dst, |m, out| rows::convert((src.dtype, src.bytes(m), from), (dst.dtype, out, to)));
        let c = cost(&[&src], &dst);
        Some(self.done(ran, Cost { flags: c.flags.with(given), ..c }, &[&src], &[&dst]))
    }

    fn memset(&mut self, dst: &View, value: f64, engine: Option<Engine>) -> Option<InstrId> {
        let (ran, given) = match engine {
            Some(Engine::GpSimd) => (Engine::GpSimd, Flags::ENGINE_GIVEN),
            _ => vector(engine)?,
        };
        let dst = Tile::of(self.m, self.core, dst)?;
        if dst.dtype.is_packed() || (ran == Engine::GpSimd && dst.place == Place::Psum) {
            return None;
        }
        let [to] = shapes([&dst]);
        let pattern = convert::encode_constant(dst.dtype, value);
        self.write(&dst, |_, out| rows::fill(pattern, dst.dtype.size(), out, to));
        let c = cost(&[], &dst);
        let flags = c.flags.with_if(value == 0.0, Flags::ZERO).with(given);
        Some(self.done(ran, Cost { flags, ..c }, &[], &[&dst]))
    }

    fn tensor_reduce(&mut self, dst: &View, data: &View, op: AluOp, axes: usize, negate: bool) -> Option<InstrId> {
        let counts = data.dims.as_slice();
        let (data, dst) = (self.tile(data)?, self.tile(dst)?);
        if !rows::joins(op) || op == AluOp::Subtract || !rows::known(data.dtype) || axes == 0 || axes >= counts.len() {
            return None;
        }
        let each: usize = counts[counts.len() - axes..].iter().map(|d| d.count as usize).product();
        if each > BLOCK || dst.rows != data.rows || dst.free * each != data.free || data.rows * data.free >= reduce::PARALLEL {
            return None;
        }
        let mut out = std::mem::take(&mut self.m.scratch.left);
        out.clear();
        let [from] = shapes([&data]);
        rows::reduce(op, (data.dtype, data.bytes(self.m), from), each, &mut out);
        if negate {
            out.iter_mut().for_each(|v| *v *= -1.0);
        }
        self.put(&dst, &out);
        self.m.scratch.left = out;
        let c = Cost { alu0: op as u8, ..cost(&[&data], &dst) };
        Some(self.done(Engine::Vector, c, &[&data], &[&dst]))
    }

    fn activation(
        &mut self,
        [dst, data]: [&View; 2],
        function: ActFn,
        scale: &Operand,
        bias: Option<&Operand>,
        reduction: &Reduction,
    ) -> Option<InstrId> {
        let (dst, data) = self.pair(dst, data, PARALLEL_HEAVY)?;
        let gen2 = self.m.generation.version == Gen::Gen2;
        let fits = |s: &Side, types: fn(Dtype) -> bool| matches!(s, Side::Value(_)) || matches!(s, Side::Column(t) if types(t.dtype));
        let scale = self.side(scale, data.rows).filter(|s| fits(s, |d| d == Dtype::Fp32))?;
        let bias = bias.map_or(Some(Side::Value(0.0)), |b| self.side(b, data.rows)).filter(|s| fits(s, float))?;
        let plain_bias = matches!(bias, Side::Value(0.0));
        if gen2 && !plain_bias && (matches!(bias, Side::Value(_)) || function == ActFn::Reciprocal) {
            return None;
        }
        let reduces = match reduction.cmd {
            ReduceCmd::Idle if reduction.result.is_none() => false,
            ReduceCmd::ResetReduce if reduction.op == AluOp::Add && !reduction.negate => true,
            _ => return None,
        };
        let result = match &reduction.result {
            Some(view) => Some(self.tile(view).filter(|t| t.free == 1 && t.rows == data.rows)?),
            None => None,
        };
        let (mut s0, mut s1) = (std::mem::take(&mut self.m.scratch.left), std::mem::take(&mut self.m.scratch.right));
        self.numbers(&scale, &mut s0);
        self.numbers(&bias, &mut s1);
        let mut sums = std::mem::take(&mut self.m.scratch.product);
        sums.clear();
        sums.resize(if reduces { data.rows } else { 0 }, 0.0);
        let plain_scale = matches!(scale, Side::Value(1.0));
        self.blocks(&dst, &[data], &mut |blocks, first, n| {
            let x = &mut blocks[0][..n];
            if !plain_scale {
                alu::by_rows(AluOp::Multiply, x, data.free, first, &s0, false);
            }
            if !plain_bias {
                alu::by_rows(AluOp::Add, x, data.free, first, &s1, false);
            }
            act::apply(function, x, 0.0);
            if reduces {
                // A block holds whole rows, or a part of one.
                for (row, part) in sums[first / data.free..].iter_mut().zip(x.chunks(data.free)) {
                    *row += alu::reduce(AluOp::Add, part);
                }
            }
        });
        let mut flags = Flags(0);
        if reduces {
            let lanes = &mut self.m.cores[usize::from(self.core)].scalar;
            for (row, v) in sums.iter().enumerate() {
                lanes[(usize::from(data.range.first) + row) % 128] = *v;
            }
        }
        if let Some(t) = &result {
            self.put(t, &sums);
            flags = Flags::REDUCE_OUT;
        }
        (self.m.scratch.left, self.m.scratch.right, self.m.scratch.product) = (s0, s1, sums);
        let c = cost(&[&data], &dst);
        let c = Cost { alu0: function as u8, flags: c.flags.with(flags), ..c };
        let writes = [&dst, result.as_ref().unwrap_or(&dst)];
        Some(self.with_columns(Engine::Scalar, c, &[&data], &[scale, bias], &writes[..1 + usize::from(result.is_some())]))
    }

    /// Writes all elements of a tile.
    fn put(&mut self, dst: &Tile, values: &[f32]) {
        self.write(dst, |_, out| {
            for (x, out) in values.chunks(dst.free).zip(out.chunks_mut(dst.pitch)) {
                wide::encode(dst.dtype, x, &mut out[..dst.row()]);
            }
        });
    }

    /// Elements to fp32, `f`, and back, in blocks of whole rows or of a part of one. `f` is given the blocks of the inputs,
    /// the number of their first element, and how many they hold; it leaves its result in block 0.
    fn blocks(&mut self, dst: &Tile, inputs: &[Tile], f: &mut dyn FnMut(&mut Blocks, usize, usize)) {
        let mut scratch = std::mem::take(&mut self.m.scratch.blocks);
        scratch.resize(INPUTS * BLOCK, 0.0);
        let blocks = scratch.as_chunks_mut::<BLOCK>().0;
        let (free, total) = (dst.free, dst.rows * dst.free);
        let most = if free <= BLOCK { BLOCK / free * free } else { BLOCK };
        let storages = &mut self.m.memory.storages;
        let mut at = 0;
        while at < total {
            let n = if free <= BLOCK { most.min(total - at) } else { BLOCK.min(free - at % free) };
            for (t, block) in inputs.iter().zip(blocks.iter_mut()) {
                let bytes = &storages[t.storage()].bytes;
                for (part, byte, len) in t.parts(at, n) {
                    wide::decode(t.dtype, &bytes[byte..byte + len * t.dtype.size()], &mut block[part..part + len]);
                }
            }
            f(blocks, at, n);
            let bytes = &mut storages[dst.storage()].bytes;
            for (part, byte, len) in dst.parts(at, n) {
                wide::encode(dst.dtype, &blocks[0][part..part + len], &mut bytes[byte..byte + len * dst.dtype.size()]);
            }
            at += n;
        }
        self.m.scratch.blocks = scratch;
    }
}
